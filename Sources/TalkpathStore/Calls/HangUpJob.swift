package import TalkpathCore

/// A call that has ended for us and perhaps not for the carrier: it is hung up until the carrier has said so.
package struct HangUpJob: Equatable, Sendable {
    package var callID: CallID
    package var tenant: String
    /// `nil` where a call was being placed when its process died, and the carrier has not told its name since.
    package var carrierCallID: String?
    /// How often the carrier has been asked.
    package var attempts: Int
    package var dueAt: WallTime

    /// For as long as the process lives, the session goes on asking, for some twenty minutes; then it is the job's turn.
    /// In milliseconds.
    static let sessionsTurn: Int64 = 25 * 60 * 1000
    /// No carrier lets a call run longer: then there is nothing left to hang up.
    static let lifetime: Int64 = 24 * 3600 * 1000
}

extension EndReceipt {
    /// Whether there may be a call at the carrier still.
    var needsHangUp: Bool {
        guard !carrierConfirmed else { return false }
        switch step(.hangUp)?.outcome {
        case .failed, .timedOut: return true
        case .done, .alreadyGone, .skipped, nil: return false
        }
    }
}
