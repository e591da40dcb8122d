import TalkpathAudio

/// The agent speaks first, unless the caller does: they do not both.
extension CallSession {
    /// At the beginning of the call.
    func prepareGreeting() {
        guard agent.firstMessage != nil, agent.greetingPolicy == .greetingFirst else { return }
        media.value.withholdCaller(true)
    }

    /// Both ends are there.
    func greet(at now: MonotonicInstant) {
        guard let words = agent.firstMessage else { return }
        talk.greetedOn = now
        perform(talk.speech.greet(words, callerHasSpoken: talk.hasCallerSpoken, at: now))
    }

    /// Every 20 ms: once the greeting has been heard, the agent hears the caller.
    func greetingTick(at now: MonotonicInstant) {
        let media = media.value
        guard media.isCallerWithheld, let greeted = talk.greetedOn else { return }
        let isOver = talk.speech.isIdle && !media.isAgentTalking && media.isPlayedOut(at: now)
        if isOver || now - greeted >= Self.longestGreeting { media.withholdCaller(false) }
    }

    private static let longestGreeting = Duration.seconds(20)
}
