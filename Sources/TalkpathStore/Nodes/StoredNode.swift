package import TalkpathCore

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

    init(_ row: StoreRow) {
        epoch = row["epoch"]
        id = row["id"]
        url = row["url"]
        version = row["version"]
        startedAt = WallTime(milliseconds: row["started_at"])
        silence = .milliseconds(max(0, row["silence"] as Int64))
        isLate = row["is_late"]
        load = NodeLoad(
            calls: row["calls"],
            places: row["places"],
            lagMilliseconds: row["lag"],
            isDraining: row["is_draining"]
        )
    }
}

/// The owner of a live call.
package struct CallOwner: Equatable, Sendable {
    package var call: CallID
    package var tenant: String
    package var epoch: Int64
    /// The address at which the other nodes reach the owner.
    package var url: String

    package init(call: CallID, tenant: String, epoch: Int64, url: String) {
        self.call = call
        self.tenant = tenant
        self.epoch = epoch
        self.url = url
    }
}

/// Limits of a tenant's calls that hold over all nodes.
package struct SharedLimits: Equatable, Sendable {
    /// On average; bursts may have twice as many.
    package var placedPerSecond: Int
    /// `nil` for no limit.
    package var atOnce: Int?
    package var minutesPerDay: Int?

    package init(placedPerSecond: Int, atOnce: Int?, minutesPerDay: Int?) {
        self.placedPerSecond = placedPerSecond
        self.atOnce = atOnce
        self.minutesPerDay = minutesPerDay
    }
}

/// The answer to a call that asks for a place.
package enum PlaceVerdict: Equatable, Sendable {
    /// The call has a place, and may last so many milliseconds.
    case granted(milliseconds: Int64)
    /// The inbound call has a place already, by an earlier announcement: on another node or this one, under the given
    /// name, for so many milliseconds.
    case announced(CallOwner, milliseconds: Int64)
    /// The tenant has placed too many calls; in so many milliseconds it may place another one.
    case tooOften(milliseconds: Int64)
    case tooMany
    case minutesUsed
}
