/// The database under a store: an SQLite file, or a PostgreSQL server. The extensions of `SQLCallStore` hold the
/// statements, written once in the SQL that both understand. An engine runs them.
///
/// * Writes are transactions, run one after another in the order of the requests.
/// * Reads run beside them, and see everything that was committed before the read was requested.
/// * No call blocks the calling thread.
protocol StoreEngine: Sendable {
    var dialect: StoreDialect { get }

    /// Runs one transaction, even if the task that asked for it has been cancelled.
    ///
    /// - Parameters:
    ///   - updates: may run again, if it is certain that nothing of the first run was kept.
    ///   - onEnd: receives the result, before the next transaction begins.
    func write<Value: Sendable>(
        _ updates: @escaping @Sendable (any StoreSession) throws -> Value,
        onEnd: @escaping @Sendable (Result<StoreCommit<Value>, StoreError>) -> Void
    )

    func read<Value: Sendable>(_ query: @escaping @Sendable (any StoreSession) throws -> Value) async throws -> Value

    /// Removes deleted data from the engine's log as well, if the engine controls that log.
    func emptyLog() async

    /// Finishes the requested transactions, then closes the database.
    func close() throws
}

/// A committed transaction.
struct StoreCommit<Value: Sendable>: Sendable {
    var value: Value
    /// True if the transaction changed any row.
    var hasChanged: Bool
}

/// The SQL that differs between the engines.
enum StoreDialect: Sendable {
    case sqlite, postgres

    /// A condition: the column's text contains the next argument.
    func contains(_ column: String) -> String {
        switch self {
        case .sqlite: "instr(\(column), ?) > 0"
        case .postgres: "strpos(\(column), ?) > 0"
        }
    }

    /// A suffix for a query that selects rows to be changed. Rows that one server has selected are skipped by other
    /// servers on the same database, and no server waits for them.
    func chosen(from table: String) -> String {
        switch self {
        case .sqlite: ""
        case .postgres: " FOR UPDATE OF \(table) SKIP LOCKED"
        }
    }
}

/// One connection, for the time of one transaction or one read.
///
/// Statements are constants with placeholders: `?` for the next argument, or `?1` for the first. One statement uses
/// only one of the two forms.
protocol StoreSession: AnyObject {
    var dialect: StoreDialect { get }

    /// - Returns: the number of changed rows.
    @discardableResult
    func execute(_ sql: String, _ arguments: [(any StoreValue)?]) throws -> Int

    /// Reads the rows of a result one by one.
    /// - Parameter body: returns whether it wants another row.
    func each(_ sql: String, _ arguments: [(any StoreValue)?], _ body: (StoreRow) throws -> Bool) throws

    /// Runs `work` after the transaction is committed. Does not run it if the transaction fails.
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

    /// Returns the first row.
    func row(_ sql: String, _ arguments: [(any StoreValue)?] = []) throws -> StoreRow? {
        try rows(sql, arguments).first
    }

    /// Returns the first column of the first row.
    func value<Value: StoreValue>(
        _ type: Value.Type,
        _ sql: String,
        _ arguments: [(any StoreValue)?] = []
    ) throws -> Value? {
        try row(sql, arguments)?.first()
    }

    /// Returns the first column of every row.
    func values<Value: StoreValue>(
        _ type: Value.Type,
        _ sql: String,
        _ arguments: [(any StoreValue)?] = []
    ) throws -> [Value] {
        try rows(sql, arguments).compactMap { $0.first() }
    }
}
