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
