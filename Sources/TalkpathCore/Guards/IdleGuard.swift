import TalkpathAudio

/// Watches for a line on which neither side speaks: asks the agent to speak, then gives the call up.
///
/// Pure: gets the heard audio every 20 ms, and returns the next action.
struct IdleGuard: Equatable, Sendable {
    enum Verdict: Equatable, Sendable {
        /// The agent is to say this.
        case prompt(String)
        case end
    }

    let timeout: Duration
    let prompt: IdlePrompt?
    /// Prompts in the present stretch of silence.
    private var prompts = 0
    private var due: MonotonicInstant?

    init(timeout: Duration, prompt: IdlePrompt? = nil) {
        self.timeout = timeout
        self.prompt = prompt
    }

    /// The first call starts the clock.
    ///
    /// - Parameters:
    ///   - isCallerActive: speaks, or has pressed a key.
    ///   - isAgentActive: is being heard, or is at work for the caller.
    mutating func watch(isCallerActive: Bool, isAgentActive: Bool, at now: MonotonicInstant) -> Verdict? {
        if isCallerActive { prompts = 0 }
        guard let due, !isCallerActive, !isAgentActive else {
            due = now + pause
            return nil
        }
        guard due <= now else { return nil }
        guard let prompt, prompts < prompt.times else { return .end }
        prompts += 1
        // Until the agent is heard saying it; then it counts anew.
        self.due = now + pause
        return .prompt(prompt.words)
    }

    private var pause: Duration {
        guard let prompt, prompts > 0 else { return timeout }
        return prompt.patience
    }
}
