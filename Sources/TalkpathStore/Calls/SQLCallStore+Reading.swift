import TalkpathCore
import TalkpathWire

/// Reading of stored rows. One unreadable row hides no other: it is reported once, and its readable parts are returned.
extension SQLCallStore {
    /// Reads a call, with its transcript and its analysis if the row holds them.
    ///
    /// An unreadable transcript or analysis is left out. If the record itself cannot be read, the call holds only the
    /// columns that searches use: its name, tenant, numbers and times. It has no receipt then.
    ///
    /// - Parameter row: `id`, `record`, `analysis` and, if transcripts are wanted, `turns`.
    func snapshot(_ row: StoreRow, _ db: any StoreSession) throws -> CallSnapshot {
        let id: String = row["id"]
        var call: CallSnapshot
        do {
            call = try CallSnapshot(record: JSONValue(parsing: row["record"] as String))
        } catch {
            condition.unreadable("record", id, error)
            call = try Self.remnant(of: id, db)
        }
        do {
            if let text = row["analysis"] as String? {
                call.analysis = try CallAnalysis(record: JSONValue(parsing: text))
            }
        } catch {
            condition.unreadable("analysis", id, error)
        }
        do {
            if let turns = row["turns"] as String? { try call.readTranscript(record: JSONValue(parsing: turns)) }
        } catch {
            condition.unreadable("transcript", id, error)
        }
        return call
    }

    /// Reads all rows that can be read, and reports the others.
    func readable<Value>(
        _ rows: [StoreRow],
        _ part: String,
        name: String = "id",
        _ read: (StoreRow) throws -> Value
    ) -> [Value] {
        rows.compactMap { row in
            do {
                return try read(row)
            } catch {
                condition.unreadable(part, row[name] as String? ?? "?", error)
                return nil
            }
        }
    }

    /// Reads one row that was asked for by its name.
    /// - Throws: `StoreError` with the code `unreadable`.
    func readable<Value>(_ row: StoreRow, _ part: String, _ id: String, _ read: (StoreRow) throws -> Value) throws
        -> Value
    {
        do {
            return try read(row)
        } catch {
            condition.unreadable(part, id, error)
            throw StoreError.unreadable(part, error)
        }
    }

    /// Builds a call whose record cannot be read from its row in `calls`.
    private static func remnant(of id: String, _ db: any StoreSession) throws -> CallSnapshot {
        guard let row = try db.row("SELECT * FROM calls WHERE id = ?", [id]) else {
            throw StoreError(.unreadable, "the record cannot be read")
        }
        let isOver = row["ended_at"] as Int64? != nil
        let status = CallStatus(rawValue: row["status"]) ?? (isOver ? .failed : .inProgress)
        let direction = CallDirection(rawValue: row["direction"]) ?? .outbound
        let started: Int64 = row["started_at"]
        let length = (row["ended_at"] as Int64?).map { ended in
            let (milliseconds, isTooLong) = ended.subtractingReportingOverflow(started)
            return isTooLong ? 0 : min(max(0, milliseconds), 1_000_000_000_000)
        }
        var record: JSONValue = [
            "id": .string(id), "direction": .string(direction.rawValue), "status": .string(status.rawValue),
            "from": .string(row["from_number"]), "to": .string(row["to_number"]), "tenant": .string(row["tenant"]),
            "started_at": JSONValue(Int(started)), "agent": ["provider": "openai"],
        ]
        record.set("duration", length.map { JSONValue(Int($0 * 1_000_000)) })
        record.set("carrier_call_id", (row["carrier_call_id"] as String?).map(JSONValue.string))
        record.set("answered_at", (row["answered_at"] as Int64?).map { JSONValue(Int($0)) })
        record.set("ended_at", (row["ended_at"] as Int64?).map { JSONValue(Int($0)) })
        var call = try CallSnapshot(record: record)
        call.agent.id = row["agent_id"]
        return call
    }

    /// Keeps a copy of a damaged record before the call's new record replaces it, so that an operator can examine it.
    func setAsideIfUnreadable(_ row: StoreRow, at now: WallTime, _ db: any StoreSession) throws {
        let text: String = row["record"]
        guard (try? CallSnapshot(record: JSONValue(parsing: text))) == nil else { return }
        try db.execute(
            """
            INSERT INTO set_aside (call_id, record, found_at) VALUES (?, ?, ?)
            ON CONFLICT (call_id) DO UPDATE SET record = excluded.record, found_at = excluded.found_at
            """,
            [row["id"] as String, text, now.milliseconds]
        )
    }
}
