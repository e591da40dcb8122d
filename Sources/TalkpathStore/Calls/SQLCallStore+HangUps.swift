package import TalkpathCore
import TalkpathWire

/// Hang-ups that the carrier has not confirmed.
extension SQLCallStore {
    /// Returns the jobs that are due, longest due first. Jobs whose call has no name at the carrier yet are left out.
    /// - Parameter busy: calls whose hang-up is under way.
    package func dueHangUps(
        at now: WallTime,
        limit: Int = 100,
        exceptOf busy: Set<CallID> = []
    ) async throws -> [HangUpJob] {
        guard isShared else {
            return try await read { db in try self.due(at: now, limit: limit, exceptOf: busy, db) }
        }
        return try await write { db in
            let jobs = try self.due(at: now, limit: limit, exceptOf: busy, db)
            for job in jobs {
                try db.execute(
                    "UPDATE hang_ups SET taken_until = \(Self.databaseTime) + ? WHERE call_id = ?",
                    [Self.turn, job.callID.text]
                )
            }
            return jobs
        }
    }

    private func due(
        at now: WallTime,
        limit: Int,
        exceptOf busy: Set<CallID>,
        _ db: any StoreSession
    ) throws -> [HangUpJob] {
        let free = isShared ? "AND coalesce(taken_until, 0) < \(Self.databaseTime)" : ""
        let sql = """
            SELECT call_id, tenant, hang_ups.carrier_call_id AS name, attempts, due_at
            FROM hang_ups JOIN calls ON calls.id = call_id
            WHERE due_at <= ? AND hang_ups.carrier_call_id IS NOT NULL \(free) ORDER BY due_at LIMIT ?
            \(isShared ? db.dialect.chosen(from: "hang_ups") : "")
            """
        let due = try db.rows(sql, [now.milliseconds, limit + busy.count]).map(Self.hangUp)
        return Array(due.filter { !busy.contains($0.callID) }.prefix(limit))
    }

    /// The number of ended calls whose end the carrier has not confirmed.
    package func unconfirmedHangUps() async throws -> Int {
        try await read { db in try db.row("SELECT count(*) AS calls FROM hang_ups").map { $0["calls"] } ?? 0 }
    }

    package func hangUp(of call: CallID) async throws -> HangUpJob? {
        try await read { db in
            let sql = """
                SELECT call_id, tenant, hang_ups.carrier_call_id AS name, attempts, due_at
                FROM hang_ups JOIN calls ON calls.id = call_id WHERE call_id = ?
                """
            return try db.row(sql, [call.text]).map(Self.hangUp)
        }
    }

    private static func hangUp(_ row: StoreRow) -> HangUpJob {
        HangUpJob(
            callID: CallID(row["call_id"]),
            tenant: row["tenant"],
            carrierCallID: row["name"],
            attempts: row["attempts"],
            dueAt: WallTime(milliseconds: row["due_at"])
        )
    }

    /// Schedules another attempt, because the carrier has not confirmed the last one.
    package func postponeHangUp(_ call: CallID, until due: WallTime) async throws {
        try await write { db in
            try db.execute(
                "UPDATE hang_ups SET attempts = attempts + 1, due_at = ?\(self.released) WHERE call_id = ?",
                [due.milliseconds, call.text]
            )
        }
    }

    /// Records the carrier's confirmation in the call's receipt, and deletes the job.
    package func confirmHangUp(_ call: CallID) async throws {
        try await write { [self] db in
            let sql = "SELECT call_id AS id, record, NULL AS analysis FROM records WHERE call_id = ?"
            if let row = try db.row(sql, [call.text]) {
                var known = try snapshot(row, db)
                known.receipt?.carrierConfirmed = true
                try put(known, db)
            }
            try Self.settleHangUp(call, db)
        }
    }

    /// Makes the hang-up due at once, because a client asked to end the call again.
    /// - Returns: true if a hang-up is still to be confirmed.
    package func hastenHangUp(_ call: CallID) async throws -> Bool {
        try await write { db in
            try db.execute("UPDATE hang_ups SET due_at = 0 WHERE call_id = ?", [call.text]) > 0
        }
    }

    /// Stores the carrier's name of a call whose process died while it placed the call, and makes the hang-up due at
    /// once.
    /// - Returns: true if a hang-up was waiting for this name.
    package func nameHangUp(_ call: CallID, _ name: String) async throws -> Bool {
        try await write { db in
            try db.execute(
                """
                UPDATE hang_ups SET carrier_call_id = ?, due_at = 0 WHERE call_id = ? AND carrier_call_id IS NULL
                """,
                [name, call.text]
            ) > 0
        }
    }

    /// Deletes jobs that are so old that the carrier can no longer have the call open.
    /// - Returns: the number of deleted jobs.
    package func abandonOldHangUps(at now: WallTime) async throws -> Int {
        try await write { db in
            try db.execute("DELETE FROM hang_ups WHERE given_up_at <= ?", [now.milliseconds])
        }
    }

    static func putHangUp(_ call: CallSnapshot, dueAt due: Int64, _ db: any StoreSession) throws {
        let ended = call.endedAt ?? call.startedAt
        try db.execute(
            """
            INSERT INTO hang_ups (call_id, carrier_call_id, attempts, due_at, given_up_at)
            VALUES (?, ?, 0, ?, ?) ON CONFLICT DO NOTHING
            """,
            [call.id.text, call.carrierCallID, due, ended.milliseconds + HangUpJob.lifetime]
        )
    }

    static func settleHangUp(_ call: CallID, _ db: any StoreSession) throws {
        try db.execute("DELETE FROM hang_ups WHERE call_id = ?", [call.text])
    }
}
