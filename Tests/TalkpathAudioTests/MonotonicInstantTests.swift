import TalkpathAudio
import Testing

@Suite struct MonotonicInstantTests {
    @Test func `arithmetic with durations is exact in nanoseconds`() {
        let start = MonotonicInstant(nanoseconds: 1_000)
        #expect((start + .milliseconds(20)).nanoseconds == 20_001_000)
        #expect((start - .microseconds(1)).nanoseconds == 0)
        #expect((start + .seconds(86_400)) - start == .seconds(86_400))
        #expect(start.duration(to: start - .seconds(3)) == .seconds(-3))
        #expect((start + .microseconds(1500)).milliseconds(since: start) == 1.5)
    }

    @Test func `arithmetic beyond the range saturates`() {
        let last = MonotonicInstant(nanoseconds: .max)
        #expect(last + .seconds(1) == last)
        #expect(MonotonicInstant(nanoseconds: .min) - .seconds(1) == MonotonicInstant(nanoseconds: .min))
        #expect(last - MonotonicInstant(nanoseconds: -1) == .nanoseconds(Int64.max))
        #expect(Duration.seconds(Int64.max).wholeNanoseconds == .max)
        #expect(Duration.seconds(Int64.min).wholeNanoseconds == .min)
    }

    @Test(arguments: [
        (Duration.milliseconds(1500), 1500.0, 1500), (.microseconds(-1500), -1.5, -1),
        (.seconds(100), 100_000, 100_000),
    ])
    func `durations convert to milliseconds`(duration: Duration, exact: Double, whole: Int) {
        #expect(duration.milliseconds == exact)
        #expect(duration.wholeMilliseconds == whole)
    }
}
