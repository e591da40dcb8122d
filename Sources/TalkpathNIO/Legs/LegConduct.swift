import NIOCore

/// Judges a leg's peer by what its messages turned out to be: not understood, or something for the session to act on.
struct LegConduct {
    private var faults: RateBucket
    private var events: RateBucket
    private var knownFaults = 0

    init(_ budget: WebSocketBudget, at now: NIODeadline) {
        faults = RateBucket(budget.faults, at: now)
        events = RateBucket(budget.events, at: now)
    }

    /// - Parameters:
    ///   - total: faults of the call's leg so far.
    ///   - more: events of one message.
    /// - Returns: what the peer has sent too much of.
    mutating func judge(faults total: Int, events more: Int, on eventLoop: any EventLoop) -> WebSocketOverrun? {
        if total > knownFaults {
            faults.refill(at: eventLoop.now)
            let isAllowed = faults.take(total - knownFaults)
            knownFaults = total
            if !isAllowed { return .faults }
        }
        if more > 0 {
            events.refill(at: eventLoop.now)
            if !events.take(more) { return .events }
        }
        return nil
    }

    /// What the leg had to its name before this socket is not this peer's.
    mutating func begin(withFaults total: Int) { knownFaults = total }
}
