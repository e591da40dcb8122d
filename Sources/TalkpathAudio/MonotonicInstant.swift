/// A point on a monotonic clock of unspecified origin, in nanoseconds.
///
/// The sans-IO targets of this package never read a clock: the owner of the event loop reads it once per wake and
/// passes the instant in. Only instants of the same clock can be compared.
///
/// The arithmetic is 64-bit and saturates instead of trapping; the range is ±292 years.
public struct MonotonicInstant: Sendable, Hashable, Comparable, InstantProtocol {
    /// Nanoseconds since the clock's origin.
    public var nanoseconds: Int64

    @inlinable
    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// The instant `duration` later (earlier if it is negative). Fractions of a nanosecond are cut off.
    @inlinable
    public func advanced(by duration: Duration) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: nanoseconds.addingSaturated(duration.wholeNanoseconds))
    }

    /// The time from this instant until `other`; negative if `other` is the earlier one.
    @inlinable
    public func duration(to other: MonotonicInstant) -> Duration {
        .nanoseconds(other.nanoseconds.subtractingSaturated(nanoseconds))
    }

    /// Milliseconds from `earlier` to this instant, with their fraction.
    @inlinable
    public func milliseconds(since earlier: MonotonicInstant) -> Double {
        Double(nanoseconds.subtractingSaturated(earlier.nanoseconds)) / 1_000_000
    }

    @inlinable
    public static func < (left: MonotonicInstant, right: MonotonicInstant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    @inlinable
    public static func + (instant: MonotonicInstant, duration: Duration) -> MonotonicInstant {
        instant.advanced(by: duration)
    }

    @inlinable
    public static func - (instant: MonotonicInstant, duration: Duration) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: instant.nanoseconds.subtractingSaturated(duration.wholeNanoseconds))
    }

    @inlinable
    public static func - (later: MonotonicInstant, earlier: MonotonicInstant) -> Duration {
        earlier.duration(to: later)
    }

    @inlinable
    public static func += (instant: inout MonotonicInstant, duration: Duration) {
        instant = instant.advanced(by: duration)
    }
}

extension Duration {
    /// The duration in milliseconds, with its fraction.
    @inlinable
    public var milliseconds: Double {
        Double(wholeNanoseconds) / 1_000_000
    }

    /// The duration in whole milliseconds, cut towards zero.
    @inlinable
    public var wholeMilliseconds: Int {
        Int(wholeNanoseconds / 1_000_000)
    }

    /// The duration in whole nanoseconds, cut towards zero; saturates at ±292 years.
    @inlinable
    public var wholeNanoseconds: Int64 {
        let attoseconds = self.attoseconds
        // Durations below nine seconds fit 64 bits in attoseconds, which avoids the 128-bit division.
        if let short = Int64(exactly: attoseconds) {
            return short / 1_000_000_000
        }
        return Int64(clamping: attoseconds / 1_000_000_000)
    }
}

extension Int64 {
    @inlinable
    func addingSaturated(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    @inlinable
    func subtractingSaturated(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}
