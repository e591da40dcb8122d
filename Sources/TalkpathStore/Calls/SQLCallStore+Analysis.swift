package import TalkpathCore
package import TalkpathWire

/// Analysis of calls after their end.
extension SQLCallStore {
    /// An ended call that has not been analysed yet, and the times at which each side spoke.
    package struct Unanalysed: Sendable {
        package var call: CallSnapshot
        /// `nil` if the timeline was lost with the process that ran the call, or cannot be read.
        package var timeline: JSONValue?
    }

    /// Returns the calls that have waited longest. Calls whose timeline may still arrive are left for later.
    package func unanalysed(at now: WallTime, limit: Int = 20) async throws -> [Unanalysed] {
        try await read { db in
            let sql = """
                SELECT calls.id, record, NULL AS analysis, turns, marks FROM calls JOIN records ON records.call_id = id
                LEFT JOIN transcripts ON transcripts.call_id = id LEFT JOIN timelines ON timelines.call_id = id
                WHERE needs_analysis AND (marks IS NOT NULL OR ended_at < ?) ORDER BY ended_at LIMIT ?
                """
            let patience: Int64 = 10_000
            return try db.rows(sql, [now.milliseconds - patience, limit]).map { row in
                let marks = row["marks"] as String?
                return Unanalysed(
                    call: try self.snapshot(row, db),
                    timeline: marks.flatMap { try? JSONValue(parsing: $0) }
                )
            }
        }
    }

    /// Stores the analysis and its event. Does nothing if the call has been analysed already.
    package func finishAnalysis(of call: CallSnapshot, at now: WallTime) async throws {
        guard let analysis = call.analysis else { return }
        let event = outbox.event(analysisOf: call, at: now)
        try await writeCalls { db, store in
            let isFirst = try db.execute(
                "UPDATE calls SET needs_analysis = FALSE WHERE id = ? AND needs_analysis",
                [call.id.text]
            )
            guard isFirst > 0 else { return }
            try db.execute("DELETE FROM timelines WHERE call_id = ?", [call.id.text])
            try db.execute(
                """
                INSERT INTO analyses (call_id, analysis) VALUES (?, ?)
                ON CONFLICT (call_id) DO UPDATE SET analysis = excluded.analysis
                """,
                [call.id.text, analysis.record.serializedText()]
            )
            try store.put(event, db)
        }
        outbox.written([call.id])
    }
}
