internal import NIOCore
public import TalkpathAudio

/// The pace of a simulator's time.
public enum Pace: Sendable, Hashable {
    /// A second is a second: the only pace at which a real bridge can be judged, since it paces in real time itself.
    case realTime
    /// Everything of the simulator happens that many times as fast: for trying a script or a fake alone.
    case fast(Int)

    var factor: Int64 {
        switch self {
        case .realTime: 1
        case .fast(let factor): Int64(max(1, factor))
        }
    }
}

/// A simulator's time: the system's monotonic clock, or one that runs faster from the simulator's start on.
///
/// At ``Pace/realTime`` an instant is CLOCK_MONOTONIC in nanoseconds, so instants of several simulators, and of whoever
/// else reads that clock, compare.
public struct SimulatorClock: Sendable {
    public let pace: Pace
    private let origin: Int64
    private let factor: Int64

    public init(pace: Pace = .realTime) {
        self.pace = pace
        origin = Self.uptime()
        factor = pace.factor
    }

    public func now() -> MonotonicInstant {
        MonotonicInstant(nanoseconds: origin + (Self.uptime() - origin) * factor)
    }

    /// When the event loop must wake for `instant`.
    func deadline(for instant: MonotonicInstant) -> NIODeadline {
        let real = origin + (instant.nanoseconds - origin) / factor
        return .uptimeNanoseconds(UInt64(clamping: real))
    }

    /// The real time that a simulated `duration` takes.
    func realDuration(_ duration: Duration) -> Duration {
        .nanoseconds(duration.wholeNanoseconds / factor)
    }

    private static func uptime() -> Int64 {
        Int64(clamping: NIODeadline.now().uptimeNanoseconds)
    }
}
