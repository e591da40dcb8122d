import NIOCore

/// What a peer may send over one socket, on average and all at once. Who sends more is told so and closed with 1008.
///
/// Everything that a peer sends is work for the one thread that carries all calls. A backlog that a network has held back
/// comes all at once and is no offence: so what may come at once is far more than what may come in a second.
package struct WebSocketBudget: Equatable, Sendable {
    package struct Rate: Equatable, Sendable {
        package var perSecond: Int
        package var atOnce: Int

        package init(perSecond: Int, atOnce: Int) {
            self.perSecond = perSecond
            self.atOnce = atOnce
        }
    }

    /// Frames of messages: a fragment, even an empty one, counts as much as a message.
    package var frames: Rate
    package var bytes: Rate
    /// Messages that were not understood.
    package var faults: Rate
    /// Messages that are more than audio: a key pressed, a word understood, a function called.
    package var events: Rate

    /// A carrier sends 50 messages a second and little more: frames of 20 ms, and marks played. At once, a minute of that
    /// may come.
    package static let telephony = WebSocketBudget(
        frames: Rate(perSecond: 250, atOnce: 3000),
        bytes: Rate(perSecond: 256 << 10, atOnce: 2 << 20),
        faults: Rate(perSecond: 10, atOnce: 50),
        events: Rate(perSecond: 20, atOnce: 100)
    )

    /// A model sends a minute's answer within a second or two.
    package static let agent = WebSocketBudget(
        frames: Rate(perSecond: 2000, atOnce: 20_000),
        bytes: Rate(perSecond: 8 << 20, atOnce: 32 << 20),
        faults: Rate(perSecond: 20, atOnce: 50),
        events: Rate(perSecond: 500, atOnce: 2000)
    )
}

/// What a peer has sent too much of.
package enum WebSocketOverrun: String, Equatable, Sendable, CaseIterable {
    case frames, bytes, faults, events

    /// For the peer's log and ours.
    package var words: String {
        switch self {
        case .frames: "too many messages in too short a time"
        case .bytes: "too many bytes in too short a time"
        case .faults: "too many messages that are not understood"
        case .events: "too many keys or events in too short a time"
        }
    }
}

/// Counts against a ``WebSocketBudget/Rate``. Costs nothing but additions.
struct RateBucket {
    private let rate: WebSocketBudget.Rate
    private var left: Int
    private var filledAt: NIODeadline

    init(_ rate: WebSocketBudget.Rate, at now: NIODeadline) {
        self.rate = rate
        left = rate.atOnce
        filledAt = now
    }

    /// Gives back what time has earned. Takes no time into account twice, nor loses any.
    mutating func refill(at now: NIODeadline) {
        let elapsed = (now - filledAt).nanoseconds
        guard elapsed > 0, left < rate.atOnce else {
            if left >= rate.atOnce { filledAt = now }
            return
        }
        guard elapsed < 3_600_000_000_000 else {
            left = rate.atOnce
            filledAt = now
            return
        }
        let (earned, rest) = (elapsed * Int64(rate.perSecond)).quotientAndRemainder(dividingBy: 1_000_000_000)
        guard earned > 0 else { return }
        left = min(rate.atOnce, left + Int(earned))
        filledAt = now - .nanoseconds(rest / Int64(max(1, rate.perSecond)))
    }

    /// - Returns: whether there was so much left; otherwise nothing is taken.
    mutating func take(_ amount: Int) -> Bool {
        guard amount <= left else { return false }
        left -= amount
        return true
    }
}
