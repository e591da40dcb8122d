import Logging
import TalkpathAudio
import TalkpathWire

/// The agent speaks first, unless the caller does. If the carrier waits for the end of a machine's announcement, the
/// agent waits, too.
extension CallSession {
    /// Called at the beginning of the call.
    func prepareGreeting() {
        let greetsFirst = agentInUse.firstMessage != nil && agent.greetingPolicy == .greetingFirst
        // An announcement is nothing to answer.
        guard greetsFirst || awaitsVerdict else { return }
        media.value.withholdCaller(true)
    }

    /// Both ends are there.
    func greet(at now: MonotonicInstant) {
        guard !awaitsVerdict else {
            talk.awaitsVerdictSince = now
            return
        }
        beginConversation(at: now)
    }

    private func beginConversation(at now: MonotonicInstant) {
        if talk.awaitsVerdictSince != nil { guards.callerReturned() }
        talk.awaitsVerdictSince = nil
        talk.hasBegun = true
        if waitsForMessageEnd {
            media.value.command(.addMessage(role: .system, text: (answeredBy ?? .unknown).notice))
            if agent.greetingPolicy != .greetingFirst || agentInUse.firstMessage == nil {
                media.value.withholdCaller(false)
            }
        }
        guard let words = agentInUse.firstMessage else {
            media.value.withholdCaller(false)
            if waitsForMessageEnd { perform(talk.speech.add(.respond, at: now)) }
            return
        }
        talk.greetedOn = now
        perform(talk.speech.greet(words, callerHasSpoken: talk.hasCallerSpoken, at: now))
    }

    /// Every 20 ms: once the greeting has been heard, the agent hears the caller.
    func greetingTick(at now: MonotonicInstant) {
        let media = media.value
        if let since = talk.awaitsVerdictSince, now - since >= Self.longestVerdict {
            logger.warning("The carrier has not reported whether a person or a machine answered: the agent speaks now")
            talk.isVerdictGivenUp = true
            beginConversation(at: now)
        }
        guard media.isCallerWithheld, let greeted = talk.greetedOn else { return }
        let isOver = talk.speech.isIdle && !media.isAgentTalking && media.isPlayedOut(at: now)
        if isOver || now - greeted >= Self.longestGreeting { media.withholdCaller(false) }
    }

    private static let longestGreeting = Duration.seconds(20)

    // MARK: Machines

    /// The carrier reports the kind of answer.
    func verdictCame(at now: MonotonicInstant) {
        guard talk.awaitsVerdictSince != nil, !awaitsVerdict else { return }
        beginConversation(at: now)
    }

    private var waitsForMessageEnd: Bool { direction == .outbound && limits.machineDetection == .detectMessageEnd }

    /// The carrier's report of the kind of answer, or of the announcement's end, is still to come.
    private var awaitsVerdict: Bool {
        guard waitsForMessageEnd, !talk.isVerdictGivenUp, !talk.hasBegun else { return false }
        switch answeredBy {
        case nil, .machine: return true
        case .human, .machineEnd, .fax, .unknown: return false
        }
    }

    /// Longer than carriers listen to an announcement.
    private static let longestVerdict = Duration.seconds(35)
}

extension AnsweredBy {
    /// For the model.
    fileprivate var notice: String {
        switch self {
        case .human: "(A person has answered this call.)"
        case .machine, .machineEnd:
            "(An answering machine has answered this call. Its announcement is over and it records: leave your message "
                + "now, and expect no answer.)"
        case .fax: "(A fax machine has answered this call: no person hears you.)"
        case .unknown: "(Whether a person or a machine has answered this call is not known.)"
        }
    }
}
