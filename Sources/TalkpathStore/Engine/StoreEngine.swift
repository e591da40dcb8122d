/// The database under a store: SQLite's file, or a PostgreSQL server. The store's rooms hold the statements, written once
/// in what both understand; an engine carries them out.
///
/// * Writes are transactions, one after the other in the order in which they were asked for.
/// * Reads go on beside them, and see everything that was committed before they were asked for.
/// * Nothing blocks the thread of whoever asks.
protocol StoreEngine: Sendable {
    var dialect: StoreDialect { get }

    /// One transaction. It is carried out whether or not anybody waits for it.
    ///
    /// - Parameters:
    ///   - updates: may be run again where it is certain that nothing of the first run has stayed.
    ///   - onEnd: told what came of it, before the next transaction begins.
    func write<Value: Sendable>(
        _ updates: @escaping @Sendable (any StoreSession) throws -> Value,
        onEnd: @escaping @Sendable (Result<StoreCommit<Value>, StoreError>) -> Void
    )

    func read<Value: Sendable>(_ query: @escaping @Sendable (any StoreSession) throws -> Value) async throws -> Value

    /// What was deleted leaves the engine's log as well, where that is in the engine's hand.
    func emptyLog() async

    /// Carries out what was handed over, and lets go of the database.
    func close() throws
}

/// A transaction that has been committed.
struct StoreCommit<Value: Sendable>: Sendable {
    var value: Value
    /// Whether it wrote anything.
    var hasChanged: Bool
}

/// What the engines say in words of their own.
enum StoreDialect: Sendable {
    case sqlite, postgres

    /// A condition: the column's text contains that of the next place.
    func contains(_ column: String) -> String {
        switch self {
        case .sqlite: "instr(\(column), ?) > 0"
        case .postgres: "strpos(\(column), ?) > 0"
        }
    }

    /// At the end of a choice of rows that are about to be changed: no other server that shares the database chooses them
    /// as well, and nobody waits for those that another one has chosen.
    func chosen(from table: String) -> String {
        switch self {
        case .sqlite: ""
        case .postgres: " FOR UPDATE OF \(table) SKIP LOCKED"
        }
    }
}

/// One connection, for the time of one transaction or one reading.
///
/// Statements are constants with places for values: `?` for the next one, or `?1` for the first. A statement has either
/// the one kind or the other.
protocol StoreSession: AnyObject {
    var dialect: StoreDialect { get }

    /// - Returns: how many rows it has written.
    @discardableResult
    func execute(_ sql: String, _ arguments: [(any StoreValue)?]) throws -> Int

    /// Goes through the rows of a result.
    /// - Parameter body: says whether it wants another one.
    func each(_ sql: String, _ arguments: [(any StoreValue)?], _ body: (StoreRow) throws -> Bool) throws

    /// To be done when the transaction is committed, and not at all if it is not.
    func afterCommit(_ work: @escaping @Sendable () -> Void)
}

extension StoreSession {
    @discardableResult
    func execute(_ sql: String) throws -> Int { try execute(sql, []) }

    func rows(_ sql: String, _ arguments: [(any StoreValue)?] = []) throws -> [StoreRow] {
        var rows: [StoreRow] = []
        try each(sql, arguments) { row in
            rows.append(row)
            return true
        }
        return rows
    }

    /// The first row.
    func row(_ sql: String, _ arguments: [(any StoreValue)?] = []) throws -> StoreRow? {
        try rows(sql, arguments).first
    }

    /// The first column of the first row.
    func value<Value: StoreValue>(
        _ type: Value.Type,
        _ sql: String,
        _ arguments: [(any StoreValue)?] = []
    ) throws -> Value? {
        try row(sql, arguments)?.first()
    }

    /// The first column of every row.
    func values<Value: StoreValue>(
        _ type: Value.Type,
        _ sql: String,
        _ arguments: [(any StoreValue)?] = []
    ) throws -> [Value] {
        try rows(sql, arguments).compactMap { $0.first() }
    }
}
