import TalkpathAudio

/// Measures the times from the model's report of an interruption until the telephony leg's socket was told to clear.
struct ClearClock {
    private(set) var latency = LatencyHistogram()
    /// The instant of the report, until the `clear` has been sent.
    private var since: MonotonicInstant?

    /// True if a `clear` was written whose delay is not measured yet.
    var isPending: Bool { since != nil }

    /// A `clear` was written.
    ///
    /// - Parameter noticed: the instant of the report that it is for; nil if it is for none.
    mutating func written(noticed: MonotonicInstant?) {
        since = noticed
    }

    /// All that was written has been sent.
    ///
    /// - Returns: how long it took, if a `clear` was among it.
    mutating func sent(at now: MonotonicInstant) -> Duration? {
        guard let since else { return nil }
        self.since = nil
        latency.record(now - since)
        return now - since
    }
}
