import TalkpathAudio

/// The wait for the model's own word that its session is closed, which tells the reason and the time billed; or for the
/// caller's last words, which a model writes down some time after it has heard them.
///
/// One waits, and not for long: the socket is closed after that in any case.
struct AgentGoodbye {
    private var waiter: CheckedContinuation<Void, Never>?
    private var due: MonotonicInstant?
    private var isOver = false

    /// The provider takes up to ten seconds. The receipt does not wait so long.
    static let patience = Duration.seconds(2)

    mutating func wait(_ continuation: CheckedContinuation<Void, Never>, at now: MonotonicInstant) {
        guard !isOver, waiter == nil else {
            continuation.resume()
            return
        }
        waiter = continuation
        due = now + Self.patience
    }

    /// It came, or the socket is gone.
    mutating func came() {
        waiter?.resume()
        waiter = nil
        due = nil
    }

    /// The call no longer waits for it.
    mutating func giveUp() {
        isOver = true
        came()
    }

    mutating func tick(at now: MonotonicInstant) {
        if let due, due <= now { came() }
    }
}
