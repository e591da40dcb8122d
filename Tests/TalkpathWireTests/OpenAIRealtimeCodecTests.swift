import TalkpathAudio
import Testing

@testable import TalkpathWire

struct OpenAIRealtimeCodecTests {
    private let first = AgentItem(index: 0)
    private let second = AgentItem(index: 1)

    private func delta(_ item: String, _ audio: String = "AAAA", content: Int = 0) -> String {
        #"{"type":"response.output_audio.delta","event_id":"e","response_id":"r1","item_id":"\#(item)","output_index":0,"content_index":\#(content),"delta":"\#(audio)"}"#
    }

    private func configuration(_ change: (inout AgentSessionConfiguration) -> Void = { _ in })
        -> AgentSessionConfiguration
    {
        var configuration = AgentSessionConfiguration(
            model: "gpt-realtime-2.1",
            inputFormat: .telephony,
            outputFormat: .telephony
        )
        change(&configuration)
        return configuration
    }

    private func audio(_ events: [AgentEvent], in text: String) -> [String] {
        events.compactMap { event in
            guard case .audio(let audio) = event else { return nil }
            return "\(audio.item.index) \(audio.format) \(audio.payload.text(in: text))"
        }
    }

    // MARK: Reading

    @Test func `a session is greeted, configured and then ready once`() throws {
        var codec = OpenAIRealtimeCodec()
        #expect(try codec.receive(#"{"type":"session.created","session":{"id":"s"}}"#) == [.awaitingConfiguration])
        #expect(try codec.receive(#"{"type":"session.updated","session":{}}"#) == [.ready])
        #expect(try codec.receive(#"{"type":"session.updated","session":{}}"#) == [.ignored])
    }

    @Test func `audio is numbered by item in any order and read in place once the item is known`() throws {
        var codec = OpenAIRealtimeCodec()
        var seen: [String] = []
        for item in ["item_a", "item_a", "item_b", "item_a", "item_b", "item_ab"] {
            let text = delta(item)
            seen += audio(try codec.receive(text), in: text)
        }
        #expect(seen == [0, 0, 1, 0, 1, 2].map { "\($0) pcm16 24000 Hz AAAA" })
        let known = Array(delta("item_b").utf8)
        #expect(known.withUnsafeBytes { codec.scan($0) } != nil)
        #expect(codec.providerName(of: first) == "item_a")
        #expect(codec.providerName(of: second) == "item_b")
        #expect(codec.providerName(of: AgentItem(index: 3)) == nil)
        #expect(codec.providerName(of: AgentItem(index: -1)) == nil)
    }

    @Test func `items keep their number over thousands, the old ones are forgotten`() throws {
        var codec = OpenAIRealtimeCodec()
        for number in 0..<3000 {
            let text = delta("item_\(number)")
            #expect(audio(try codec.receive(text), in: text) == ["\(number) pcm16 24000 Hz AAAA"])
            #expect(audio(try codec.receive(text), in: text) == ["\(number) pcm16 24000 Hz AAAA"])
        }
        #expect(codec.providerName(of: AgentItem(index: 2999)) == "item_2999")
        #expect(codec.providerName(of: AgentItem(index: 2800)) == "item_2800")
        #expect(codec.providerName(of: first) == nil)
        #expect(try codec.written(.truncate(item: first, heardMilliseconds: 1)).isEmpty)
    }

    @Test func `the caller's speech and words are reported`() throws {
        var codec = OpenAIRealtimeCodec()
        var second = AgentUsage()
        second.transcriptionMilliseconds = 1000
        #expect(
            try codec.receive(#"{"type":"input_audio_buffer.speech_started","audio_start_ms":1234,"item_id":"u"}"#)
                == [.callerSpeechStarted(inputMilliseconds: 1234, item: AgentItem(index: 0))]
        )
        #expect(
            try codec.receive(#"{"type":"input_audio_buffer.speech_stopped","audio_end_ms":2000,"item_id":"u"}"#)
                == [.callerSpeechEnded(inputMilliseconds: 2000)]
        )
        #expect(
            try codec.receive(
                #"{"type":"conversation.item.input_audio_transcription.delta","item_id":"u","content_index":0,"delta":"Hal"}"#
            )
                == [.callerTranscript(AgentTranscript(item: first, text: "Hal", isFinal: false))]
        )
        #expect(
            try codec.receive(
                #"{"type":"conversation.item.input_audio_transcription.completed","item_id":"u","content_index":0,"transcript":"Hallo.","usage":{"type":"duration","seconds":1}}"#
            )
                == [.callerTranscript(AgentTranscript(item: first, text: "Hallo.", isFinal: true)), .usage(second)]
        )
        #expect(
            try codec.receive(
                #"{"type":"conversation.item.input_audio_transcription.failed","item_id":"u","error":{"type":"x","code":"audio_unintelligible","message":"m"}}"#
            )
                == [.error(AgentErrorReport(code: "audio_unintelligible", message: "m", isFatal: false))]
        )
    }

    @Test func `a response is reported from beginning to end`() throws {
        var codec = OpenAIRealtimeCodec()
        #expect(
            try codec.receive(#"{"type":"response.created","response":{"id":"r1","status":"in_progress"}}"#) == [
                .responseStarted
            ]
        )
        #expect(
            try codec.receive(#"{"type":"response.output_audio_transcript.delta","item_id":"a","delta":"Gr\u00fc"}"#)
                == [.agentTranscript(AgentTranscript(item: first, text: "Grü", isFinal: false))]
        )
        #expect(
            try codec.receive(#"{"type":"response.output_audio_transcript.done","item_id":"a","transcript":"Grüße"}"#)
                == [.agentTranscript(AgentTranscript(item: first, text: "Grüße", isFinal: true))]
        )
        #expect(try codec.receive(#"{"type":"response.output_audio.done","item_id":"a"}"#) == [.audioEnded(first)])
        #expect(
            try codec.receive(
                #"{"type":"response.done","response":{"id":"r1","status":"completed","usage":{"total_tokens":30,"input_tokens":10,"output_tokens":20}}}"#
            )
                == [
                    .usage(AgentUsage(inputTokens: 10, outputTokens: 20, totalTokens: 30)),
                    .responseEnded(AgentResponseEnd(status: .completed)),
                ]
        )
    }

    @Test(arguments: [
        (
            #"{"status":"cancelled","status_details":{"type":"cancelled","reason":"turn_detected"}}"#,
            AgentResponseEnd.Status.cancelled, "turn_detected"
        ),
        (
            #"{"status":"incomplete","status_details":{"type":"incomplete","reason":"max_output_tokens"},"usage":null}"#,
            .incomplete, "max_output_tokens"
        ),
        (
            #"{"status":"failed","status_details":{"type":"failed","error":{"type":"server_error","code":"oops"}}}"#,
            .failed, "oops"
        ),
        (
            #"{"status":"failed","status_details":{"type":"failed","error":{"type":"server_error","code":null}}}"#,
            .failed, "server_error"
        ),
    ])
    func `the end of a response is reported with its reason`(
        response: String,
        status: AgentResponseEnd.Status,
        reason: String
    ) throws {
        var codec = OpenAIRealtimeCodec()
        #expect(
            try codec.receive(#"{"type":"response.done","response":\#(response)}"#)
                == [.responseEnded(AgentResponseEnd(status: status, reason: reason))]
        )
    }

    private func arguments(_ text: String = "{}", name: String? = "book") -> String {
        let name = name.map { #""name":"\#($0)","# } ?? ""
        return
            #"{"type":"response.function_call_arguments.done","item_id":"f","call_id":"c1",\#(name)"arguments":\#(JSONValue.string(text).serializedText())}"#
    }

    private func itemDone(_ status: String) -> String {
        #"{"type":"response.output_item.done","item":{"id":"f","type":"function_call","call_id":"c1","name":"book","status":"\#(status)"}}"#
    }

    private func responseDone(_ status: String) -> String {
        #"{"type":"response.done","response":{"id":"r1","status":"\#(status)"}}"#
    }

    @Test func `a function call has its name, given late or early`() throws {
        var codec = OpenAIRealtimeCodec()
        let call = AgentToolCall(id: "c1", name: "book", arguments: #"{"reason":"bye"}"#)
        #expect(try codec.receive(arguments(#"{"reason":"bye"}"#)) == [.ignored])
        #expect(try codec.receive(itemDone("completed")) == [.toolCall(call)])
        let nameless = arguments(#"{"reason":"bye"}"#, name: nil)
        #expect(throws: WireError(.malformedMessage, "name")) { try codec.receive(nameless) }
        #expect(
            try codec.receive(
                #"{"type":"response.output_item.added","item":{"type":"function_call","call_id":"c1","name":"book"}}"#
            )
                == [.ignored]
        )
        #expect(try codec.receive(nameless) == [.ignored])
        #expect(try codec.receive(itemDone("completed")) == [.toolCall(call)])
    }

    @Test func `a function call that the caller has cut short is not run, even if its arguments look whole`() throws {
        var codec = OpenAIRealtimeCodec()
        for text in [#"{"slot":"9:"#, #"{"slot":"9"}"#] {
            _ = try codec.receive(#"{"type":"response.created","response":{"id":"r1"}}"#)
            #expect(try codec.receive(arguments(text)) == [.ignored])
            #expect(try codec.receive(itemDone("incomplete")) == [.ignored])
            #expect(
                try codec.receive(responseDone("cancelled")) == [.responseEnded(AgentResponseEnd(status: .cancelled))]
            )
        }
    }

    @Test func `a service that does not report the end of items is taken at its response's end`() throws {
        let call = AgentToolCall(id: "c1", name: "book", arguments: "{}")
        var codec = OpenAIRealtimeCodec()
        _ = try codec.receive(arguments())
        #expect(
            try codec.receive(responseDone("completed"))
                == [.toolCall(call), .responseEnded(AgentResponseEnd(status: .completed))]
        )
        for status in [AgentResponseEnd.Status.cancelled, .incomplete, .failed] {
            _ = try codec.receive(arguments())
            #expect(
                try codec.receive(responseDone(status.rawValue)) == [.responseEnded(AgentResponseEnd(status: status))]
            )
        }
        #expect(try codec.receive(responseDone("completed")) == [.responseEnded(AgentResponseEnd(status: .completed))])
    }

    @Test func `a response that is written and not spoken has failed`() throws {
        var codec = OpenAIRealtimeCodec()
        let written = #"{"type":"response.output_text.delta","item_id":"t","delta":"At nine."}"#
        let failed = AgentEvent.responseEnded(AgentResponseEnd(status: .failed, reason: "no_audio"))
        let completed = AgentEvent.responseEnded(AgentResponseEnd(status: .completed))
        for isSpoken in [false, true, false] {
            _ = try codec.receive(#"{"type":"response.created","response":{"id":"r1"}}"#)
            #expect(try codec.receive(written) == [.ignored])
            if isSpoken { _ = try codec.receive(delta("item_\(isSpoken)")) }
            #expect(try codec.receive(responseDone("completed")) == [isSpoken ? completed : failed])
        }
        _ = try codec.receive(#"{"type":"response.created","response":{"id":"r1"}}"#)
        #expect(try codec.receive(responseDone("completed")) == [completed])
    }

    @Test(arguments: [
        ("session_expired", true), ("invalid_api_key", true), ("insufficient_quota", true),
        ("response_cancel_not_active", false),
        ("conversation_already_has_active_response", false), ("invalid_value", false),
    ])
    func `only errors that end the session are fatal`(code: String, isFatal: Bool) throws {
        var codec = OpenAIRealtimeCodec()
        _ = try codec.receive(#"{"type":"session.updated"}"#)
        #expect(
            try codec.receive(
                #"{"type":"error","error":{"type":"invalid_request_error","code":"\#(code)","message":"m","param":null,"event_id":null}}"#
            )
                == [
                    .error(
                        AgentErrorReport(
                            code: code,
                            message: "m",
                            isFatal: isFatal,
                            isBusy: code == "conversation_already_has_active_response"
                        )
                    )
                ]
        )
    }

    @Test func `a model that is speaking already is known by the code, or by the words if there is none`() throws {
        var codec = OpenAIRealtimeCodec()
        _ = try codec.receive(#"{"type":"session.updated"}"#)
        let words = "Conversation already has an active response in progress: resp_1."
        let busy = "conversation_already_has_active_response"
        for (code, message, isBusy) in [
            ("\"\(busy)\"", "m", true), ("null", words, true), ("null", "m", false), ("\"other\"", words, false),
        ] {
            let events = try codec.receive(
                #"{"type":"error","error":{"type":"invalid_request_error","code":\#(code),"message":"\#(message)"}}"#
            )
            guard case .error(let report)? = events.first else {
                Issue.record("no error")
                continue
            }
            #expect(report.isBusy == isBusy, "\(code) \(message)")
        }
    }

    @Test func `a refused configuration is fatal before the session is ready and harmless later`() throws {
        var codec = OpenAIRealtimeCodec()
        let update = try codec.written(.configure(configuration()))
        let id = try #require(update[0]["event_id"]?.string)
        let refusal =
            #"{"type":"error","error":{"type":"invalid_request_error","code":null,"message":"m","event_id":"\#(id)"}}"#
        #expect(
            try codec.receive(refusal) == [
                .error(
                    AgentErrorReport(
                        code: "invalid_request_error",
                        message: "m",
                        isFatal: true,
                        refusesConfiguration: true
                    )
                )
            ]
        )
        _ = try codec.receive(#"{"type":"session.updated"}"#)
        #expect(
            try codec.receive(refusal) == [
                .error(AgentErrorReport(code: "invalid_request_error", message: "m", isFatal: false))
            ]
        )
    }

    @Test(arguments: [
        "response.audio.delta", "response.audio_transcript.delta", "response.text.delta", "conversation.item.created",
        "rate_limits.updated",
        "conversation.item.added", "response.content_part.added", "output_audio_buffer.started", "something.new",
    ])
    func `events of the beta, unused events and unknown ones are ignored`(type: String) throws {
        var codec = OpenAIRealtimeCodec()
        #expect(try codec.receive(#"{"type":"\#(type)","item_id":"a","delta":"AAAA"}"#) == [.ignored])
    }

    @Test(arguments: [
        #"{}"#, #"[]"#, #"{"type":7}"#, #"{"type":"response.output_audio.delta","item_id":"a"}"#,
        #"{"type":"response.output_audio.delta","delta":"AAAA"}"#,
        #"{"type":"response.output_audio.delta","item_id":"","delta":"AAAA"}"#,
        #"{"type":"response.output_audio.delta","item_id":"a","delta":"AAAA","content_index":-1}"#,
        #"{"type":"response.done"}"#,
        #"{"type":"response.done","response":{"status":"odd"}}"#, #"{"type":"response.output_audio.done"}"#,
        #"{"type":"response.function_call_arguments.done","name":"n","arguments":"{}"}"#,
        #"{"type":"conversation.item.input_audio_transcription.completed","item_id":"u"}"#,
    ])
    func `a message without a required field is refused and changes nothing`(text: String) throws {
        var codec = OpenAIRealtimeCodec()
        var events: [AgentEvent] = [.ready]
        let bytes = Array(text.utf8)
        var code: WireError.Code?
        do throws(WireError) { try codec.receive(bytes.span.bytes, into: &events) } catch { code = error.code }
        #expect(code == .malformedMessage)
        #expect(events == [.ready])
        let next = delta("item_a")
        #expect(audio(try codec.receive(next), in: next) == ["0 pcm16 24000 Hz AAAA"])
    }

    @Test(arguments: [
        (#"{"type":"audio/pcmu"}"#, AudioFormat.telephony), (#"{"type":"audio/pcma"}"#, .alaw8k),
        (#"{"type":"audio/pcm","rate":24000}"#, .pcm24k),
    ])
    func `audio has the format that the provider reports`(format: String, expected: AudioFormat) throws {
        var codec = OpenAIRealtimeCodec()
        _ = try codec.receive(#"{"type":"session.updated","session":{"audio":{"output":{"format":\#(format)}}}}"#)
        let text = delta("a")
        #expect(audio(try codec.receive(text), in: text) == ["0 \(expected) AAAA"])
    }

    @Test func `both ways read every form of a delta alike`() throws {
        var hits = 0
        for seed in 0..<4000 as Range<UInt64> {
            var noise = JSONNoise(generator: SeededGenerator(seed: seed))
            noise.escapes = seed % 2 == 0
            var message: JSONValue = ["type": "response.output_audio.delta", "item_id": "item_a", "delta": "//79++AA"]
            if !noise.generator.chance(oneIn: 3) {
                message.set("content_index", noise.generator.chance(oneIn: 4) ? 1 : 0)
            }
            for name in ["event_id", "response_id", "x", "Delta"] where noise.generator.chance(oneIn: 2) {
                message.set(name, noise.anything())
            }
            let bytes = Array(noise.text(message).utf8)
            var codec = OpenAIRealtimeCodec()
            _ = try codec.receive(delta("item_a"))
            let quick = bytes.withUnsafeBytes { codec.scan($0) }
            var thorough: [AgentEvent] = []
            try codec.receive(parsing: bytes.span.bytes, into: &thorough)
            if let quick {
                hits += 1
                #expect([quick.withAudioCopied(from: bytes)] == thorough, "seed \(seed)")
            }
            #expect(
                thorough == [
                    .audio(AgentAudio(item: first, format: .pcm24k, payload: .unescaped(Array("//79++AA".utf8))))
                ]
            )
        }
        #expect(hits > 1500)
    }

    // MARK: Writing

    @Test func `audio is appended to the provider's buffer`() {
        let codec = OpenAIRealtimeCodec()
        var outbox = MessageOutbox()
        codec.writeAudio(([0xFF, 0xFE, 0xFD] as [UInt8]).span.bytes, to: &outbox)
        #expect(outbox.drainTexts() == [#"{"type":"input_audio_buffer.append","audio":"//79"}"#])
    }

    @Test func `the full configuration is written in the shape of the GA interface`() throws {
        var codec = OpenAIRealtimeCodec()
        let written = try codec.written(
            .configure(
                configuration {
                    $0.voice = "marin"
                    $0.instructions = "Be \"brief\"."
                    $0.language = "de"
                    $0.tools = [
                        AgentTool(
                            name: "end_call",
                            description: "Ends it.",
                            parameters: #"{"type":"object","properties":{"reason":{"type":"string"}}}"#
                        )
                    ]
                }
            )
        )
        let expected: JSONValue = [
            "type": "session.update", "event_id": "talkpath-configuration",
            "session": [
                "type": "realtime", "output_modalities": ["audio"], "instructions": "Be \"brief\".",
                "audio": [
                    "input": [
                        "format": ["type": "audio/pcmu"],
                        "transcription": ["model": "gpt-transcribe", "language": "de"],
                        "turn_detection": ["type": "server_vad", "create_response": true, "interrupt_response": true],
                    ],
                    "output": ["format": ["type": "audio/pcmu"], "voice": "marin"],
                ],
                "tools": [
                    [
                        "type": "function", "name": "end_call", "description": "Ends it.",
                        "parameters": ["type": "object", "properties": ["reason": ["type": "string"]]],
                    ]
                ],
                "tool_choice": "auto",
            ],
        ]
        #expect(written == [expected])
        let text = delta("a")
        #expect(audio(try codec.receive(text), in: text) == ["0 mulaw 8000 Hz AAAA"])
    }

    @Test func `the smallest configuration leaves out everything optional`() throws {
        var codec = OpenAIRealtimeCodec()
        let written = try codec.written(
            .configure(
                configuration {
                    $0.transcribes = false
                    $0.inputFormat = .pcm24k
                    $0.outputFormat = .alaw8k
                }
            )
        )
        let session = try #require(written[0]["session"])
        #expect(session["audio"]?["input"]?["format"] == ["type": "audio/pcm", "rate": 24000])
        #expect(session["audio"]?["output"] == ["format": ["type": "audio/pcma"]])
        #expect(session["audio"]?["input"]?["transcription"] == nil)
        #expect(session["tools"] == nil)
        #expect(session["instructions"] == nil)
    }

    @Test func `truncation names the item and its audio part`() throws {
        var codec = OpenAIRealtimeCodec()
        _ = try codec.receive(delta("item_a", content: 0))
        _ = try codec.receive(delta("item_b", content: 1))
        _ = try codec.receive(delta("item_b", content: 1))
        #expect(
            try codec.written(.truncate(item: second, heardMilliseconds: 1500))
                == [
                    [
                        "type": "conversation.item.truncate", "item_id": "item_b", "content_index": 1,
                        "audio_end_ms": 1500,
                    ]
                ]
        )
        #expect(try codec.written(.truncate(item: first, heardMilliseconds: -3))[0]["audio_end_ms"]?.int == 0)
        #expect(
            try codec.written(.delete(item: second)) == [["type": "conversation.item.delete", "item_id": "item_b"]]
        )
        #expect(try codec.written(.truncate(item: AgentItem(index: 9), heardMilliseconds: 1)).isEmpty)
        #expect(try codec.written(.delete(item: AgentItem(index: 9))).isEmpty)
    }

    @Test func `the other commands are written in the provider's form`() throws {
        var codec = OpenAIRealtimeCodec()
        #expect(try codec.written(.cancelResponse) == [["type": "response.cancel"]])
        #expect(
            try codec.written(.say("Grüße\n")) == [
                ["type": "response.create", "response": ["instructions": "Grüße\n"]]
            ]
        )
        #expect(
            try codec.written(.toolResult(id: "c1", name: "n", output: #"{"ok":true}"#)) == [
                [
                    "type": "conversation.item.create",
                    "item": ["type": "function_call_output", "call_id": "c1", "output": #"{"ok":true}"#],
                ]
            ]
        )
        #expect(try codec.written(.respond) == [["type": "response.create"]])
        #expect(try codec.written(.prompt("t")) == codec.written(.addMessage(role: .user, text: "t")))
        for (role, kind) in [
            (AgentCommand.MessageRole.user, "input_text"), (.system, "input_text"), (.assistant, "output_text"),
        ] {
            #expect(
                try codec.written(.addMessage(role: role, text: "t")) == [
                    [
                        "type": "conversation.item.create",
                        "item": [
                            "type": "message", "role": .string(role.rawValue),
                            "content": [["type": .string(kind), "text": "t"]],
                        ],
                    ]
                ]
            )
        }
    }
}
