import TalkpathAudio

@testable import TalkpathCore

/// Time for guards, in ticks of 20 ms.
struct GuardClock {
    private(set) var now = MonotonicInstant.at(milliseconds: 0)

    /// Asks at every tick of that time; returns the first answer and the time until it came.
    mutating func run<Verdict>(
        _ duration: Duration,
        _ ask: (MonotonicInstant) -> Verdict?
    ) -> (verdict: Verdict, after: Duration)? {
        let start = now
        while now - start < duration {
            now += .milliseconds(20)
            if let verdict = ask(now) { return (verdict, now - start) }
        }
        return nil
    }
}
