import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathSimulators

/// Features that clients other than the bridge use.
struct OpenAIRealtimeFeaturesTests {
    private func model(_ script: AgentScript = .silent, name: String = "m", tools: String? = nil) -> OpenAIRealtimeModel
    {
        var model = OpenAIRealtimeModel(
            model: name,
            session: 0,
            script: script,
            faults: [],
            keepsAudio: true,
            at: .milliseconds(0)
        )
        model.opened(at: .milliseconds(0))
        _ = model.takeMessages()
        if let tools {
            model.receive(#"{"type":"session.update","session":{"type":"realtime","tools":[\#(tools)]}}"#, at: 0)
        }
        return model
    }

    private func types(_ messages: [JSONValue]) -> [String] { messages.compactMap { $0["type"]?.string } }

    private let talkative = AgentScript(
        turns: [
            SyntheticSpeech.agentTurn(.connect, number: 0, lasting: .seconds(1)),
            SyntheticSpeech.agentTurn(.toolResult, number: 1, lasting: .seconds(1)),
            SyntheticSpeech.agentTurn(.request, number: 2, lasting: .seconds(1)),
        ],
        callerTexts: ["hello"],
        thinkingTime: .milliseconds(100)
    )

    private func calling(_ name: String) -> AgentScript {
        var script = talkative
        script.turns[0] = .init(.connect, audio: [], toolCall: .init(name: name, arguments: #"{"place":"clinic"}"#))
        return script
    }

    private func speech(milliseconds: Int, silence: Int) -> [String] {
        let samples = SyntheticSpeech.samples(number: 0, lasting: .milliseconds(100), rate: 24000).prefix(1200)
        let loud = Samples.encode(samples.repeated(toCount: milliseconds * 24), .pcm16)
        let audio = loud + [UInt8](repeating: 0, count: silence * 48)
        return stride(from: 0, to: audio.count, by: 960).map {
            let text = PlainBase64.encode(audio[$0..<min(audio.count, $0 + 960)])
            return #"{"type":"input_audio_buffer.append","audio":"\#(text)"}"#
        }
    }

    private func talk(_ model: inout OpenAIRealtimeModel, from start: Int, speech: Int, silence: Int) {
        for (index, message) in self.speech(milliseconds: speech, silence: silence).enumerated() {
            model.receive(message, at: start + index * 20)
        }
    }

    // MARK: Items

    @Test func `a restored call and its result are accepted and the next response answers them`() {
        var model = model(talkative)
        func create(_ item: String) { model.receive(#"{"type":"conversation.item.create","item":\#(item)}"#, at: 1) }
        create(#"{"type":"function_call","id":"fc_1","call_id":"c1","name":"hours","arguments":"{}","status":null}"#)
        create(#"{"type":"function_call_output","call_id":"c1","output":"9-5"}"#)
        let messages = model.takeMessages()
        #expect(
            types(messages)
                == Array(repeating: ["conversation.item.added", "conversation.item.done"], count: 2)
                .flatMap(\.self)
        )
        #expect(messages[0]["item"]?["call_id"] == "c1" && messages[2]["previous_item_id"] == "fc_1")
        model.receive(#"{"type":"response.create"}"#, at: 2)
        model.advance(to: .milliseconds(3000))
        #expect(SyntheticSpeech.number(of: model.record.sentSamples, rate: 24000) == 2)
        #expect(model.record.violations.isEmpty)
        // A result without a call is refused.
        create(#"{"type":"function_call_output","call_id":"c2","output":"x"}"#)
        #expect(model.takeMessages().last?["error"]?["code"] == "invalid_tool_call_id")
    }

    @Test func `a restored result is not answered after a later message`() {
        var model = model(talkative)
        for item in [
            #"{"type":"function_call","call_id":"c1","name":"hours","arguments":"{}"}"#,
            #"{"type":"function_call_output","call_id":"c1","output":"9-5"}"#,
            #"{"type":"message","role":"user","content":[{"type":"input_text","text":"And now?"}]}"#,
        ] { model.receive(#"{"type":"conversation.item.create","item":\#(item)}"#, at: 1) }
        model.receive(#"{"type":"response.create"}"#, at: 2)
        model.advance(to: .milliseconds(3000))
        #expect(SyntheticSpeech.number(of: model.record.sentSamples, rate: 24000) == 0)
    }

    @Test func `an id is accepted once`() {
        var model = model()
        let item = #"{"id":"mine","type":"message","role":"user","content":[{"type":"input_text","text":"a"}]}"#
        for _ in 0..<2 { model.receive(#"{"type":"conversation.item.create","item":\#(item)}"#, at: 1) }
        let messages = model.takeMessages()
        #expect(types(messages) == ["conversation.item.added", "conversation.item.done", "error"])
        #expect(messages[2]["error"]?["param"] == "item.id")
        // A deleted id is free again.
        model.receive(#"{"type":"conversation.item.delete","item_id":"mine"}"#, at: 2)
        model.receive(#"{"type":"conversation.item.create","item":\#(item)}"#, at: 3)
        #expect(types(model.takeMessages()).last == "conversation.item.done")
    }

    // MARK: Members

    @Test func `null for an optional member counts as absent`() {
        var model = model()
        model.receive(
            #"{"type":"session.update","event_id":null,"session":{"type":"realtime","instructions":null,"tools":null,"#
                + #""audio":{"input":null,"output":{"voice":null,"format":{"type":"audio/pcmu"}}}}}"#,
            at: 1
        )
        let session = model.takeMessages().first?["session"]
        #expect(session?["instructions"] == "" && session?["audio"]?["output"]?["voice"] == "alloy")
        #expect(session?["audio"]?["input"]?["turn_detection"]?["type"] == "server_vad")
        model.receive(
            #"{"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":null}}}}"#,
            at: 2
        )
        #expect(model.takeMessages().first?["session"]?["audio"]?["input"]?["turn_detection"] == .null)
        model.receive(#"{"type":"session.update","session":null}"#, at: 3)
        #expect(model.takeMessages().first?["error"]?["code"] == "invalid_type")
    }

    // MARK: Responses

    @Test(arguments: [true, false]) func `a response in text has text events and no audio`(bySession: Bool) {
        var script = talkative
        script.turns[0].transcript = "one two three"
        var model = model(script)
        let modalities = #""output_modalities":["text"]"#
        if bySession {
            model.receive(#"{"type":"session.update","session":{"type":"realtime",\#(modalities)}}"#, at: 1)
            model.receive(#"{"type":"response.create"}"#, at: 2)
        } else {
            model.receive(#"{"type":"response.create","response":{\#(modalities)}}"#, at: 2)
        }
        model.advance(to: .milliseconds(3000))
        let messages = model.takeMessages()
        #expect(!types(messages).contains { $0.contains("audio") })
        let deltas = messages.filter { $0["type"] == "response.output_text.delta" }.compactMap { $0["delta"]?.string }
        #expect(deltas.joined() == "one two three")
        let done = messages.first { $0["type"] == "response.done" }?["response"]
        #expect(done?["output"]?[0]?["content"]?[0] == ["type": "output_text", "text": "one two three"])
        #expect(done?["output_modalities"] == ["text"])
        // There is no audio to truncate.
        let item = model.record.items[0].id
        model.receive(
            #"{"type":"conversation.item.truncate","item_id":"\#(item)","content_index":0,"audio_end_ms":0}"#,
            at: 4000
        )
        #expect(model.takeMessages().first?["error"]?["code"] == "invalid_value")
    }

    @Test func `a response outside the conversation runs beside it and leaves no trace in it`() {
        var model = model(talkative)
        model.receive(#"{"type":"response.create"}"#, at: 0)
        model.receive(
            #"{"type":"response.create","response":{"conversation":"none","metadata":{"topic":"sum"},"#
                + #""output_modalities":["text"],"input":[{"type":"message","role":"user","content":"#
                + #"[{"type":"input_text","text":"Sum up."}]}]}}"#,
            at: 1
        )
        model.advance(to: .milliseconds(3000))
        let messages = model.takeMessages()
        let done = messages.filter { $0["type"] == "response.done" }.compactMap { $0["response"] }
        #expect(done.count == 2 && model.record.violations.isEmpty)
        let beside = done.first { $0["conversation_id"] == .null }
        #expect(beside?["metadata"] == ["topic": "sum"] && beside?["output"]?.array?.count == 1)
        #expect(messages.filter { $0["type"] == "conversation.item.added" }.count == 1)
        #expect(model.record.textsReceived == ["Sum up."])
        model.receive(
            #"{"type":"response.create","response":{"conversation":"none","input":[{"type":"item_reference","id":"x"}]}}"#,
            at: 3001
        )
        #expect(model.takeMessages().first?["error"]?["param"] == "response.input[0].id")
    }

    @Test func `the caller's speech does not cancel a response outside the conversation`() {
        var model = model(talkative)
        model.receive(#"{"type":"response.create","response":{"conversation":"none"}}"#, at: 0)
        talk(&model, from: 150, speech: 100, silence: 0)
        model.advance(to: .milliseconds(3000))
        let done = model.takeMessages().filter { $0["type"] == "response.done" }
        #expect(done.map { $0["response"]?["status"] } == ["completed"])
    }

    @Test func `silence after the model's words becomes a turn that is answered`() throws {
        var model = model(talkative)
        model.receive(
            #"{"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":"#
                + #"{"type":"server_vad","idle_timeout_ms":5000}}}}}"#,
            at: 0
        )
        model.receive(#"{"type":"response.create"}"#, at: 0)
        for time in stride(from: 0, to: 6000, by: 100) { model.advance(to: .milliseconds(time)) }
        // It plays until 1.1 s.
        #expect(!types(model.takeMessages()).contains("input_audio_buffer.timeout_triggered"))
        for time in stride(from: 6000, to: 9000, by: 100) { model.advance(to: .milliseconds(time)) }
        let messages = model.takeMessages()
        let seen = types(messages).prefix(5)
        #expect(
            Array(seen) == [
                "input_audio_buffer.timeout_triggered", "input_audio_buffer.committed", "conversation.item.added",
                "conversation.item.done", "response.created",
            ]
        )
        #expect(SyntheticSpeech.number(of: Samples.decode(model.record.items[1].audio, .pcm24k), rate: 24000) == 4)
    }

    @Test func `a caller who speaks is not idle`() {
        var model = model(talkative)
        model.receive(
            #"{"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":"#
                + #"{"type":"server_vad","idle_timeout_ms":5000,"create_response":false}}}}}"#,
            at: 0
        )
        model.receive(#"{"type":"response.create"}"#, at: 0)
        model.advance(to: .milliseconds(2000))
        talk(&model, from: 2000, speech: 500, silence: 700)
        for time in stride(from: 3200, to: 20_000, by: 100) { model.advance(to: .milliseconds(time)) }
        #expect(!types(model.takeMessages()).contains("input_audio_buffer.timeout_triggered"))
    }

    // MARK: Tools on other servers

    private static let server = #"{"type":"mcp","server_label":"desk","server_url":"https://desk.example/mcp""#

    @Test func `a tool of an MCP server is listed, called and answered`() {
        var model = model(calling("hours"), tools: Self.server + #","require_approval":"never"}"#)
        model.advance(to: .milliseconds(100))
        let listing = model.takeMessages()
        #expect(
            types(listing) == [
                "session.updated", "conversation.item.added", "mcp_list_tools.in_progress",
                "mcp_list_tools.completed", "conversation.item.done",
            ]
        )
        #expect(listing.last?["item"]?["tools"]?[0]?["name"] == "hours")
        model.receive(#"{"type":"response.create"}"#, at: 100)
        model.advance(to: .milliseconds(4000))
        let messages = model.takeMessages()
        let calling = types(messages).filter { $0.contains("mcp") }
        #expect(
            calling == [
                "response.mcp_call_arguments.delta", "response.mcp_call_arguments.done",
                "response.mcp_call.in_progress", "response.mcp_call.completed",
            ]
        )
        let done = messages.filter { $0["type"] == "response.done" }
        #expect(done.count == 2 && done[0]["response"]?["output"]?[0]?["type"] == "mcp_call")
        #expect(SyntheticSpeech.number(of: model.record.sentSamples, rate: 24000) == 2)
    }

    @Test(arguments: [true, false]) func `a tool that needs approval waits for it`(approve: Bool) throws {
        var model = model(calling("hours"), tools: Self.server + "}")
        model.receive(#"{"type":"response.create"}"#, at: 100)
        model.advance(to: .milliseconds(1000))
        let asked = model.takeMessages()
        let request = try #require(asked.first { $0["item"]?["type"] == "mcp_approval_request" }?["item"])
        #expect(!types(asked).contains("response.mcp_call.in_progress"))
        let id = try #require(request["id"]?.string)
        let answer =
            #"{"type":"mcp_approval_response","id":"a1","approval_request_id":"\#(id)","approve":\#(approve)}"#
        model.receive(#"{"type":"conversation.item.create","item":\#(answer)}"#, at: 1000)
        model.advance(to: .milliseconds(4000))
        let messages = model.takeMessages()
        #expect(types(messages).contains("response.mcp_call.completed") == approve)
        let call = messages.last { $0["item"]?["type"] == "mcp_call" }?["item"]
        #expect(call?["approval_request_id"]?.string == (approve ? id : nil))
        // In either case the model speaks of it.
        #expect(SyntheticSpeech.number(of: model.record.sentSamples, rate: 24000) == 2)
        model.receive(#"{"type":"conversation.item.create","item":\#(answer.replacing("a1", with: "a2"))}"#, at: 4001)
        #expect(model.takeMessages().first?["error"]?["param"] == "item.approval_request_id")
    }

    @Test func `a function of the client is not called at an MCP server`() {
        let function = #"{"type":"function","name":"hours","parameters":{}}"#
        var model = model(calling("hours"), tools: function + "," + Self.server + "}")
        model.receive(#"{"type":"response.create"}"#, at: 100)
        model.advance(to: .milliseconds(1000))
        #expect(types(model.takeMessages()).contains("response.function_call_arguments.done"))
    }

    // MARK: Transcription sessions

    @Test func `a transcription session transcribes turns and answers none`() throws {
        var model = model(talkative, name: "")
        model.receive(
            #"{"type":"session.update","session":{"type":"transcription","audio":{"input":{"format":"#
                + #"{"type":"audio/pcm","rate":24000},"transcription":{"model":"gpt-transcribe"}}}}}"#,
            at: 0
        )
        let session = try #require(model.takeMessages().first?["session"])
        #expect(session["type"] == "transcription" && session["audio"]?["output"] == nil)
        talk(&model, from: 10, speech: 1000, silence: 1000)
        model.advance(to: .milliseconds(6000))
        let messages = model.takeMessages()
        let transcript = messages.first { $0["type"] == "conversation.item.input_audio_transcription.completed" }
        #expect(transcript?["transcript"] == "hello")
        #expect(!types(messages).contains { $0.hasPrefix("response.") })
        model.receive(#"{"type":"response.create"}"#, at: 6001)
        model.receive(#"{"type":"session.update","session":{"type":"realtime"}}"#, at: 6002)
        #expect(model.takeMessages().map { $0["error"]?["param"] } == ["type", "session.type"])
    }
}
