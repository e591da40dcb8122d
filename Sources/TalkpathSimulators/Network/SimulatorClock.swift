internal import NIOCore
public import TalkpathAudio

/// The pace of a simulator's time.
public enum Pace: Sendable, Hashable {
    /// Real time. The only pace for a test with a real bridge, which paces its audio in real time itself.
    case realTime
    /// Simulated time runs that many times as fast, for testing a script or a fake alone.
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
/// At ``Pace/realTime`` an instant is CLOCK_MONOTONIC in nanoseconds. Instants of several simulators, and of other
/// readers of that clock, can be compared.
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

    /// The time when the event loop must wake for `instant`.
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
