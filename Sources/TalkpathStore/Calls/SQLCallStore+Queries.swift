public import TalkpathCore
import TalkpathWire

extension SQLCallStore {
    public func calls(matching query: CallQuery) async throws -> CallPage {
        let limit = max(0, query.limit)
        let order = query.order == .newestFirst ? "DESC" : "ASC"
        var filter = Filter(query, engine.dialect)
        filter.goOn(after: query.cursor, query.order)
        let sql = """
            SELECT id, record, analysis FROM (
                SELECT id, started_at FROM calls WHERE \(filter.sql)
                ORDER BY started_at \(order), id \(order) LIMIT ? OFFSET ?
            ) AS page JOIN records ON records.call_id = id LEFT JOIN analyses ON analyses.call_id = id
            ORDER BY started_at \(order), id \(order)
            """
        let arguments = filter.arguments + [limit == .max ? limit : limit + 1, max(0, query.offset)]
        let calls = try await read { db in
            // Each connection keeps its prepared statements. There are few different texts, and preparing one costs as
            // much as running it.
            try db.rows(sql, arguments).map { try self.snapshot($0, db) }
        }
        return CallPage(calls: calls, limit: limit)
    }

    public func count(matching query: CallQuery) async throws -> Int {
        let filter = Filter(query, engine.dialect)
        let sql = "SELECT count(*) FROM calls WHERE \(filter.sql)"
        return try await read { try $0.value(Int.self, sql, filter.arguments) ?? 0 }
    }
}

/// The conditions of a query of ended calls, in SQL. The text consists of constants only; all values are arguments.
private struct Filter {
    private(set) var sql = "ended_at IS NOT NULL"
    private(set) var arguments: [(any StoreValue)?] = []

    init(_ query: CallQuery, _ dialect: StoreDialect) {
        add("tenant = ?", query.tenant)
        add("agent_id = ?", query.agentID)
        if !query.statuses.isEmpty {
            let words = query.statuses.map(\.rawValue).sorted()
            sql += " AND status IN (\(words.map { _ in "?" }.joined(separator: ", ")))"
            arguments += words
        }
        add("direction = ?", query.direction?.rawValue)
        add("from_number = ?", query.from)
        add("to_number = ?", query.to)
        add("started_at >= ?", query.since?.milliseconds)
        add("started_at < ?", query.until?.milliseconds)
        add(dialect.contains("search"), query.search.map(CallSnapshot.folded))
    }

    private mutating func add(_ condition: String, _ value: (any StoreValue)?) {
        guard let value else { return }
        sql += " AND \(condition)"
        arguments += [value]
    }

    mutating func goOn(after cursor: CallCursor?, _ order: CallQuery.Order) {
        guard let cursor else { return }
        sql += " AND (started_at, id) \(order == .newestFirst ? "<" : ">") (?, ?)"
        arguments += [cursor.startedAt.milliseconds, cursor.id.text]
    }
}
