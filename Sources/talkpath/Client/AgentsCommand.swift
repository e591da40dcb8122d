import ArgumentParser
import Foundation
import NIOHTTP1
import TalkpathWire

/// `talkpath agents`: manages the stored agents of a running server.
struct AgentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agents",
        abstract: "List, show, put and delete the stored agents of a running server; check agents and endpoints.",
        discussion: "The key is taken from TALKPATH_API_KEY.",
        subcommands: [List.self, Show.self, Put.self, Delete.self, AgentsCheckCommand.self],
        defaultSubcommand: List.self
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the agents.")

        @OptionGroup var server: ServerOptions

        func run() async throws {
            let answer = try await server.client.expect(.GET, "/api/agents")
            guard server.wantsTable else { return print(answer.serializedText()) }
            var table = TerminalTable([
                "AGENT", "NAME", .init("PROVIDER", rank: 3), .init("MODEL", rank: 1), .init("VOICE", rank: 2),
            ])
            for agent in answer["agents"]?.array ?? [] {
                table.add(["agent_id", "name", "provider", "model", "voice"].map { .init(agent[$0]?.string ?? "") })
            }
            print(table.text)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one agent, as JSON.")

        @Argument(help: "The agent's id.")
        var agent: String

        @OptionGroup var server: ServerOptions

        func run() async throws {
            print(try await server.client.expect(.GET, "/api/agents/\(agent.urlEncoded)").serializedText())
        }
    }

    struct Put: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Store an agent from a JSON file, as a new one or in place of another."
        )

        @Argument(help: "The file, or - for standard input.")
        var file: String

        @Option(help: "The agent to replace.")
        var id: String?

        @OptionGroup var server: ServerOptions

        func run() async throws {
            let bytes = Array(
                file == "-" ? FileHandle.standardInput.readDataToEndOfFile() : try Data(contentsOf: URL(filePath: file))
            )
            let profile: JSONValue
            do {
                profile = try JSONValue(parsing: bytes.span.bytes)
            } catch {
                throw CommandFailure.wrongContent("\(file) is not JSON: \(error.detail)")
            }
            let answer =
                if let id {
                    try await server.client.expect(.PUT, "/api/agents/\(id.urlEncoded)", profile)
                } else {
                    try await server.client.expect(.POST, "/api/agents", profile)
                }
            print(server.wantsTable ? answer["agent_id"]?.string ?? "" : answer.serializedText())
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Delete an agent. Its calls go on.")

        @Argument(help: "The agent's id.")
        var agent: String

        @OptionGroup var server: ServerOptions

        func run() async throws {
            _ = try await server.client.expect(.DELETE, "/api/agents/\(agent.urlEncoded)")
        }
    }
}
