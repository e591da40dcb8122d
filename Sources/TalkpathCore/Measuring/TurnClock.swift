import TalkpathAudio

/// Measures how long the caller waits for answers: from the caller's last sound to the first agent audio handed to the
/// telephony leg.
///
/// Both ends are measured on the line. So the time includes the model's time to notice the end of the turn, to think
/// and to speak, and our own. Agent audio without a caller's turn before it (the greeting, a second sentence after a
/// pause) is not measured.
struct TurnClock {
    private(set) var latency = LatencyHistogram()
    private var isCallersTurn = false

    /// The caller has begun to speak.
    mutating func callerBegan() {
        isCallersTurn = true
    }

    /// A stretch of agent audio has begun.
    ///
    /// - Parameter lastSpeech: the instant at which the caller was last heard.
    /// - Returns: the time that the caller waited; `nil` if this is not an answer.
    mutating func agentBegan(at now: MonotonicInstant, lastSpeech: MonotonicInstant?) -> Duration? {
        guard isCallersTurn, let lastSpeech else { return nil }
        isCallersTurn = false
        let waited = now - lastSpeech
        latency.record(waited)
        return waited
    }
}
