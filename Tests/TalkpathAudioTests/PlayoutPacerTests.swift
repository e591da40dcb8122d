import TalkpathAudio
import Testing

@Suite struct PlayoutPacerTests {
    private let start = MonotonicInstant(nanoseconds: 77_000_000_123)

    @Test func `an idle pacer asks for the whole lead`() {
        let pacer = PlayoutPacer()
        #expect(pacer.bytesDue(at: start) == 1600)
        #expect(pacer.playoutEnd == nil)
        #expect(pacer.ahead(at: start) == .zero)
    }

    @Test func `sent audio plays in real time`() {
        var pacer = PlayoutPacer()
        pacer.sent(1600, at: start)
        #expect(pacer.bytesDue(at: start) == 0)
        #expect(pacer.playoutEnd == start + .milliseconds(200))
        #expect(pacer.bytesDue(at: start + .milliseconds(20)) == 160)
        #expect(pacer.bytesDue(at: start + .milliseconds(20) - .nanoseconds(1)) == 159)
        #expect(pacer.ahead(at: start + .milliseconds(50)) == .milliseconds(150))
    }

    @Test func `a late tick catches up`() {
        var pacer = PlayoutPacer()
        pacer.sent(1600, at: start)
        #expect(pacer.bytesDue(at: start + .milliseconds(133)) == 133 * 8)
    }

    @Test func `after a pause a new run begins at its own instant`() {
        var pacer = PlayoutPacer()
        pacer.sent(160, at: start)
        let later = start + .seconds(5)
        #expect(pacer.isIdle(at: later))
        #expect(pacer.bytesDue(at: later) == 1600)
        pacer.sent(160, at: later)
        #expect(pacer.playoutEnd == later + .milliseconds(20))
    }

    @Test func `a flush drops the unplayed audio`() {
        var pacer = PlayoutPacer()
        pacer.sent(1600, at: start)
        let dropped = pacer.flush(at: start + .milliseconds(30))
        #expect(dropped == .milliseconds(170))
        #expect(pacer.playoutEnd == nil)
        #expect(pacer.bytesDue(at: start + .milliseconds(30)) == 1600)
    }

    /// Three hours of ticks that are up to 90 ms late, including a rate at which a byte is not a whole number of
    /// nanoseconds. The lead is never exceeded and never runs out, and exactly the bytes for the elapsed time are sent.
    @Test(arguments: [8, 48, 7])
    func `irregular ticks over three hours cause no drift`(rate: Int) {
        var pacer = PlayoutPacer(lead: .milliseconds(200), bytesPerMillisecond: rate)
        var generator = SplitMix64(seed: 5)
        var now = start
        var total: Int64 = 0
        var worst = Duration.zero
        var least = Duration.seconds(1)
        while now < start + .seconds(10_800) {
            let due = pacer.bytesDue(at: now)
            pacer.sent(due, at: now)
            total += Int64(due)
            worst = max(worst, pacer.ahead(at: now))
            least = min(least, pacer.ahead(at: now))
            now += .nanoseconds(Int64.random(in: 1_000_000...110_000_000, using: &generator))
        }
        #expect(worst <= .milliseconds(200))
        #expect(least > .milliseconds(199))
        let end = pacer.playoutEnd ?? start
        let exact = Double((end - start).wholeNanoseconds) * Double(rate) / 1_000_000
        #expect(abs(exact - Double(total)) < 0.01)
    }

    @Test func `the due instant is the first at which that many bytes are due`() {
        var pacer = PlayoutPacer()
        pacer.sent(1600, at: start)
        let now = start + .milliseconds(3)
        let instant = pacer.instant(whenDue: 160, at: now)
        #expect(instant == start + .milliseconds(20))
        #expect(pacer.bytesDue(at: instant) >= 160)
        #expect(pacer.bytesDue(at: instant - .nanoseconds(1)) < 160)
        #expect(pacer.instant(whenDue: 24, at: now) == now)
        #expect(pacer.instant(whenDue: 100_000, at: now) == start + .milliseconds(200))
    }

    @Test func `extreme values do not trap`() {
        var pacer = PlayoutPacer(lead: .seconds(Int64.max), bytesPerMillisecond: 0)
        let first = MonotonicInstant(nanoseconds: .min)
        let last = MonotonicInstant(nanoseconds: .max)
        pacer.sent(.max, at: first)
        pacer.sent(.max, at: first)
        pacer.sent(-5, at: first)
        #expect(pacer.bytesDue(at: first) == 0)
        #expect(pacer.bytesDue(at: last) >= 0)
        #expect(pacer.playoutEnd == last || pacer.playoutEnd != nil)
        #expect(PlayoutPacer(lead: .seconds(-1)).bytesDue(at: first) == 0)
    }
}
