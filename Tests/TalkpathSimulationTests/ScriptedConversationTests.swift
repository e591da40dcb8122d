@testable import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathSimulation

/// Whole sessions of a caller and a model that repeat observed behaviour of real ones.
@Suite struct ScriptedConversationTests {
    private static func turns(_ call: ScriptedCall) -> [String] {
        (call.record?.transcript ?? []).map { "\($0.speaker == .caller ? "C" : "A") \($0.text)" }
    }

    // MARK: The order of the record

    @Test(arguments: [AgentProvider.openai, .gemini])
    func `words that come after their answer are placed before it, in the record and for a new session`(
        provider: AgentProvider
    ) throws {
        let call = ScriptedCall(provider)
        func words(_ text: String, _ item: String) {
            call.say(call.language.callersWords(text, item: item))
        }
        call.at(500) {
            call.talk(1000)
            call.hearCallerBegin()
        }
        call.at(2100) { call.hearCallerEnd() }
        call.at(2600) {
            call.beginResponse()
            call.sayAudio(0, pieces: 8)
            call.sayWords("We open at nine.", 0)
        }
        call.at(3400) { words("When do you open?", "c") }
        call.at(4800) {
            call.endAudio(0)
            call.endResponse()
        }
        call.at(6000) { call.loseModel() }
        call.run(until: 10_000)
        #expect(Self.turns(call) == ["C When do you open?", "A We open at nine."])
        let history = call.told.filter { $0.at > 6000 && $0.text.contains("open") }.map(\.text).joined()
        let question = try #require(history.firstRange(of: "When do you open?"))
        let answer = try #require(history.firstRange(of: "We open at nine."))
        #expect(question.lowerBound < answer.lowerBound)
    }

    @Test func `words that come when the caller speaks again stay with the turn that the model named`() {
        let call = ScriptedCall(.openai)
        func caller(_ item: String) {
            call.say(#"{"type":"input_audio_buffer.speech_started","audio_start_ms":1,"item_id":"\#(item)"}"#)
        }
        call.at(500) { caller("u1") }
        call.at(1500) { call.hearCallerEnd() }
        call.at(2000) { call.answer(0, pieces: 4, words: "Nine.") }
        call.at(4000) { caller("u2") }
        call.at(4500) { call.say(call.language.callersWords("When?", item: "u1")) }
        call.at(5000) { call.hearCallerEnd() }
        call.at(5300) { call.say(call.language.callersWords("Thanks.", item: "u2")) }
        call.run(until: 8000)
        #expect(Self.turns(call) == ["C When?", "A Nine.", "C Thanks."])
    }

    // MARK: Interruptions

    @Test func `an interruption of a finished answer does not discard the next turn`() {
        let call = ScriptedCall(.gemini)
        call.at(500) { call.answer(0, pieces: 4, words: "Greeting.") }
        call.at(2000) { call.say(call.language.interruption) }
        call.at(4000) { call.answer(1, pieces: 4, words: "Answer one.") }
        call.at(7000) { call.answer(2, pieces: 4, words: "Answer two.") }
        call.run(until: 10_000)
        for item in 0...2 { #expect(abs(call.heardMilliseconds(of: item) - 1000) <= 20, "item \(item)") }
        #expect(Self.turns(call) == ["A Greeting.", "A Answer one.", "A Answer two."])
    }

    @Test func `an interrupted turn that is never reported complete does not discard the next one`() {
        let call = ScriptedCall(.gemini)
        call.at(500) {
            call.sayAudio(0, pieces: 12)
            call.sayWords("A long story that", 0)
        }
        call.at(1300) { call.say(call.language.interruption) }
        // The rest of the interrupted answer comes at once, and is not heard.
        call.at(1350) { call.sayAudio(0, pieces: 4) }
        call.at(1900) { call.say(call.language.callersWords("Stop.", item: "c")) }
        call.at(2000) { call.answer(1, pieces: 4, words: "Friday is free.") }
        call.run(until: 6000)
        #expect(call.heardMilliseconds(of: 0) <= 820)
        #expect(abs(call.heardMilliseconds(of: 1) - 1000) <= 20)
        #expect(Self.turns(call).last == "A Friday is free.")
    }

    // MARK: The greeting

    /// A model that answers the caller by itself, and answers requests.
    private static func hello(_ provider: AgentProvider, _ policy: GreetingPolicy, setup: Duration) -> ScriptedCall {
        let call = ScriptedCall(provider) {
            $0.firstMessage = "Greet."
            $0.greetingPolicy = policy
        }
        call.setupTime = setup
        var answers = 0
        call.onTold = { text in
            guard call.language.isRequest(text) else { return }
            answers += 1
            let item = answers
            call.at(call.milliseconds + 300) { call.answer(item, pieces: 6) }
        }
        return call
    }

    @Test(arguments: [AgentProvider.openai, .gemini], [true, false])
    func `a caller who speaks during the model's set-up is answered or greeted, and not both`(
        provider: AgentProvider,
        answers: Bool
    ) {
        let call = Self.hello(provider, .callerFirst, setup: .milliseconds(1200))
        call.at(200) { call.talk(500) }
        if answers {
            call.at(2000) { call.hearCallerBegin() }
            call.at(2600) { call.hearCallerEnd() }
            call.at(3000) { call.answer(10, pieces: 6) }
        }
        call.run(until: 9000)
        #expect(call.requests.count == (answers ? 0 : 1))
        #expect(abs(call.heardMilliseconds(of: answers ? 10 : 1) - 1500) <= 20)
    }

    @Test(arguments: [AgentProvider.openai, .gemini])
    func `a greeting that begins first is not broken off, and the caller is heard after it`(provider: AgentProvider) {
        let call = Self.hello(provider, .greetingFirst, setup: .milliseconds(1200))
        var withheld: [Bool] = []
        for second in 0..<6 {
            call.at(second * 1000 + 500) {
                withheld.append(call.session.media.value.isCallerWithheld)
            }
        }
        call.at(200) { call.talk(500) }
        call.at(2200) { call.talk(500) }
        call.run(until: 7000)
        #expect(call.requests.count == 1)
        #expect(abs(call.heardMilliseconds(of: 1) - 1500) <= 20)
        #expect(withheld == [true, true, true, false, false, false])
    }

    // MARK: Failures

    @Test func `a greeting that fails is requested again at the time that the model names, and is complete`() {
        let call = ScriptedCall(.openai) { $0.firstMessage = "Greet." }
        var requests = 0
        call.onTold = { text in
            guard call.language.isRequest(text) else { return }
            requests += 1
            guard requests > 1 else {
                call.beginResponse()
                call.say(
                    #"{"type":"response.done","response":{"status":"failed","status_details":{"type":"failed","error":{"type":"invalid_request_error","code":"rate_limit_exceeded","message":"Please try again in 1.2s."}}}}"#
                )
                return
            }
            call.answer(0, pieces: 4)
        }
        call.run(until: 6000)
        #expect(call.requests.count == 2)
        #expect(call.requests.last.map { $0.at >= 1200 && $0.at < 1400 } == true)
        #expect(abs(call.heardMilliseconds(of: 0) - 1000) <= 20)
        #expect(call.record?.metrics.failedResponses == 1)
        let told = call.events.filter { $0.kind == .responseFailed(status: "failed", code: "rate_limit_exceeded") }
        #expect(told.count == 1)
    }

    @Test func `a request that the model rejects, and an answer that its server breaks off, are requested again`() {
        let call = ScriptedCall(.openai) { $0.firstMessage = "Greet." }
        var requests = 0
        call.onTold = { text in
            guard call.language.isRequest(text) else { return }
            requests += 1
            switch requests {
            case 1:
                call.say(
                    #"{"type":"error","error":{"type":"tokens","code":"rate_limit_exceeded","message":"Please try again in 500ms."}}"#
                )
            case 2:
                call.beginResponse()
                call.say(#"{"type":"error","error":{"type":"server_error","message":"Sorry about that!"}}"#)
            default: call.answer(0, pieces: 4)
            }
        }
        call.run(until: 6000)
        #expect(call.requests.count == 3)
        #expect(abs(call.heardMilliseconds(of: 0) - 1000) <= 20)
        #expect(call.record?.metrics.failedResponses == 2)
    }
}
