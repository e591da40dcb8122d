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
    private var items = 0
    private var generation = 0
    private var hasFailed = false
    private var hasRejected = false
    private var hasCalledTool = false
    private var hasSaidGoodbye = false

    // The state of the caller.
    private var turnsLeft: Int
    private var plansTurn = false

    static let duration = 60_000

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
        call = ScriptedCall(provider ?? anyProvider, seed: seed) {
            $0.firstMessage = hasGreeting ? "Greet the caller." : nil
        }
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
        call.tool = { [call] _ in
            await call.scheduler.pause(.milliseconds(pause))
            return #"{"slots":"nine"}"#
        }
        if behaviors.contains(.earlyHello) { call.at(300) { [unowned self] in speak(700) } }
        if behaviors.contains(.lostSocket) {
            call.at(number(3000...15_000)) { [unowned self] in lose() }
        }
        if behaviors.contains(.keys) {
            for _ in 0..<2 { call.at(number(500...15_000)) { [unowned self] in call.press("5") } }
        }
        call.at(20) { [unowned self] in step() }
        call.run(until: Self.duration)
        return judge.verdict(turns: turnsOfCaller)
    }

    package var trace: [String] { judge.trace }

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
        judge.callerBegins(for: duration)
        call.talk(duration)
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
        case .gemini, .socket:
            guard speaking != nil else { return }
            speaking = nil
            call.say(call.language.interruption)
            if !behaviors.contains(.openInterruption) { laterHere(20...60) { $0.call.endResponse() } }
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
        hearsCaller = false
        isReady = false
        guard let setup = call.setupTime else { return }
        laterHere(setup.wholeMilliseconds...setup.wholeMilliseconds + 20) { $0.isReady = true }
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
        guard !hearsCaller, speaking == nil else { return }
        if behaviors.contains(.failedAnswer), call.provider == .openai, !hasFailed {
            hasFailed = true
            call.beginResponse()
            call.say(
                #"{"type":"response.done","response":{"status":"failed","status_details":{"type":"failed","error":{"code":"rate_limit_exceeded","message":"Please try again in 600ms."}}}}"#
            )
            return
        }
        if behaviors.contains(.slowTool), !hasCalledTool {
            hasCalledTool = true
            speakItem(pieces: 2, tool: "look_up")
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

    private func speakItem(pieces: Int, tool: String? = nil, isToolFirst: Bool = false) {
        guard items < SpokenLevels.count else { return }
        let item = items
        items += 1
        speaking = item
        call.beginResponse()
        if isToolFirst, call.provider == .openai, let tool { call.callTool(tool) }
        judge.itemBegins(item)
        let isStreamed = number(0...1) == 0
        for piece in 0..<pieces {
            let at = isStreamed ? piece * 120 : 0
            laterHere(at...at) {
                guard $0.speaking == item else { return }
                $0.judge.produced(item, SpokenLevels.pieceMilliseconds)
                $0.call.sayAudio(item)
                if piece == 0 { $0.call.sayWords("a\(item)", item) }
                if piece == 0, isToolFirst, $0.call.provider == .gemini, let tool { $0.call.callTool(tool) }
            }
        }
        let generated = isStreamed ? pieces * 120 : 20
        laterHere(generated...generated) {
            guard $0.speaking == item else { return }
            $0.call.endAudio(item)
            if let tool, !isToolFirst { $0.call.callTool(tool) }
            // Gemini's turn lasts as long as its audio plays; a turn that waits for a function does not end.
            let rest = $0.call.provider == .openai ? 0 : max(0, pieces * SpokenLevels.pieceMilliseconds - generated)
            guard $0.call.provider == .openai || tool == nil else {
                if tool != "end_call" { $0.speaking = nil }
                return
            }
            $0.laterHere(rest...rest) { $0.endItem(item) }
        }
    }

    private func endItem(_ item: Int) {
        guard speaking == item else { return }
        speaking = nil
        call.endResponse()
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
        case .gemini, .socket:
            if text.contains(#""toolResponse""#), !hasSaidGoodbye {
                laterHere(300...900) { $0.answerAsked() }
            } else if text.contains(#""realtimeInput":{"text""#) {
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
        guard speaking == nil else {
            if call.provider == .openai { asked() }
            return
        }
        speakItem(pieces: number(3...6))
    }
}
