import ArgumentParser
import NIOHTTP1
import TalkpathWire

/// `talkpath end`: ends calls, and shows the steps of each end.
struct EndCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "end",
        abstract: "End calls of a running server, and wait until they are known to be ended.",
        discussion: """
            The server's key is taken from TALKPATH_API_KEY.

            Exit status: 0 if every call has ended and the carrier has confirmed it, 1 if not.
            """
    )

    @Argument(help: "The calls' ids.")
    var calls: [String] = []

    @Flag(help: "End every live call.")
    var all = false

    @Flag(help: "Let the agent's last words be heard first.")
    var drain = false

    @Option(help: "Your reason; the receipt shows it.")
    var reason: String?

    @OptionGroup var server: ServerOptions

    func validate() throws {
        if all != calls.isEmpty { throw ValidationError("name the calls to end, or give --all") }
    }

    func run() async throws {
        let receipts = all ? try await endAll() : try await endEach()
        if server.wantsTable {
            for receipt in receipts {
                print("\(receipt["call_id"]?.string ?? "")  " + CallRows.steps(receipt) + "\n")
            }
            if receipts.isEmpty { print("no live calls") }
        }
        guard receipts.allSatisfy({ $0["carrier_confirmed"]?.bool == true }) else { throw ExitCode.failure }
    }

    private var order: JSONValue {
        var body: JSONValue = ["mode": .string(drain ? "drain" : "now")]
        body.set("reason", reason.map { .string($0) })
        return body
    }

    private func endAll() async throws -> [JSONValue] {
        var body = order
        body.set("all", true)
        let answer = try await server.client.expect(.POST, "/api/calls/end", body)
        if !server.wantsTable { print(answer.serializedText()) }
        return answer["results"]?.array ?? []
    }

    private func endEach() async throws -> [JSONValue] {
        var receipts: [JSONValue] = []
        for call in calls {
            let answer = try await server.client.send(.POST, "/api/calls/\(call.urlEncoded)/end", order)
            if !server.wantsTable { print(answer.body.serializedText()) }
            // The error of a call that had ended before, or that the carrier has not confirmed, carries a receipt, too.
            guard let receipt = answer.isSuccess ? answer.body : answer.body["receipt"] else {
                throw server.client.failure(answer)
            }
            receipts.append(receipt)
        }
        return receipts
    }
}
