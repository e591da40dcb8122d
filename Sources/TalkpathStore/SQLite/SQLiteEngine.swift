import GRDB

/// One SQLite file, or a database in memory.
final class SQLiteEngine: StoreEngine {
    private let database: any DatabaseWriter
    private let location: SQLCallStore.Location
    private let ownsFile: Bool

    /// - Parameters:
    ///   - ownsFile: no other process has the file open. The engine then checks and repairs it when it opens, and moves
    ///     the log into the file when it closes.
    ///   - onRepair: called after a repair.
    /// - Throws: `StoreError` if the file cannot be opened, is not a store, or belongs to a newer version.
    init(
        _ location: SQLCallStore.Location,
        durability: SQLCallStore.Durability,
        ownsFile: Bool,
        onRepair: (StoreRepair) -> Void
    ) throws(StoreError) {
        self.location = location
        self.ownsFile = ownsFile
        do {
            switch location {
            case .file(let path):
                try PrivateFile.make(at: path)
                if ownsFile, let repair = try StoreFile.lookOver(path, Self.configuration(durability)) {
                    onRepair(repair)
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

    private static func configuration(_ durability: SQLCallStore.Durability) -> Configuration {
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.label = "talkpath.store"
        // Another program may be reading the file, or a checkpoint may be under way.
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = 4
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA synchronous = \(durability == .power ? "FULL" : "NORMAL")")
            // Overwrite deleted data, instead of leaving them in free pages.
            try db.execute(sql: "PRAGMA secure_delete = ON")
            try db.execute(sql: "PRAGMA journal_size_limit = 67108864")
        }
        return configuration
    }

    var dialect: StoreDialect { .sqlite }

    func write<Value: Sendable>(
        _ updates: @escaping @Sendable (any StoreSession) throws -> Value,
        onEnd: @escaping @Sendable (Result<StoreCommit<Value>, StoreError>) -> Void
    ) {
        database.asyncWriteWithoutTransaction { db in
            let before = db.totalChangesCount
            let result = Result { try Self.transaction(db, updates) }.mapError(StoreError.init(writing:))
            onEnd(result.map { StoreCommit(value: $0, hasChanged: db.totalChangesCount != before) })
        }
    }

    private static func transaction<Value>(
        _ db: Database,
        _ updates: (any StoreSession) throws -> Value
    ) throws -> Value {
        var result: Result<Value, any Error>?
        try db.inTransaction(.immediate) {
            result = .success(try updates(SQLiteSession(db)))
            return .commit
        }
        guard let result else { preconditionFailure("a transaction that does not throw has run its updates") }
        return try result.get()
    }

    func read<Value: Sendable>(_ query: @escaping @Sendable (any StoreSession) throws -> Value) async throws -> Value {
        do {
            return try await database.read { try query(SQLiteSession($0)) }
        } catch let error as DatabaseError {
            throw StoreError(reading: error)
        }
    }

    /// Moves the write-ahead log into the file and empties it. Readers go first: if one is active, a later call does
    /// it.
    func emptyLog() async {
        guard database is DatabasePool else { return }
        try? await database.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
    }

    /// Closes the database. If the engine owns the file, that one file then holds everything.
    func close() throws {
        try database.close()
        if ownsFile, case .file(let path) = location { try StoreFile.foldLogIn(path) }
    }

    /// Lets tests fill the disk.
    /// - Parameter isHeld: keeps the file from growing, until a call with `false`.
    func holdSize(_ isHeld: Bool) throws {
        try database.writeWithoutTransaction { db in
            let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            try db.execute(sql: "PRAGMA max_page_count = \(isHeld ? pages : 1_000_000_000)")
        }
    }
}
