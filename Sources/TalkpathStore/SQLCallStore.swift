import Synchronization
public import TalkpathCore
import TalkpathWire

/// The store, in one SQLite file or in a PostgreSQL database: calls, agents, idempotency keys, events and their
/// deliveries.
///
/// Writes are transactions, run one after another in the order of the requests; reads run beside them. A requested
/// write is carried out even if the task that asked for it is cancelled: a record that was handed over is kept.
///
/// Committed data survives the death of the process at any moment. It survives a loss of power as well, except for the
/// last moments before it if the store was opened with ``Durability/process``.
///
/// All methods may be called from any thread and do not block it, except `close()`, which waits for pending writes.
public final class SQLCallStore: CallStore {
    public enum Location: Equatable, Sendable {
        /// Created if it does not exist; only its owner may read it. SQLite keeps two more files beside it, `-wal` and
        /// `-shm`.
        case file(String)
        /// In memory. Lost when the store is released.
        case memory
    }

    /// The failure that a finished write survives.
    public enum Durability: String, Sendable, CaseIterable {
        /// The death of the process, but not of the machine. A write does not wait for the disk. With PostgreSQL, the
        /// database's own settings decide.
        case process
        /// A loss of power. Every write waits for the disk.
        case power
    }

    let engine: any StoreEngine
    let outbox: any OutboxSource
    let keepsTranscripts: Bool
    /// Ended calls that could not be written yet.
    let unsaved = Mutex<[CallSnapshot]>([])
    /// Keeps those calls for the case that the process ends before they are written; `nil` keeps them in memory only.
    let spool: RecordSpool?
    /// Used on the writing thread only.
    let early = Mutex(EarlyEntries())
    /// The time for which entries wait for their call's row.
    let patience: Duration
    let condition: StoreCondition
    private let backlog: StoreBacklog
    /// True if other servers use the same database. Each server then marks work as taken before it does it.
    let isShared: Bool
    /// The epoch of this node; `nil` if the server is no node, or has not registered yet.
    let ownEpoch = Mutex<Int64?>(nil)
    /// The number of writes that were dropped because another node has taken their call.
    let fenced = Mutex(0)
    private let tokens: any IdentifierSource

    /// - Parameters:
    ///   - outbox: the source of events, which are written together with the records.
    ///   - keepsTranscripts: true if transcripts are written at all.
    ///   - ownsFile: no other process has the file open. The store then checks and repairs it when it opens, and moves
    ///     the log into the file when it closes.
    ///   - patience: the time for which entries wait for their call's row.
    ///   - news: called when writes begin to fail, when they succeed again, and for unreadable rows. Runs on any
    ///     thread and must return at once.
    /// - Throws: `StoreError` if the file cannot be opened, is not a store, or belongs to a newer version.
    package convenience init(
        _ location: Location,
        durability: Durability = .process,
        outbox: any OutboxSource = NoOutbox(),
        keepsTranscripts: Bool = true,
        identifiers: any IdentifierSource,
        ownsFile: Bool = true,
        patience: Duration = .seconds(10),
        news: @escaping @Sendable (StoreNews) -> Void = { _ in }
    ) throws(StoreError) {
        let engine = try SQLiteEngine(location, durability: durability, ownsFile: ownsFile) { news(.repaired($0)) }
        self.init(
            engine,
            outbox: outbox,
            keepsTranscripts: keepsTranscripts,
            identifiers: identifiers,
            patience: patience,
            news: news
        )
    }

    /// The store in a PostgreSQL database.
    ///
    /// - Parameters:
    ///   - url: in the form that libpq reads: `postgres://user:password@host/database?sslmode=verify-full`.
    ///   - ownsDatabase: this server is the only one on the database. Another one is refused as long as this one runs.
    ///   - isNode: this server is one of several nodes on the database. See ``own(as:)``.
    ///   - spool: keeps the records of calls that end while the database is away.
    /// - Throws: `StoreError`, in one line and without the password, if the database cannot be used.
    package convenience init(
        postgres url: String,
        durability: Durability = .process,
        outbox: any OutboxSource = NoOutbox(),
        keepsTranscripts: Bool = true,
        identifiers: any IdentifierSource,
        ownsDatabase: Bool = true,
        isNode: Bool = false,
        spool: RecordSpool? = nil,
        patience: Duration = .seconds(10),
        news: @escaping @Sendable (StoreNews) -> Void = { _ in }
    ) throws(StoreError) {
        self.init(
            try PostgresEngine(url, durability: durability, ownsDatabase: ownsDatabase && !isNode, isNode: isNode),
            outbox: outbox,
            keepsTranscripts: keepsTranscripts,
            identifiers: identifiers,
            isShared: isNode || !ownsDatabase,
            spool: spool,
            patience: patience,
            news: news
        )
    }

    private init(
        _ engine: any StoreEngine,
        outbox: any OutboxSource,
        keepsTranscripts: Bool,
        identifiers: any IdentifierSource,
        isShared: Bool = false,
        spool: RecordSpool? = nil,
        patience: Duration,
        news: @escaping @Sendable (StoreNews) -> Void
    ) {
        self.isShared = isShared
        self.spool = spool
        self.engine = engine
        self.outbox = outbox
        self.patience = patience
        condition = StoreCondition(news)
        backlog = StoreBacklog(news)
        self.keepsTranscripts = keepsTranscripts
        tokens = identifiers
    }

    /// Finishes the requested writes, then closes the database. Blocks the calling thread.
    public func close() throws {
        defer { spool?.close() }
        try engine.close()
    }

    /// The reason why the last write failed; `nil` if it succeeded. While writes fail, begin nothing that has to be
    /// kept.
    package var failure: StoreError? { condition.failure }

    /// More writes wait than can be done in seconds.
    package var isBehind: Bool { backlog.isBehind }

    /// True while new records can be kept: the last write succeeded, and few wait.
    package var takesNew: Bool { failure == nil && !isBehind }

    /// The number of ended calls that could not be written yet.
    package var unsavedCalls: Int { unsaved.withLock { $0.count } }

    /// Lets tests fill the disk.
    /// - Parameter isHeld: keeps the file from growing, until a call with `false`.
    func holdSize(_ isHeld: Bool) throws { try (engine as? SQLiteEngine)?.holdSize(isHeld) }

    func makeEventID() -> String { "evt_" + tokens.makeToken() }

    // MARK: Access

    /// Runs one transaction. It is carried out even if the calling task is cancelled; a cancelled task does not wait
    /// for it.
    ///
    /// - Parameter onEnd: receives whether the transaction was committed, before the next one begins.
    @discardableResult
    func write<Value: Sendable>(
        _ updates: @escaping @Sendable (any StoreSession) throws -> Value,
        onEnd: @escaping @Sendable (Bool) -> Void = { _ in }
    ) async throws -> Value {
        let reply = Reply<Value>()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                reply.expect(continuation)
                backlog.requested()
                engine.write(updates) { [condition, backlog] result in
                    backlog.done()
                    switch result {
                    case .success(let commit): condition.writeSucceeded(hasChanged: commit.hasChanged)
                    case .failure(let error): condition.writeFailed(error)
                    }
                    onEnd((try? result.get()) != nil)
                    reply.give(result.map(\.value))
                }
            }
        } onCancel: {
            reply.give(.failure(CancellationError()))
        }
    }

    func read<Value: Sendable>(_ query: @escaping @Sendable (any StoreSession) throws -> Value) async throws -> Value {
        try await engine.read(query)
    }
}
