/// The burden of a node, as it reports it with each heartbeat.
package struct NodeLoad: Equatable, Sendable {
    package var calls: Int
    /// The most calls that the node takes.
    package var places: Int
    /// The worst lateness of its lanes' ticks in the last second, in milliseconds.
    package var lagMilliseconds: Int
    /// True if the node takes no new calls.
    package var isDraining: Bool

    package init(calls: Int = 0, places: Int = 0, lagMilliseconds: Int = 0, isDraining: Bool = false) {
        self.calls = calls
        self.places = places
        self.lagMilliseconds = lagMilliseconds
        self.isDraining = isDraining
    }

    package var freePlaces: Int { isDraining ? 0 : max(0, places - calls) }
}

/// One life of a node: from a start of its process until that process ends, or until another node has taken its calls.
///
/// The database numbers the lives of all nodes. That number, the epoch, is the owner of a call and the fencing token of
/// the owner's writes.
package struct StoredNode: Equatable, Sendable {
    package var epoch: Int64
    /// The node's name, which stays the same after a restart.
    package var id: String
    /// The address at which the other nodes reach it.
    package var url: String
    package var version: String
    package var startedAt: WallTime
    /// The time since the last heartbeat, by the database's clock.
    package var silence: Duration
    /// True if the node has missed its heartbeats for longer than its lease, by the database's clock.
    package var isLate: Bool
    package var load: NodeLoad

    package init(
        epoch: Int64,
        id: String,
        url: String,
        version: String,
        startedAt: WallTime,
        silence: Duration,
        isLate: Bool,
        load: NodeLoad
    ) {
        self.epoch = epoch
        self.id = id
        self.url = url
        self.version = version
        self.startedAt = startedAt
        self.silence = silence
        self.isLate = isLate
        self.load = load
    }
}

/// Calls that were taken from a node, and when it was last alive.
package struct TakenCalls: Equatable, Sendable {
    package var calls: [CallID]
    package var lastAlive: WallTime

    package init(calls: [CallID], lastAlive: WallTime) {
        self.calls = calls
        self.lastAlive = lastAlive
    }
}
