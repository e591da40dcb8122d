import TalkpathAudio

/// Hangs up at the carrier until that is known to be done: while the call ends, and after its receipt.
///
/// While the call ends, a request that failed for the moment is repeated soon, within the bound of the end. After the
/// receipt no task waits any more, and the carrier is asked for some twenty minutes. It carries no name of the call:
/// the machine of the call has that.
struct HangUpMachine {
    private enum State: Equatable {
        /// There is nothing to ask for: the call lives, or the carrier has confirmed its end, or is asked no more.
        /// Next: any.
        case idle
        /// The call was being placed when its end began: the carrier is asked as soon as it has given the call a name.
        /// Next: `asked`, `idle`.
        case awaitingName
        /// The carrier was asked. Next: `planned` after a failure, `asked` for want of an answer, `idle`.
        case asked
        /// The carrier is asked again at a timer. Next: `asked`, `idle`.
        case planned
    }

    /// The consequence of a failed request.
    enum Failure {
        /// The carrier is asked again.
        case retried
        /// It is not, before the receipt.
        case final
        /// The request had been given up before.
        case stale
    }

    private var state = State.idle
    private var isAfterEnd = false
    /// The number of requests to the carrier; after the end, counted anew.
    private var attempts = 0
    private(set) var deadlines = SessionDeadlines()

    /// With pauses that grow to 64 seconds: some twenty minutes.
    static let attemptLimit = 24
    static let longestPause = Duration.seconds(300)
    /// The longest wait for the answer to one request after the end.
    static let patience = Duration.seconds(30)
    /// The longest wait for the name of a call after its end: carriers answer within a minute, or never.
    static let namePatience = Duration.seconds(120)

    /// True if nothing is left to do.
    var isSettled: Bool { state == .idle }

    // MARK: While the call ends

    /// The call has a name, and the carrier is asked.
    ///
    /// - Parameter limit: until when the end waits for it.
    mutating func begin(until limit: MonotonicInstant, at now: MonotonicInstant) {
        deadlines[.hangUp] = limit
        _ = ask(at: now)
    }

    /// The carrier's name of the call is still on its way.
    mutating func awaitName(until limit: MonotonicInstant) {
        state = .awaitingName
        deadlines[.hangUp] = limit
    }

    /// The process is about to leave: the end waits no longer than this.
    mutating func hurry(until limit: MonotonicInstant) {
        guard let due = deadlines[.hangUp] else { return }
        deadlines[.hangUp] = min(due, limit)
    }

    /// The end has its answer, or waits no longer for it.
    mutating func endWaitsNoLonger() {
        state = .idle
        deadlines[.hangUp] = nil
        deadlines[.hangUpRetry] = nil
    }

    // MARK: After the end

    /// The receipt is there, and the carrier has not confirmed the end of a call that has a name.
    mutating func goOn(at now: MonotonicInstant) {
        receiptIsThere()
        plan(after: .zero, at: now)
    }

    /// The receipt is there, and whether there is a call is not known.
    mutating func goOnAwaitingName(at now: MonotonicInstant) {
        receiptIsThere()
        state = .awaitingName
        deadlines[.lateName] = now + Self.namePatience
    }

    /// The receipt is there: no task waits any more.
    mutating func receiptIsThere() {
        isAfterEnd = true
        settle()
        attempts = 0
    }

    private mutating func plan(after pause: Duration, at now: MonotonicInstant) {
        let backoff = Duration.seconds(1) * (1 << min(attempts, 6))
        state = .planned
        deadlines[.lateHangUp] = now + min(max(pause, backoff), Self.longestPause)
    }

    /// Takes another request to end the call, while the carrier has not confirmed.
    mutating func askAtOnce(at now: MonotonicInstant) {
        guard isAfterEnd, state == .planned else { return }
        // Not counted, because a few requests would otherwise use up the tries of twenty minutes.
        attempts = max(0, attempts - 1)
        deadlines[.lateHangUp] = now
    }

    /// The carrier has confirmed the end, there is no call, or the requests have been given up.
    mutating func settle() {
        state = .idle
        deadlines.removeAll()
    }

    // MARK: Asking

    /// The call's name is known, or a timer is due.
    ///
    /// - Returns: true if the carrier is to be asked now. If not, it has been asked often enough.
    mutating func ask(at now: MonotonicInstant) -> Bool {
        if isAfterEnd {
            deadlines[.lateName] = nil
            guard attempts < Self.attemptLimit else {
                state = .idle
                return false
            }
            deadlines[.lateHangUp] = now + Self.patience
        }
        attempts += 1
        state = .asked
        return true
    }

    mutating func failed(_ error: CarrierError, at now: MonotonicInstant) -> Failure {
        guard !isAfterEnd else {
            guard state == .asked else { return .stale }
            plan(after: error.retryAfter ?? .zero, at: now)
            return .retried
        }
        let backoff = Duration.milliseconds(200) * (1 << min(max(0, attempts - 1), 4))
        let next = now + max(error.retryAfter ?? .zero, backoff)
        guard error.isRetryable, let limit = deadlines[.hangUp], next < limit else { return .final }
        state = .planned
        deadlines[.hangUpRetry] = next
        return .retried
    }

    mutating func disarm(_ reason: SessionDeadline) {
        deadlines[reason] = nil
    }
}
