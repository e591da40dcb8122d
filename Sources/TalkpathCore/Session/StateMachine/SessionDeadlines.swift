import TalkpathAudio

/// The purpose of a timer.
///
/// Of those due at the same instant the first in this list fires first, so that a run can be repeated.
package enum SessionDeadline: Int, Hashable, Sendable, CaseIterable {
    case maxDuration, queue, ringing, media, agentSetup, agentRetry, drain, transfer, renewal
    case hangUp, hangUpRetry, closeAgent, goodbye, closeMedia, streamReport, saveRecord
    /// The session is over, and asks the carrier again.
    case lateHangUp
    /// The session is over, and a call that was being placed has no name yet.
    case lateName
    /// The session is over, and its record is being brought up to date.
    case updateRecord
}

/// The armed timers of one part of a call, at most one for each reason.
///
/// The earliest is kept at hand, so that a tick at which nothing is due costs one comparison.
struct SessionDeadlines {
    private var instants: [SessionDeadline: MonotonicInstant] = [:]
    private(set) var next: MonotonicInstant?

    subscript(reason: SessionDeadline) -> MonotonicInstant? {
        get { instants[reason] }
        set {
            instants[reason] = newValue
            next = instants.values.min()
        }
    }

    mutating func removeAll() {
        instants.removeAll()
        next = nil
    }

    /// The first in the list of reasons of those whose timer is armed for this instant.
    func first(at instant: MonotonicInstant) -> SessionDeadline? {
        guard next == instant else { return nil }
        return instants.filter { $0.value == instant }.keys.min { $0.rawValue < $1.rawValue }
    }
}
