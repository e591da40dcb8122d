package import TalkpathCore
import TalkpathWire

extension SQLCallStore {
    /// Writes an endpoint and replaces an earlier one of the same name. An endpoint that was stopped is resumed.
    package func putEndpoint(_ endpoint: Endpoint) async throws {
        try await write { db in try Self.put(endpoint, db) }
    }

    /// Writes the endpoints of the configuration, and stops those that it no longer holds.
    package func setConfiguredEndpoints(_ endpoints: [Endpoint]) async throws {
        try await write { db in
            try db.execute(
                "UPDATE endpoints SET stopped = 'it is not configured any more' WHERE is_configured = TRUE"
            )
            for endpoint in endpoints { try Self.put(endpoint, db) }
        }
    }

    static func put(_ endpoint: Endpoint, _ db: any StoreSession) throws {
        try db.execute(
            """
            INSERT INTO endpoints
                (id, tenant, agent_id, kind, url, secret, types, is_configured, is_bound, format, created_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET tenant = excluded.tenant, agent_id = excluded.agent_id,
                kind = excluded.kind, url = excluded.url, secret = excluded.secret, types = excluded.types,
                is_configured = excluded.is_configured, is_bound = excluded.is_bound, format = excluded.format,
                stopped = NULL, earlier_secret = NULL, earlier_until = NULL
            """,
            [
                endpoint.id, endpoint.tenant, endpoint.agentID, endpoint.kind.rawValue, endpoint.url, endpoint.secret,
                // Spaces around every type let a search find whole types only.
                endpoint.types.map { " \($0.joined(separator: " ")) " }, endpoint.isConfigured, endpoint.isBound,
                endpoint.format.rawValue, endpoint.createdAt.milliseconds,
            ]
        )
    }

    /// Returns a tenant's own endpoints, oldest first. The webhooks of its agents are left out.
    package func endpoints(tenant: String) async throws -> [Endpoint] {
        try await read { db in
            let sql = "SELECT * FROM endpoints WHERE tenant = ? AND is_bound = FALSE ORDER BY created_at, id"
            return self.readable(try db.rows(sql, [tenant]), "endpoint", Self.endpoint)
        }
    }

    /// Returns all endpoints that are not stopped.
    package func activeEndpoints() async throws -> [Endpoint] {
        try await read { db in
            let rows = try db.rows("SELECT * FROM endpoints WHERE stopped IS NULL ORDER BY id")
            return self.readable(rows, "endpoint", Self.endpoint)
        }
    }

    package func endpoint(_ id: String) async throws -> Endpoint? {
        try await read { db in
            try db.row("SELECT * FROM endpoints WHERE id = ?", [id]).map(Self.endpoint)
        }
    }

    /// Deletes an endpoint and its pending deliveries.
    /// - Returns: true if the tenant had an endpoint of that name.
    package func deleteEndpoint(_ id: String, tenant: String) async throws -> Bool {
        try await write { db in
            try db.execute(
                "DELETE FROM endpoints WHERE id = ? AND tenant = ? AND is_configured = FALSE AND is_bound = FALSE",
                [id, tenant]
            ) > 0
        }
    }

    /// Stops an endpoint and gives up its pending deliveries.
    package func stopEndpoint(_ id: String, because reason: String, at now: WallTime) async throws {
        try await write { db in
            try db.execute("UPDATE endpoints SET stopped = ? WHERE id = ?", [reason, id])
            try db.execute(
                """
                UPDATE deliveries SET due_at = NULL, died_at = ?, failure = ?
                WHERE endpoint_id = ? AND due_at IS NOT NULL
                """,
                [now.milliseconds, reason, id]
            )
        }
    }

    /// Replaces the secret. Events are signed with the new one and, until a time, with the previous one as well. A
    /// secret that was replaced earlier is dropped at once.
    /// - Returns: the endpoint as it is now; `nil` if the tenant has none of that name.
    package func replaceSecret(
        of id: String,
        tenant: String,
        with secret: String,
        keepingEarlierUntil end: WallTime
    ) async throws -> Endpoint? {
        try await write { db in
            let count = try db.execute(
                """
                UPDATE endpoints SET earlier_secret = secret, earlier_until = ?, secret = ?
                WHERE id = ? AND tenant = ? AND is_configured = FALSE AND is_bound = FALSE
                """,
                [end.milliseconds, secret, id, tenant]
            )
            guard count > 0 else { return nil }
            return try db.row("SELECT * FROM endpoints WHERE id = ?", [id]).map(Self.endpoint)
        }
    }

    /// Deletes replaced secrets whose time is over.
    package func forgetEarlierSecrets(before time: WallTime) async throws {
        try await write { db in
            try db.execute(
                "UPDATE endpoints SET earlier_secret = NULL, earlier_until = NULL WHERE earlier_until <= ?",
                [time.milliseconds]
            )
        }
    }

    private static func endpoint(_ row: StoreRow) throws -> Endpoint {
        guard let kind = Endpoint.Kind(rawValue: row["kind"]) else {
            throw StoreError(.newerVersion, "the store holds an endpoint of a kind that this version does not know")
        }
        var endpoint = Endpoint(
            id: row["id"],
            tenant: row["tenant"],
            agentID: row["agent_id"],
            kind: kind,
            url: row["url"],
            secret: row["secret"],
            types: (row["types"] as String?).map { $0.split(separator: " ").map(String.init) },
            isConfigured: row["is_configured"],
            isBound: row["is_bound"],
            format: WebhookFormat(rawValue: row["format"]) ?? .standard,
            createdAt: WallTime(milliseconds: row["created_at"])
        )
        endpoint.stopped = row["stopped"]
        if let secret = row["earlier_secret"] as String?, let end = row["earlier_until"] as Int64? {
            endpoint.earlier = Endpoint.EarlierSecret(secret: secret, until: WallTime(milliseconds: end))
        }
        return endpoint
    }
}
