import TalkpathAudio

extension SessionState {
    /// The state of the carrier's media stream.
    package enum Media: String, CaseIterable, Sendable {
        /// No stream yet, or another is to come. Next: `started`, or none at all.
        case none
        /// A socket is open (or the leg is a ring leg) and audio may flow. Next: `stopped`, `closed`; `none` where
        /// the caller returns from a transfer, and so for the next two.
        case started
        /// The carrier has said goodbye; the socket is still open. Next: `closed`.
        case stopped
        /// The socket is gone.
        case closed
    }
}

/// The carrier's media stream. A call has one at a time; a caller who returns from a transfer comes on another.
///
/// The machine of the call decides the effect of its end on the call.
struct MediaMachine {
    typealias State = SessionState.Media

    /// The manner of a socket's end.
    enum Closing {
        /// The carrier had said goodbye on it.
        case afterStop
        /// It broke.
        case abrupt
    }

    private(set) var state = State.none
    private var hasSocket = false
    /// Counts the streams from 1.
    private(set) var line = 0
    /// Sockets that are not known to be closed, by the numbers of their streams.
    private var openLines: Set<Int> = []
    private(set) var deadlines = SessionDeadlines()
    private let timeout: Duration

    /// - Parameter timeout: how long a call that is answered waits for its stream.
    init(timeout: Duration) {
        self.timeout = timeout
    }

    // MARK: Questions

    /// True if no audio will come any more.
    var isOver: Bool { state == .stopped || state == .closed }

    /// The sockets that are left to close.
    var socket: Socket {
        guard hasSocket else { return .none }
        return openLines.isEmpty ? .closed : .open
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
    /// - Returns: false if there is one already.
    mutating func started(hasSocket: Bool) -> Bool {
        guard state == .none else { return false }
        state = .started
        self.hasSocket = hasSocket
        line += 1
        if hasSocket { openLines.insert(line) }
        deadlines[.media] = nil
        return true
    }

    /// The carrier says goodbye.
    ///
    /// - Returns: true if that is news.
    mutating func stopped() -> Bool {
        guard !isOver else { return false }
        state = .stopped
        return true
    }

    /// A socket is gone, from either side.
    ///
    /// - Parameter closed: the number of its stream; the present one by default.
    /// - Returns: how the stream came to its end; nil if that is no news, or the stream is a former one.
    mutating func closed(line closed: Int? = nil) -> Closing? {
        openLines.remove(closed ?? line)
        guard (closed ?? line) == line, state != .none, state != .closed else { return nil }
        defer { state = .closed }
        return state == .stopped ? .afterStop : .abrupt
    }

    /// The caller returns: another stream is waited for.
    ///
    /// - Returns: the number of the former one, if its socket may still be open.
    mutating func reopen(at now: MonotonicInstant) -> Int? {
        state = .none
        expect(at: now)
        return openLines.contains(line) ? line : nil
    }

    /// The call ends, and waits for no stream.
    mutating func disarm() {
        deadlines.removeAll()
    }

    mutating func disarm(_ reason: SessionDeadline) {
        deadlines[reason] = nil
    }
}
