import TalkpathAudio
package import TalkpathCore
import TalkpathWire

/// Recovery of calls that a process left behind when it died.
extension SQLCallStore {
    /// Records that the process is alive. If it dies, its calls are taken to have ended at about this time.
    ///
    /// - Parameter steady: the same moment by a clock that steps of the wall clock do not move. Due times are counted
    ///   by it.
    package func noteAlive(at now: WallTime, steady: WallTime? = nil) async throws {
        try await write { db in
            try db.execute(
                """
                INSERT INTO life (one, alive_at, steady_at) VALUES (1, ?, ?)
                ON CONFLICT (one) DO UPDATE SET alive_at = excluded.alive_at, steady_at = excluded.steady_at
                """,
                [now.milliseconds, (steady ?? now).milliseconds]
            )
        }
    }

    /// Moves all due times by the error of the previous process's clock, and by the step back of the wall clock since
    /// then, as far as it can be seen. Due times were counted by that process's clock.
    private static func undoClockSteps(at now: WallTime, _ db: any StoreSession) throws {
        guard let row = try db.row("SELECT alive_at, steady_at FROM life") else { return }
        let alive: Int64 = row["alive_at"]
        let step = alive - (row["steady_at"] as Int64? ?? alive) + min(0, now.milliseconds - alive)
        // Two clock readings on a loaded machine may differ by this much, in milliseconds, without a step.
        guard abs(step) > 2000 else { return }
        try db.execute(
            "UPDATE deliveries SET due_at = CASE WHEN due_at + ?1 > 1 THEN due_at + ?1 ELSE 1 END WHERE due_at > 0",
            [step]
        )
        try db.execute("UPDATE hang_ups SET given_up_at = given_up_at + ?", [step])
    }

    /// Ends every live call of the journal as `node_lost`, with its record and its events. Call this once, before the
    /// first call begins. Hang-ups become due at once: those of calls that the carrier knows or may know, and those
    /// that were not confirmed when the process died.
    ///
    /// - Returns: the calls that were ended, oldest first.
    package func sweep(at now: WallTime) async throws -> [CallSnapshot] {
        let calls = try await write { [self] db in
            let alive = try db.value(Int64.self, "SELECT alive_at FROM life")
            let rows = try db.rows(
                """
                SELECT id, record, NULL AS analysis, status, calls.answered_at FROM calls
                JOIN records ON records.call_id = id WHERE ended_at IS NULL ORDER BY started_at, id
                """
            )
            let calls = try rows.map { row in
                try setAsideIfUnreadable(row, at: now, db)
                return try lost(row, lastAlive: alive.map(WallTime.init(milliseconds:)), now, db)
            }
            for call in calls { try putEnded(call, db) }
            try db.execute("UPDATE hang_ups SET due_at = 0")
            // Nodes that had the database before find that out when they come back.
            if db.dialect == .postgres {
                try db.execute("UPDATE nodes SET over_at = 1 WHERE over_at IS NULL")
                try db.execute("DELETE FROM call_places")
            }
            try Self.undoClockSteps(at: now, db)
            return calls
        }
        outbox.written(Set(calls.map(\.id)))
        return calls
    }

    /// Builds the record of a lost call. Its true end is not known: it lies after the call's beginning, and not long
    /// after the process was last alive.
    func lost(_ row: StoreRow, lastAlive: WallTime?, _ now: WallTime, _ db: any StoreSession) throws
        -> CallSnapshot
    {
        var call = try snapshot(row, db)
        call.answeredAt = call.answeredAt ?? (row["answered_at"] as Int64?).map(WallTime.init(milliseconds:))
        let latest = call.answeredAt ?? call.startedAt
        let ended = max(latest, min(lastAlive ?? now, now))
        let receipt = EndReceipt(nodeLost: call, at: ended)
        call.receipt = receipt
        call.status = receipt.status
        call.endedAt = ended
        call.duration = receipt.duration
        return call
    }
}

extension EndReceipt {
    /// The receipt of a call whose process died. Durations come from wall-clock time, because no other clock survived.
    fileprivate init(nodeLost call: CallSnapshot, at ended: WallTime) {
        let duration = Duration.milliseconds(ended.milliseconds - call.startedAt.milliseconds)
        let talking = call.answeredAt.map { Duration.milliseconds(ended.milliseconds - $0.milliseconds) } ?? .zero
        // An outbound call may exist at the carrier although its name was never stored.
        let mayExist = call.carrierCallID != nil || call.direction == .outbound
        let reason = "the server stopped without ending the call"
        func step(_ name: Step.Name, _ outcome: Step.Outcome, error: String? = nil) -> Step {
            Step(name: name, outcome: outcome, started: .zero, duration: .zero, error: error)
        }
        self.init(
            callID: call.id,
            status: EndReason.nodeLost.status(wasAnswered: call.answeredAt != nil),
            reason: .nodeLost,
            note: nil,
            duration: duration,
            ringing: duration - talking,
            talking: talking,
            startedAt: call.startedAt,
            answeredAt: call.answeredAt,
            endedAt: ended,
            carrierConfirmed: false,
            teardown: .zero,
            steps: [
                step(.stopBridge, .alreadyGone),
                mayExist ? step(.hangUp, .failed, error: reason) : step(.hangUp, .skipped),
                step(.closeAgent, .alreadyGone), step(.closeMedia, .alreadyGone), step(.saveRecord, .done),
            ]
        )
    }
}
