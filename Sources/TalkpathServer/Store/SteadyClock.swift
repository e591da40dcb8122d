import TalkpathAudio
import TalkpathCore

/// Civil time as it was when the process began, going on evenly: when the machine's clock is set, this one is not.
///
/// For what is due after a pause. A clock that is set back an hour would delay it by an hour; one that is set forward
/// would spend all attempts at once. What is shown or signed takes the real civil time instead.
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
