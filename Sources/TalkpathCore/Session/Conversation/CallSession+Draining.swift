import Logging
import TalkpathAudio
import TalkpathWire

/// The agent has asked for the end of the call, which waits for its goodbye.
struct Goodbye {
    let call: AgentToolCall
    /// The model's socket that asked for it.
    let socket: AgentSocketID
    let asked: MonotonicInstant
    /// The model has been told to go on, and says its goodbye after that.
    var isAwaited: Bool
}

/// Ends and transfers that let the agent finish.
extension CallSession {
    /// True if all that the agent has to say has been heard. Asked every 20 ms while the call drains.
    func isHeardOut(at now: MonotonicInstant) -> Bool {
        let media = media.value
        let debt: DrainWatch.Debt
        if !machine.hasAgentSocket {
            debt = .nothing
        } else {
            let owesWords = talk.owesWords(lastAudio: media.lastAgentAudio, at: now)
            debt = talk.isWorking ? .work : owesWords ? .words : media.isAgentTalking ? .rest : .nothing
        }
        return talk.drain.isOver(
            isHeard: !media.isPlayedOut(at: now),
            owes: debt,
            lastMessage: media.lastAgentMessage,
            at: now
        )
    }

    /// The agent calls `end_call`: its audio so far plays to the end first.
    func endForAgent(_ call: AgentToolCall, at now: MonotonicInstant) {
        // This is how it answers the caller's turn.
        talk.debts.answerBegan()
        // A model that waits for its functions' results says goodbye only after this one.
        let isAwaited = agentInUse.provider.answersByItself && !talk.hasAgentSpoken && !media.value.isAgentTalking
        talk.goodbye = Goodbye(call: call, socket: agentSocket, asked: now, isAwaited: isAwaited)
        if isAwaited {
            perform(talk.speech.tell(.toolResult(id: call.id, name: call.name, output: ToolOutput.goodbye), at: now))
            media.value.pump()
        }
        perform(machine.end(EndRequest(.agentHangup, mode: .drain(timeout: limits.drainTimeout)), at: now))
    }

    /// The caller speaks into the agent's goodbye, and keeps the call.
    ///
    /// - Parameter isTurn: our voice detector has heard them to the end. Gemini's word alone is not enough: now and
    ///   then it interrupts an answer that is over, although neither side speaks.
    func callerCutIn(isTurn: Bool = false, at now: MonotonicInstant) {
        guard isTurn || !agentInUse.provider.answersByItself || talk.debts.detectorBegan != nil else { return }
        guard agentInUse.callerMayKeepCall, let goodbye = talk.goodbye, machine.keepCall(at: now) else { return }
        talk.goodbye = nil
        logger.info("The caller spoke into the agent's goodbye, and the call goes on")
        guards.agent?.toolFinished(goodbye.call.id, at: now)
        guard machine.holdsAgent(socket: goodbye.socket) else { return }
        let note: AgentCommand =
            goodbye.isAwaited
            ? .addMessage(role: .system, text: ToolOutput.callGoesOn)
            : .toolResult(
                id: goodbye.call.id,
                name: goodbye.call.name,
                output: ToolOutput.error(ToolOutput.callGoesOn)
            )
        perform(talk.speech.tell(note, at: now))
    }
}

extension CallTalk {
    /// The agent has been asked to speak, or the caller waits for it.
    func owesWords(lastAudio: MonotonicInstant?, at now: MonotonicInstant) -> Bool {
        // The next session is to speak as soon as it is there.
        if debts.isOwedFromBefore || debts.callerWaits(at: now) { return true }
        if speech.isAsked || debts.owesAnswerToResult(lastAudio: lastAudio) { return true }
        return goodbye?.isAwaited == true
    }

    /// A function is being carried out, of which the agent will speak.
    var isWorking: Bool { tools.values.contains { !$0.isTransfer } }
}

extension ToolOutput {
    static let goodbye = #"{"ok":true,"note":"the call ends when the caller has heard your goodbye"}"#
    static let callGoesOn = "the caller spoke, and the call goes on; call the function again when it is over"
}
