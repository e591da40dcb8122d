package import TalkpathCore
import TalkpathWire

/// Deliveries: one for each event and endpoint. A delivery is deleted when it succeeds, and kept as dead when it is
/// given up.
extension SQLCallStore {
    private static let columns = """
        deliveries.id AS delivery_id, endpoint_id, attempts, died_at, failure, events.*
        FROM deliveries JOIN events ON events.number = deliveries.event
        """

    /// Returns the first deliveries that are due, at most one of each call: the events of a call are sent in their
    /// order.
    ///
    /// - Parameter busy: calls that have a delivery under way.
    package func dueDeliveries(
        to endpoint: String,
        at now: WallTime,
        limit: Int,
        exceptOf busy: Set<CallID> = []
    ) async throws -> [Delivery] {
        guard isShared else {
            return try await read { db in
                try self.deliveries(self.due(to: endpoint, at: now, limit: limit, exceptOf: busy, db), db)
            }
        }
        return try await write { db in
            // Let the servers choose one after another. Otherwise two of them would take events of one call.
            _ = try db.rows("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", ["deliveries to \(endpoint)"])
            let due = try self.due(to: endpoint, at: now, limit: limit, exceptOf: busy, db)
            for id in due {
                try db.execute(
                    "UPDATE deliveries SET taken_until = \(Self.databaseTime) + ? WHERE id = ?",
                    [Self.turn, id]
                )
            }
            return try self.deliveries(due, db)
        }
    }

    private func due(
        to endpoint: String,
        at now: WallTime,
        limit: Int,
        exceptOf busy: Set<CallID>,
        _ db: any StoreSession
    ) throws -> [Int64] {
        var busy = busy
        if isShared {
            let taken = """
                SELECT DISTINCT call_id FROM deliveries JOIN events ON events.number = event
                WHERE endpoint_id = ? AND taken_until >= \(Self.databaseTime)
                """
            busy.formUnion(try db.values(String.self, taken, [endpoint]).map(CallID.init))
        }
        var picked: [(event: Int64, id: Int64, call: String)] = []
        // Untried deliveries first, then those whose pause is over. The index is in this order, so the query reads no
        // more rows than it takes and those of busy calls.
        for condition in ["due_at = 0 AND 0 < ?", "due_at > 0 AND due_at <= ?"] {
            let sql = """
                SELECT deliveries.id, event, call_id FROM deliveries JOIN events ON events.number = event
                WHERE endpoint_id = ? AND \(condition) ORDER BY due_at, event LIMIT 1000
                """
            var calls: Set<String> = []
            try db.each(sql, [endpoint, now.milliseconds]) { row in
                let call: String = row["call_id"]
                if !busy.contains(CallID(call)), calls.insert(call).inserted {
                    picked.append((row["event"], row["id"], call))
                }
                return calls.count < limit
            }
        }
        var calls: Set<String> = []
        return picked.sorted { $0.event < $1.event }.filter { calls.insert($0.call).inserted }.prefix(limit).map(\.id)
    }

    private func deliveries(_ ids: [Int64], _ db: any StoreSession) throws -> [Delivery] {
        let one = "SELECT \(Self.columns) WHERE deliveries.id = ?"
        return try ids.compactMap { try db.row(one, [$0]) }.map(delivery)
    }

    /// The time that a server has for an attempt, in milliseconds; longer than any attempt takes. After it, the server
    /// counts as dead and another one takes the delivery.
    static let turn: Int64 = 60_000
    /// The time by PostgreSQL's clock. The clocks of the servers that share it may differ.
    static let databaseTime = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"

    /// Returns when the next delivery becomes due that is not due yet.
    package func nextDelivery(to endpoint: String, after now: WallTime) async throws -> WallTime? {
        try await read { db in
            let sql = "SELECT min(due_at) FROM deliveries WHERE endpoint_id = ? AND due_at > ?"
            return try db.value(Int64.self, sql, [endpoint, now.milliseconds])
                .map(WallTime.init(milliseconds:))
        }
    }

    /// Deletes a delivery that succeeded.
    package func finishDelivery(_ id: Int64) async throws {
        try await write { db in try db.execute("DELETE FROM deliveries WHERE id = ?", [id]) }
    }

    /// Lets another server take a delivery that this one has taken and does not make.
    package func releaseDelivery(_ id: Int64) async throws {
        guard isShared else { return }
        try await write { db in try db.execute("UPDATE deliveries SET taken_until = NULL WHERE id = ?", [id]) }
    }

    /// Schedules another attempt after a failure.
    package func postponeDelivery(_ id: Int64, until due: WallTime, failure: String) async throws {
        try await write { db in
            try db.execute(
                "UPDATE deliveries SET attempts = attempts + 1, due_at = ?, failure = ?\(self.released) WHERE id = ?",
                [due.milliseconds, failure, id]
            )
        }
    }

    /// Gives a delivery up.
    package func buryDelivery(_ id: Int64, at now: WallTime, failure: String) async throws {
        try await write { db in
            try db.execute(
                """
                UPDATE deliveries SET attempts = attempts + 1, due_at = NULL, died_at = ?, failure = ?\(self.released)
                    WHERE id = ?
                """,
                [now.milliseconds, failure, id]
            )
        }
    }

    /// Returns the deliveries that were given up, newest first.
    /// - Parameter tenant: `nil` for all tenants.
    package func deadDeliveries(tenant: String?, limit: Int = 100, before: Int64? = nil) async throws -> [Delivery] {
        try await read { db in
            let sql = """
                SELECT \(Self.columns) WHERE died_at IS NOT NULL AND (CAST(?1 AS TEXT) IS NULL OR tenant = ?1)
                    AND (CAST(?2 AS BIGINT) IS NULL OR deliveries.id < ?2) ORDER BY deliveries.id DESC LIMIT ?3
                """
            return try db.rows(sql, [tenant, before, limit]).map(self.delivery)
        }
    }

    /// Makes dead deliveries due again, with no attempts counted. Resumes their endpoints if those were stopped.
    /// - Parameters:
    ///   - id: `nil` for all dead deliveries of the tenant.
    ///   - tenant: `nil` for all tenants.
    /// - Returns: the number of deliveries.
    package func replayDelivery(_ id: Int64?, tenant: String?) async throws -> Int {
        try await write { db in
            let dead = """
                died_at IS NOT NULL AND (CAST(?1 AS BIGINT) IS NULL OR id = ?1)
                AND (CAST(?2 AS TEXT) IS NULL OR event IN (SELECT number FROM events WHERE tenant = ?2))
                """
            try db.execute(
                """
                UPDATE endpoints SET stopped = NULL WHERE stopped IS NOT NULL AND is_configured = FALSE
                    AND id IN (SELECT endpoint_id FROM deliveries WHERE \(dead))
                """,
                [id, tenant]
            )
            return try db.execute(
                """
                UPDATE deliveries SET attempts = 0, died_at = NULL, failure = NULL, due_at = 0 WHERE \(dead)
                """,
                [id, tenant]
            )
        }
    }

    /// An assignment in SQL that frees a row that this server had taken.
    var released: String { isShared ? ", taken_until = NULL" : "" }

    /// Counts the deliveries that are pending, and those that were given up.
    package func countDeliveries() async throws -> (pending: Int, dead: Int) {
        try await read { db in
            let row = try db.row(
                "SELECT count(due_at) AS pending, count(died_at) AS dead FROM deliveries"
            )
            return (row?["pending"] ?? 0, row?["dead"] ?? 0)
        }
    }

    /// Reads a delivery. An event with unreadable data is delivered without them, so that the receiver learns that it
    /// happened.
    private func delivery(_ row: StoreRow) throws -> Delivery {
        Delivery(
            id: row["delivery_id"],
            endpointID: row["endpoint_id"],
            event: Self.event(row) { condition.unreadable("event", row["id"], $0) },
            attempts: row["attempts"],
            diedAt: (row["died_at"] as Int64?).map(WallTime.init(milliseconds:)),
            failure: row["failure"]
        )
    }
}
