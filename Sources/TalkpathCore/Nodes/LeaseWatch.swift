package import TalkpathAudio

/// Decides whether a node may believe that others have lost their leases.
///
/// After a time without the database, all leases are over at once, although every node lives. So a node believes it only
/// if its own heartbeats have succeeded for a whole lease without a gap: every other living node has renewed its lease by
/// then.
package struct LeaseWatch: Sendable {
    private let lease: Duration
    /// The longest time between two heartbeats without a gap.
    private let longestGap: Duration
    private var unbrokenSince: MonotonicInstant?
    private var last: MonotonicInstant?

    package init(lease: Duration, longestGap: Duration) {
        self.lease = lease
        self.longestGap = longestGap
    }

    /// - Parameters:
    ///   - begun: when the heartbeat was sent.
    ///   - ended: when the database had answered.
    package mutating func succeeded(begun: MonotonicInstant, ended: MonotonicInstant) {
        if let last, begun - last > longestGap || ended - begun > longestGap { unbrokenSince = nil }
        if unbrokenSince == nil { unbrokenSince = ended }
        last = ended
    }

    package mutating func failed() {
        unbrokenSince = nil
    }

    package var mayBelieve: Bool {
        guard let unbrokenSince, let last else { return false }
        return last - unbrokenSince >= lease
    }
}
