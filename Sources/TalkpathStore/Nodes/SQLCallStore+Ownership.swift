import Synchronization
package import TalkpathCore

/// Ownership of live calls, on a database that several nodes share.
///
/// A call belongs to the node that began it. Another node takes it when that node has died, and ends it. From then on the
/// store drops what the first node still writes about the call, so that a node that comes back tells nothing twice.
extension SQLCallStore {
    /// The epoch of this node; `nil` if the store is not shared, or the node has not registered yet.
    package var epoch: Int64? { ownEpoch.withLock { $0 } }

    /// Begins a life of this node: the calls that begin from now on belong to it.
    package func own(as epoch: Int64) { ownEpoch.withLock { $0 = epoch } }

    /// The number of writes that were dropped because another node has taken their call.
    package var fencedWrites: Int { fenced.withLock { $0 } }

    // MARK: Writes

    /// Makes this node the owner of a call whose row has just been written.
    /// - Throws: `StoreError` with the code `notOwner` if this node's life is over, or another node has the call.
    func claim(_ call: CallID, _ db: any StoreSession) throws {
        guard let epoch else { return }
        try Self.requireLife(epoch, db)
        let isOwn =
            try db.execute(
                "UPDATE calls SET owner = ? WHERE id = ? AND coalesce(owner, ?) = ?",
                [epoch, call.text, epoch, epoch]
            ) > 0
        guard isOwn else { throw StoreError.notOwner }
    }

    /// Keeps a node's life from being ended before this transaction is.
    /// - Throws: `StoreError` with the code `notOwner` if it is over.
    static func requireLife(_ epoch: Int64, _ db: any StoreSession) throws {
        let life = "SELECT 1 FROM nodes WHERE epoch = ? AND over_at IS NULL FOR KEY SHARE"
        guard try db.row(life, [epoch]) != nil else { throw StoreError.notOwner }
    }

    /// True if this node may write about a call. Every node may write about a call that no node owns.
    ///
    /// The lock keeps another node from taking the call before this transaction is committed, and this one waits for a
    /// node that is taking it.
    func isOwn(_ call: CallID, _ db: any StoreSession) throws -> Bool {
        guard let epoch else { return true }
        let owner = try db.value(Int64.self, "SELECT owner FROM calls WHERE id = ? FOR NO KEY UPDATE", [call.text])
        guard let owner, owner != epoch else { return true }
        fenced.withLock { $0 += 1 }
        return false
    }

    // MARK: Questions

    /// The node that has a live call.
    package func owner(of call: CallID) async throws -> CallOwner? {
        try await owner(calls: "id = ?1", places: "call_id = ?1", call.text)
    }

    /// The node that has a live call, by the carrier's name of it.
    package func owner(carrierCallID: String) async throws -> CallOwner? {
        try await owner(calls: "carrier_call_id = ?1", places: "carrier_call_id = ?1", carrierCallID)
    }

    /// An inbound call has its place before it has its row.
    private func owner(calls: String, places: String, _ argument: String) async throws -> CallOwner? {
        try await read { db in
            let sql = """
                SELECT call.id, tenant, owner, url FROM (
                    SELECT id, tenant, owner FROM calls WHERE \(calls) AND ended_at IS NULL
                    UNION ALL SELECT call_id, tenant, owner FROM call_places WHERE \(places)
                ) AS call JOIN nodes ON nodes.epoch = owner WHERE nodes.over_at IS NULL LIMIT 1
                """
            return try db.row(sql, [argument]).map {
                CallOwner(call: CallID($0["id"]), tenant: $0["tenant"], epoch: $0["owner"], url: $0["url"])
            }
        }
    }

    /// A tenant's live calls that other nodes have, as far as the store knows them: without transcripts.
    package func liveCallsElsewhere(tenant: String) async throws -> [CallSnapshot] {
        guard let epoch else { return [] }
        return try await read { db in
            let sql = """
                SELECT id, record, NULL AS analysis, status, answered_at FROM calls
                JOIN records ON records.call_id = id
                WHERE ended_at IS NULL AND tenant = ? AND owner <> ? ORDER BY started_at, id LIMIT 100000
                """
            return try db.rows(sql, [tenant, epoch]).map { row in
                var call = try self.snapshot(row, db)
                call.answeredAt = call.answeredAt ?? (row["answered_at"] as Int64?).map(WallTime.init(milliseconds:))
                if let status = CallStatus(rawValue: row["status"]) { call.status = status }
                return call
            }
        }
    }

    // MARK: Taking over

    /// Ends the life of a node whose lease is over, and makes this node the owner of its calls.
    ///
    /// - Returns: `nil` if the node lives, or another node is taking its calls.
    package func take(fromNode dead: Int64) async throws -> TakenCalls? {
        try await write { db in
            guard let epoch = self.epoch else { return nil }
            let late = """
                SELECT beat_at FROM nodes WHERE epoch = ? AND over_at IS NULL AND lease_until < \(Self.databaseTime)
                FOR UPDATE SKIP LOCKED
                """
            guard let row = try db.row(late, [dead]) else { return nil }
            try db.execute("UPDATE nodes SET over_at = \(Self.databaseTime) WHERE epoch = ?", [dead])
            let calls = try db.values(
                String.self,
                "UPDATE calls SET owner = ? WHERE owner = ? AND ended_at IS NULL RETURNING id",
                [epoch, dead]
            )
            // Sessions of that node do not ask the carrier again any more.
            try db.execute(
                """
                UPDATE hang_ups SET due_at = 0, taken_until = NULL FROM calls
                WHERE calls.id = hang_ups.call_id AND owner = ?
                """,
                [dead]
            )
            try db.execute("DELETE FROM call_places WHERE owner = ?", [dead])
            return TakenCalls(calls: calls.map { CallID($0) }, lastAlive: WallTime(milliseconds: row["beat_at"]))
        }
    }

    /// Takes live calls that no node owns: those of a server that had the database for itself, and died.
    package func takeOrphans(at now: WallTime) async throws -> TakenCalls? {
        try await write { db in
            guard let epoch = self.epoch else { return nil }
            let calls = try db.values(
                String.self,
                "UPDATE calls SET owner = ? WHERE owner IS NULL AND ended_at IS NULL RETURNING id",
                [epoch]
            )
            let alive = try db.value(Int64.self, "SELECT alive_at FROM life")
            guard !calls.isEmpty else { return nil }
            return TakenCalls(
                calls: calls.map { CallID($0) },
                lastAlive: alive.map(WallTime.init(milliseconds:)) ?? now
            )
        }
    }

    /// Ends calls that this node has taken, as `node_lost`, with their records and their events. Their hang-ups are due
    /// at once. Calls that have ended meanwhile, or that another node has taken from this one, are left as they are.
    package func close(_ taken: TakenCalls, at now: WallTime) async throws -> [CallSnapshot] {
        let calls = try await write { db in
            guard let epoch = self.epoch else { throw StoreError.notOwner }
            var calls: [CallSnapshot] = []
            for id in taken.calls {
                let sql = """
                    SELECT id, record, NULL AS analysis, status, calls.answered_at FROM calls
                    JOIN records ON records.call_id = id WHERE id = ? AND owner = ? AND ended_at IS NULL
                    FOR NO KEY UPDATE OF calls
                    """
                guard let row = try db.row(sql, [id.text, epoch]) else { continue }
                try self.setAsideIfUnreadable(row, at: now, db)
                let call = try self.lost(row, lastAlive: taken.lastAlive, now, db)
                try self.putEnded(call, db)
                try db.execute("UPDATE hang_ups SET due_at = 0 WHERE call_id = ?", [id.text])
                calls.append(call)
            }
            return calls
        }
        outbox.written(Set(calls.map(\.id)))
        return calls
    }
}

extension StoreError {
    static let notOwner = StoreError(.notOwner, "another node has taken this node's calls: it begins anew first")
}
