package import TalkpathCore
package import TalkpathWire

/// A request for a call that is to be placed later.
package struct DelayedCall: Equatable, Sendable {
    /// The name that the call will have.
    package var callID: CallID
    package var tenant: String
    package var agentID: String
    /// The request, in the format of the component that accepted it. The store does not read inside it.
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

extension SQLCallStore {
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

    /// Returns all delayed calls, earliest first, and whether each has begun. One that has begun was left by a process
    /// that died right after it placed the call.
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

    /// Decides which of the nodes that wait for a delayed call places it.
    /// - Returns: true if this one does. `false` also if the call was cancelled on another node, or has begun.
    package func takeDelayedCall(_ call: CallID) async throws -> Bool {
        guard let epoch else { return true }
        return try await write { db in
            try db.execute(
                """
                UPDATE delayed_calls SET owner = ?1 WHERE call_id = ?2 AND (owner IS NULL OR owner = ?1
                    OR owner NOT IN (SELECT epoch FROM nodes WHERE over_at IS NULL))
                    AND call_id NOT IN (SELECT id FROM calls WHERE id = ?2)
                """,
                [epoch, call.text]
            ) > 0
        }
    }

    /// Cancels a delayed call that another node has accepted.
    /// - Returns: true if there was one that no node has taken to place.
    package func cancelDelayedCall(_ call: CallID, tenant: String, agentID: String) async throws -> Bool {
        guard epoch != nil else { return false }
        return try await write { db in
            try db.execute(
                "DELETE FROM delayed_calls WHERE call_id = ? AND tenant = ? AND agent_id = ? AND owner IS NULL",
                [call.text, tenant, agentID]
            ) > 0
        }
    }

    /// Deletes a request whose call was placed, cancelled or given up.
    package func deleteDelayedCall(_ call: CallID) async throws {
        try await write { db in
            try db.execute("DELETE FROM delayed_calls WHERE call_id = ?", [call.text])
        }
    }
}
