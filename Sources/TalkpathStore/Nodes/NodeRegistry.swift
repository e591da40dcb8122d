package import TalkpathCore
import TalkpathPostgres

/// The nodes of one database, with their heartbeats.
///
/// It has connections of its own, so that no heartbeat waits for the store's writes. Thread-safe.
package final class NodeRegistry: Sendable {
    private let client: PostgresClient
    /// A node that has been silent for longer has lost its calls, unless it still answers the other nodes.
    private let lease: Duration

    /// - Parameters:
    ///   - url: the store's database, whose tables are there already.
    ///   - patience: the time limit for a heartbeat.
    package init(
        postgres url: String,
        lease: Duration,
        patience: Duration = .seconds(2)
    ) throws(StoreError) {
        let address: PostgresAddress
        do {
            address = try PostgresAddress(url)
        } catch {
            throw StoreError(.cannotOpen, "the database's address cannot be used: \(error)")
        }
        self.lease = lease
        client = PostgresClient(address, readers: 1, patience: patience)
    }

    /// Begins a life of a node. Its earlier lives have lost their leases: their calls are there to be taken.
    ///
    /// - Returns: the new epoch, and the epochs of the earlier lives that still have to be taken from.
    package func register(id: String, url: String, version: String, load: NodeLoad) async throws -> (
        epoch: Int64, earlier: [Int64]
    ) {
        let (now, length) = (SQLCallStore.databaseTime, milliseconds(lease))
        return try await write { db in
            let earlier = try db.values(
                Int64.self,
                "UPDATE nodes SET lease_until = 0 WHERE id = ? AND over_at IS NULL RETURNING epoch",
                [id]
            )
            let epoch = try db.value(
                Int64.self,
                """
                INSERT INTO nodes (id, url, version, started_at, beat_at, lease_until, calls, places, lag, is_draining)
                VALUES (?, ?, ?, \(now), \(now), \(now) + ?, ?, ?, ?, ?) RETURNING epoch
                """,
                [id, url, version, length, load.calls, load.places, load.lagMilliseconds, load.isDraining]
            )
            // Of lives that are over for long, no call is live any more.
            try db.execute("DELETE FROM nodes WHERE over_at < \(now) - ?", [Self.memory])
            return (epoch ?? 0, earlier)
        }
    }

    /// Renews the node's lease.
    ///
    /// - Returns: all nodes whose life is not over, the one that asks included; `nil` if its own life is over. Another
    ///   node has taken its calls then.
    package func beat(_ epoch: Int64, load: NodeLoad) async throws -> [StoredNode]? {
        let (now, length) = (SQLCallStore.databaseTime, milliseconds(lease))
        return try await write { db in
            let isAlive =
                try db.execute(
                    """
                    UPDATE nodes SET beat_at = \(now), lease_until = \(now) + ?, calls = ?, places = ?, lag = ?,
                        is_draining = ? WHERE epoch = ? AND over_at IS NULL AND lease_until > 0
                    """,
                    [length, load.calls, load.places, load.lagMilliseconds, load.isDraining, epoch]
                ) > 0
            return isAlive ? try Self.nodes(db) : nil
        }
    }

    /// All nodes whose life is not over.
    ///
    /// Waits for no heartbeat.
    package func nodes() async throws -> [StoredNode] {
        try await withCheckedThrowingContinuation { continuation in
            client.read { connection in
                try Self.nodes(PostgresSession(connection))
            } onEnd: { result in
                continuation.resume(with: result.mapError { StoreError(of: $0, "read") })
            }
        }
    }

    /// Ends the life of a node that stops. Calls that it leaves behind are there to be taken at once.
    package func leave(_ epoch: Int64) async throws {
        let now = SQLCallStore.databaseTime
        try await write { db in
            let isEmpty = try db.row("SELECT 1 FROM calls WHERE owner = ? AND ended_at IS NULL LIMIT 1", [epoch]) == nil
            try db.execute(
                isEmpty
                    ? "UPDATE nodes SET over_at = \(now) WHERE epoch = ? AND over_at IS NULL"
                    : "UPDATE nodes SET lease_until = 0 WHERE epoch = ? AND over_at IS NULL",
                [epoch]
            )
        }
    }

    /// Blocks the calling thread.
    package func close() { client.close() }

    // MARK: Access

    /// The time for which lives that are over are kept, in milliseconds.
    private static let memory: Int64 = 7 * 24 * 3600 * 1000

    private static func nodes(_ db: any StoreSession) throws -> [StoredNode] {
        let now = SQLCallStore.databaseTime
        let sql = """
            SELECT *, \(now) - beat_at AS silence, lease_until < \(now) AS is_late FROM nodes
            WHERE over_at IS NULL ORDER BY epoch
            """
        return try db.rows(sql).map(StoredNode.init)
    }

    private func milliseconds(_ duration: Duration) -> Int64 { Int64(duration / .milliseconds(1)) }

    @discardableResult
    private func write<Value: Sendable>(
        _ updates: @escaping @Sendable (any StoreSession) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            client.write { connection in
                try updates(PostgresSession(connection))
            } onEnd: { result in
                continuation.resume(with: result.map(\.value).mapError { StoreError(of: $0, "written") })
            }
        }
    }
}

extension StoredNode {
    init(_ row: StoreRow) {
        self.init(
            epoch: row["epoch"],
            id: row["id"],
            url: row["url"],
            version: row["version"],
            startedAt: WallTime(milliseconds: row["started_at"]),
            silence: .milliseconds(max(0, row["silence"] as Int64)),
            isLate: row["is_late"],
            load: NodeLoad(
                calls: row["calls"],
                places: row["places"],
                lagMilliseconds: row["lag"],
                isDraining: row["is_draining"]
            )
        )
    }
}
