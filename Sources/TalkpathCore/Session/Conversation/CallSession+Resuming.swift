import Logging
import TalkpathAudio
import TalkpathWire

/// The model's sockets come and go; the conversation goes on.
extension CallSession {
    func configureAgent() {
        talk.debts.setUpBegins(at: ports.clock.now)
        dropStaleHandle()
        if resumptionHandle != nil { talk.resumingSocket = agentSocket }
        var configuration = presentAgent.configuration(resumptionHandle: resumptionHandle)
        configuration.hasHistory = resumptionHandle == nil && !(history + notes).isEmpty
        configuration.omitted = talk.omittedSettings
        if agentInUse.provider == .socket { configuration.call = details }
        if agentInUse.provider.takesConversation {
            configuration.conversation = resumptionHandle == nil ? history + notes : history
        }
        media.value.command(.configure(configuration))
    }

    /// The model refuses a part of its set-up: the next try leaves that part out.
    ///
    /// - Returns: true if there is anything to do without.
    func omit(_ refused: Set<AgentSetting>) -> Bool {
        guard !refused.isEmpty else { return false }
        talk.omittedSettings.formUnion(refused)
        let names = refused.map(\.rawValue).sorted().joined(separator: ", ")
        logger.warning("The model refused its set-up: the next try does without", metadata: ["settings": "\(names)"])
        return true
    }

    /// The model's socket was closed instead of being set up.
    ///
    /// - Returns: whether the next try does without a part of it.
    func noteRefusal(socket: AgentSocketID, reason: String) -> Bool {
        // With a handle in it, it may be that which was refused, and that is left out anyway.
        guard socket == agentSocket, talk.resumingSocket == nil, machine.configuresAgent(socket: socket) else {
            return false
        }
        return omit(agentInUse.provider.settings(refusedByClosing: reason, besides: talk.omittedSettings))
    }

    /// The model has refused its set-up, and its socket is still open.
    ///
    /// - Returns: true if it was asked again, for less.
    func configuresAgain(after report: AgentErrorReport) -> Bool {
        guard report.refusesConfiguration, machine.configuresAgent(socket: agentSocket) else { return false }
        let refused = agentInUse.provider.settings(refusedAs: report.parameter, besides: talk.omittedSettings)
        guard omit(refused) else { return false }
        configureAgent()
        media.value.pump()
        return true
    }

    /// The model's socket is gone, or was given up.
    func agentIsGone(_ socket: AgentSocketID) {
        if talk.resumingSocket == socket {
            // The model did not take the handle: it may be too old, and a new session does without.
            resumptionHandle = nil
            talk.resumingSocket = nil
        }
        if talk.speech.awaitsAnswer { talk.debts.owe() }
        talk.debts.sessionLost(isAnswering: talk.speech.isAnswering, at: ports.clock.now)
        callerTurns.modelLost(at: callMilliseconds(at: ports.clock.now))
        dropStaleHandle()
        media.value.agentLost()
        // Functions run on: they may have had their effect already.
        perform(talk.speech.agentIsLost())
    }

    /// It brings back a session without the words, function calls and messages since.
    private func dropStaleHandle() {
        if talk.debts.isHandleStale, !agentInUse.provider.resumesWhole { resumptionHandle = nil }
    }

    /// The new session is ready. Unless the model still has the conversation and the results of its functions, it gets
    /// them.
    func takeUpConversation() {
        talk.resumingSocket = nil
        sendHeldChange()
        let notes = notes
        guard resumptionHandle == nil else {
            for note in notes {
                perform(talk.speech.tell(.addMessage(role: .system, text: note.text), at: ports.clock.now))
            }
            return
        }
        let history = history + notes
        if !history.isEmpty { media.value.command(.history(history)) }
        talk.debts.resultsTold(lastAudio: nil, at: ports.clock.now)
    }

    /// The details of the call for a socket agent.
    private var details: AgentCallDetails {
        AgentCallDetails(
            id: id.description,
            direction: direction.rawValue,
            from: parties.from,
            to: parties.to,
            metadata: .object(parties.metadata.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }),
            variables: .object(parties.variables.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) })
        )
    }

    /// Functions that an earlier session has called, and their results.
    private var notes: [AgentCommand.Turn] {
        let running = talk.tools.sorted { $0.key < $1.key }.map { $0.value.call.isRunning }
        return (running + talk.debts.results).map { AgentCommand.Turn(.system, $0) }
    }

    /// The conversation so far, as far as it was heard, with the messages to the agent, in the order of time.
    private var history: [AgentCommand.Turn] {
        let said = transcript.turns.compactMap { turn in
            turn.textForModel.map { text in
                (turn.milliseconds, AgentCommand.Turn(turn.speaker == .caller ? .user : .assistant, text))
            }
        }
        let told = toldMessages.map { ($0.milliseconds, AgentCommand.Turn($0.role, $0.text)) }
        return (said + told.reversed()).enumerated()
            .sorted { ($0.element.0, $0.offset) < ($1.element.0, $1.offset) }
            .map(\.element.1)
    }

    /// Keys and messages but for the latest ones that wait to be told.
    private var toldMessages: [ToldMessage] {
        var untold = talk.speech.untoldMessages
        return talk.messages.reversed().filter { message in
            guard let place = untold.firstIndex(of: message.text) else { return true }
            untold.remove(at: place)
            return false
        }
    }

    /// The new session is asked to speak if the old one owed an answer. A caller who still speaks is answered after the
    /// turn.
    func remindAgent() {
        guard talk.debts.isOwedFromBefore else { return }
        let reminder = Self.reminder(isAnswerOwed: talk.debts.isAnswerOwed)
        talk.debts.newSessionTold()
        let now = ports.clock.now
        guard !agentInUse.provider.answersByItself else {
            perform(talk.speech.add(.remind(reminder), at: now))
            return
        }
        media.value.command(.addMessage(role: .system, text: reminder))
        perform(talk.speech.add(.ask, at: now))
    }

    /// Something that the agent is to answer, and that the caller has not said.
    func tellAgent(_ words: String) {
        switch agentInUse.provider.answersByItself {
        case true: perform(talk.speech.tell(.prompt(words), at: ports.clock.now))
        case false: media.value.command(.addMessage(role: .system, text: words))
        }
        perform(talk.speech.add(.respond, at: ports.clock.now))
    }

    private static func reminder(isAnswerOwed: Bool) -> String {
        let lost = "(The connection to you was lost for a moment. "
        return lost
            + (isAnswerOwed
                ? "Answer what the caller said last. If you do not know it, ask them to say it again.)"
                : "Go on from where the caller has heard you last.)")
    }

    /// The clip for callers whose agent is lost.
    func playFallback() {
        let media = media.value
        guard let bytes = try? agent.fallback?.clip?.converted(to: media.downlink.format) else { return }
        media.insert(DownlinkInsertion(id: talk.makeID(), bytes: bytes))
    }
}

extension AgentToolCall {
    /// The message about a function for a session that has not called it.
    var isRunning: String {
        "(You called the function \(name) with \(arguments). It is running; do not call it again. Its result follows.)"
    }

    func returned(_ output: String) -> String {
        "(You called the function \(name) with \(arguments). It returned: \(output))"
    }
}
