package import TalkpathCore

/// Places of live calls under limits that hold over all nodes.
extension SQLCallStore {
    private static let day: Int64 = 86_400_000
    /// In milliseconds. A call is refused if less time is left, unless it asked for less.
    private static let shortestCall: Int64 = 60_000

    /// Gives a call of a tenant a place, if the limits allow it. The call reserves its whole time limit from the day's
    /// minutes, until it ends.
    ///
    /// - Parameters:
    ///   - isPlaced: true if the tenant placed the call. Inbound calls do not count towards the calls per second.
    ///   - carrierCallID: the carrier's name of an inbound call. Two nodes may be told of one call at the same moment: the
    ///     first one gets the place.
    ///   - wanted: the time limit that the call asks for, in milliseconds.
    package func takePlace(
        for call: CallID,
        tenant: String,
        isPlaced: Bool,
        carrierCallID: String? = nil,
        wanted: Int64,
        limits: SharedLimits,
        beginningOfDay: WallTime
    ) async throws -> PlaceVerdict {
        try await write { db in
            guard let epoch = self.epoch else { throw StoreError.notOwner }
            // The requests of a tenant take their turns, on all nodes together.
            _ = try db.rows("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", ["places of \(tenant)"])
            // A place that is taken for a life which is over would never be freed.
            try Self.requireLife(epoch, db)
            if let name = carrierCallID, let place = try Self.place(ofAnnounced: name, db) { return place }
            let used = try db.row(
                "SELECT count(*) AS calls, coalesce(sum(reserved), 0) AS reserved FROM call_places WHERE tenant = ?",
                [tenant]
            )
            if let most = limits.atOnce, (used?["calls"] ?? 0) as Int >= most { return .tooMany }
            var granted = wanted
            if let minutes = limits.minutesPerDay {
                let talked = try Self.talkingTime(of: tenant, since: beginningOfDay, db)
                let left = Int64(minutes) * 60_000 - talked - ((used?["reserved"] ?? 0) as Int64)
                guard left >= min(wanted, Self.shortestCall) else { return .minutesUsed }
                granted = min(wanted, left)
            }
            if isPlaced, let wait = try Self.takeToken(tenant, perSecond: Int64(limits.placedPerSecond), db) {
                return .tooOften(milliseconds: wait)
            }
            try db.execute(
                """
                INSERT INTO call_places (call_id, tenant, owner, carrier_call_id, reserved, taken_at)
                VALUES (?, ?, ?, ?, ?, \(Self.databaseTime)) ON CONFLICT (call_id) DO NOTHING
                """,
                [call.text, tenant, epoch, carrierCallID, granted]
            )
            return .granted(milliseconds: granted)
        }
    }

    private static func place(ofAnnounced name: String, _ db: any StoreSession) throws -> PlaceVerdict? {
        let sql = """
            SELECT call_id, tenant, owner, reserved, url FROM call_places JOIN nodes ON epoch = owner
            WHERE carrier_call_id = ? AND over_at IS NULL LIMIT 1
            """
        return try db.row(sql, [name]).map {
            let owner = CallOwner(call: CallID($0["call_id"]), tenant: $0["tenant"], epoch: $0["owner"], url: $0["url"])
            return .announced(owner, milliseconds: $0["reserved"])
        }
    }

    /// Frees the place of a call that did not begin.
    package func freePlace(of call: CallID) async throws {
        try await write { db in try Self.freePlace(of: call, db) }
    }

    static func freePlace(of call: CallID, _ db: any StoreSession) throws {
        try db.execute("DELETE FROM call_places WHERE call_id = ?", [call.text])
    }

    /// Frees the places of this node's calls that are no more, and all places of lives that are over. The database may
    /// have been away when the calls ended.
    /// - Parameter live: the node's calls that are there.
    package func freePlaces(exceptOf live: Set<CallID>) async throws {
        try await write { db in
            guard let epoch = self.epoch else { return }
            let old = "SELECT call_id FROM call_places WHERE owner = ? AND taken_at < \(Self.databaseTime) - 60000"
            for call in try db.values(String.self, old, [epoch]) where !live.contains(CallID(call)) {
                try Self.freePlace(of: CallID(call), db)
            }
            try db.execute(
                "DELETE FROM call_places WHERE owner NOT IN (SELECT epoch FROM nodes WHERE over_at IS NULL)"
            )
        }
    }

    private static func talkingTime(of tenant: String, since time: WallTime, _ db: any StoreSession) throws -> Int64 {
        let sql = """
            SELECT sum(talking) FROM (
                SELECT ended_at - answered_at AS talking FROM calls
                WHERE tenant = ?1 AND ended_at >= ?2 AND answered_at < ended_at
                UNION ALL SELECT milliseconds FROM talk_of_deleted_calls WHERE tenant = ?1 AND day >= ?2
            ) AS talks
            """
        return try db.value(Int64.self, sql, [tenant, time.milliseconds]) ?? 0
    }

    /// Takes one of the tenant's tokens, in thousandths.
    /// - Returns: the milliseconds until there is one, if there is none now.
    private static func takeToken(_ tenant: String, perSecond rate: Int64, _ db: any StoreSession) throws -> Int64? {
        let now = try db.value(Int64.self, "SELECT \(databaseTime)") ?? 0
        let row = try db.row("SELECT tokens, filled_at FROM call_paces WHERE tenant = ?", [tenant])
        let most = rate * 2000
        var tokens = most
        if let row {
            let passed = min(max(0, now - (row["filled_at"] as Int64)), 10_000)
            tokens = min(most, (row["tokens"] as Int64) + passed * rate)
        }
        let wait = tokens >= 1000 ? nil : max(1, (1000 - tokens + rate - 1) / rate)
        if wait == nil { tokens -= 1000 }
        try db.execute(
            """
            INSERT INTO call_paces (tenant, tokens, filled_at) VALUES (?, ?, ?)
            ON CONFLICT (tenant) DO UPDATE SET tokens = excluded.tokens, filled_at = excluded.filled_at
            """,
            [tenant, tokens, now]
        )
        return wait
    }
}
