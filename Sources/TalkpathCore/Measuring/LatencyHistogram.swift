import TalkpathAudio

/// Counts durations in buckets, four to an octave. A quantile is at most 25 % too high; maximum and mean are exact.
///
/// A value of about 370 bytes that allocates nothing; its owner confines it to one thread. The first bucket holds
/// everything below 66 µs, the last one everything from 60 s on.
public struct LatencyHistogram: Sendable {
    public private(set) var count = 0
    public private(set) var maximum = Duration.zero
    private var total = Duration.zero
    private var buckets = InlineArray<81, UInt32>(repeating: 0)

    private static let bucketsPerOctave = 4
    /// Upper bound of the first bucket: 2^16 ns.
    private static let firstOctave = 16

    public init() {}

    public var mean: Duration { count == 0 ? .zero : total / count }

    /// Negative durations count as zero.
    public mutating func record(_ duration: Duration) {
        let duration = max(duration, .zero)
        count += 1
        total += duration
        maximum = max(maximum, duration)
        buckets[Self.bucket(of: duration.wholeNanoseconds)] &+= 1
    }

    /// The duration that a `fraction` (0...1) of the recorded ones do not exceed, rounded up to its bucket's bound.
    /// Zero if nothing was recorded.
    public func quantile(_ fraction: Double) -> Duration {
        guard count > 0 else { return .zero }
        let rank = max(1, Int((Double(count) * min(max(fraction, 0), 1)).rounded(.up)))
        var seen = 0
        for index in buckets.indices {
            seen += Int(buckets[index])
            // The last bucket has no bound.
            if seen >= rank { return index == 80 ? maximum : min(Self.upperBound(of: index), maximum) }
        }
        return maximum
    }

    public mutating func merge(_ other: LatencyHistogram) {
        count += other.count
        total += other.total
        maximum = max(maximum, other.maximum)
        for index in buckets.indices { buckets[index] &+= other.buckets[index] }
    }

    /// The bounds divide an octave evenly: 1, 1.25, 1.5, 1.75 times a power of two.
    private static func bucket(of nanoseconds: Int64) -> Int {
        let value = UInt64(max(nanoseconds, 0))
        guard value >> firstOctave > 0 else { return 0 }
        let octave = 63 - value.leadingZeroBitCount
        let part = Int((value >> (octave - 2)) & 3)
        return min((octave - firstOctave) * bucketsPerOctave + part + 1, 80)
    }

    private static func upperBound(of index: Int) -> Duration {
        guard index > 0 else { return .nanoseconds(1 << firstOctave) }
        let octave = (index - 1) / bucketsPerOctave + firstOctave
        let part = (index - 1) % bucketsPerOctave
        return .nanoseconds((Int64(part) + 5) << (octave - 2))
    }
}

extension LatencyHistogram: Equatable {
    public static func == (left: LatencyHistogram, right: LatencyHistogram) -> Bool {
        guard left.count == right.count, left.maximum == right.maximum, left.total == right.total else { return false }
        return left.buckets.indices.allSatisfy { left.buckets[$0] == right.buckets[$0] }
    }
}
