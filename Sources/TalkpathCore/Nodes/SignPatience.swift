package import TalkpathAudio

/// The patience of a node that has asked another one for a sign of life.
///
/// A node that stands still while it waits (a paused process or machine) finds its time over when it goes on, with the
/// answer still unread. So the wait is counted in ticks, of which a late one is never the last.
package struct SignPatience: Sendable {
    /// The time between two ticks.
    package static let tick = Duration.milliseconds(100)
    /// Together the time that a node has to answer.
    private static let ticks = 7
    /// So many are the last in any case: a node without processor time for long must not wait for ever.
    private static let mostTicks = 14

    private var passed = 0
    private var last: MonotonicInstant

    /// - Parameter now: when the other node was asked.
    package init(at now: MonotonicInstant) {
        last = now
    }

    /// To be called at every tick.
    /// - Returns: true if the other node has not answered in time.
    package mutating func isOver(at now: MonotonicInstant) -> Bool {
        let isLate = now - last > Self.tick * 2
        passed += 1
        last = now
        return passed >= Self.mostTicks || (passed >= Self.ticks && !isLate)
    }
}
