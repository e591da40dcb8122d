import TalkpathAudio

/// Measures how long the caller waits for answers: from the caller's last sound to the first of the agent's audio that
/// is handed to the telephony leg.
///
/// Both ends are on the line, so that it holds what the model needed to notice the end of the turn, to think and to
/// speak, and what we added. A stretch of agent audio that no caller's turn came before (the greeting, a second
/// sentence after a pause) counts as none.
struct TurnClock {
    private(set) var latency = LatencyHistogram()
    private(set) var latest: Duration?
    private var isCallersTurn = false

    /// The caller has begun to speak.
    mutating func callerBegan() {
        isCallersTurn = true
    }

    /// A stretch of agent audio has begun.
    ///
    /// - Parameter lastSpeech: when the caller was last heard.
    mutating func agentBegan(at now: MonotonicInstant, lastSpeech: MonotonicInstant?) {
        guard isCallersTurn, let lastSpeech else { return }
        isCallersTurn = false
        let waited = now - lastSpeech
        latency.record(waited)
        latest = waited
    }
}
