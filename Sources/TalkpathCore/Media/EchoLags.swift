/// Estimates from the echoes of marks how much later than possible the far end plays a run of audio.
///
/// Media, marks and `clear` messages take the same path, so a constant delay of the line cancels out: when a `clear`
/// arrives, the far end has played what was sent equally long before. An echo returns after the line's round trip. An
/// echo's time beyond the shortest one on this call is either network jitter or a late start of the run. The shortest
/// of the latest few echoes tells which.
///
/// All values are nanoseconds. Pure; allocates nothing.
struct EchoLags {
    /// The shortest lag of the present group of runs, and of the group before, because a line's delay may change for
    /// good.
    private var least: Int64?
    private var leastBefore: Int64?
    private var runs = 0
    /// The latest lags of the present run.
    private var newest = InlineArray<5, Int64>(repeating: 0)
    private var count = 0
    /// The average jitter: an echo's time beyond the shortest of its neighbours.
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

    /// Records an echo. `lag` is its time after the audio before its mark would have been played on a line without
    /// delay.
    mutating func note(_ lag: Int64) {
        // An echo that comes before its audio can have been played says nothing about the line.
        let lag = max(0, lag)
        newest[count % newest.count] = lag
        count = min(count, Int.max - newest.count) + 1
        least = min(least ?? lag, lag)
        if count >= newest.count { unrest += (lag - leastOfRun - unrest) / 8 }
    }

    /// The far end's delay beyond the possible minimum. Negative if a `clear` message is expected to arrive late.
    var delay: Int64 {
        guard count > 0, let least else { return 0 }
        let usual = min(least, leastBefore ?? least)
        // A single echo may itself be late, so it counts by half; several echoes count for more.
        let known = Int64(min(count, newest.count))
        return (leastOfRun - usual - unrest) * known / (known + 1)
    }

    /// The shortest of the run's latest echoes. Only the latest count, because a run that has stalled does not catch
    /// up.
    private var leastOfRun: Int64 {
        var least = newest[0]
        for index in 1..<max(1, min(count, newest.count)) where newest[index] < least { least = newest[index] }
        return least
    }
}
