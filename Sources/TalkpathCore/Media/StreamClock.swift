import TalkpathWire

/// Puts a stream's messages in their place, by the numbers they bring: which audio is new, and what is missing before
/// it.
///
/// No single number is believed. A sequence number or a timestamp outside its window is passed over, and its message
/// taken as what follows; once the messages after it agree with it, the clock is set anew. A number that stands still
/// is ignored until it moves. So neither an outlier nor a restart silences a caller: after at most ``patience``
/// messages in a row that look like repetitions, audio is taken again.
///
/// Pure bookkeeping; allocates nothing.
struct StreamClock {
    /// Where one message's audio belongs.
    struct Place: Equatable {
        /// False for what came before.
        var isNew: Bool
        /// Bytes of audio that are missing before it.
        var missing: Int64 = 0
        /// Where it begins, in bytes on a line that never goes back; the first message's is its timestamp's.
        var begin: Int64
    }

    private enum Order {
        /// No number, or one that says nothing.
        case unknown
        case next, old
    }

    private enum Time {
        case unknown, near, old
        case ahead(Int64)
        case astray
    }

    /// Numbers outside their window: passed over, their audio taken all the same.
    private(set) var outliers = 0
    /// How often the clock was set anew.
    private(set) var resynchronisations = 0

    private let rate: Int64
    /// Where the next audio is expected by the timestamps, and on the line.
    private var expected: Int64?
    private var line: Int64?

    private var lastSequence: UInt32 = 0
    private var seenSequence: UInt32 = 0
    private var sequencesAstray = 0
    private var hasSequenceStalled = false

    private var seenPosition: Int64?
    /// Where a message would go on that agrees with the last one whose timestamp was astray.
    private var astrayEnd: Int64?
    private var hasTimeStalled = false

    /// Messages since one was taken.
    private var refused = 0

    /// The carrier's timestamps jitter by less than a frame, in milliseconds.
    private static let tolerance: Int64 = 20
    /// How far timestamps may lie from what is expected, in milliseconds, and be believed at once.
    private static let timeWindow: Int64 = 1000
    /// How far sequence numbers may run ahead, and fall back: messages of ten seconds, and of two.
    private static let sequenceWindow: Int64 = 500
    private static let sequenceRepetition: Int64 = 100
    /// So many sequence numbers in a row that agree are believed, wherever they lie.
    private static let agreement = 3
    /// So many messages in a row are taken for repetitions.
    static let patience = 10
    /// More is not believed to be missing at once, in milliseconds: a day.
    private static let longestGap: Int64 = 86_400_000
    /// No stream lasts longer, in milliseconds: 34 years. Keeps hostile timestamps from overflowing the arithmetic.
    private static let latestTimestamp: UInt64 = 1 << 40

    init(bytesPerMillisecond: Int) {
        rate = Int64(max(1, bytesPerMillisecond))
    }

    /// - Parameters:
    ///   - sequence: 0 where the message has none.
    ///   - timestamp: milliseconds; `nil` where the message has none.
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

    /// How far a timestamp lies ahead of what is expected; `nil` if there is none to go by.
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
        // A message of the frame before, once more, begins a whole frame early.
        return lead < -tolerance || (lead == -tolerance && order != .next) ? .old : .near
    }

    /// What neither of its numbers calls old is new; where they differ, the sequence is the one to know, unless the
    /// clock has clearly gone on.
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
            // By its sequence it is new: the clock was set back a little.
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

    /// Everything for a while has looked like a repetition: it is not.
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
