import CoreMetrics
import Logging
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire

/// A server's store, its folder, and its connection to the media loop.
struct ServerStore: Sendable {
    /// Held as long as the server lives. `nil` if everything is in memory or in a database.
    let folder: DataFolder?
    let calls: SQLCallStore
    let recorder: EventRecorder
    /// `nil` if the server has its store for itself.
    var registry: NodeRegistry?

    /// Closes the files or connections, and releases the folder to other processes. May be called again.
    func close() {
        registry?.close()
        try? calls.close()
        folder?.release()
    }

    /// Opens the store that the configuration names.
    static func open(
        _ storage: ServerConfiguration.Storage,
        node: ServerConfiguration.Node? = nil,
        clock: any CallClock,
        factory: any MetricsFactory,
        logger: Logger
    ) throws -> ServerStore {
        let watch = StoreWatch(factory: factory, logger: logger)
        let keepsTranscripts = !storage.transcripts.isOff
        let recorder = EventRecorder(keepsTranscripts: keepsTranscripts, clock: clock)
        if let database = storage.database {
            let calls = try SQLCallStore(
                postgres: database.url,
                durability: storage.durability,
                outbox: recorder,
                keepsTranscripts: keepsTranscripts,
                identifiers: SystemIdentifiers(),
                isNode: node != nil,
                spool: try storage.folder.map { path throws(StoreError) in
                    try RecordSpool(at: path + "/" + Self.spoolName(of: node, database.url))
                },
                news: watch.tell
            )
            let registry = node != nil ? try NodeRegistry(postgres: database.url, lease: NodeMachine.lease) : nil
            return ServerStore(folder: nil, calls: calls, recorder: recorder, registry: registry)
        }
        let folder = try storage.folder.map { path throws(StoreError) in try DataFolder(path) }
        let calls = try SQLCallStore(
            folder.map { .file($0.storePath) } ?? .memory,
            durability: storage.durability,
            outbox: recorder,
            keepsTranscripts: keepsTranscripts,
            identifiers: SystemIdentifiers(),
            news: watch.tell
        )
        return ServerStore(folder: folder, calls: calls, recorder: recorder)
    }

    /// The spool of one server for one database. Nodes on one machine may have one folder, and a server may be led to
    /// another database, whose records these are not.
    static func spoolName(of node: ServerConfiguration.Node?, _ database: String) -> String {
        let name = (node?.id ?? "").map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        let place = StoreDatabase.place(ofAddress: database) ?? ""
        let digest = TalkpathCrypto.sha256(Array(place.utf8)).prefix(6)
        let parts = ["spool", String(name), TalkpathCrypto.hexadecimal(Array(digest))]
        return parts.filter { !$0.isEmpty }.joined(separator: "-") + ".sqlite"
    }

    /// Writes what an earlier process could not. Call this before ``sweep(clock:logger:)``.
    func writeSpooled(logger: Logger) async throws {
        let count = try await calls.writeSpooled()
        guard count > 0 else { return }
        logger.notice(
            "Records of calls that ended while the database was away are written",
            metadata: ["records": "\(count)"]
        )
    }

    /// Charges tenants with the talking time of today's calls before this process. Call this after
    /// ``sweep(clock:logger:)``, before the first call begins.
    func charge(_ caps: CallCaps, clock: any CallClock) async throws {
        let now = clock.wallTime
        for (tenant, talking) in try await calls.talkingTime(endedSince: CallCaps.beginningOfDay(now)) {
            caps.charge(tenant, talking, at: now, now: clock.now)
        }
    }

    /// Ends the calls that a killed process has left. Call this before the first call begins.
    func sweep(clock: any CallClock, logger: Logger) async throws {
        let lost = try await calls.sweep(at: clock.wallTime)
        try await calls.noteAlive(at: clock.wallTime)
        if !lost.isEmpty {
            logger.warning(
                "Calls were live when the server was last stopped by force; they are closed, and hung up now",
                metadata: ["calls": "\(lost.count)"]
            )
        }
    }
}
