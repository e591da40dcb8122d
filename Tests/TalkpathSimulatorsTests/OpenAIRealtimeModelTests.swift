import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathSimulators

struct OpenAIRealtimeModelTests {
    private static let setup =
        #"{"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":{"type":"audio/pcmu"},"#
        + #""transcription":{"model":"t"}},"output":{"format":{"type":"audio/pcmu"}}}}}"#

    private func model(_ script: AgentScript = .silent, faults: [AgentFault] = [], setUp: Bool = true)
        -> OpenAIRealtimeModel
    {
        var model = OpenAIRealtimeModel(
            model: "m",
            session: 0,
            script: script,
            faults: faults,
            keepsAudio: true,
            at: .milliseconds(0)
        )
        model.opened(at: .milliseconds(0))
        if setUp {
            model.receive(Self.setup, at: 0)
            _ = model.takeMessages()
        }
        return model
    }

    private let talkative = AgentScript(
        turns: [
            SyntheticSpeech.agentTurn(.connect, number: 0, lasting: .seconds(1)),
            SyntheticSpeech.agentTurn(.callerTurn, number: 1, lasting: .seconds(4)),
        ],
        callerTexts: ["hello"],
        thinkingTime: .milliseconds(100)
    )

    /// Sends speech, then silence, in frames of 20 ms.
    private func talk(_ model: inout OpenAIRealtimeModel, from start: Int, speech: Int, silence: Int) {
        let audio = loud(milliseconds: speech) + [UInt8](repeating: 0xFF, count: silence * 8)
        for offset in stride(from: 0, to: audio.count, by: 160) {
            let text = PlainBase64.encode(audio[offset..<offset + 160])
            model.receive(
                #"{"type":"input_audio_buffer.append","audio":"\#(text)"}"#,
                at: start + offset / 8
            )
        }
    }

    @Test func `the model greets in its session`() {
        var model = model(setUp: false)
        let messages = model.takeMessages()
        #expect(messages.map { $0["type"]?.string } == ["session.created"])
        #expect(messages[0]["session"]?["audio"]?["input"]?["turn_detection"]?["type"] == "server_vad")
    }

    @Test func `only the present members of a session are changed`() {
        var model = model(setUp: false)
        _ = model.takeMessages()
        model.receive(Self.setup, at: 1)
        let session = model.takeMessages()[0]["session"]
        #expect(session?["audio"]?["output"]?["format"]?["type"] == "audio/pcmu")
        #expect(session?["audio"]?["output"]?["voice"] == "alloy")
        #expect(model.record.inputFormat == .telephony)
    }

    @Test(arguments: [
        (#"{"session":{}}"#, "missing_required_parameter", "session.type"),
        (#"{"session":{"type":"realtime","temperature":0.8}}"#, "unknown_parameter", "session.temperature"),
        (
            #"{"session":{"type":"realtime","audio":{"input":{"format":{"type":"g711_ulaw"}}}}}"#, "invalid_value",
            "session.audio.input.format.type"
        ),
        (
            #"{"session":{"type":"realtime","audio":{"output":{"format":{"type":"audio/pcm","rate":16000}}}}}"#,
            "invalid_value", "session.audio.output.format.rate"
        ),
        (#"{"session":{"type":"realtime","instructions":7}}"#, "invalid_type", "session.instructions"),
        (
            #"{"session":{"type":"realtime","audio":{"output":{"speed":2}}}}"#, "invalid_value",
            "session.audio.output.speed"
        ),
    ])
    func `a wrong session is refused`(fields: String, code: String, parameter: String) {
        var model = model()
        model.receive(#"{"type":"session.update","event_id":"mine","# + fields.dropFirst(), at: 1)
        let error = model.takeMessages().first?["error"]
        #expect(error?["code"]?.string == code)
        #expect(error?["param"]?.string == parameter)
        #expect(error?["event_id"]?.string == "mine")
        #expect(model.record.violations.count == 1)
    }

    @Test(arguments: ["AAA", "A===", "-_-_", "AA =="]) func `audio that is not Base64 is refused`(text: String) {
        var model = model()
        model.receive(#"{"type":"input_audio_buffer.append","audio":"\#(text)"}"#, at: 1)
        #expect(model.takeMessages().map { $0["error"]?["code"]?.string } == ["invalid_value"])
    }

    @Test func `half a sample is refused`() {
        var model = model(setUp: false)
        _ = model.takeMessages()
        model.receive(#"{"type":"input_audio_buffer.append","audio":"AAAA"}"#, at: 1)
        #expect(model.takeMessages().count == 1)
        #expect(model.record.arrivals.isEmpty)
    }

    @Test func `a turn of the caller is detected, transcribed and answered`() throws {
        var model = model(talkative)
        talk(&model, from: 0, speech: 1000, silence: 1200)
        model.advance(to: .milliseconds(4000))
        let types = model.takeMessages().compactMap { $0["type"]?.string }
        let order = [
            "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed",
            "conversation.item.added", "conversation.item.done", "response.created", "response.output_item.added",
        ]
        #expect(Array(types.prefix(order.count)) == order)
        #expect(types.contains("conversation.item.input_audio_transcription.completed"))
        #expect(types.suffix(2) == ["response.done", "rate_limits.updated"])
        let turn = try #require(model.record.callerTurns.first)
        #expect(turn.startMilliseconds <= 40)
        #expect(abs((turn.endMilliseconds ?? 0) - 1000) <= 40)
        #expect(turn.text == "hello")
        #expect(model.record.items[0].audio.count == 4 * 8000)
        #expect(SyntheticSpeech.number(of: model.record.sentSamples, rate: 8000) == 2)
    }

    @Test func `audio comes at once and then at the speed of generation`() {
        var model = model(talkative)
        model.receive(#"{"type":"response.create"}"#, at: 0)
        model.advance(to: .milliseconds(100))
        #expect(model.record.items[0].sent.map(\.cumulativeMilliseconds) == [100])
        for time in 101...1000 { model.advance(to: .milliseconds(time)) }
        let sent = model.record.items[0].sent.map(\.cumulativeMilliseconds)
        #expect(sent == [100, 300, 500, 700, 900, 1000])
        // Four times real time: the piece that begins at 900 ms is ready after 225 ms.
        #expect(model.record.items[0].sent.last?.instant == .milliseconds(325))
    }

    @Test func `the caller's speech cancels the response`() throws {
        var script = talkative
        script.generationSpeed = 1
        var model = model(script)
        model.receive(#"{"type":"response.create"}"#, at: 0)
        talk(&model, from: 300, speech: 400, silence: 20)
        let messages = model.takeMessages()
        let types = messages.compactMap { $0["type"]?.string }
        let start = try #require(types.firstIndex(of: "input_audio_buffer.speech_started"))
        #expect(
            Array(types[(start + 1)...].prefix(6)) == [
                "response.output_audio.done", "response.output_audio_transcript.done", "response.content_part.done",
                "response.output_item.done", "conversation.item.done", "response.done",
            ]
        )
        let done = try #require(messages.first { $0["type"]?.string == "response.done" })
        #expect(done["response"]?["status"] == "cancelled")
        #expect(done["response"]?["status_details"]?["reason"] == "turn_detected")
        #expect(model.record.items[0].wasInterrupted)
        #expect(!types[start...].contains("response.output_audio.delta"))
    }

    @Test func `truncation is checked against the audio of the item`() {
        var model = model(talkative)
        model.receive(#"{"type":"response.create"}"#, at: 0)
        model.advance(to: .milliseconds(2000))
        _ = model.takeMessages()
        let item = model.record.items[0].id
        func truncate(_ id: String, _ end: Int) -> String {
            #"{"type":"conversation.item.truncate","item_id":"\#(id)","content_index":0,"audio_end_ms":\#(end)}"#
        }
        model.receive(truncate(item, 1001), at: 2001)
        model.receive(truncate("item_none", 1), at: 2002)
        model.receive(truncate(item, 1000), at: 2003)
        model.receive(truncate(item, 640), at: 2004)
        let messages = model.takeMessages()
        #expect(messages[0]["error"]?["message"] == "Audio content of 1000ms is already shorter than 1001ms")
        #expect(messages[1]["error"]?["code"] == "item_truncate_invalid_item_id")
        #expect(messages[2]["type"] == "conversation.item.truncated")
        #expect(model.record.truncations.map(\.audioEndMilliseconds) == [1000, 640])
        #expect(model.record.items[0].heardMilliseconds == 640)
        #expect(model.record.violations.count == 2)
    }

    @Test func `a second response is refused while one is active`() {
        var model = model(talkative)
        model.receive(#"{"type":"response.create"}"#, at: 0)
        model.receive(#"{"type":"response.create"}"#, at: 1)
        model.advance(to: .milliseconds(150))
        model.receive(#"{"type":"response.create"}"#, at: 150)
        let codes = model.takeMessages().compactMap { $0["error"]?["code"]?.string }
        #expect(codes == ["conversation_already_has_active_response", "conversation_already_has_active_response"])
    }

    @Test func `a cancel without a response has no effect`() {
        var model = model()
        model.receive(#"{"type":"response.cancel"}"#, at: 1)
        #expect(model.takeMessages()[0]["error"]?["code"] == "response_cancel_not_active")
        #expect(model.record.violations.isEmpty)
    }

    @Test func `a tool is called after its turn and its result is answered`() throws {
        var script = talkative
        script.turns[0].toolCall = .init(name: "end_call", arguments: #"{"reason":"done"}"#)
        script.turns.append(SyntheticSpeech.agentTurn(.toolResult, number: 2))
        var model = model(script)
        model.receive(#"{"type":"response.create"}"#, at: 0)
        model.advance(to: .milliseconds(3000))
        let messages = model.takeMessages()
        let call = try #require(messages.first { $0["type"]?.string == "response.function_call_arguments.done" })
        #expect(call["name"] == "end_call")
        #expect(call["arguments"] == #"{"reason":"done"}"#)
        let id = try #require(call["call_id"]?.string)
        let done = try #require(messages.first { $0["type"]?.string == "response.done" })
        #expect(done["response"]?["output"]?.array?.count == 2)
        model.receive(
            #"{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"\#(id)","output":"ok"}}"#,
            at: 3001
        )
        model.receive(#"{"type":"response.create"}"#, at: 3002)
        model.advance(to: .milliseconds(6000))
        #expect(model.record.toolResults.map(\.output) == ["ok"])
        #expect(model.record.items.count == 2)
        #expect(SyntheticSpeech.number(of: Samples.decode(model.record.items[1].audio, .telephony), rate: 8000) == 4)
    }

    @Test func `a model that is asked to speak outside its script speaks`() throws {
        var model = model(talkative)
        for request in 0..<2 {
            model.receive(#"{"type":"response.create"}"#, at: request * 5000)
            model.advance(to: .milliseconds(request * 5000 + 4900))
        }
        #expect(model.record.items.count == 2)
        let greeting = try #require(model.record.items.first)
        let unscripted = try #require(model.record.items.last)
        #expect(!unscripted.audio.isEmpty && unscripted.audio.count == greeting.audio.count)
        #expect(unscripted.transcript == "(words outside the script)")
    }

    @Test func `faults occur where the script says`() {
        var model = model(
            talkative,
            faults: [AgentFault(.close(code: 1011, reason: "no"), at: .answer(0, after: .milliseconds(300)))]
        )
        model.receive(#"{"type":"response.create"}"#, at: 0)
        model.advance(to: .milliseconds(3000))
        #expect(model.takeCloses() == [1011])
        #expect(model.record.items[0].sent.last?.cumulativeMilliseconds == 300)
    }

    @Test func `a pause delays the messages after it`() {
        var model = model(faults: [AgentFault(.pause(.milliseconds(500)), at: .greeted)], setUp: false)
        #expect(model.takeMessages().count == 1)
        model.receive(Self.setup, at: 100)
        #expect(model.takeMessages().isEmpty)
        model.advance(to: .milliseconds(500))
        #expect(model.takeMessages().map { $0["type"]?.string } == ["session.updated"])
    }

    @Test func `echo sends back the received audio unchanged`() {
        var model = model(.echo)
        talk(&model, from: 0, speech: 200, silence: 0)
        let deltas = model.takeMessages().compactMap { $0["delta"]?.string }
        #expect(deltas.compactMap { PlainBase64.decode($0) }.flatMap(\.self) == loud(milliseconds: 200))
    }

    @Test func `parrot sends back the whole turn after its end`() {
        var model = model(.parrot)
        talk(&model, from: 0, speech: 0, silence: 1000)
        talk(&model, from: 1000, speech: 600, silence: 0)
        #expect(model.takeMessages().allSatisfy { $0["type"]?.string != "response.output_audio.delta" })
        talk(&model, from: 1600, speech: 0, silence: 1000)
        model.advance(to: .milliseconds(10_000))
        let audio = model.takeMessages().compactMap { $0["delta"]?.string }.compactMap { PlainBase64.decode($0) }
            .flatMap(\.self)
        // The turn, with the 200 ms before it; both ends are detected within a frame or two.
        let milliseconds = audio.count / 8
        #expect((740...860).contains(milliseconds), "\(milliseconds)")
        let spoken = audio.suffix(560 * 8)
        #expect(LevelMeter.level(ofMuLaw: Array(spoken).span.bytes).rms > -20)
        #expect(LevelMeter.level(ofMuLaw: Array(audio.prefix(120 * 8)).span.bytes).rms < -40)
    }
}
