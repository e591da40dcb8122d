import NIOCore

/// Limits a peer by the content of its messages: messages that were not understood, and messages that make the session
/// act.
struct LegConduct {
    private var faults: RateBucket
    private var events: RateBucket
    private var knownFaults = 0

    init(_ budget: WebSocketBudget, at now: NIODeadline) {
        faults = RateBucket(budget.faults, at: now)
        events = RateBucket(budget.events, at: now)
    }

    /// - Parameters:
    ///   - total: faults counted on this leg so far, over the whole call.
    ///   - more: events of one message.
    /// - Returns: the limit that the peer exceeded; `nil` if none.
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

    /// Excludes the faults that the leg had before this socket opened: they are not this peer's.
    mutating func begin(withFaults total: Int) { knownFaults = total }
}
