import Synchronization
package import TalkpathCore
import TalkpathWire

/// Events: written once, kept for later requests, and delivered to the endpoints that want them.
extension SQLCallStore {
    /// Writes the entries that the session's loop has reported since the last time, and those that could not be written
    /// before.
    package func writePending() async throws {
        try await writeUnsaved()
        try await writeCalls(takesOverdue: true) { _, _ in }
    }

    /// Writes one event that did not come from the session's loop.
    package func append(_ event: OutboxEvent) async throws {
        try await writeCalls { db, store in try store.put(event, db) }
        outbox.written([event.callID])
    }

    /// Returns a call's events after one of them, in the order they happened.
    package func events(of call: CallID, after number: Int64, limit: Int = 500) async throws -> [OutboxEvent] {
        try await read { db in
            let sql = "SELECT * FROM events WHERE call_id = ? AND number > ? ORDER BY number LIMIT ?"
            return try db.rows(sql, [call.text, number, limit]).map { row in
                Self.event(row) { self.condition.unreadable("event", row["id"], $0) }
            }
        }
    }

    /// The effects of one transaction's entries. They apply once the transaction is committed.
    struct Told: Sendable {
        /// Calls that got an event.
        var calls: Set<CallID> = []
        /// Entries that arrived before their call's row.
        var early: [OutboxEntry] = []
        /// Calls whose early entries have been written.
        var released: Set<CallID> = []
    }

    /// - Parameters:
    ///   - journalled: a call whose row was written in this transaction.
    ///   - takesOverdue: also write entries that have waited longer than `patience` for their call's row.
    func put(
        _ pending: [OutboxEntry],
        journalled: CallID?,
        takesOverdue: Bool,
        _ db: any StoreSession
    ) throws -> Told {
        var told = Told()
        if let journalled { try release(journalled, &told, db) }
        if takesOverdue {
            let overdue = early.withLock { $0.overdue(before: .now - patience) }
            for call in overdue where !told.released.contains(call) { try release(call, &told, db) }
        }
        var isJournalled: [CallID: Bool] = [:]
        var isOwned: [CallID: Bool] = [:]
        for entry in pending {
            let call = entry.callID
            let isKnown = try isJournalled[call] ?? Self.isJournalled(call, db)
            isJournalled[call] = isKnown
            guard isKnown else {
                // The call's row is not there yet, so its tenant is not known.
                told.early.append(entry)
                continue
            }
            let isOurs = try isOwned[call] ?? isOwn(call, db)
            isOwned[call] = isOurs
            guard isOurs else { continue }
            // The record brings this event itself. Written before it, the event would tell another end than the record if
            // the process died in between and the call was closed as lost.
            if entry.isEnd, call != journalled, try !Self.hasEnded(call, db) {
                told.early.append(entry)
                continue
            }
            // The row may have been written by an earlier transaction: write the entries that waited for it first.
            try release(call, &told, db, isForEnd: false)
            try put(entry, &told, db)
        }
        return told
    }

    /// - Parameter isForEnd: releases also the end that waits for its record.
    private func release(
        _ call: CallID,
        _ told: inout Told,
        _ db: any StoreSession,
        isForEnd: Bool = true
    ) throws {
        let entries = early.withLock { $0.entries(of: call) }
        guard isForEnd || !entries.contains(where: \.isEnd) else { return }
        guard !entries.isEmpty, told.released.insert(call).inserted else { return }
        for entry in entries where try !entry.isEnd || isOwn(call, db) { try put(entry, &told, db) }
    }

    private func put(_ entry: OutboxEntry, _ told: inout Told, _ db: any StoreSession) throws {
        switch entry {
        case .event(let event):
            try put(event, db)
            told.calls.insert(event.callID)
        case .progress(let call, let status, let time):
            try Self.put(status, of: call, at: time, db)
        case .timeline(let call, let marks):
            try Self.putTimeline(marks, of: call, db)
        }
    }

    static func isJournalled(_ call: CallID, _ db: any StoreSession) throws -> Bool {
        try db.row("SELECT 1 FROM calls WHERE id = ?", [call.text]) != nil
    }

    private static func hasEnded(_ call: CallID, _ db: any StoreSession) throws -> Bool {
        try db.row("SELECT 1 FROM calls WHERE id = ? AND ended_at IS NOT NULL", [call.text]) != nil
    }

    private static func put(_ status: CallStatus, of call: CallID, at time: WallTime, _ db: any StoreSession) throws {
        let answered = status == .inProgress ? time.milliseconds : nil
        try db.execute(
            "UPDATE calls SET status = ?, answered_at = coalesce(answered_at, ?) WHERE id = ? AND ended_at IS NULL",
            [status.rawValue, answered, call.text]
        )
    }

    private static func putTimeline(_ marks: JSONValue, of call: CallID, _ db: any StoreSession) throws {
        // The SELECT writes nothing if the call has no row.
        try db.execute(
            """
            INSERT INTO timelines (call_id, marks) SELECT id, ? FROM calls WHERE id = ?
            ON CONFLICT (call_id) DO UPDATE SET marks = excluded.marks
            """,
            [marks.serializedText(), call.text]
        )
    }

    /// Writes the event once, and a delivery that is due for every endpoint that wants it.
    func put(_ event: OutboxEvent, _ db: any StoreSession) throws {
        let id = event.id.isEmpty ? makeEventID() : event.id
        let call = "SELECT tenant, agent_id, direction, from_number, to_number, endpoint_id FROM calls WHERE id = ?"
        let known = try db.row(call, [event.callID.text])
        let tenant: String = known?["tenant"] ?? event.tenant
        var data = event.data
        for name in ["direction", "from_number", "to_number", "agent_id"] where data[name] == nil {
            data.set(name, (known?[name] as String?).map(JSONValue.string))
        }
        let number = try db.value(
            Int64.self,
            """
            INSERT INTO events (id, call_id, tenant, type, at, data) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT DO NOTHING RETURNING number
            """,
            [id, event.callID.text, tenant, event.type, event.at.milliseconds, data.serializedText()]
        )
        guard let number else { return }
        try db.execute(
            """
            INSERT INTO deliveries (event, endpoint_id, due_at) SELECT ?, id, 0 FROM endpoints
            WHERE stopped IS NULL AND (tenant IS NULL OR tenant = ?) AND (agent_id IS NULL OR agent_id = ?)
                AND (types IS NULL OR \(db.dialect.contains("types"))) AND (is_bound = FALSE OR id = ?)
            """,
            [
                number, tenant, known?["agent_id"] as String?, " \(event.type) ", known?["endpoint_id"] as String?,
            ]
        )
    }

    /// - Parameter onFault: receives the reason if the event's data cannot be read. The event is returned without them
    ///   then.
    static func event(_ row: StoreRow, onFault: (any Error) -> Void) -> OutboxEvent {
        var data: JSONValue = ["call_id": .string(row["call_id"])]
        do {
            data = try JSONValue(parsing: row["data"] as String)
        } catch {
            onFault(error)
        }
        return OutboxEvent(
            id: row["id"],
            number: row["number"],
            type: row["type"],
            callID: CallID(row["call_id"]),
            tenant: row["tenant"],
            at: WallTime(milliseconds: row["at"]),
            data: data
        )
    }
}
