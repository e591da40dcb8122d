import ArgumentParser
import Foundation
import NIOHTTP1
import TalkpathWire

/// `talkpath call`: places a call.
struct CallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call",
        abstract: "Place a call through a running server.",
        discussion:
            "Prints the call's id, or in a pipe the server's JSON. The server's key is taken from TALKPATH_API_KEY."
    )

    @Argument(help: "The number to call, in E.164: +14155550100.")
    var number: String

    @Option(help: "A stored agent's id.")
    var agent: String?

    @Option(help: "Instructions for the agent, instead of its own.")
    var prompt: String?

    @Option(help: ArgumentHelp("A value to keep with the call; may be given several times.", valueName: "key=value"))
    var metadata: [String] = []

    @Option(help: "Two requests under one key place one call.")
    var idempotencyKey: String?

    @OptionGroup var server: ServerOptions

    func validate() throws {
        guard metadata.allSatisfy({ $0.contains("=") }) else { throw ValidationError("--metadata must be key=value") }
    }

    func run() async throws {
        var body: JSONValue = ["to": .string(number)]
        body.set("agent_id", agent.map { .string($0) })
        body.set("prompt", prompt.map { .string($0) })
        if !metadata.isEmpty {
            body.set(
                "metadata",
                .object(
                    metadata.map { pair in
                        let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                        return (key: String(parts[0]), value: .string(String(parts[1])))
                    }
                )
            )
        }
        var headers: [(String, String)] = []
        if let idempotencyKey { headers.append(("Idempotency-Key", idempotencyKey)) }
        let placed = try await server.client.expect(.POST, "/api/calls", body, headers: headers)
        print(server.wantsTable ? placed["call_id"]?.string ?? "" : placed.serializedText())
    }
}
