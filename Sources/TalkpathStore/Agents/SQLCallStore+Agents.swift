package import TalkpathCore
package import TalkpathWire

/// An agent's profile, as its tenant wrote it. The store does not read inside it.
package struct StoredAgent: Equatable, Sendable {
    package var tenant: String
    package var id: String
    package var profile: JSONValue
    package var createdAt: WallTime
    package var updatedAt: WallTime
}

extension SQLCallStore {
    /// Writes a profile and replaces an earlier one of the same name.
    /// - Returns: the profile that is stored now, and whether it is a new one.
    package func putAgent(
        tenant: String,
        id: String,
        profile: JSONValue,
        at now: WallTime
    ) async throws -> (agent: StoredAgent, isNew: Bool) {
        let text = profile.serializedText()
        return try await write { db in
            let sql = "SELECT created_at FROM agents WHERE tenant = ? AND id = ?"
            let before = try db.value(Int64.self, sql, [tenant, id]).map(WallTime.init(milliseconds:))
            let created = before ?? now
            try db.execute(
                """
                INSERT INTO agents (tenant, id, profile, created_at, updated_at) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (tenant, id) DO UPDATE SET profile = excluded.profile, updated_at = excluded.updated_at
                """,
                [tenant, id, text, created.milliseconds, now.milliseconds]
            )
            let agent = StoredAgent(tenant: tenant, id: id, profile: profile, createdAt: created, updatedAt: now)
            return (agent, before == nil)
        }
    }

    package func agent(tenant: String, id: String) async throws -> StoredAgent? {
        try await read { db in try self.agent(tenant: tenant, id: id, db) }
    }

    /// Returns all agents of a tenant, sorted by name. Rows that cannot be read are left out and reported once.
    package func agents(tenant: String) async throws -> [StoredAgent] {
        try await read { db in
            let sql = "SELECT * FROM agents WHERE tenant = ? ORDER BY id"
            return self.readable(try db.rows(sql, [tenant]), "agent", Self.agent)
        }
    }

    /// - Returns: true if the tenant had an agent of that name.
    package func deleteAgent(tenant: String, id: String) async throws -> Bool {
        try await write { db in
            try db.execute("DELETE FROM agents WHERE tenant = ? AND id = ?", [tenant, id]) > 0
        }
    }

    private func agent(tenant: String, id: String, _ db: any StoreSession) throws -> StoredAgent? {
        let sql = "SELECT * FROM agents WHERE tenant = ? AND id = ?"
        guard let row = try db.row(sql, [tenant, id]) else { return nil }
        return try readable(row, "agent", id, Self.agent)
    }

    private static func agent(_ row: StoreRow) throws -> StoredAgent {
        StoredAgent(
            tenant: row["tenant"],
            id: row["id"],
            profile: try JSONValue(parsing: row["profile"] as String),
            createdAt: WallTime(milliseconds: row["created_at"]),
            updatedAt: WallTime(milliseconds: row["updated_at"])
        )
    }
}
