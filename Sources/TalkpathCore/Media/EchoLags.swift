/// How much later than it could the far end plays a run of audio, judged by the echoes of marks.
///
/// Media, marks and orders to clear travel the same way, so that a constant delay of the line does not count: what has
/// been played when an order to clear arrives there is what was sent as long before. An echo comes back after the
/// line's whole round trip. What it takes beyond the least that an echo has taken on this call is either the network's
/// unrest or a late beginning of the run, and the least of the newest few echoes tells the one from the other.
///
/// All in nanoseconds. Pure; allocates nothing.
struct EchoLags {
    /// The least of the present group of runs, and of the group before: a line's delay may change for good.
    private var least: Int64?
    private var leastBefore: Int64?
    private var runs = 0
    /// The newest of the present run.
    private var newest = InlineArray<5, Int64>(repeating: 0)
    private var count = 0
    /// What an echo takes beyond the least of its neighbours, on the average.
    private var unrest: Int64 = 0

    private static let runsPerGroup = 4

    mutating func runBegan() {
        count = 0
        runs += 1
        guard runs > Self.runsPerGroup else { return }
        runs = 1
        leastBefore = least ?? leastBefore
        least = nil
    }

    /// An echo has come so long after the audio before its mark would have been played on a line without delay.
    mutating func note(_ lag: Int64) {
        // Sooner than it can have been played, it says nothing about the line.
        let lag = max(0, lag)
        newest[count % newest.count] = lag
        count = min(count, Int.max - newest.count) + 1
        least = min(least ?? lag, lag)
        if count >= newest.count { unrest += (lag - leastOfRun - unrest) / 8 }
    }

    /// How much later the far end plays than it could; less than nothing where orders to clear are expected to take
    /// their time.
    var delay: Int64 {
        guard count > 0, let least else { return 0 }
        let usual = min(least, leastBefore ?? least)
        // One echo alone may itself be late: it counts by half, and more of them for more.
        let known = Int64(min(count, newest.count))
        return (leastOfRun - usual - unrest) * known / (known + 1)
    }

    /// Of its newest echoes: a run that has come to a halt does not catch up.
    private var leastOfRun: Int64 {
        var least = newest[0]
        for index in 1..<max(1, min(count, newest.count)) where newest[index] < least { least = newest[index] }
        return least
    }
}
