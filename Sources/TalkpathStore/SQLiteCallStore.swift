import GRDB
import Synchronization
public import TalkpathCore
import TalkpathWire

/// The store in one SQLite file: calls, agents, idempotency keys, events and their deliveries.
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
        /// The death of the process, but not of the machine. A write costs no disk access.
        case process
        /// The loss of power: every write waits for the disk.
        case power
    }

    let database: any DatabaseWriter
    private let location: Location
    private let ownsFile: Bool
    let outbox: any OutboxSource
    let keepsTranscripts: Bool
    /// Ended calls that could not be written, to be tried again.
    let unsaved = Mutex<[CallSnapshot]>([])
    /// Touched on the writing thread only.
    let early = Mutex(EarlyEntries())
    /// How long what was told of a call waits for the call's row.
    let patience: Duration
    let condition: StoreCondition
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
    package init(
        _ location: Location,
        durability: Durability = .process,
        outbox: any OutboxSource = NoOutbox(),
        keepsTranscripts: Bool = true,
        identifiers: any IdentifierSource,
        ownsFile: Bool = true,
        patience: Duration = .seconds(10),
        news: @escaping @Sendable (StoreNews) -> Void = { _ in }
    ) throws(StoreError) {
        self.location = location
        self.outbox = outbox
        self.patience = patience
        self.ownsFile = ownsFile
        condition = StoreCondition(news)
        self.keepsTranscripts = keepsTranscripts
        tokens = identifiers
        do {
            switch location {
            case .file(let path):
                try PrivateFile.make(at: path)
                if ownsFile, let repair = try StoreFile.lookOver(path, Self.configuration(durability)) {
                    news(.repaired(repair))
                }
                database = try DatabasePool(path: path, configuration: Self.configuration(durability))
            case .memory:
                database = try DatabaseQueue(configuration: Self.configuration(durability))
            }
            let migrator = StoreSchema.migrator
            guard try !database.read(migrator.hasBeenSuperseded) else { throw StoreError.newerVersion }
            try migrator.migrate(database)
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError(.cannotOpen, "the store cannot be opened: \(StoreError.reason(of: error))")
        }
    }

    static func configuration(_ durability: Durability) -> Configuration {
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.label = "talkpath.store"
        // Another program may have the file open for a look, and a checkpoint may be under way.
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = 4
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA synchronous = \(durability == .power ? "FULL" : "NORMAL")")
            // What is deleted must not lie about in free pages.
            try db.execute(sql: "PRAGMA secure_delete = ON")
            try db.execute(sql: "PRAGMA journal_size_limit = 67108864")
        }
        return configuration
    }

    /// Closes the file, when what was handed over has been written: all of it is in the one file then.
    public func close() throws {
        try database.close()
        if ownsFile, case .file(let path) = location { try StoreFile.foldLogIn(path) }
    }

    /// Why the last write failed, if it did: nothing that has to be kept may begin until one goes through.
    package var failure: StoreError? { condition.failure }

    /// How many ended calls could not be written yet.
    package var unsavedCalls: Int { unsaved.withLock { $0.count } }

    /// For trials of what a full disk does.
    /// - Parameter isHeld: the file grows no more, until this is called again.
    func holdSize(_ isHeld: Bool) throws {
        try database.writeWithoutTransaction { db in
            let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            try db.execute(sql: "PRAGMA max_page_count = \(isHeld ? pages : 1_000_000_000)")
        }
    }

    func makeEventID() -> String { "evt_" + tokens.makeToken() }

    // MARK: Access

    /// One transaction. It is carried out whether or not the task that asked for it is cancelled meanwhile; the
    /// cancelled one does not wait for it.
    ///
    /// - Parameter onEnd: told whether it was committed, before the next transaction begins.
    func write<Value: Sendable>(
        _ updates: @escaping @Sendable (Database) throws -> Value,
        onEnd: @escaping @Sendable (Bool) -> Void = { _ in }
    ) async throws -> Value {
        let reply = Reply<Value>()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                reply.expect(continuation)
                database.asyncWriteWithoutTransaction { [condition] db in
                    let before = db.totalChangesCount
                    let result = Result { try Self.transaction(db, updates) }.mapError(StoreError.init(writing:))
                    switch result {
                    case .success: condition.writeSucceeded(hasChanged: db.totalChangesCount != before)
                    case .failure(let error): condition.writeFailed(error)
                    }
                    onEnd((try? result.get()) != nil)
                    reply.give(result)
                }
            }
        } onCancel: {
            reply.give(.failure(CancellationError()))
        }
    }

    private static func transaction<Value>(
        _ db: Database,
        _ updates: (Database) throws -> Value
    ) throws -> Value {
        var result: Result<Value, any Error>?
        try db.inTransaction(.immediate) {
            result = .success(try updates(db))
            return .commit
        }
        guard let result else { preconditionFailure("a transaction that does not throw has run its updates") }
        return try result.get()
    }

    func read<Value: Sendable>(_ query: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        do {
            return try await database.read(query)
        } catch let error as DatabaseError {
            throw StoreError(reading: error)
        }
    }
}
