import TalkpathWire

/// Orders a stream's messages by their numbers: decides which audio is new, and how much is missing before it.
///
/// It trusts no single number. If a sequence number or a timestamp is outside its window, the clock ignores the number
/// and takes the message as the next one. Once the following messages agree with that number, the clock adopts it. A
/// number that does not change is ignored until it does. So neither an outlier nor a restart silences a caller: after
/// at most ``patience`` messages in a row that look like repetitions, audio is accepted again.
///
/// Pure bookkeeping; allocates nothing.
struct StreamClock {
    /// The place of one message's audio.
    struct Place: Equatable {
        /// False for audio that came before.
        var isNew: Bool
        /// Bytes of audio missing before it.
        var missing: Int64 = 0
        /// The position of its start in bytes, on a line that never goes back. The first message's position is its
        /// timestamp's.
        var begin: Int64
    }

    private enum Order {
        /// There is no number, or one that proves nothing.
        case unknown
        case next, old
    }

    private enum Time {
        case unknown, near, old
        case ahead(Int64)
        case astray
    }

    /// Numbers outside their window, which were ignored; their audio was used.
    private(set) var outliers = 0
    /// The times that the clock adopted new numbers.
    private(set) var resynchronisations = 0

    private let rate: Int64
    /// The expected position of the next audio: by the timestamps, and on the line.
    private var expected: Int64?
    private var line: Int64?

    private var lastSequence: UInt32 = 0
    private var seenSequence: UInt32 = 0
    private var sequencesAstray = 0
    private var hasSequenceStalled = false

    private var seenPosition: Int64?
    /// The expected position of a message that agrees with the last one whose timestamp was astray.
    private var astrayEnd: Int64?
    private var hasTimeStalled = false

    /// Messages in a row that looked like repetitions.
    private var refused = 0

    /// The jitter of the carrier's timestamps, in milliseconds: less than a frame.
    private static let tolerance: Int64 = 20
    /// The distance from the expected time, in milliseconds, up to which a timestamp is believed at once.
    private static let timeWindow: Int64 = 1000
    /// The distances that sequence numbers may run ahead and fall back: the messages of ten seconds and of two.
    private static let sequenceWindow: Int64 = 500
    private static let sequenceRepetition: Int64 = 100
    /// The sequence numbers in a row that must agree to be believed at any distance.
    private static let agreement = 3
    /// The messages in a row that may be taken for repetitions.
    static let patience = 10
    /// The longest gap to believe, in milliseconds: a day.
    private static let longestGap: Int64 = 86_400_000
    /// The largest timestamp, in milliseconds: 34 years, longer than any stream. Keeps hostile timestamps from
    /// overflowing the arithmetic.
    private static let latestTimestamp: UInt64 = 1 << 40

    init(bytesPerMillisecond: Int) {
        rate = Int64(max(1, bytesPerMillisecond))
    }

    /// Another stream follows: its numbers have nothing to do with those so far.
    mutating func beginAnew() {
        var next = StreamClock(bytesPerMillisecond: Int(rate))
        next.outliers = outliers
        next.resynchronisations = resynchronisations
        next.line = line
        self = next
    }

    /// - Parameters:
    ///   - sequence: the message's sequence number; 0 if it has none.
    ///   - timestamp: the message's time in milliseconds; `nil` if it has none.
    mutating func place(sequence: UInt32, timestamp: UInt64?, bytes: Int) -> Place {
        let bytes = Int64(bytes)
        let position = timestamp.map { Int64(min($0, Self.latestTimestamp)) * rate }
        let order = judge(sequence)
        let lead = lead(of: position)
        let time = judge(lead, order)
        defer {
            if sequence > 0 { seenSequence = sequence }
            seenPosition = position ?? seenPosition
        }
        guard isNew(order, time, lead: lead ?? 0, bytes: bytes) else {
            refused += 1
            guard refused > Self.patience else {
                return Place(isNew: false, begin: (line ?? 0) + (lead ?? 0))
            }
            return startAnew(sequence, position, bytes)
        }
        if order == .next, sequence > 0 { lastSequence = sequence }
        return take(time, at: position, bytes: bytes)
    }

    // MARK: Judging

    private mutating func judge(_ sequence: UInt32) -> Order {
        guard sequence > 0 else { return .unknown }
        if hasSequenceStalled {
            guard sequence != seenSequence else { return .unknown }
            hasSequenceStalled = false
            lastSequence = 0
        }
        guard lastSequence > 0 else { return .next }
        switch Int64(sequence) - Int64(lastSequence) {
        case 1...Self.sequenceWindow:
            sequencesAstray = 0
            return .next
        case -Self.sequenceRepetition...0:
            sequencesAstray = 0
            return .old
        default:
            return strayed(sequence)
        }
    }

    private mutating func strayed(_ sequence: UInt32) -> Order {
        let step = Int64(sequence) - Int64(seenSequence)
        sequencesAstray = sequencesAstray > 0 && (1...Self.sequenceWindow).contains(step) ? sequencesAstray + 1 : 1
        if sequencesAstray >= Self.agreement {
            sequencesAstray = 0
            resynchronisations += 1
            lastSequence = sequence
        } else {
            outliers += 1
        }
        return .unknown
    }

    /// The distance of a timestamp ahead of the expected one; `nil` if there is no usable timestamp.
    private mutating func lead(of position: Int64?) -> Int64? {
        guard let position else { return nil }
        if hasTimeStalled {
            guard position != seenPosition else { return nil }
            hasTimeStalled = false
            expected = nil
        }
        return position - (expected ?? position)
    }

    private func judge(_ lead: Int64?, _ order: Order) -> Time {
        guard let lead else { return .unknown }
        let tolerance = Self.tolerance * rate
        let window = Self.timeWindow * rate
        guard lead >= -window, lead <= window else { return .astray }
        if lead >= tolerance { return .ahead(lead) }
        // A repetition of the frame before begins a whole frame early.
        return lead < -tolerance || (lead == -tolerance && order != .next) ? .old : .near
    }

    /// Audio is new unless one of its numbers calls it old. If they disagree, the sequence number decides, unless the
    /// timestamp has clearly moved on.
    private mutating func isNew(_ order: Order, _ time: Time, lead: Int64, bytes: Int64) -> Bool {
        switch (order, time) {
        case (.next, _), (.unknown, .unknown), (.unknown, .near), (.unknown, .ahead), (.unknown, .astray):
            return true
        case (.unknown, .old), (.old, .unknown), (.old, .old):
            return false
        case (.old, .near), (.old, .ahead), (.old, .astray):
            guard lead > -min(bytes, Self.tolerance * rate) else { return false }
            outliers += 1
            return true
        }
    }

    // MARK: Taking

    private mutating func take(_ time: Time, at position: Int64?, bytes: Int64) -> Place {
        switch time {
        case .unknown, .near:
            return advance(to: expected ?? position, missing: 0, bytes: bytes)
        case .old:
            // The sequence number says that it is new: the stream's clock was set back a little.
            return advance(to: position, missing: 0, bytes: bytes)
        case .ahead(let lead):
            return advance(to: position, missing: lead, bytes: bytes)
        case .astray:
            return takeAstray(position ?? 0, bytes)
        }
    }

    private mutating func takeAstray(_ position: Int64, _ bytes: Int64) -> Place {
        let isConfirmed = astrayEnd.map { abs(position - $0) < Self.tolerance * rate } ?? false
        guard isConfirmed else {
            outliers += 1
            let place = advance(to: expected, missing: 0, bytes: bytes)
            astrayEnd = position + bytes
            return place
        }
        resynchronisations += 1
        return advance(to: position, missing: max(0, position - (expected ?? position)), bytes: bytes)
    }

    /// So many messages in a row looked like repetitions that they cannot be.
    private mutating func startAnew(_ sequence: UInt32, _ position: Int64?, _ bytes: Int64) -> Place {
        resynchronisations += 1
        hasSequenceStalled = sequence > 0 && sequence == seenSequence
        hasTimeStalled = position != nil && position == seenPosition
        if sequence > 0 { lastSequence = sequence }
        return advance(to: position ?? expected, missing: 0, bytes: bytes)
    }

    private mutating func advance(to begin: Int64?, missing: Int64, bytes: Int64) -> Place {
        let missing = min(missing, Self.longestGap * rate)
        let place = Place(isNew: true, missing: missing, begin: (line ?? begin ?? 0) + missing)
        line = place.begin + bytes
        expected = begin.map { $0 + bytes }
        astrayEnd = nil
        refused = 0
        return place
    }
}
