package import TalkpathCore

/// A call that has ended here but perhaps not at the carrier. The server asks the carrier to hang up until the carrier
/// confirms.
package struct HangUpJob: Equatable, Sendable {
    package var callID: CallID
    package var tenant: String
    /// `nil` if the process died while it placed the call, and the carrier has not reported the call's name since.
    package var carrierCallID: String?
    /// The number of requests to the carrier so far.
    package var attempts: Int
    package var dueAt: WallTime

    /// The delay before the job takes over, in milliseconds. As long as its process lives, the call's session retries
    /// the hang-up itself, for about twenty minutes.
    static let sessionsTurn: Int64 = 25 * 60 * 1000
    /// The age at which a job is dropped, in milliseconds. No carrier lets a call run longer, so that nothing is left
    /// to hang up.
    static let lifetime: Int64 = 24 * 3600 * 1000
}

extension EndReceipt {
    /// True if the carrier may still have the call open.
    var needsHangUp: Bool {
        guard !carrierConfirmed else { return false }
        switch step(.hangUp)?.outcome {
        case .failed, .timedOut: return true
        case .done, .alreadyGone, .skipped, nil: return false
        }
    }
}
