import TalkpathAudio

extension SessionState {
    /// Where the carrier's media stream stands.
    package enum Media: String, CaseIterable, Sendable {
        /// No stream yet. Next: `started`, or none at all.
        case none
        /// A socket is open (or the leg is a ring leg) and audio may flow. Next: `stopped`, `closed`.
        case started
        /// The carrier has said goodbye; the socket is still open. Next: `closed`.
        case stopped
        /// The socket is gone. The last state.
        case closed
    }
}

/// The carrier's media stream, which a call has once at most.
///
/// What its end means for the call, the machine of the call decides.
struct MediaMachine {
    typealias State = SessionState.Media

    /// How a socket has come to its end.
    enum Closing {
        /// The carrier had said goodbye on it.
        case afterStop
        /// It broke.
        case abrupt
    }

    private(set) var state = State.none
    private var hasSocket = false
    private(set) var deadlines = SessionDeadlines()
    private let timeout: Duration

    /// - Parameter timeout: how long a call that is answered waits for its stream.
    init(timeout: Duration) {
        self.timeout = timeout
    }

    // MARK: Questions

    /// Whether no audio will come any more.
    var isOver: Bool { state == .stopped || state == .closed }

    /// What is left to close.
    var socket: Socket {
        guard hasSocket else { return .none }
        return state == .closed ? .closed : .open
    }

    enum Socket {
        /// There has been none: as for a ring leg.
        case none
        case open, closed
    }

    // MARK: Inputs

    /// From now on the stream is waited for, unless it is there.
    mutating func expect(at now: MonotonicInstant) {
        guard state == .none else { return }
        deadlines[.media] = now + timeout
    }

    /// - Parameter hasSocket: not so for a ring leg.
    /// - Returns: whether it is the call's first.
    mutating func started(hasSocket: Bool) -> Bool {
        guard state == .none else { return false }
        state = .started
        self.hasSocket = hasSocket
        deadlines[.media] = nil
        return true
    }

    /// The carrier says goodbye.
    ///
    /// - Returns: whether that is news.
    mutating func stopped() -> Bool {
        guard !isOver else { return false }
        state = .stopped
        return true
    }

    /// The socket is gone, from either side.
    ///
    /// - Returns: how it came to its end; nil if that is no news.
    mutating func closed() -> Closing? {
        guard state != .closed else { return nil }
        defer { state = .closed }
        return state == .stopped ? .afterStop : .abrupt
    }

    /// The call ends, and waits for no stream.
    mutating func disarm() {
        deadlines.removeAll()
    }

    mutating func disarm(_ reason: SessionDeadline) {
        deadlines[reason] = nil
    }
}
