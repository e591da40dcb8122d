import Logging
import TalkpathAudio
import TalkpathWire

/// The call has a list of agents, and the next one takes over.
extension CallSession {
    /// The next agent is the call's from here on. Its socket is opened next, and its session is told the conversation as
    /// one that is opened again is told it.
    ///
    /// Functions that the agent before has called run on, and the next one hears of their results. The caller's audio
    /// waits in the ring meanwhile.
    func changeAgent(_ failover: AgentFailover) {
        logger.warning(
            "The next agent of the call's list takes over",
            metadata: [
                "from": "\(failover.from.description.asLogged)", "to": "\(failover.to.description.asLogged)",
                "reason": "\(failover.reason.asLogged)",
            ]
        )
        agentInUse = agent.succession[machine.agentNumber]
        // A handle is its provider's own.
        resumptionHandle = nil
        talk.agentChanges(to: agentInUse, wasHeard: machine.wasAgentHeard)
        keepFittingChanges()
        if !media.value.agentChanges(to: MediaPlan(agentInUse)) {
            logger.error("No filter fits the next agent's audio, which is not converted")
        }
        publish(.agentFailedOver(failover))
    }

    /// Of the changes to this call's session, those that the next agent's provider takes.
    private func keepFittingChanges() {
        guard !talk.change.isEmpty else { return }
        do throws(AgentOptionFault) {
            try agentInUse.check(talk.change)
        } catch {
            var words = AgentChange()
            words.instructions = talk.change.instructions
            talk.change = words
            logger.notice(
                "A change to the session does not fit the next agent and is left out",
                metadata: ["field": "\(error.field.asLogged)"]
            )
        }
    }
}
