import TalkpathAudio
public import TalkpathWire

/// Changes of the agent's instructions, hearing and voice while the call goes on.
extension CallSession {
    /// Changes the session at once, or as soon as the answer under way has ended; sessions that are opened later on this
    /// call begin with it.
    ///
    /// - Throws: `CallCommandError`: `not_live`; `not_changeable` where the provider does not let it be changed, or the
    ///   model does not take it.
    public func change(_ change: AgentChange) throws(CallCommandError) {
        guard machine.isLive else { throw .ended }
        do throws(AgentOptionFault) {
            try presentAgent.check(change)
        } catch {
            throw CallCommandError(.notChangeable, error.description)
        }
        talk.change.add(change)
        talk.heldChange.add(change)
        sendHeldChange()
    }

    /// The agent that has the call now, with the changes of this call.
    public var presentAgent: AgentProfile { agentInUse.applying(talk.change) }

    /// The agent that the call was given, with the changes of this call.
    var agentOfRecord: AgentProfile { agent.applying(talk.change) }

    /// In the middle of an answer some of it would be refused.
    func sendHeldChange() {
        guard !talk.heldChange.isEmpty, machine.isAgentReady, !talk.speech.isAnswering else { return }
        let configuration = presentAgent.configuration(resumptionHandle: nil)
        media.value.command(.change(talk.heldChange, configuration))
        talk.heldChange = AgentChange()
        media.value.pump()
    }
}

extension AgentProfile {
    package func applying(_ change: AgentChange) -> AgentProfile {
        guard !change.isEmpty else { return self }
        var agent = self
        agent.instructions = change.instructions ?? instructions
        agent.openAI = openAI.changed(by: change.openAI)
        if let more = change.raw {
            var all = raw ?? [:]
            all.overlay(more)
            agent.raw = all
        }
        return agent
    }

    /// Finds the invalid parts of a change: options that the provider fixes, and options that the model does not
    /// support.
    package func check(_ change: AgentChange) throws(AgentOptionFault) {
        try change.check(provider)
        try applying(change).check()
    }
}
