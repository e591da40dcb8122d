import TalkpathAudio

/// Decides when a draining call has been heard to its end: the sent audio has been played, and the agent's words under
/// way and owed answers have come. A model that owes an answer and is silent for too long is not waited for.
///
/// Pure: asked every 20 ms.
struct DrainWatch: Equatable, Sendable {
    /// Since when nothing is to be heard.
    private var quietSince: MonotonicInstant?

    enum Debt {
        case nothing
        /// The agent has spoken, and not said that this was all.
        case rest
        /// The agent is to speak.
        case words
        /// A function runs, and the agent is to speak of its result. It has its own bound.
        case work

        /// The time for which the model may be silent while nothing is left to be heard.
        var patience: Duration {
            switch self {
            case .nothing: .zero
            case .rest: .seconds(1)
            case .words, .work: .seconds(6)
            }
        }
    }

    /// - Parameters:
    ///   - isHeard: something of the agent's is being played.
    ///   - lastMessage: when the model last said anything at all.
    mutating func isOver(
        isHeard: Bool,
        owes debt: Debt,
        lastMessage: MonotonicInstant?,
        at now: MonotonicInstant
    ) -> Bool {
        guard !isHeard, debt != .work else {
            quietSince = nil
            return false
        }
        let since = quietSince ?? now
        quietSince = since
        return debt == .nothing || now - max(since, lastMessage ?? since) >= debt.patience
    }
}
