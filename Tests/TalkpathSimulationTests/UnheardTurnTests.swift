import TalkpathWire
import Testing

@testable import TalkpathSimulation

/// Turns of the caller that our own detector has missed, and that only the model's words show.
@Suite struct UnheardTurnTests {
    @Test func `a question that only the model has heard is answered after a loss`() {
        let call = ScriptedCall(.gemini)
        call.at(500) { call.answer(0, pieces: 4, words: "a0") }
        call.at(2000) { call.say(call.language.callersWords("u0", item: "u0")) }
        call.at(2600) { call.loseModel() }
        call.run(until: 8000)
        #expect(call.tellings(containing: "u0").contains { $0.at > 2600 })
        #expect(call.requests.count { $0.at > 2600 } == 1)
    }

    @Test func `the session is not renewed between such a question and its answer`() {
        let call = ScriptedCall(.gemini)
        call.at(500) { call.answer(0, pieces: 4, words: "a0") }
        call.at(1800) { call.say(call.language.callersWords("u0", item: "u0")) }
        call.at(1900) { call.say(#"{"goAway":{"timeLeft":"8s"}}"#) }
        call.at(2400) {
            #expect(call.sockets.count == 1)
            call.answer(1, pieces: 4)
        }
        call.run(until: 8000)
        #expect(abs(call.heardMilliseconds(of: 1) - 1000) <= 20)
        #expect(call.sockets.count == 2)
    }

    @Test func `words that come during their answer request no other answer`() {
        let call = ScriptedCall(.gemini)
        call.at(500) { call.sayAudio(0, pieces: 4) }
        call.at(700) { call.say(call.language.callersWords("u0", item: "u0")) }
        call.at(1600) {
            call.endAudio(0)
            call.endResponse()
        }
        call.at(2600) { call.loseModel() }
        call.run(until: 8000)
        #expect(call.requests.isEmpty)
    }
}
