import TalkpathAudio
import TalkpathWire

/// The model's sockets come and go; the conversation goes on.
extension CallSession {
    func configureAgent() {
        if resumptionHandle != nil { talk.resumingSocket = agentSocket }
        media.value.command(.configure(agent.configuration(resumptionHandle: resumptionHandle)))
    }

    /// The model's socket is gone, or was given up.
    func agentIsGone(_ socket: Int) {
        if talk.resumingSocket == socket {
            // The model did not take the handle: it may be too old, and a new session does without.
            resumptionHandle = nil
            talk.resumingSocket = nil
        }
        if socket == agentSocket, talk.speech.isResponding || talk.callerWaits { talk.owesAnswer = true }
        talk.callerWaits = false
        media.value.agentLost()
        perform(talk.speech.agentIsLost())
        cancelAllTools()
    }

    /// The new session is ready. Unless the model still knows what was said, it is told.
    func takeUpConversation() {
        talk.resumingSocket = nil
        guard resumptionHandle == nil else { return }
        for turn in transcript.turns {
            let role: AgentCommand.MessageRole = turn.speaker == .caller ? .user : .assistant
            guard let text = turn.heardText else { continue }
            media.value.command(.addMessage(role: role, text: text))
        }
    }

    /// The old session was lost when it was its turn to speak.
    func remindAgent() {
        guard talk.owesAnswer else { return }
        talk.owesAnswer = false
        let words = "(The connection to you was lost for a moment. Go on from where the caller has heard you last.)"
        switch agent.provider.answersByItself {
        case true: media.value.command(.prompt(words))
        case false: media.value.command(.addMessage(role: .system, text: words))
        }
        perform(talk.speech.add(.respond, at: ports.clock.now))
    }

    /// The clip for callers whose agent is lost.
    func playFallback() {
        let media = media.value
        guard let bytes = try? agent.fallback?.clip?.converted(to: media.downlink.format) else { return }
        media.insert(DownlinkInsertion(id: talk.makeID(), bytes: bytes))
    }
}

extension TranscriptEntry {
    /// What the caller has heard of it, as well as can be told; nil for nothing.
    var heardText: String? {
        switch heardMilliseconds {
        case nil: text
        case 0: nil
        case _?: text + " … [interrupted]"
        }
    }
}
