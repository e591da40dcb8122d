package import TalkpathCore
package import TalkpathWire

/// An order of a call that is to be placed later.
package struct DelayedCall: Equatable, Sendable {
    /// What the call will be named.
    package var callID: CallID
    package var tenant: String
    package var agentID: String
    /// As whoever took the order wrote it.
    package var order: JSONValue
    package var dueAt: WallTime

    package init(callID: CallID, tenant: String, agentID: String, order: JSONValue, dueAt: WallTime) {
        self.callID = callID
        self.tenant = tenant
        self.agentID = agentID
        self.order = order
        self.dueAt = dueAt
    }
}

extension SQLiteCallStore {
    package func putDelayedCall(_ call: DelayedCall) async throws {
        let text = call.order.serializedText()
        try await write { db in
            try db.execute(
                """
                INSERT INTO delayed_calls (call_id, tenant, agent_id, call_order, due_at) VALUES (?, ?, ?, ?, ?)
                """,
                [call.callID.text, call.tenant, call.agentID, text, call.dueAt.milliseconds]
            )
        }
    }

    /// All there are, the first that is due first, and whether the call has begun: then a process died right after that.
    package func delayedCalls() async throws -> [(call: DelayedCall, hasBegun: Bool)] {
        try await read { db in
            let sql = """
                SELECT *, call_id IN (SELECT id FROM calls) AS has_begun FROM delayed_calls ORDER BY due_at, call_id
                """
            return self.readable(try db.rows(sql), "delayed call", name: "call_id") { row in
                let call = DelayedCall(
                    callID: CallID(row["call_id"]),
                    tenant: row["tenant"],
                    agentID: row["agent_id"],
                    order: try JSONValue(parsing: row["call_order"] as String),
                    dueAt: WallTime(milliseconds: row["due_at"])
                )
                return (call, row["has_begun"])
            }
        }
    }

    /// It was placed, called off or given up.
    package func deleteDelayedCall(_ call: CallID) async throws {
        try await write { db in
            try db.execute("DELETE FROM delayed_calls WHERE call_id = ?", [call.text])
        }
    }
}
