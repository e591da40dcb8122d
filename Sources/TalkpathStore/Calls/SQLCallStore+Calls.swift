import Synchronization
public import TalkpathCore
import TalkpathWire

extension SQLCallStore {
    public func journal(_ call: CallSnapshot) async throws {
        let journal: @Sendable (any StoreSession, SQLCallStore) throws -> Void = { db, store in
            let sql = "SELECT carrier_call_id, answered_at, ended_at IS NOT NULL AS ended FROM calls WHERE id = ?"
            let row = try db.row(sql, [call.id.text])
            var call = call
            if let row {
                call.carrierCallID = row["carrier_call_id"] ?? call.carrierCallID
                call.answeredAt = call.answeredAt ?? (row["answered_at"] as Int64?).map(WallTime.init(milliseconds:))
                guard !row["ended"] else { return try store.name(call, db) }
            }
            try store.put(call, db)
            try store.claim(call.id, db)
        }
        try await writeCalls(of: call.id, before: journal) { _, _ in }
    }

    public func save(_ call: CallSnapshot) async throws {
        try await writeEnded(call) { [self] isCommitted in
            // Keep the record in memory: a full disk may recover, and `writePending` tries again as long as the process
            // lives. This must happen here, because the task that called `save` may no longer be waiting.
            guard !isCommitted else { return }
            unsaved.withLock { $0.append(call) }
            if spool?.add(call) == false { condition.spoolFailed() }
        }
    }

    public func update(_ call: CallSnapshot) async throws {
        try await writeCalls { db, store in
            let sql = "SELECT 1 FROM calls WHERE id = ? AND ended_at IS NOT NULL"
            guard try db.row(sql, [call.id.text]) != nil, try store.isOwn(call.id, db) else { return }
            try store.put(call, db)
            try store.putTranscript(call, db)
            if call.receipt?.carrierConfirmed == true { try Self.settleHangUp(call.id, db) }
        }
    }

    public func find(_ id: CallID) async throws -> CallSnapshot? {
        try await read { db in
            let sql = """
                SELECT call_id AS id, record, analysis, turns FROM records LEFT JOIN analyses USING (call_id)
                LEFT JOIN transcripts USING (call_id) WHERE call_id = ?
                """
            return try db.row(sql, [id.text]).map {
                try self.snapshot($0, db)
            }
        }
    }

    /// Runs a transaction about calls. It also writes the entries that the session's loop has reported so far.
    ///
    /// - Parameters:
    ///   - call: the call whose row exists after `before`.
    ///   - takesOverdue: also write entries that have waited longer than `patience` for their call's row.
    ///   - before: runs before the entries are written. Writes the call's row, which they refer to.
    ///   - updates: runs after the entries are written.
    ///   - onEnd: receives whether the transaction was committed, before the next one begins.
    func writeCalls(
        of call: CallID? = nil,
        takesOverdue: Bool = false,
        before: @escaping @Sendable (any StoreSession, SQLCallStore) throws -> Void = { _, _ in },
        _ updates: @escaping @Sendable (any StoreSession, SQLCallStore) throws -> Void,
        onEnd: @escaping @Sendable (Bool) -> Void = { _ in }
    ) async throws {
        let work = Mutex<(pending: [OutboxEntry], told: Told)>(([], Told()))
        let calls = try await write { [self] db in
            // A failed transaction may run again. It then writes the entries that it took the first time, too.
            let new = outbox.takePending()
            let pending = work.withLock { work in
                work.pending += new
                return work.pending
            }
            try before(db, self)
            let told = try put(pending, journalled: call, takesOverdue: takesOverdue, db)
            work.withLock { $0.told = told }
            try updates(db, self)
            return told.calls
        } onEnd: { [self] isCommitted in
            let (pending, told) = work.withLock { $0 }
            if isCommitted {
                let now = ContinuousClock.now
                early.withLock { early in
                    for call in told.released { early.remove(call) }
                    for entry in told.early { early.add(entry, at: now) }
                }
            } else if !pending.isEmpty {
                outbox.putBack(pending)
            }
            onEnd(isCommitted)
        }
        outbox.written(calls)
    }

    private func writeEnded(
        _ call: CallSnapshot,
        onEnd: @escaping @Sendable (Bool) -> Void = { _ in }
    ) async throws {
        try await writeCalls(of: call.id) { db, store in
            if try !Self.isJournalled(call.id, db) { try store.put(call, db) }
        } _: { db, store in
            guard try store.isOwn(call.id, db) else { return }
            try store.putEnded(call, db)
        } onEnd: {
            onEnd($0)
        }
        outbox.written([call.id])
    }

    /// Writes the records that could not be written when their calls ended. One that the store refuses for its own sake
    /// keeps no other from being written.
    func writeUnsaved() async throws {
        var refusal: StoreError?
        for call in unsaved.withLock({ $0 }) {
            do {
                try await writeEnded(call)
            } catch let error as StoreError where !error.isOfTheStore {
                refusal = refusal ?? error
                continue
            }
            unsaved.withLock { calls in calls.removeAll { $0.id == call.id } }
            spool?.remove(call.id)
        }
        if let refusal { throw refusal }
    }

    /// Writes the records that an earlier process has left in the spool, in the order of their ends. Call this before
    /// live calls are swept or taken, so that their true ends count.
    ///
    /// A record that cannot be read, or that the store refuses for its own sake, stays in the spool and is reported.
    ///
    /// - Returns: the number of records that are written.
    /// - Throws: the store's own faults.
    package func writeSpooled() async throws -> Int {
        var count = 0
        for (id, content) in spool?.records() ?? [] {
            do {
                try await writeSpooled(content.get())
            } catch let error where !error.isOfTheStore && !(error is CancellationError) {
                condition.unreadable("spooled record", id, error)
                continue
            }
            spool?.remove(CallID(id))
            count += 1
        }
        return count
    }

    private func writeSpooled(_ call: CallSnapshot) async throws {
        try await writeCalls(of: call.id) { _, _ in
        } _: { db, store in
            // Another node may have taken the call meanwhile, and told its end.
            let ended = "SELECT ended_at IS NOT NULL AS ended FROM calls WHERE id = ? FOR NO KEY UPDATE"
            guard try db.value(Bool.self, ended, [call.id.text]) != true else { return }
            try store.putEnded(call, db)
        }
        outbox.written([call.id])
    }

    // MARK: Rows

    func put(_ call: CallSnapshot, _ db: any StoreSession) throws {
        try db.execute(
            """
            INSERT INTO calls (id, tenant, agent_id, direction, status, from_number, to_number, carrier_call_id,
                started_at, answered_at, ended_at, search)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET status = excluded.status, carrier_call_id = excluded.carrier_call_id,
                answered_at = excluded.answered_at, ended_at = excluded.ended_at, search = excluded.search
            """,
            [
                call.id.text, call.tenant, call.agent.id, call.direction.rawValue, call.status.rawValue, call.from,
                call.to, call.carrierCallID, call.startedAt.milliseconds, call.answeredAt?.milliseconds,
                call.endedAt?.milliseconds, call.searchText,
            ]
        )
        try db.execute(
            """
            INSERT INTO records (call_id, record) VALUES (?, ?)
            ON CONFLICT (call_id) DO UPDATE SET record = excluded.record
            """,
            [call.id.text, call.record.serializedText()]
        )
        try bindWebhook(of: call, db)
    }

    func putTranscript(_ call: CallSnapshot, _ db: any StoreSession) throws {
        guard keepsTranscripts, !call.transcript.isEmpty else { return }
        try db.execute(
            """
            INSERT INTO transcripts (call_id, turns) VALUES (?, ?)
            ON CONFLICT (call_id) DO UPDATE SET turns = excluded.turns
            """,
            [call.id.text, call.transcriptRecord.serializedText()]
        )
    }

    /// Writes an ended call: its record, its transcript, its events, and the work that remains (analysis, hang-up).
    func putEnded(_ call: CallSnapshot, _ db: any StoreSession) throws {
        try put(call, db)
        try putTranscript(call, db)
        for event in outbox.events(endOf: call) { try put(event, db) }
        if epoch != nil { try Self.freePlace(of: call.id, db) }
        try db.execute("UPDATE calls SET needs_analysis = TRUE WHERE id = ?", [call.id.text])
        if let receipt = call.receipt, receipt.needsHangUp {
            // The call's own session retries as long as its process lives. The job begins after that.
            try Self.putHangUp(call, dueAt: receipt.endedAt.milliseconds + HangUpJob.sessionsTurn, db)
        }
    }

    /// Stores the carrier's name of an ended call, which the carrier reported late.
    private func name(_ call: CallSnapshot, _ db: any StoreSession) throws {
        guard let name = call.carrierCallID else { return }
        let sql = "SELECT call_id AS id, record, NULL AS analysis FROM records WHERE call_id = ?"
        guard let row = try db.row(sql, [call.id.text]) else { return }
        var known = try snapshot(row, db)
        known.carrierCallID = name
        try put(known, db)
        try db.execute(
            "UPDATE hang_ups SET carrier_call_id = ? WHERE call_id = ? AND carrier_call_id IS NULL",
            [name, call.id.text]
        )
    }
}
