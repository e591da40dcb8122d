package import TalkpathCore
package import TalkpathWire

/// Plays a ``TalkScript``: a caller who waits for the agent and interrupts it, and a model that notices the caller, answers,
/// calls functions and fails, around a real session on virtual time. The same script and seed give the same call.
package final class ScriptedTalk {
    package let call: ScriptedCall
    private let script: TalkScript
    private let capture: MemoryCapture

    /// The points in which the script and the call did not agree, with their times.
    package private(set) var slips: [(at: Int, words: String)] = []
    package private(set) var toolCalls: [(at: Int, call: AgentToolCall)] = []

    // The caller.
    private var nextStep = 0
    /// The end of the caller's last step.
    private var lastEnd = 0
    private var agentBegan: Int?
    private var agentFellSilent: Int?
    private var wasAgentHeard = false

    // The model.
    private var isReady = false
    private var wasReady = false
    private var generation = 0
    private var heardFor = 0
    private var silentFor = 0
    private var hearsCaller = false
    /// The caller's turns that the model has noticed.
    private var noticed = 0
    private var words: [String] = []
    private var nextAnswer = 0
    private var speaking: Int?
    /// Answers that have been asked for and have not begun, and functions that run.
    private var owed = 0

    /// The providers whose models are played.
    package static let providers: [AgentProvider] = [.openai, .gemini]

    /// - Parameter tool: runs the functions that the model calls: its output, and the milliseconds that it takes.
    package init(
        _ script: TalkScript,
        provider: AgentProvider,
        seed: UInt64,
        limits: CallLimits,
        tool: @escaping @Sendable (AgentToolCall) -> (output: String, milliseconds: Int),
        configure: (inout AgentProfile) -> Void
    ) {
        self.script = script
        let capture = MemoryCapture()
        self.capture = capture
        call = ScriptedCall(provider, seed: seed, limits: limits, captures: capture, configure: configure)
        call.setupTime = .milliseconds(script.setup)
        let talk = Unowned(self)
        call.tool = { [scheduler = call.scheduler] asked in
            let (output, milliseconds) = tool(asked)
            await scheduler.onLane { talk.value?.began(asked) }
            await scheduler.pause(.milliseconds(milliseconds))
            await scheduler.onLane { talk.value?.owed -= 1 }
            return output
        }
        call.onTold = { [unowned self] in told($0) }
        call.onConnect = { [unowned self] _ in connected() }
    }

    /// Plays the call to its end.
    /// - Returns: its capture; `nil` if it has not begun.
    package func play() -> Capture? {
        call.at(20) { [unowned self] in step() }
        call.at(script.longest - 20) { [unowned self] in
            if call.isLive { slip("the call was still live after \(script.longest) ms, and was ended") }
        }
        call.run(until: script.longest)
        if nextStep < script.caller.count {
            slip("the call ended before the caller's step \(nextStep + 1)")
        }
        let left = script.answers.count - nextAnswer
        if left > 0 { slip("of the model's answers, \(left == 1 ? "one was" : "\(left) were") not asked for") }
        return capture.capture
    }

    private func slip(_ words: String) { slips.append((call.milliseconds, words)) }

    private func after(_ milliseconds: Int, _ body: @escaping (ScriptedTalk) -> Void) {
        call.at(call.milliseconds + milliseconds) { [unowned self] in body(self) }
    }

    /// Like ``after(_:_:)``, but does nothing if the model's socket has changed by then.
    private func afterHere(_ milliseconds: Int, _ body: @escaping (ScriptedTalk) -> Void) {
        let generation = generation
        after(milliseconds) { if $0.generation == generation { body($0) } }
    }

    private func step() {
        guard call.isLive else { return }
        listenToAgent()
        goOn()
        listenToCaller()
        after(20) { $0.step() }
    }

    // MARK: The caller

    private var isAgentHeard: Bool { !call.session.media.value.isPlayedOut(at: call.scheduler.now) }

    private func listenToAgent() {
        let isHeard = isAgentHeard
        defer { wasAgentHeard = isHeard }
        if isHeard, !wasAgentHeard {
            agentBegan = call.milliseconds
            agentFellSilent = nil
        } else if !isHeard, wasAgentHeard, agentBegan != nil {
            // An agent that the caller has silenced has not answered.
            agentFellSilent = call.milliseconds
        }
    }

    private func goOn() {
        guard !call.isCallerSpeaking, call.milliseconds >= lastEnd, nextStep <= script.caller.count else { return }
        guard script.caller.indices.contains(nextStep) else {
            // The caller has said everything.
            guard nextStep == script.caller.count else { return }
            let isDue = isDue(.afterAgent(1000))
            guard isDue || hasWaitedLong else { return }
            if !isDue, case .speaks? = script.caller.last?.deed {
                slip("the caller waited \(script.patience) ms for an answer to the last step, and hung up")
            }
            return take(.hangsUp)
        }
        let step = script.caller[nextStep]
        if case .at(let time) = step.moment {
            guard call.milliseconds >= time else { return }
            if time > 0, call.milliseconds > time + Self.tolerance {
                slip("the caller's step \(nextStep + 1) was to come at \(time) ms, and came later")
            }
            take(step.deed)
        } else if isDue(step.moment) {
            take(step.deed)
        } else if hasWaitedLong {
            slip("the caller waited \(script.patience) ms for the agent before step \(nextStep + 1)")
            take(step.deed)
        }
    }

    /// The most milliseconds by which a step may come later than its time.
    private static let tolerance = 100

    /// True if the caller has lost patience with a silent agent.
    private var hasWaitedLong: Bool {
        !isAgentHeard && call.milliseconds >= max(lastEnd, agentFellSilent ?? lastEnd) + script.patience
    }

    private func isDue(_ moment: TalkScript.CallerStep.Moment) -> Bool {
        let now = call.milliseconds
        switch moment {
        case .at(let time): return now >= time
        case .intoAgent(let wait):
            guard let agentBegan, isAgentHeard else { return false }
            return now >= agentBegan + wait
        case .afterAgent(let wait):
            guard !isAgentHeard, owed == 0, wasReady else { return false }
            // An agent that is not asked to speak first waits for the caller.
            if nextStep == 0, call.session.agent.firstMessage == nil { return now >= script.setup + wait }
            return agentFellSilent.map { now >= $0 + wait } ?? false
        }
    }

    private func take(_ deed: TalkScript.CallerStep.Deed) {
        nextStep += 1
        lastEnd = call.milliseconds
        switch deed {
        case .speaks(let text, let duration):
            // The rest of the agent's words is no answer to this.
            agentFellSilent = nil
            agentBegan = nil
            words.append(text)
            lastEnd += duration
            // The turn is not over before the model could notice its end.
            owed += 1
            after(duration + 560) { $0.owed -= 1 }
            call.talk(duration)
        case .presses(let digits):
            for (place, digit) in digits.enumerated() {
                after(place * 200) { if $0.call.isLive { $0.call.press(String(digit)) } }
            }
            lastEnd += digits.count * 200
            agentFellSilent = nil
        case .stays(let duration):
            lastEnd += duration
            agentFellSilent = isAgentHeard ? nil : lastEnd
        case .hangsUp:
            nextStep = script.caller.count + 1
            call.hangUp()
        }
    }

    // MARK: The model's ear

    /// The model notices speech after 200 ms, and its end after 500 ms of silence.
    private func listenToCaller() {
        heardFor = call.isCallerSpeaking ? heardFor + 20 : 0
        silentFor = call.isCallerSpeaking ? 0 : silentFor + 20
        guard isReady else { return }
        // A turn that was spoken while no model listened is heard once it is there.
        if !hearsCaller, heardFor >= 200 || noticed < words.count && !call.isCallerSpeaking && silentFor < 60 {
            hearsCaller = true
            noticed = words.count
            callerBegan()
        } else if hearsCaller, silentFor >= 500 {
            hearsCaller = false
            callerEnded()
        } else if !hearsCaller, noticed < words.count, silentFor >= 500 {
            noticed = words.count
            callerBegan()
            callerEnded()
        }
    }

    private func callerBegan() {
        let wasSpeaking = speaking != nil
        speaking = nil
        switch call.provider {
        case .openai:
            let turn = #"{"type":"input_audio_buffer.speech_started","audio_start_ms":1,"item_id":"u\#(noticed)"}"#
            call.say(turn)
            if wasSpeaking { call.endResponse(isCancelled: true) }
        case .gemini, .openaiLive, .socket:
            guard wasSpeaking else { return }
            call.say(call.language.interruption)
            afterHere(40) { $0.call.endResponse() }
        }
    }

    private func callerEnded() {
        call.hearCallerEnd()
        let (text, item) = (words.last ?? "", "u\(noticed)")
        afterHere(150) { $0.call.say($0.call.language.callersWords(Self.escaped(text), item: item)) }
        answer()
    }

    /// The text within a JSON string.
    private static func escaped(_ text: String) -> String {
        String(JSONValue.string(text).serializedText().dropFirst().dropLast())
    }

    // MARK: The model's mouth

    private func connected() {
        generation += 1
        speaking = nil
        hearsCaller = false
        isReady = false
        afterHere(script.setup + 10) {
            $0.isReady = true
            $0.wasReady = true
        }
    }

    private func told(_ text: String) {
        guard isReady || call.language.isRequest(text) else { return }
        switch call.provider {
        case .openai:
            guard text.contains(#""response.create""#) else { return }
            guard speaking == nil else {
                return call.say(
                    #"{"type":"error","error":{"type":"invalid_request_error","code":"conversation_already_has_active_response","message":"m"}}"#
                )
            }
            answer()
        case .gemini, .openaiLive, .socket:
            if text.contains(#""toolResponse""#) {
                answer()
            } else if text.contains(#""realtimeInput":{"text""#), !text.contains("not to be answered") {
                answer()
            }
        }
    }

    private func began(_ asked: AgentToolCall) {
        owed += 1
        toolCalls.append((call.milliseconds, asked))
    }

    /// Gives the script's next answer.
    private func answer() {
        guard script.answers.indices.contains(nextAnswer) else {
            slip("the model was asked for an answer that its script does not have")
            return
        }
        let number = nextAnswer
        nextAnswer += 1
        let answer = script.answers[number]
        if answer.fault == .silence { return }
        owed += 1
        let generation = generation
        after(answer.thinking) { talk in
            talk.owed -= 1
            guard talk.generation == generation else { return }
            guard !talk.hearsCaller, talk.speaking == nil else {
                // The caller goes on: this is the answer to all of it.
                talk.nextAnswer = min(talk.nextAnswer, number)
                return
            }
            switch answer.fault {
            case .failed: talk.fail()
            case .lostSocket: talk.lose()
            case .silence: break
            case nil: talk.speak(answer, number)
            }
        }
    }

    private func fail() {
        guard call.provider == .openai else { return lose() }
        call.beginResponse()
        call.say(
            #"{"type":"response.done","response":{"status":"failed","status_details":{"type":"failed","error":{"code":"server_error","message":"The server had an error."}}}}"#
        )
    }

    private func lose() {
        isReady = false
        generation += 1
        call.loseModel()
    }

    private func speak(_ answer: TalkScript.Answer, _ item: Int) {
        speaking = item
        call.beginResponse()
        let pieces = (answer.milliseconds + SpokenLevels.pieceMilliseconds - 1) / SpokenLevels.pieceMilliseconds
        let isToolFirst = answer.callsFirst || pieces == 0
        if isToolFirst, call.provider == .openai { callTool(answer) }
        for piece in 0..<pieces {
            afterHere(piece * 120) {
                guard $0.speaking == item else { return }
                $0.call.sayAudio(item)
                if piece == 0, !answer.words.isEmpty { $0.call.sayWords(Self.escaped(answer.words), item) }
                if piece == 0, isToolFirst, $0.call.provider == .gemini { $0.callTool(answer) }
            }
        }
        let generated = pieces * 120 + 20
        afterHere(generated) {
            guard $0.speaking == item else { return }
            if pieces > 0 { $0.call.endAudio(item) }
            if pieces == 0, $0.call.provider == .gemini || !isToolFirst { $0.callTool(answer) }
            if pieces > 0, !isToolFirst { $0.callTool(answer) }
            // Gemini's turn lasts as long as its audio plays; a turn that waits for a function does not end.
            let isOpenAI = $0.call.provider == .openai
            guard isOpenAI || answer.tool == nil else {
                if answer.tool?.name != "end_call" { $0.speaking = nil }
                return
            }
            let rest = isOpenAI ? 0 : max(0, pieces * SpokenLevels.pieceMilliseconds - generated)
            $0.afterHere(rest) {
                guard $0.speaking == item else { return }
                $0.speaking = nil
                $0.call.endResponse()
            }
        }
    }

    private func callTool(_ answer: TalkScript.Answer) {
        guard let tool = answer.tool else { return }
        call.callTool(tool.name, arguments: tool.arguments)
    }
}

/// A reference for closures that must be sendable.
private final class Unowned: @unchecked Sendable {
    // Unchecked: everything runs on the scheduler's one thread.
    weak var value: ScriptedTalk?

    init(_ value: ScriptedTalk) {
        self.value = value
    }
}
