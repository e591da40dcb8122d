import ArgumentParser
import Foundation
import TalkpathCore
import TalkpathStore
import TalkpathWire

/// `talkpath events …`: lists deliveries that were given up and sends them again, in the store of a server that may be
/// running.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "List events that could not be delivered, and send them again.",
        discussion: """
            The command works on the data folder, or on the database of TALKPATH_DATABASE_URL, whether a server runs on \
            it or not; a running server sends what is replayed within half a minute. For one tenant, over the network, \
            use GET /api/events/dead.
            """,
        subcommands: [Dead.self, Replay.self]
    )

    /// The option that names the store.
    struct Place: ParsableArguments {
        @Option(name: .long, help: ArgumentHelp("Instead of TALKPATH_DATA_FOLDER.", valueName: "folder"))
        var data: String?

        func open() throws -> SQLCallStore {
            if data == nil, let url = ProcessInfo.processInfo.environment["TALKPATH_DATABASE_URL"] {
                return try SQLCallStore(postgres: url, identifiers: EventIdentifiers(), ownsDatabase: false)
            }
            let named = data ?? ProcessInfo.processInfo.environment["TALKPATH_DATA_FOLDER"] ?? "talkpath-data"
            let path = named + "/talkpath.sqlite"
            guard FileManager.default.fileExists(atPath: path) else {
                throw CommandFailure(
                    "there is no store in '\(named)': name its folder by --data or TALKPATH_DATA_FOLDER"
                )
            }
            // A server may be running on the store.
            return try SQLCallStore(.file(path), identifiers: EventIdentifiers(), ownsFile: false)
        }
    }

    struct Dead: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List deliveries that were given up, newest first.")

        @OptionGroup var place: Place

        @Option(help: "How many at most.")
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
        static let configuration = CommandConfiguration(abstract: "Send deliveries again that were given up.")

        @OptionGroup var place: Place

        @Argument(help: "The deliveries, by the numbers that 'dead' shows.")
        var deliveries: [Int64] = []

        @Flag(help: "All of them.")
        var all = false

        func validate() throws {
            guard all != !deliveries.isEmpty else { throw ValidationError("name the deliveries, or give --all") }
        }

        func run() async throws {
            let store = try place.open()
            var count = 0
            for delivery in all ? [nil] : deliveries.map(Optional.some) {
                count += try await store.replayDelivery(delivery, tenant: nil)
            }
            try store.close()
            print("\(count) \(count == 1 ? "delivery" : "deliveries") to be sent again")
        }
    }
}

private struct EventIdentifiers: IdentifierSource {
    func makeCallID() -> CallID { CallID(UUID().uuidString) }
    func makeToken() -> String { SecureRandom.token() }
}
