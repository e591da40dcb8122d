import Synchronization
import TalkpathAudio
import TalkpathCore

/// Sends creates to one account at a rate: creates that come too fast wait for their turn, up to a bound.
final class CallPacer: Sendable {
    private let interval: Duration
    private let longestWait: Duration
    private let next: Mutex<ContinuousClock.Instant>

    /// - Parameters:
    ///   - interval: from one create to the next.
    ///   - longestWait: a create that would have to wait longer is refused.
    init(interval: Duration, longestWait: Duration = .seconds(30)) {
        self.interval = interval
        self.longestWait = longestWait
        next = Mutex(ContinuousClock.now)
    }

    /// - Parameter rate: creates a second.
    convenience init(rate: Int) { self.init(interval: .seconds(1) / max(1, rate)) }

    /// - Throws: `unavailable` with `retryAfter` where too many wait, or `refused` where the task is cancelled. The
    ///   turn is then lost.
    func waitForTurn() async throws(CarrierError) {
        let now = ContinuousClock.now
        let (turn, wait): (ContinuousClock.Instant?, Duration) = next.withLock { next in
            let turn = max(now, next)
            guard turn - now <= longestWait else { return (nil, turn - now - longestWait) }
            next = turn + interval
            return (turn, .zero)
        }
        guard let turn else {
            throw CarrierError(
                .unavailable,
                "too many calls wait for their turn at the carrier",
                retryAfter: max(.seconds(1), wait)
            )
        }
        guard turn > now else { return }
        do {
            try await Task.sleep(until: turn, clock: .continuous)
        } catch {
            throw CarrierError(.refused, "ended before it was placed")
        }
    }
}
