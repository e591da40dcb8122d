import TalkpathAudio

/// Measures how long the caller waits for answers: from the caller's last sound to the first of the agent's audio that
/// is handed to the telephony leg.
///
/// Both ends are on the line, so that it holds what the model needed to notice the end of the turn, to think and to
/// speak, and what we added. A stretch of agent audio that no caller's turn came before (the greeting, a second
/// sentence after a pause) counts as none.
struct TurnClock {
    private(set) var latency = LatencyHistogram()
    private var isCallersTurn = false

    /// The caller has begun to speak.
    mutating func callerBegan() {
        isCallersTurn = true
    }

    /// A stretch of agent audio has begun.
    ///
    /// - Parameter lastSpeech: when the caller was last heard.
    /// - Returns: how long the caller had waited, if this is an answer.
    mutating func agentBegan(at now: MonotonicInstant, lastSpeech: MonotonicInstant?) -> Duration? {
        guard isCallersTurn, let lastSpeech else { return nil }
        isCallersTurn = false
        let waited = now - lastSpeech
        latency.record(waited)
        return waited
    }
}
