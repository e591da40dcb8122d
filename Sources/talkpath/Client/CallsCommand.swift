import ArgumentParser
import NIOHTTP1
import TalkpathWire

/// `talkpath calls`: lists calls, or shows or deletes one.
struct CallsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calls",
        abstract: "List, show and delete the calls of a running server.",
        discussion: """
            Prints a table on a terminal, or in a pipe the server's JSON. The server's key is taken from TALKPATH_API_KEY.
            """,
        subcommands: [Show.self, Delete.self],
        defaultSubcommand: Show.self
    )

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the calls, or show one.")

        @Argument(help: "The id of one call, to show its transcript and its end.")
        var call: String?

        enum State: String, ExpressibleByArgument, CaseIterable {
            case active, ended, all
        }

        @Option(help: "The calls to list: active, ended or all.")
        var state = State.active

        @Option(help: "How many at most.")
        var limit = 50

        @OptionGroup var server: ServerOptions

        func run() async throws {
            if let call {
                let answer = try await server.client.expect(.GET, "/api/calls/\(call.urlEncoded)")
                print(server.wantsTable ? CallRows.page(answer) : answer.serializedText())
                return
            }
            let answer = try await server.client.expect(.GET, "/api/calls?state=\(state.rawValue)&limit=\(limit)")
            guard server.wantsTable else { return print(answer.serializedText()) }
            let calls = answer["calls"]?.array ?? []
            print(calls.isEmpty ? "no \(state == .all ? "" : state.rawValue + " ")calls" : CallRows.table(calls))
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete an ended call: its record, its events, its recording, every copy there is."
        )

        @Argument(help: "The call's id.")
        var call: String

        @OptionGroup var server: ServerOptions

        func run() async throws {
            _ = try await server.client.expect(.DELETE, "/api/calls/\(call.urlEncoded)")
        }
    }
}
