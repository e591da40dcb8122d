import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathSimulation

/// Answers in which there is nothing, or nothing to be heard.
@Suite struct LostAnswerTests {
    /// A model whose every response is empty, and a caller who asks it something.
    private static func emptyModel(_ configure: (inout AgentProfile) -> Void = { _ in }) -> ScriptedCall {
        let call = ScriptedCall(.openai, configure: configure)
        call.onTold = { text in
            guard call.language.isRequest(text) else { return }
            call.at(call.milliseconds + 200) {
                call.beginResponse()
                call.endResponse()
            }
        }
        return call
    }

    private static func losses(_ call: ScriptedCall) -> [(at: Int, code: String)] {
        call.events.compactMap {
            if case .responseFailed(_, let code) = $0.kind { ($0.at, code) } else { nil }
        }
    }

    @Test func `a question that a model answers with nothing again and again is told as lost, in time`() throws {
        let call = Self.emptyModel()
        call.at(1000) {
            call.talk(1500)
            call.hearCallerBegin()
        }
        call.at(2600) { call.hearCallerEnd() }
        call.at(2800) {
            call.beginResponse()
            call.endResponse()
        }
        call.run(until: 30_000)
        #expect(call.requests.count == 2)
        let losses = Self.losses(call)
        #expect(losses.map(\.code) == ["empty_response", "empty_response", "given_up"])
        #expect(try #require(losses.last).at < 14_000)
        #expect(call.sockets.count == 1)
        #expect(call.record?.metrics.failedResponses == 3)
    }

    @Test func `an empty greeting is asked for again`() {
        let call = ScriptedCall(.openai) { $0.firstMessage = "Greet." }
        var requests = 0
        call.onTold = { text in
            guard call.language.isRequest(text) else { return }
            requests += 1
            if requests == 1 {
                call.beginResponse()
                call.endResponse()
            } else {
                call.answer(0, pieces: 4, words: "Hello.")
            }
        }
        call.run(until: 6000)
        #expect(requests == 2)
        #expect(abs(call.heardMilliseconds(of: 0) - 1000) <= 20)
    }

    @Test func `a function's result that is answered with nothing is asked about again`() {
        let call = ScriptedCall(.openai)
        var requests = 0
        call.onTold = { text in
            guard call.language.isRequest(text) else { return }
            requests += 1
            if requests == 1 {
                call.beginResponse()
                call.endResponse()
            } else {
                call.answer(1, pieces: 4, words: "It is there.")
            }
        }
        call.at(1000) {
            call.beginResponse()
            call.sayAudio(0, pieces: 4)
            call.callTool("look")
            call.endAudio(0)
            call.endResponse()
        }
        call.run(until: 9000)
        #expect(requests == 2)
        #expect(abs(call.heardMilliseconds(of: 1) - 1000) <= 20)
    }

    @Test(arguments: [AgentProvider.openai, .gemini])
    func `the words of an answer without audio stand in the record as unheard, and it is asked for again`(
        provider: AgentProvider
    ) throws {
        let call = ScriptedCall(provider)
        call.at(1000) {
            call.beginResponse()
            call.sayWords("We open at nine.", 0)
            call.endResponse()
        }
        call.onTold = { text in
            if call.language.isRequest(text) { call.answer(1, pieces: 4, words: "At nine.") }
        }
        call.run(until: 8000)
        let turns = try #require(call.record?.transcript)
        #expect(turns.map(\.text) == ["We open at nine.", "At nine."])
        #expect(turns.map(\.heardMilliseconds) == [0, nil])
        #expect(Self.losses(call).map(\.code) == ["no_audio"])
        #expect(abs(call.heardMilliseconds(of: 1) - 1000) <= 20)
    }

    @Test func `late words in front of a function alone are no lost answer`() {
        let call = ScriptedCall(.gemini)
        call.at(1000) {
            call.beginResponse()
            call.sayAudio(0, pieces: 4)
            call.endAudio(0)
            call.endResponse()
        }
        call.at(3000) {
            call.sayWords("We open at nine.", 0)
            call.callTool("look")
            call.endResponse()
        }
        call.run(until: 8000)
        #expect(Self.losses(call).isEmpty)
    }

    @Test(arguments: [AgentProvider.openai, .gemini])
    func `the words of a silent answer stand in the record as unheard`(provider: AgentProvider) throws {
        let call = ScriptedCall(provider)
        let silence = [UInt8](repeating: 0, count: 48 * 1000)
        call.at(1000) {
            call.beginResponse()
            call.say(call.language.audio(Self.base64(silence), item: "item_0"))
            call.sayWords("We open at nine.", 0)
            call.endAudio(0)
            call.endResponse()
        }
        call.run(until: 2500)
        let turns = try #require(call.record?.transcript)
        #expect(turns.map(\.heardText) == [""])
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        var text = [UInt8](repeating: 0, count: Base64.encodedCount(ofBytes: bytes.count))
        var target = text.mutableSpan
        _ = Base64.encode(bytes.span.bytes, into: &target)
        return String(decoding: text, as: UTF8.self)
    }
}
