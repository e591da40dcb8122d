public import TalkpathAudio

/// The time, as everything in a call sees it.
public protocol CallClock: Sendable {
    /// Never steps; for every duration and deadline.
    var now: MonotonicInstant { get }
    /// Civil time; for records only.
    var wallTime: WallTime { get }
}

/// Names and secrets. Passed in, so that a simulated run can be repeated.
public protocol IdentifierSource: Sendable {
    func makeCallID() -> CallID
    /// Unguessable: at least 128 bits.
    func makeToken() -> String
}
