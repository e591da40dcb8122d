import ArgumentParser
import Foundation
import TalkpathCore
import TalkpathStore
import TalkpathWire

/// `talkpath events …`: what could not be delivered, looked at and sent again, in the store of a server that runs or
/// does not.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Lists events that could not be delivered, and sends them again.",
        discussion: """
            Works on the data folder, whether a server runs on it or not: a running one takes up what is replayed \
            within half a minute. For one tenant, over the network, there is GET /api/events/dead.
            """,
        subcommands: [Dead.self, Replay.self]
    )

    /// Where the store is.
    struct Place: ParsableArguments {
        @Option(name: .long, help: ArgumentHelp("Instead of TALKPATH_DATA_FOLDER.", valueName: "folder"))
        var data: String?

        func open() throws -> SQLiteCallStore {
            let named = data ?? ProcessInfo.processInfo.environment["TALKPATH_DATA_FOLDER"] ?? "talkpath-data"
            let path = named + "/talkpath.sqlite"
            guard FileManager.default.fileExists(atPath: path) else {
                throw ValidationError("There is no store in '\(named)': name its folder by --data.")
            }
            // A server may be running on it.
            return try SQLiteCallStore(.file(path), identifiers: EventIdentifiers(), ownsFile: false)
        }
    }

    struct Dead: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists deliveries that were given up, newest first.")

        @OptionGroup var place: Place

        @Option(help: "At most so many.")
        var limit = 100

        @Flag(help: "Print JSON, one delivery a line, with its event.")
        var json = false

        func run() async throws {
            let store = try place.open()
            for delivery in try await store.deadDeliveries(tenant: nil, limit: limit) {
                if json {
                    let line: JSONValue = [
                        "delivery_id": JSONValue(Int(delivery.id)), "endpoint": .string(delivery.endpointID),
                        "attempts": JSONValue(delivery.attempts), "failure": .string(delivery.failure ?? ""),
                        "event_id": .string(delivery.event.id), "type": .string(delivery.event.type),
                        "data": delivery.event.data,
                    ]
                    print(line.serializedText())
                } else {
                    let event = delivery.event
                    print(delivery.id, event.type, event.callID, delivery.endpointID, delivery.failure ?? "")
                }
            }
            try store.close()
        }
    }

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Sends deliveries again that were given up.")

        @OptionGroup var place: Place

        @Argument(help: "Which, by the number that 'dead' shows.")
        var deliveries: [Int64] = []

        @Flag(help: "All of them.")
        var all = false

        func validate() throws {
            guard all != !deliveries.isEmpty else { throw ValidationError("Name deliveries, or say --all.") }
        }

        func run() async throws {
            let store = try place.open()
            var count = 0
            for delivery in all ? [nil] : deliveries.map(Optional.some) {
                count += try await store.replayDelivery(delivery, tenant: nil)
            }
            try store.close()
            print("\(count) to be sent again")
        }
    }
}

private struct EventIdentifiers: IdentifierSource {
    func makeCallID() -> CallID { CallID(UUID().uuidString) }
    func makeToken() -> String { SecureRandom.token() }
}
