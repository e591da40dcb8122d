import GRDB
package import TalkpathCore
import TalkpathWire

/// Events: written once, kept for whoever asks later, and delivered to the endpoints that want them.
extension SQLiteCallStore {
    /// Writes what the loop has told since the last time, and what could not be written before.
    package func writePending() async throws {
        try await writeUnsaved()
        try await writeCalls { _, _ in }
    }

    /// An event of its own.
    package func append(_ event: OutboxEvent) async throws {
        try await writeCalls { db, store in try store.put(event, db) }
        outbox.written([event.callID])
    }

    /// A call's events after one of them, in the order they happened.
    package func events(of call: CallID, after number: Int64, limit: Int = 500) async throws -> [OutboxEvent] {
        try await read { db in
            let sql = "SELECT * FROM events WHERE call_id = ? AND number > ? ORDER BY number LIMIT ?"
            return try Row.fetchAll(db, sql: sql, arguments: [call.text, number, limit]).map(Self.event)
        }
    }

    /// - Returns: the calls that something was told of, and what came too early to be written.
    func put(
        _ pending: [OutboxEntry],
        _ db: Database
    ) throws -> (told: Set<CallID>, early: [OutboxEntry]) {
        var told: Set<CallID> = []
        // Of calls whose journal is still under way: whose they are is not known yet.
        var early: [OutboxEntry] = []
        for entry in pending {
            switch entry {
            case .event(let event):
                guard try event.isOverdue || Self.isJournalled(event.callID, db) else {
                    early.append(entry)
                    continue
                }
                try put(event, db)
                told.insert(event.callID)
            case .progress(let call, let status, let time):
                try Self.put(status, of: call, at: time, db)
            case .timeline(let call, let marks):
                try Self.putTimeline(marks, of: call, db)
            }
        }
        return (told, early)
    }

    static func isJournalled(_ call: CallID, _ db: Database) throws -> Bool {
        return try Bool.fetchOne(db.cachedStatement(sql: "SELECT 1 FROM calls WHERE id = ?"), arguments: [call.text])
            ?? false
    }

    private static func put(_ status: CallStatus, of call: CallID, at time: WallTime, _ db: Database) throws {
        let answered = status == .inProgress ? time.milliseconds : nil
        try db.cachedStatement(
            sql: """
                UPDATE calls SET status = ?, answered_at = coalesce(answered_at, ?) WHERE id = ? AND ended_at IS NULL
                """
        ).execute(arguments: [status.rawValue, answered, call.text])
    }

    private static func putTimeline(_ marks: JSONValue, of call: CallID, _ db: Database) throws {
        // A call that could not be saved has nothing to be analysed.
        try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO timelines (call_id, marks) SELECT id, ? FROM calls WHERE id = ?"
        ).execute(arguments: [marks.serializedText(), call.text])
    }

    /// The event, once; and for every endpoint that wants it, a delivery that is due.
    func put(_ event: OutboxEvent, _ db: Database) throws {
        let id = event.id.isEmpty ? makeEventID() : event.id
        let call = "SELECT tenant, agent_id, direction, from_number, to_number, endpoint_id FROM calls WHERE id = ?"
        let known = try Row.fetchOne(db.cachedStatement(sql: call), arguments: [event.callID.text])
        let tenant: String = known?["tenant"] ?? event.tenant
        var data = event.data
        for name in ["direction", "from_number", "to_number", "agent_id"] where data[name] == nil {
            data.set(name, (known?[name] as String?).map(JSONValue.string))
        }
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO events (id, call_id, tenant, type, at, data) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT DO NOTHING
                """
        )
        try insert.execute(arguments: [
            id, event.callID.text, tenant, event.type, event.at.milliseconds, data.serializedText(),
        ])
        guard db.changesCount > 0 else { return }
        let deliver = try db.cachedStatement(
            sql: """
                INSERT INTO deliveries (event, endpoint_id, due_at) SELECT ?, id, ? FROM endpoints
                WHERE stopped IS NULL AND (tenant IS NULL OR tenant = ?) AND (agent_id IS NULL OR agent_id = ?)
                    AND (types IS NULL OR instr(types, ?) > 0) AND (is_bound = 0 OR id = ?)
                """
        )
        try deliver.execute(arguments: [
            db.lastInsertedRowID, event.at.milliseconds, tenant, known?["agent_id"] as String?, " \(event.type) ",
            known?["endpoint_id"] as String?,
        ])
    }

    static func event(_ row: Row) throws -> OutboxEvent {
        OutboxEvent(
            id: row["id"],
            number: row["number"],
            type: row["type"],
            callID: CallID(row["call_id"]),
            tenant: row["tenant"],
            at: WallTime(milliseconds: row["at"]),
            data: try JSONValue(parsing: row["data"] as String)
        )
    }
}
