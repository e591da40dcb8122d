import TalkpathPostgres

/// A connection to PostgreSQL, for the time of one transaction or one read.
final class PostgresSession: StoreSession {
    private let connection: PostgresConnection
    private(set) var afterwards: [@Sendable () -> Void] = []

    init(_ connection: PostgresConnection) {
        self.connection = connection
    }

    var dialect: StoreDialect { .postgres }

    func execute(_ sql: String, _ arguments: [(any StoreValue)?]) throws -> Int {
        try connection.execute(sql, arguments.map(Self.value))
    }

    func each(_ sql: String, _ arguments: [(any StoreValue)?], _ body: (StoreRow) throws -> Bool) throws {
        var columns: StoreRow.Columns?
        try connection.execute(sql, arguments.map(Self.value)) { row in
            let known = columns ?? StoreRow.Columns(row.names)
            columns = known
            return try body(StoreRow(known, row.values.map(Self.datum)))
        }
    }

    func afterCommit(_ work: @escaping @Sendable () -> Void) { afterwards.append(work) }

    private static func value(_ value: (any StoreValue)?) -> PostgresValue {
        switch value?.datum {
        case nil, .null?: .null
        case .integer(let number)?: .integer(number)
        case .text(let text)?: .text(text)
        case .boolean(let value)?: .boolean(value)
        }
    }

    private static func datum(_ value: PostgresValue) -> StoreDatum {
        switch value {
        case .null: .null
        case .integer(let number): .integer(number)
        case .text(let text): .text(text)
        case .boolean(let value): .boolean(value)
        }
    }
}
