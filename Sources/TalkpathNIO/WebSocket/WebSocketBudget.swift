import NIOCore

/// The amounts that a peer may send over one socket, on average and at once. A peer that sends more gets a close frame
/// with code 1008 and a reason.
///
/// One thread carries all calls, and every message of a peer costs it work. A backlog that the network held back
/// arrives all at once, which is not the peer's fault; so `atOnce` is far larger than `perSecond`.
package struct WebSocketBudget: Equatable, Sendable {
    package struct Rate: Equatable, Sendable {
        package var perSecond: Int
        package var atOnce: Int

        package init(perSecond: Int, atOnce: Int) {
            self.perSecond = perSecond
            self.atOnce = atOnce
        }
    }

    /// Frames of messages. A fragment, even an empty one, counts as much as a message.
    package var frames: Rate
    package var bytes: Rate
    /// Messages that could not be parsed or understood.
    package var faults: Rate
    /// Messages beyond audio that make the session act: a key pressed, a word recognised, a function called.
    package var events: Rate

    /// A carrier sends little more than 50 messages a second: frames of 20 ms, and marks. A minute of them may arrive
    /// at once.
    package static let telephony = WebSocketBudget(
        frames: Rate(perSecond: 250, atOnce: 3000),
        bytes: Rate(perSecond: 256 << 10, atOnce: 2 << 20),
        faults: Rate(perSecond: 10, atOnce: 50),
        events: Rate(perSecond: 20, atOnce: 100)
    )

    /// A model sends an answer of one minute within a second or two.
    package static let agent = WebSocketBudget(
        frames: Rate(perSecond: 2000, atOnce: 20_000),
        bytes: Rate(perSecond: 8 << 20, atOnce: 32 << 20),
        faults: Rate(perSecond: 20, atOnce: 50),
        events: Rate(perSecond: 500, atOnce: 2000)
    )
}

/// Counts against a ``WebSocketBudget/Rate`` as a token bucket. Costs a few additions.
struct RateBucket {
    private let rate: WebSocketBudget.Rate
    private var left: Int
    private var filledAt: NIODeadline

    init(_ rate: WebSocketBudget.Rate, at now: NIODeadline) {
        self.rate = rate
        left = rate.atOnce
        filledAt = now
    }

    /// Adds the tokens for the time since the last refill. Counts no time twice and loses none.
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

    /// - Returns: true if enough was left; otherwise nothing is taken.
    mutating func take(_ amount: Int) -> Bool {
        guard amount <= left else { return false }
        left -= amount
        return true
    }
}
