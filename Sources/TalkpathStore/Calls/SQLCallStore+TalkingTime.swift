package import TalkpathCore

/// Talking time of each tenant's calls in a day of UTC, on which daily limits are based.
extension SQLCallStore {
    private static let day: Int64 = 86_400_000

    /// Returns the talking time of each tenant's calls that have ended since the beginning of a day. Deleted calls
    /// count, too.
    package func talkingTime(endedSince beginningOfDay: WallTime) async throws -> [String: Duration] {
        try await read { db in
            let sql = """
                SELECT tenant, sum(talking) AS talking FROM (
                    SELECT tenant, ended_at - answered_at AS talking FROM calls
                    WHERE ended_at >= ?1 AND answered_at < ended_at
                    UNION ALL SELECT tenant, milliseconds FROM talk_of_deleted_calls WHERE day >= ?1
                ) AS talks GROUP BY tenant
                """
            var times: [String: Duration] = [:]
            for row in try db.rows(sql, [beginningOfDay.milliseconds]) {
                times[row["tenant"]] = .milliseconds(row["talking"] as Int64)
            }
            return times
        }
    }

    /// Deletes the sums of earlier days, which no limit needs any more.
    package func forgetTalkingTime(before beginningOfDay: WallTime) async throws {
        try await write { db in
            try db.execute(
                "DELETE FROM talk_of_deleted_calls WHERE day < ?",
                [beginningOfDay.milliseconds]
            )
        }
    }

    /// Adds the talking time of a call that is about to be deleted to its tenant's sum of the day.
    static func keepTalkingTime(of call: String, _ db: any StoreSession) throws {
        try db.execute(
            """
            INSERT INTO talk_of_deleted_calls (tenant, day, milliseconds)
            SELECT tenant, ended_at - ended_at % ?1, ended_at - answered_at FROM calls
            WHERE id = ?2 AND answered_at < ended_at
            ON CONFLICT (tenant, day)
            DO UPDATE SET milliseconds = talk_of_deleted_calls.milliseconds + excluded.milliseconds
            """,
            [day, call]
        )
    }
}
