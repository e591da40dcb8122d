import GRDB

/// A connection to SQLite, through GRDB. It keeps its prepared statements, because preparing one costs as much as
/// running it.
final class SQLiteSession: StoreSession {
    private let database: Database

    init(_ database: Database) {
        self.database = database
    }

    var dialect: StoreDialect { .sqlite }

    func execute(_ sql: String, _ arguments: [(any StoreValue)?]) throws -> Int {
        try database.cachedStatement(sql: sql).execute(arguments: Self.arguments(arguments))
        return database.changesCount
    }

    func each(_ sql: String, _ arguments: [(any StoreValue)?], _ body: (StoreRow) throws -> Bool) throws {
        let statement = try database.cachedStatement(sql: sql)
        let columns = StoreRow.Columns(statement.columnNames)
        let rows = try Row.fetchCursor(statement, arguments: Self.arguments(arguments))
        while let row = try rows.next() {
            let values = Array(row.databaseValues).map(Self.datum)
            guard try body(StoreRow(columns, values)) else { return }
        }
    }

    func afterCommit(_ work: @escaping @Sendable () -> Void) {
        database.afterNextTransaction { _ in work() }
    }

    private static func arguments(_ values: [(any StoreValue)?]) -> StatementArguments {
        StatementArguments(
            values.map { value -> DatabaseValue in
                switch value?.datum {
                case nil, .null?: .null
                case .integer(let number)?: number.databaseValue
                case .text(let text)?: text.databaseValue
                case .boolean(let value)?: value.databaseValue
                }
            }
        )
    }

    private static func datum(_ value: DatabaseValue) -> StoreDatum {
        switch value.storage {
        case .null: .null
        case .int64(let number): .integer(number)
        case .double(let number): Int64(exactly: number.rounded()).map(StoreDatum.integer) ?? .null
        case .string(let text): .text(text)
        case .blob(let data): .text(String(decoding: data, as: UTF8.self))
        }
    }
}
