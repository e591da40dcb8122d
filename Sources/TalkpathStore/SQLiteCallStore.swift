import Synchronization
public import TalkpathCore
import TalkpathWire

/// The store in one SQLite file, or in a database of PostgreSQL: calls, agents, idempotency keys, events and their
/// deliveries.
///
/// There is one writer; reads go on beside it. Writes are transactions in the order they were asked for, and are carried
/// out even if whoever asked does not wait any more: a record that has been handed over is kept.
///
/// What has been written survives the death of the process at any moment. It survives the loss of power, too, except
/// for the last moments before it where the store was opened with ``Durability/process``.
///
/// Everything may be called from any thread; nothing blocks the caller's.
public final class SQLiteCallStore: CallStore {
    public enum Location: Equatable, Sendable {
        /// Made if it is not there, to be read by its owner only. Two more files lie beside it, `-wal` and `-shm`.
        case file(String)
        /// Gone with the store.
        case memory
    }

    /// What a finished write has survived by the time it is reported.
    public enum Durability: String, Sendable, CaseIterable {
        /// The death of the process, but not of the machine. A write costs no disk access. PostgreSQL keeps its promise
        /// as its own settings make it.
        case process
        /// The loss of power: every write waits for the disk.
        case power
    }

    let engine: any StoreEngine
    let outbox: any OutboxSource
    let keepsTranscripts: Bool
    /// Ended calls that could not be written, to be tried again.
    let unsaved = Mutex<[CallSnapshot]>([])
    /// Touched on the writing thread only.
    let early = Mutex(EarlyEntries())
    /// How long what was told of a call waits for the call's row.
    let patience: Duration
    let condition: StoreCondition
    /// Other servers work on the same database: what there is to do is taken before it is done.
    let isShared: Bool
    private let tokens: any IdentifierSource

    /// - Parameters:
    ///   - outbox: what happened on calls, to be written together with their records.
    ///   - keepsTranscripts: whether what was said is written at all.
    ///   - ownsFile: nobody else has the file open: it is looked over and mended when it is opened, and made whole when it
    ///     is closed.
    ///   - patience: how long what was told of a call waits for the call's row.
    ///   - news: told, on any thread, when writes begin to fail and when they go through again, and of rows that cannot
    ///     be read. Must return at once.
    /// - Throws: `StoreError` if the file cannot be opened, is no store, or belongs to a newer version.
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

    /// The store in a database of PostgreSQL.
    ///
    /// - Parameters:
    ///   - url: as libpq reads it: `postgres://user:password@host/database?sslmode=verify-full`.
    ///   - ownsDatabase: this server is the only one on the database; another one is refused as long as it runs.
    /// - Throws: `StoreError`, in one line and without the password, if the database cannot be used.
    package convenience init(
        postgres url: String,
        durability: Durability = .process,
        outbox: any OutboxSource = NoOutbox(),
        keepsTranscripts: Bool = true,
        identifiers: any IdentifierSource,
        ownsDatabase: Bool = true,
        patience: Duration = .seconds(10),
        news: @escaping @Sendable (StoreNews) -> Void = { _ in }
    ) throws(StoreError) {
        self.init(
            try PostgresEngine(url, durability: durability, ownsDatabase: ownsDatabase),
            outbox: outbox,
            keepsTranscripts: keepsTranscripts,
            identifiers: identifiers,
            isShared: !ownsDatabase,
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
        patience: Duration,
        news: @escaping @Sendable (StoreNews) -> Void
    ) {
        self.isShared = isShared
        self.engine = engine
        self.outbox = outbox
        self.patience = patience
        condition = StoreCondition(news)
        self.keepsTranscripts = keepsTranscripts
        tokens = identifiers
    }

    /// Lets go of the database, when what was handed over has been written.
    public func close() throws { try engine.close() }

    /// Why the last write failed, if it did: nothing that has to be kept may begin until one goes through.
    package var failure: StoreError? { condition.failure }

    /// How many ended calls could not be written yet.
    package var unsavedCalls: Int { unsaved.withLock { $0.count } }

    /// For trials of what a full disk does.
    /// - Parameter isHeld: the file grows no more, until this is called again.
    func holdSize(_ isHeld: Bool) throws { try (engine as? SQLiteEngine)?.holdSize(isHeld) }

    func makeEventID() -> String { "evt_" + tokens.makeToken() }

    // MARK: Access

    /// One transaction. It is carried out whether or not the task that asked for it is cancelled meanwhile; the
    /// cancelled one does not wait for it.
    ///
    /// - Parameter onEnd: told whether it was committed, before the next transaction begins.
    @discardableResult
    func write<Value: Sendable>(
        _ updates: @escaping @Sendable (any StoreSession) throws -> Value,
        onEnd: @escaping @Sendable (Bool) -> Void = { _ in }
    ) async throws -> Value {
        let reply = Reply<Value>()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                reply.expect(continuation)
                engine.write(updates) { [condition] result in
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
