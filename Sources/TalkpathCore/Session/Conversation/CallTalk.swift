import TalkpathAudio
import TalkpathWire

/// The state of a conversation: the tasks that wait for its outcomes, and the agent's pending words.
struct CallTalk {
    typealias Said = CheckedContinuation<Result<SaidResult, CallCommandError>, Never>
    typealias Played = CheckedContinuation<Result<PlayResult, CallCommandError>, Never>

    var speech: SpeechQueue
    /// By number, in no order: each is told once.
    var said: [Int: Said] = [:]
    var played: [Int: Played] = [:]
    var digits: DigitInput
    var collector: CheckedContinuation<Result<CollectedDigits, CallCommandError>, Never>?
    /// Functions of the agent's that are being carried out, by the model's name of the invocation; see
    /// ``CallSession/toolKey(_:)``.
    var tools: [String: RunningTool] = [:]
    var finishedTools = FinishedTools()
    /// Names of the agent's marks whose audio has not been heard, by number.
    var marks: [Int: String] = [:]
    var transfer: TransferWaiter?
    /// Answers that the model did not complete, or refused.
    var failedResponses = 0
    /// Our voice detector has heard the caller, or something.
    var hasCallerSpoken = false
    /// The agent has begun to speak since our voice detector heard the caller last.
    var hasAgentSpoken = false
    /// The instant at which the agent was asked to greet the caller.
    var greetedOn: MonotonicInstant?
    /// The time since which the agent waits for the kind of answer.
    var awaitsVerdictSince: MonotonicInstant?
    /// It has waited too long.
    var isVerdictGivenUp = false
    /// The agent has been told to begin.
    var hasBegun = false
    var drain = DrainWatch()
    /// The agent wants the call to end, and has not been heard to its end.
    var goodbye: Goodbye?
    var debts = ConversationDebts()
    /// The agent's messages that are no speech on the line: the caller's keys, and texts from the API.
    private(set) var messages: [ToldMessage] = []
    /// The socket that was set up to go on with an earlier session, until the model has accepted that.
    var resumingSocket: AgentSocketID?
    /// The parts of its set-up that the model has refused.
    var omittedSettings: Set<AgentSetting> = []
    /// The changes to this call's session, and those that the model has not been told.
    var change = AgentChange()
    var heldChange = AgentChange()
    /// Another agent has taken the call over, and its first session is not there yet.
    var isTakenOver = false
    private var lastID = 0

    init(_ agent: AgentProfile) {
        speech = SpeechQueue(answersByItself: agent.provider.answersByItself)
        digits = DigitInput(tellsAgent: Self.tellsDigits(agent))
    }

    /// A socket agent is told of the keys themselves.
    private static func tellsDigits(_ agent: AgentProfile) -> Bool { agent.hearsDigits && agent.provider != .socket }

    /// Another agent takes the call over.
    ///
    /// - Parameter wasHeard: the caller has heard an agent; otherwise the next one is to greet them.
    mutating func agentChanges(to agent: AgentProfile, wasHeard: Bool) {
        speech.agentChanges(answersByItself: agent.provider.answersByItself)
        digits.tellsAgent = Self.tellsDigits(agent)
        resumingSocket = nil
        omittedSettings = []
        heldChange = AgentChange()
        isTakenOver = true
        guard !wasHeard else { return }
        speech.dropGreeting()
        greetedOn = nil
        // What is owed to a caller who has said nothing is the greeting.
        if !debts.isAnswerOwed { debts.newSessionTold() }
    }

    /// So many wait at most, of each kind.
    static let limit = 64
    static let longestText = 16_384
    /// Tool calls that run longer than this are cancelled, and the model is told that they timed out.
    static let longestTool = Duration.seconds(60)

    /// The caller does not wait for the model.
    func isQuiet(at now: MonotonicInstant) -> Bool {
        !speech.isAnswering && !debts.callerWaits(at: now) && debts.results.isEmpty && tools.isEmpty
    }

    /// The model's next session is to know of it, too; the oldest is forgotten when there are too many.
    mutating func noteMessage(_ text: String, role: AgentCommand.MessageRole, at milliseconds: Int) {
        if messages.count >= Self.limit { messages.removeFirst() }
        messages.append(ToldMessage(text: text, role: role, milliseconds: milliseconds))
        debts.agentTold()
    }

    /// Even: see ``AgentItem/isDigits``.
    mutating func makeID() -> Int {
        lastID += 1
        return lastID * 2
    }

    /// Odd.
    mutating func makeDigitsID() -> Int {
        lastID += 1
        return lastID * 2 + 1
    }
}

/// A message to the agent that was not spoken on the line.
struct ToldMessage {
    let text: String
    let role: AgentCommand.MessageRole
    /// Since the call started.
    let milliseconds: Int
}

/// The outcome of a request.
extension CallSession {
    /// Carries out the actions of the speech queue. The caller pumps.
    func perform(_ actions: [SpeechQueue.Action]) {
        for action in actions {
            switch action {
            case .send(let command):
                media.value.command(command)
                resultsTold()
            case .awaitPlayback(let id):
                media.value.addMilestone(id)
            case .cut(let id, let text):
                talk.said.removeValue(forKey: id)?.resume(returning: .success(SaidResult(text: text, wasCut: true)))
            case .failed(let id, let error):
                talk.said.removeValue(forKey: id)?.resume(returning: .failure(error))
            case .lost:
                talk.debts.answerGivenUp()
                noteFailure("failed", code: "given_up")
            }
        }
    }

    /// With every message, the speech queue sends the earlier messages that the model does not have yet.
    private func resultsTold() {
        let lastAudio = agentInUse.provider.mayOverlookResults ? media.value.lastAgentAudio : nil
        talk.debts.resultsTold(lastAudio: lastAudio, at: ports.clock.now)
    }

    /// The requests whose words have been heard by now, or never will be.
    func noteSettled() {
        for settled in media.value.takeSettled() {
            if let waiter = talk.said.removeValue(forKey: settled.id) {
                let text = talk.speech.takeText(settled.id)
                waiter.resume(returning: .success(SaidResult(text: text, wasCut: settled.wasCut)))
            } else if let waiter = talk.played.removeValue(forKey: settled.id) {
                let result = PlayResult(heardMilliseconds: settled.heardMilliseconds, wasCut: settled.wasCut)
                waiter.resume(returning: .success(result))
            } else if let name = talk.marks.removeValue(forKey: settled.id) {
                media.value.command(.markPlayed(name, wasCut: settled.wasCut))
            }
        }
    }

    /// The agent requests a report once the caller has heard its audio so far.
    func mark(_ name: String) {
        guard machine.isLive, talk.marks.count < CallTalk.limit else { return }
        let id = talk.makeID()
        talk.marks[id] = name
        media.value.addMilestone(id)
    }

    /// Every 20 ms.
    func talkTick(at now: MonotonicInstant) {
        noteSettled()
        perform(talk.speech.tick(at: now))
        greetingTick(at: now)
        perform(talk.digits.tick(at: now))
        toolsTick(at: now)
        if machine.renewsWhenQuiet, talk.isQuiet(at: now), !media.value.isHeard(at: now) {
            perform(machine.quietCame(at: now))
        }
    }

    /// The bridge has stopped: nothing more is said or heard.
    func stopTalking() {
        noteSettled()
        let (said, played) = (talk.said, talk.played)
        talk.said = [:]
        talk.played = [:]
        // In the order in which they asked, so that a run can be repeated.
        for (id, waiter) in said.sorted(by: { $0.key < $1.key }) {
            let text = talk.speech.takeText(id)
            waiter.resume(
                returning: text.isEmpty ? .failure(.ended) : .success(SaidResult(text: text, wasCut: true))
            )
        }
        for (_, waiter) in played.sorted(by: { $0.key < $1.key }) { waiter.resume(returning: .failure(.ended)) }
        talk.collector?.resume(returning: .failure(.ended))
        talk.collector = nil
        talk.digits.stopCollecting()
        cancelAllTools()
        talk.transfer?.continuation.resume(returning: .failure(.ended))
        talk.transfer = nil
    }
}
