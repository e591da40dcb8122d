import TalkpathAudio
import TalkpathCore

/// Wall-clock time as of the start of the process, continued at an even pace. Setting the machine's clock does not
/// change it.
///
/// For due times. If the clock were set back an hour, they would be an hour late; if it were set forward, all attempts
/// would be used up at once. Times that are shown or signed use the real wall clock.
struct SteadyClock: CallClock {
    private let clock: any CallClock
    private let began: (wall: WallTime, now: MonotonicInstant)

    init(_ clock: any CallClock) {
        self.clock = clock
        began = (clock.wallTime, clock.now)
    }

    var now: MonotonicInstant { clock.now }

    var wallTime: WallTime {
        WallTime(milliseconds: began.wall.milliseconds + Int64(clock.now.milliseconds(since: began.now)))
    }
}
