import TalkpathAudio
package import TalkpathCore
import TalkpathWire

/// What a process left behind that did not stop by itself.
extension SQLiteCallStore {
    /// The process is alive: should it die, its calls ended about now.
    ///
    /// - Parameter steady: the same by a clock that was not set meanwhile, which what is due is counted by.
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

    /// What is due was counted by the clock of the process before. By how much that one was off, and by how much the clock
    /// was set back since at least, everything that is due is moved.
    private static func undoClockSteps(at now: WallTime, _ db: any StoreSession) throws {
        guard let row = try db.row("SELECT alive_at, steady_at FROM life") else { return }
        let alive: Int64 = row["alive_at"]
        let step = alive - (row["steady_at"] as Int64? ?? alive) + min(0, now.milliseconds - alive)
        // What a loaded machine's two readings differ by is no step.
        guard abs(step) > 2000 else { return }
        try db.execute(
            "UPDATE deliveries SET due_at = CASE WHEN due_at + ?1 > 1 THEN due_at + ?1 ELSE 1 END WHERE due_at > 0",
            [step]
        )
        try db.execute("UPDATE hang_ups SET given_up_at = given_up_at + ?", [step])
    }

    /// Closes every call of the journal as `node_lost`, with its record and its events; to be called once, before the
    /// first call begins. Those the carrier knows, and those it may know, are to be hung up at once, as are all whose
    /// hang-up was not confirmed when the process died.
    ///
    /// - Returns: the calls that were closed, oldest first.
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
            try Self.undoClockSteps(at: now, db)
            return calls
        }
        outbox.written(Set(calls.map(\.id)))
        return calls
    }

    /// The call's end is not known: it was after the call began, and hardly long after the process was last alive.
    private func lost(_ row: StoreRow, lastAlive: WallTime?, _ now: WallTime, _ db: any StoreSession) throws
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
    /// The receipt of a call whose process died, by civil time, as no other clock has survived.
    fileprivate init(nodeLost call: CallSnapshot, at ended: WallTime) {
        let duration = Duration.milliseconds(ended.milliseconds - call.startedAt.milliseconds)
        let talking = call.answeredAt.map { Duration.milliseconds(ended.milliseconds - $0.milliseconds) } ?? .zero
        // A call that was being placed may have no name yet and exist all the same.
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
