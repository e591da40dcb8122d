package import TalkpathCore
import TalkpathWire

/// Webhooks of agents: endpoints for those calls that began while the agent had the webhook.
///
/// Such an endpoint is written with the call's first row in the journal. The call's events reach it even if the agent
/// is changed or the process dies. Equal webhooks of one tenant share one endpoint with one queue.
extension Endpoint {
    /// - Parameter tenant: the owner of the agent.
    package init(_ webhook: AgentWebhook, tenant: String, createdAt: WallTime) {
        let types = webhook.events.isEmpty ? nil : webhook.events
        let parts: [JSONValue] = [
            .string(tenant), .string(webhook.url), .string(webhook.secret ?? ""), .string(webhook.format.rawValue),
            .array((types ?? []).sorted().map(JSONValue.string)),
        ]
        let digest = TalkpathCrypto.sha256(JSONValue.array(parts).serialized())
        self.init(
            id: "agent:" + TalkpathCrypto.hexadecimal(digest).prefix(32),
            tenant: tenant,
            kind: .webhook,
            url: webhook.url,
            secret: webhook.secret ?? "",
            types: types,
            isBound: true,
            format: webhook.format,
            createdAt: createdAt
        )
    }
}

extension SQLCallStore {
    /// Binds a call to the webhook of its agent. Does nothing if the call is bound already.
    func bindWebhook(of call: CallSnapshot, _ db: any StoreSession) throws {
        guard let webhook = call.agent.webhook else { return }
        let endpoint = Endpoint(webhook, tenant: call.tenant, createdAt: call.startedAt)
        let bind = "UPDATE calls SET endpoint_id = ? WHERE id = ? AND endpoint_id IS NULL"
        guard try db.execute(bind, [endpoint.id, call.id.text]) > 0 else { return }
        let sql = "SELECT 1 FROM endpoints WHERE id = ?"
        // An endpoint that was stopped stays stopped until its tenant resumes it.
        guard try db.row(sql, [endpoint.id]) == nil else { return }
        try Self.put(endpoint, db)
        let outbox = outbox
        db.afterCommit { outbox.endpointAdded() }
    }

    /// Tries a stopped webhook again, because an agent was stored with it.
    package func resumeWebhook(_ webhook: AgentWebhook, tenant: String) async throws {
        let id = Endpoint(webhook, tenant: tenant, createdAt: WallTime(milliseconds: 0)).id
        try await write { db in
            try db.execute("UPDATE endpoints SET stopped = NULL WHERE id = ?", [id])
        }
    }

    /// Deletes webhooks of agents that were created before a time, have nothing pending, and belong to no call that was
    /// live since then.
    package func forgetUnusedWebhooks(before time: WallTime) async throws {
        try await write { db in
            try db.execute(
                """
                DELETE FROM endpoints WHERE is_bound AND created_at < ?1
                    AND id NOT IN (SELECT endpoint_id FROM deliveries)
                    AND NOT EXISTS (
                        SELECT 1 FROM calls WHERE calls.endpoint_id = endpoints.id
                            AND (ended_at IS NULL OR ended_at >= ?1 OR needs_analysis OR stopped IS NOT NULL)
                    )
                """,
                [time.milliseconds]
            )
        }
    }
}
