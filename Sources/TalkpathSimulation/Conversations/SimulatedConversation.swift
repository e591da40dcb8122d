import TalkpathAudio
import TalkpathCore
package import TalkpathWire

/// A conversation in which caller and model take turns as the seed decides, with some behaviours of real ones.
/// ``ConversationJudge`` checks the rules that must hold in any case.
package final class SimulatedConversation {
    package let seed: UInt64
    package let behaviors: Set<ConversationBehavior>
    let call: ScriptedCall
    let judge: ConversationJudge
    private let turnsOfCaller: Int
    private let hasGreeting: Bool
    private var random: SplitMix64

    // The state of the model.
    private var isReady = false
    private var heardFor = 0
    private var silentFor = 0
    private var hearsCaller = false
    private var turn = 0
    /// The item that the model generates, or, for Gemini, believes to be playing.
    private var speaking: Int?
    /// The model has been interrupted, and has not yet said that its turn is over.
    private var endsTurn = false
    private var items = 0
    private var generation = 0
    private var hasFailed = false
    private var hasRejected = false
    private var hasCalledTool = false
    private var hasBrokenCall = false
    private var hasSaidGoodbye = false
    private var picky: PickyModel?

    // The state of the caller.
    private var turnsLeft: Int
    private var plansTurn = false

    static let duration = 60_000
    static let greeting = "Greet the caller."
    static let instructions = "You speak Danish only."
    static let arguments = #"{"day":"Monday"}"#

    package init(seed: UInt64, provider: AgentProvider? = nil, behaviors: Set<ConversationBehavior>? = nil) {
        self.seed = seed
        var random = SplitMix64(seed: seed ^ 0xC0FFEE)
        let anyProvider: AgentProvider = random.next() % 2 == 0 ? .openai : .gemini
        let some = Set(ConversationBehavior.allCases.filter { _ in random.next() % 4 == 0 })
        let behaviors = behaviors ?? some
        self.behaviors = behaviors
        let hasGreeting = random.next() % 10 < 7
        self.hasGreeting = hasGreeting
        turnsOfCaller = 2 + Int(random.next() % 3)
        turnsLeft = turnsOfCaller
        let choice = Int(random.next() % 4)
        var picky: PickyModel?
        // The other vendor's agent, or another one of the same.
        let next: AgentProvider =
            seed % 3 == 0 ? provider ?? anyProvider : (provider ?? anyProvider) == .openai ? .gemini : .openai
        call = ScriptedCall(provider ?? anyProvider, seed: seed) {
            $0.firstMessage = hasGreeting ? Self.greeting : nil
            $0.instructions = Self.instructions
            $0.tools = [AgentTool(name: "look_up", description: "d")]
            if behaviors.contains(.failover) { $0.failover = [Self.successor(next, of: $0)] }
            guard behaviors.contains(.pickyModel) else { return }
            let model = PickyModel($0.provider, choice: choice)
            picky = model
            $0.model = model.name
        }
        self.picky = picky
        call.hasTimestamps = !behaviors.contains(.noTimestamps)
        call.setupTime = .milliseconds(behaviors.contains(.earlyHello) ? 1400 : 100 + Int(random.next() % 600))
        judge = ConversationJudge(call)
        self.random = random
    }

    /// Plays the conversation.
    /// - Returns: the violations of the rules.
    package func run() -> [String] {
        call.onTold = { [unowned self] in told($0) }
        call.onConnect = { [unowned self] _ in connected() }
        let pause = number(400...2800)
        // Not the call itself, which would keep itself for ever.
        call.tool = { [scheduler = call.scheduler, judge] tool in
            judge.carriedOut(tool)
            await scheduler.pause(.milliseconds(pause))
            judge.functionReturns()
            return #"{"slots":"nine"}"#
        }
        call.onAudio = { [unowned self] in judge.modelHears($0) }
        call.refusal = { [unowned self] in refusal(of: $0) }
        if behaviors.contains(.earlyHello) { call.at(300) { [unowned self] in speak(700) } }
        if behaviors.contains(.lostSocket) {
            call.at(number(3000...15_000)) { [unowned self] in
                lose()
                // A key before the next session is set up.
                if behaviors.contains(.keys) { call.at(call.milliseconds + 50) { [unowned self] in press() } }
            }
        }
        if behaviors.contains(.failover) { planFailover() }
        if behaviors.contains(.keys) {
            for begin in [50, 500, 500] { call.at(number(begin...15_000)) { [unowned self] in press() } }
            call.at(60) { [unowned self] in press() }
        }
        if behaviors.contains(.goAway), call.provider == .gemini {
            call.at(number(2000...15_000)) { [unowned self] in leave() }
        }
        if behaviors.contains(.drain) { call.at(number(6000...25_000)) { [unowned self] in drain() } }
        if behaviors.contains(.messages) || behaviors.contains(.pickyModel) {
            for _ in 0..<2 { call.at(number(1500...15_000)) { [unowned self] in send() } }
        }
        call.at(20) { [unowned self] in step() }
        call.run(until: Self.duration)
        return judge.verdict(turns: turnsOfCaller)
    }

    package var trace: [String] { judge.trace }

    // MARK: Another agent

    private static let nextModel = "next"

    private static func successor(_ provider: AgentProvider, of agent: AgentProfile) -> AgentProfile {
        var next = AgentProfile(provider: provider, model: nextModel, apiKey: "k", instructions: agent.instructions)
        next.firstMessage = agent.firstMessage
        next.tools = agent.tools
        return next
    }

    /// The first agent is refused from the beginning, or from some moment on at which its socket breaks.
    private func planFailover() {
        let fault = AgentConnectError("refused", isFinal: number(0...1) == 0)
        let refuses: () -> Void = { [unowned self] in
            call.connectFault = { $0.model == Self.nextModel ? nil : fault }
        }
        guard number(0...2) > 0 else {
            judge.mustFailOver()
            return refuses()
        }
        call.at(number(2000...15_000)) { [unowned self] in
            guard isReady, call.isLive, !judge.isDraining, !hasSaidGoodbye else { return }
            judge.mustFailOver()
            refuses()
            lose()
        }
    }

    private func number(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(random.next() % UInt64(range.count))
    }

    private func later(_ range: ClosedRange<Int>, _ body: @escaping (SimulatedConversation) -> Void) {
        call.at(call.milliseconds + number(range)) { [unowned self] in body(self) }
    }

    /// Like ``later(_:_:)``, but does nothing if the model's socket has changed by then.
    private func laterHere(_ range: ClosedRange<Int>, _ body: @escaping (SimulatedConversation) -> Void) {
        let generation = generation
        later(range) { if $0.generation == generation { body($0) } }
    }

    private func step() {
        guard call.isLive else { return }
        listen()
        planTurn()
        call.at(call.milliseconds + 20) { [unowned self] in step() }
    }

    // MARK: The caller

    private func speak(_ duration: Int) {
        guard !call.isCallerSpeaking, turnsLeft > 0 else { return }
        turnsLeft -= 1
        if isReady, hearsCaller { judge.callerGoesOn(for: duration) } else { judge.callerBegins(for: duration) }
        call.talk(duration)
        guard isReady else { return }
        let (generation, before) = (generation, judge.modelHeard)
        call.at(call.milliseconds + duration + 600) { [unowned self] in
            guard self.generation == generation, isReady, call.isLive else { return }
            judge.modelHas(heard: judge.modelHeard - before, of: duration)
        }
    }

    private func press() {
        guard call.isLive else { return }
        call.press("5")
        judge.pressed("5")
    }

    private func send() {
        let text = "Note \(number(0...999_999))."
        let isAnswered = number(0...2) == 0
        if call.send(text, as: .system, isAnswered: isAnswered) { judge.sent(text) }
    }

    /// The caller speaks some time after the agent, or interrupts it.
    private func planTurn() {
        guard !plansTurn, turnsLeft > 0, !call.isCallerSpeaking, judge.isCallersTurn || mayCutIn else { return }
        plansTurn = true
        later(mayCutIn ? 400...1500 : 700...2500) {
            $0.plansTurn = false
            guard $0.judge.isCallersTurn || $0.mayCutIn else { return }
            $0.speak($0.number(900...2400))
        }
    }

    private var mayCutIn: Bool {
        guard judge.isAgentHeard else { return false }
        return hasSaidGoodbye ? behaviors.contains(.cutGoodbye) : behaviors.contains(.bargeIn)
    }

    // MARK: The model's ear

    /// The model notices speech after 200 ms, and its end after 500 ms of silence.
    private func listen() {
        heardFor = call.isCallerSpeaking ? heardFor + 20 : 0
        silentFor = call.isCallerSpeaking ? 0 : silentFor + 20
        guard isReady else { return }
        if !hearsCaller, heardFor >= 200 || judge.hasUnheardTurn {
            hearsCaller = true
            callerBegan()
        } else if hearsCaller, silentFor >= 500 {
            hearsCaller = false
            callerEnded()
        }
    }

    private func callerBegan() {
        turn = judge.turnBegins()
        switch call.provider {
        case .openai:
            call.say(
                #"{"type":"input_audio_buffer.speech_started","audio_start_ms":1,"item_id":"u\#(turn)"}"#
            )
            guard speaking != nil else { return }
            speaking = nil
            call.endResponse(isCancelled: true)
        case .gemini, .openaiLive, .socket:
            guard speaking != nil else { return }
            speaking = nil
            call.say(call.language.interruption)
            guard !behaviors.contains(.openInterruption) else { return }
            endsTurn = true
            laterHere(20...60) {
                $0.endsTurn = false
                $0.call.endResponse()
            }
        }
    }

    private func callerEnded() {
        call.hearCallerEnd()
        let turn = turn
        let latency = call.provider == .openai ? 200...900 : 500...1400
        let answerAt = number(latency)
        let wordsAt = behaviors.contains(.lateTranscript) ? answerAt + 600 : min(150, answerAt - 20)
        laterHere(wordsAt...wordsAt) { $0.call.say($0.call.language.callersWords("u\(turn)", item: "u\(turn)")) }
        laterHere(answerAt...answerAt) { $0.answerTurn() }
    }

    // MARK: The model's mouth

    private func connected() {
        generation += 1
        speaking = nil
        endsTurn = false
        hearsCaller = false
        isReady = false
        guard let setup = call.setupTime else { return }
        laterHere(setup.wholeMilliseconds...setup.wholeMilliseconds + 20) { $0.isReady = true }
    }

    private func leave() {
        // A short word in the set-up is no turn to our ear, and its answer is not waited for.
        guard isReady, call.milliseconds >= 4500, call.provider == .gemini else { return }
        call.say(#"{"goAway":{"timeLeft":"8s"}}"#)
        laterHere(8000...8000) { $0.lose() }
    }

    /// The caller says nothing more.
    private func drain() {
        guard call.isLive, !hasSaidGoodbye, !judge.isDraining else { return }
        turnsLeft = 0
        judge.drains()
        call.drain()
    }

    private func refusal(of text: String) -> ScriptedCall.Refusal? {
        guard call.agent.model != Self.nextModel else { return nil }
        let refused = picky?.refusal(of: text)
        if picky?.isAskedAgain == true { judge.refusedAgain() }
        guard let refusal = refused else { return nil }
        if picky?.isKnown == true { judge.refused(text) }
        if case .closes = refusal {
            isReady = false
            generation += 1
        }
        return refusal
    }

    private func lose() {
        guard isReady else { return }
        isReady = false
        generation += 1
        judge.modelIsLost()
        call.loseModel()
    }

    /// The response that the model gives by itself.
    private func answerTurn() {
        guard !hearsCaller else { return }
        guard speaking == nil else {
            answerLater()
            return
        }
        judge.answers(turn)
        if behaviors.contains(.failedAnswer), call.provider == .openai, !hasFailed {
            hasFailed = true
            call.beginResponse()
            for message in Self.failures[number(0...Self.failures.count - 1)] { call.say(message) }
            return
        }
        if behaviors.contains(.brokenArguments), !hasBrokenCall {
            hasBrokenCall = true
            let broken = call.provider == .openai ? #"{"day":"# : #""Monday""#
            speakItem(pieces: 2, tool: "look_up", arguments: broken)
        } else if behaviors.contains(.slowTool), !hasCalledTool {
            hasCalledTool = true
            speakItem(pieces: 2, tool: "look_up")
            if behaviors.contains(.drain), number(0...1) == 0 { later(900...1500) { $0.drain() } }
        } else if turnsLeft == 0, !hasSaidGoodbye, !behaviors.contains(.lostSocket) {
            hasSaidGoodbye = true
            // One more turn, for the goodbye.
            if behaviors.contains(.cutGoodbye) { turnsLeft = 1 }
            judge.goodbyeBegins(items)
            speakItem(pieces: 10, tool: "end_call", isToolFirst: behaviors.contains(.earlyEndCall))
        } else {
            speakItem(pieces: number(3...8))
        }
    }

    /// The ends of a response that the caller does not hear.
    private static let failures = [
        [
            #"{"type":"response.done","response":{"status":"incomplete","status_details":{"type":"incomplete","reason":"max_output_tokens"}}}"#
        ],
        [
            #"{"type":"response.done","response":{"status":"failed","status_details":{"type":"failed","error":{"code":"rate_limit_exceeded","message":"Please try again in 600ms."}}}}"#
        ],
        [
            #"{"type":"response.output_text.delta","item_id":"written","delta":"At nine."}"#,
            #"{"type":"response.output_text.done","item_id":"written","text":"At nine."}"#,
            #"{"type":"response.done","response":{"status":"completed"}}"#,
        ],
        [#"{"type":"response.done","response":{"status":"completed","output":[]}}"#],
    ]

    /// A model that speaks when the caller has finished answers when it has finished as well; one cancels what it speaks.
    private func answerLater() {
        guard call.provider == .gemini, call.isLive, !hasSaidGoodbye else { return }
        let turn = turn
        laterHere(100...100) { if $0.turn == turn { $0.answerTurn() } }
    }

    private func speakItem(
        pieces: Int,
        tool: String? = nil,
        arguments: String = SimulatedConversation.arguments,
        isToolFirst: Bool = false
    ) {
        guard items < SpokenLevels.count else { return }
        let item = items
        items += 1
        speaking = item
        call.beginResponse()
        if isToolFirst, call.provider == .openai, let tool { call.callTool(tool, arguments: arguments) }
        judge.itemBegins(item, milliseconds: pieces * SpokenLevels.pieceMilliseconds)
        let isStreamed = number(0...1) == 0
        for piece in 0..<pieces {
            let at = isStreamed ? piece * 120 : 0
            laterHere(at...at) {
                guard $0.speaking == item else { return }
                $0.judge.produced(item, SpokenLevels.pieceMilliseconds)
                $0.call.sayAudio(item)
                if piece == 0 { $0.call.sayWords("a\(item)", item) }
                if piece == 0, isToolFirst, $0.call.provider == .gemini, let tool {
                    $0.call.callTool(tool, arguments: arguments)
                }
            }
        }
        let generated = isStreamed ? pieces * 120 : 20
        laterHere(generated...generated) {
            guard $0.speaking == item else { return }
            $0.call.endAudio(item)
            if let tool, !isToolFirst { $0.call.callTool(tool, arguments: arguments) }
            // Gemini's turn lasts as long as its audio plays; a turn that waits for a function does not end.
            let rest = $0.call.provider == .openai ? 0 : max(0, pieces * SpokenLevels.pieceMilliseconds - generated)
            guard $0.call.provider == .openai || tool == nil else {
                if tool != "end_call" {
                    $0.speaking = nil
                    $0.interruptByMistake()
                }
                return
            }
            $0.laterHere(rest...rest) { $0.endItem(item) }
        }
    }

    private func endItem(_ item: Int) {
        guard speaking == item else { return }
        speaking = nil
        call.endResponse()
        if behaviors.contains(.goAway), call.provider == .gemini {
            judge.handleGiven()
            call.say(call.language.resumptionHandle)
        }
        interruptByMistake()
    }

    /// The model reports an interruption although nothing is played and the caller is silent; its turn may be complete,
    /// or wait for a function's result.
    private func interruptByMistake() {
        guard behaviors.contains(.phantomInterruption), call.provider == .gemini, number(0...1) == 0 else { return }
        laterHere(300...900) {
            if $0.speaking == nil, !$0.hearsCaller, !$0.judge.isAgentHeard {
                $0.call.say($0.call.language.interruption)
            }
        }
    }

    // MARK: Messages to the model

    private func told(_ text: String) {
        judge.told(text)
        guard isReady || call.language.isRequest(text) else { return }
        switch call.provider {
        case .openai:
            if text.contains(#""response.create""#) { asked() }
        case .gemini, .openaiLive, .socket:
            if text.contains(#""toolResponse""#), !hasSaidGoodbye {
                laterHere(300...900) { $0.answerAsked() }
            } else if text.contains(#""realtimeInput":{"text""#), !text.contains("not to be answered") {
                laterHere(300...900) { $0.answerAsked() }
            }
        }
    }

    private func asked() {
        if speaking != nil {
            call.say(
                #"{"type":"error","error":{"type":"invalid_request_error","code":"conversation_already_has_active_response","message":"m"}}"#
            )
        } else if behaviors.contains(.rejectedOrder), !hasRejected {
            hasRejected = true
            call.say(
                #"{"type":"error","error":{"type":"tokens","code":"rate_limit_exceeded","message":"Please try again in 400ms."}}"#
            )
        } else {
            laterHere(50...300) { $0.answerAsked() }
        }
    }

    private func answerAsked() {
        // Gemini says that one turn is over before the next one begins.
        guard !endsTurn else { return laterHere(60...60) { $0.answerAsked() } }
        guard speaking == nil else {
            if call.provider == .openai { asked() }
            return
        }
        speakItem(pieces: number(3...6))
    }
}
