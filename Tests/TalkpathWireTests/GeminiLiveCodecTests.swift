import TalkpathAudio
import Testing

@testable import TalkpathWire

struct GeminiLiveCodecTests {
    private func part(_ data: String = "AAAA", type: String = "audio/pcm;rate=24000") -> String {
        #"{"inlineData":{"mimeType":"\#(type)","data":"\#(data)"}}"#
    }

    private func message(_ parts: String..., more: String = "") -> String {
        #"{"serverContent":{"modelTurn":{"parts":[\#(parts.joined(separator: ","))]}\#(more)}}"#
    }

    /// The events as short texts, so that a sequence is easy to read.
    private func summary(_ text: String, _ codec: inout GeminiLiveCodec) throws -> [String] {
        try codec.receive(text).map { event in
            switch event {
            case .audio(let audio):
                "audio \(audio.item.index) \(audio.format.sampleRate) \(audio.payload.text(in: text))"
            case .audioEnded(let item): "audioEnded \(item.index)"
            case .responseStarted: "started"
            case .responseEnded(let end): "ended \(end.status.rawValue)\(end.reason.map { " \($0)" } ?? "")"
            case .agentTranscript(let words):
                "agent \(words.item.index) \(words.isFinal ? "final" : "partial") \(words.text)"
            case .callerTranscript(let words):
                "caller \(words.item.index) \(words.isFinal ? "final" : "partial") \(words.text)"
            case .interrupted: "interrupted"
            case .usage(let count): "usage \(count.inputTokens) \(count.outputTokens) \(count.totalTokens)"
            default: "\(event)"
            }
        }
    }

    private func summaries(_ texts: [String]) throws -> [String] {
        var codec = GeminiLiveCodec()
        return try texts.flatMap { try summary($0, &codec) }
    }

    // MARK: Reading

    @Test(
        arguments: [
            ("gemini-3.1-flash-live-preview", nil, true), ("gemini-3.8-live", nil, false), ("gemini-9", nil, false),
            ("gemini-2.5-flash-native-audio", false, true), ("gemini-2.5-flash-native-audio", true, false),
        ] as [(String, Bool?, Bool)]
    )
    func `a turn without an answer to the caller's words has failed if the model may not decline`(
        model: String,
        isProactive: Bool?,
        hasFailed: Bool
    ) throws {
        var codec = GeminiLiveCodec()
        var configuration = AgentSessionConfiguration(model: model, inputFormat: .pcm16k, outputFormat: .pcm24k)
        configuration.gemini.proactiveAudio = isProactive
        _ = try codec.written(.configure(configuration))
        let words = #"{"serverContent":{"inputTranscription":{"text":"Hi","finished":true}}}"#
        let end = #"{"serverContent":{"turnComplete":true}}"#
        _ = try summary(words, &codec)
        #expect(try summary(end, &codec) == [hasFailed ? "ended failed empty_turn" : "ended completed"])
        // Nothing was said meanwhile.
        #expect(try summary(end, &codec) == ["ended completed"])
        _ = try summary(words, &codec)
        _ = try summary(#"{"toolCall":{"functionCalls":[{"id":"f","name":"book"}]}}"#, &codec)
        #expect(try summary(end, &codec) == ["ended completed"])
        _ = try summary(words, &codec)
        _ = try summary(message(part()), &codec)
        #expect(try summary(end, &codec).last == "ended completed")
        // What was asked for, or waited for, is answered as well.
        for command: AgentCommand in [.prompt("Go on."), .toolResult(id: "f", name: "book", output: "{}")] {
            _ = try codec.written(command)
            #expect(try summary(end, &codec) == [hasFailed ? "ended failed empty_turn" : "ended completed"])
        }
        _ = try codec.written(.addMessage(role: .system, text: "Know this."))
        #expect(try summary(end, &codec) == ["ended completed"])
    }

    @Test func `the session is ready once it is set up`() throws {
        var codec = GeminiLiveCodec()
        #expect(try codec.receive(#"{"setupComplete":{}}"#) == [.ready])
        #expect(try codec.receive(#"{"setupComplete":{"sessionId":"s"}}"#) == [.ignored])
    }

    @Test func `a turn is one item for any number of messages and parts`() throws {
        let events = try summaries([
            message(part("AAAA")), message(part("BBBB"), part("CCCC")), message(part("DDDD")),
            #"{"serverContent":{"generationComplete":true}}"#, #"{"serverContent":{"turnComplete":true}}"#,
            message(part("EEEE")),
        ])
        #expect(
            events == [
                "started", "audio 0 24000 AAAA", "audio 0 24000 BBBB", "audio 0 24000 CCCC", "audio 0 24000 DDDD",
                "audioEnded 0",
                "ended completed", "started", "audio 1 24000 EEEE",
            ]
        )
    }

    @Test func `the usual part is read in place within a turn`() throws {
        var codec = GeminiLiveCodec()
        let bytes = Array(message(part()).utf8)
        #expect(bytes.withUnsafeBytes { codec.scan($0) } == nil)
        _ = try codec.receive(message(part()))
        #expect(bytes.withUnsafeBytes { codec.scan($0) } != nil)
        let withRole = Array(message(part()).replacing(#"{"parts""#, with: #"{"role":"model","parts""#).utf8)
        #expect(withRole.withUnsafeBytes { codec.scan($0) } != nil)
    }

    @Test func `late parts of an interrupted turn stay with it until it is complete`() throws {
        let events = try summaries([
            message(part("AAAA")), #"{"serverContent":{"interrupted":true}}"#, message(part("BBBB")),
            message(part("CCCC")),
            #"{"serverContent":{"turnComplete":true}}"#, message(part("DDDD")),
        ])
        #expect(
            events == [
                "started", "audio 0 24000 AAAA", "interrupted", "audio 0 24000 BBBB", "audio 0 24000 CCCC",
                "audioEnded 0",
                "ended cancelled interrupted", "started", "audio 1 24000 DDDD",
            ]
        )
    }

    @Test func `an interruption after a complete turn does not discard the next one`() throws {
        let events = try summaries([
            message(part("AAAA"), more: #","generationComplete":true,"turnComplete":true"#),
            #"{"serverContent":{"interrupted":true}}"#,
            #"{"serverContent":{"turnComplete":true}}"#,
            message(part("BBBB")), #"{"serverContent":{"turnComplete":true}}"#,
        ])
        #expect(
            events == [
                "started", "audio 0 24000 AAAA", "audioEnded 0", "ended completed", "interrupted",
                "ended cancelled interrupted", "started", "audio 1 24000 BBBB", "audioEnded 1", "ended completed",
            ]
        )
    }

    @Test func `after an interruption of a turn whose audio had all arrived, audio begins another turn`() throws {
        let events = try summaries([
            message(part("AAAA"), more: #","generationComplete":true"#), #"{"serverContent":{"interrupted":true}}"#,
            #"{"serverContent":{"outputTranscription":{"text":"Ho"}}}"#, message(part("BBBB")),
            #"{"serverContent":{"turnComplete":true}}"#,
        ])
        #expect(
            events == [
                "started", "audio 0 24000 AAAA", "audioEnded 0", "interrupted", "agent 0 partial Ho",
                "agent 0 final Ho",
                "ended cancelled interrupted", "started", "audio 1 24000 BBBB", "audioEnded 1", "ended completed",
            ]
        )
    }

    @Test func `a turn that goes on after a function's result ends its audio again`() throws {
        let events = try summaries([
            message(part("AAAA"), more: #","generationComplete":true"#), message(part("BBBB")),
            #"{"serverContent":{"interrupted":true}}"#, message(part("CCCC")),
        ])
        #expect(
            events == [
                "started", "audio 0 24000 AAAA", "audioEnded 0", "audio 0 24000 BBBB", "interrupted",
                "audio 0 24000 CCCC",
            ]
        )
    }

    @Test func `one message may hold everything at once`() throws {
        let events = try summaries([
            #"{"serverContent":{"modelTurn":{"role":"model","parts":[{"text":"thinking","thought":true},\#(part("AAAA")),\#(part("BBBB"))]},"interrupted":true,"turnComplete":true,"inputTranscription":{"text":"Hi"},"outputTranscription":{"text":"Ho"}},"usageMetadata":{"promptTokenCount":1,"responseTokenCount":2,"totalTokenCount":3}}"#
        ])
        #expect(
            events == [
                "caller 0 partial Hi", "caller 0 final Hi", "started", "audio 1 24000 AAAA", "audio 1 24000 BBBB",
                "agent 1 partial Ho",
                "interrupted", "audioEnded 1", "agent 1 final Ho", "ended cancelled interrupted",
                "usage 1 2 3",
            ]
        )
    }

    @Test func `usage in a message with audio is reported and the audio is kept`() throws {
        var codec = GeminiLiveCodec()
        _ = try codec.receive(message(part()))
        let text =
            #"{"usageMetadata":{"promptTokenCount":1},"serverContent":{"modelTurn":{"parts":[\#(part("BBBB"))]}}}"#
        #expect(
            try summary(text, &codec) == [
                "audio 0 24000 BBBB", "usage 1 0 1",
            ]
        )
    }

    @Test func `words are reported piece by piece and then as a whole`() throws {
        let events = try summaries([
            #"{"serverContent":{"inputTranscription":{"text":"Guten "}}}"#,
            #"{"serverContent":{"inputTranscription":{"text":"Tag"}}}"#,
            #"{"serverContent":{"outputTranscription":{"text":"Ja"}}}"#, message(part("AAAA")),
            #"{"serverContent":{"outputTranscription":{"text":", bitte"}}}"#,
            #"{"serverContent":{"turnComplete":true}}"#,
            #"{"serverContent":{"inputTranscription":{"text":"Danke","finished":true}}}"#,
        ])
        #expect(
            events == [
                "caller 0 partial Guten ", "caller 0 partial Tag", "agent 1 partial Ja", "caller 0 final Guten Tag",
                "started",
                "audio 1 24000 AAAA", "agent 1 partial , bitte", "audioEnded 1", "agent 1 final Ja, bitte",
                "ended completed",
                "caller 2 partial Danke", "caller 2 final Danke",
            ]
        )
    }

    @Test func `the caller's words are not cut off when they interrupt`() throws {
        let events = try summaries([
            message(part("AAAA")), #"{"serverContent":{"inputTranscription":{"text":"Stop"}}}"#,
            #"{"serverContent":{"interrupted":true}}"#,
            #"{"serverContent":{"turnComplete":true}}"#, #"{"serverContent":{"inputTranscription":{"text":" it"}}}"#,
            message(part("BBBB")),
        ])
        #expect(
            events == [
                "started", "audio 0 24000 AAAA", "caller 1 partial Stop", "interrupted", "audioEnded 0",
                "ended cancelled interrupted",
                "caller 1 partial  it", "caller 1 final Stop it", "started", "audio 2 24000 BBBB",
            ]
        )
    }

    @Test(arguments: [
        ("audio/pcm;rate=24000", 24000), ("audio/pcm;rate=16000", 16000), ("audio/pcm; rate=8000", 8000),
        ("AUDIO/PCM;Rate=48000", 48000),
        ("audio/pcm", 24000), ("audio/pcm;codec=x;rate=16000", 16000), ("audio/pcm;rate=16000;x=y", 16000),
    ])
    func `the sample rate is the one the part names`(type: String, rate: Int) throws {
        for first in [true, false] {
            var codec = GeminiLiveCodec()
            if !first { _ = try codec.receive(message(part())) }
            #expect(try summary(message(part("AAAA", type: type)), &codec).last == "audio 0 \(rate) AAAA")
        }
    }

    @Test(arguments: [
        "audio/pcm;rate=44100", "audio/pcm;rate=", "audio/pcm;rate=x", "audio/pcm;rate=99999999999", "audio/opus",
        "audio/pcmx", "audio/",
    ])
    func `unsupported audio is refused and opens no turn`(type: String) throws {
        var codec = GeminiLiveCodec()
        #expect(throws: WireError(.unsupportedFormat, "inlineData.mimeType")) {
            try codec.receive(message(part(), part(type: type)))
        }
        #expect(try summary(message(part()), &codec) == ["started", "audio 0 24000 AAAA"])
        #expect(throws: WireError(.unsupportedFormat, "inlineData.mimeType")) {
            try codec.receive(message(part(type: type)))
        }
    }

    @Test(arguments: [
        #"{"inlineData":{"mimeType":"image/png","data":"AAAA"}}"#, #"{"text":"hm","thought":true}"#,
        #"{"executableCode":{}}"#, #"{}"#, "7",
    ])
    func `parts without audio are not played`(part: String) throws {
        #expect(try summaries([message(part)]) == ["ignored"])
    }

    @Test func `functions are called with their arguments as text, and cancelled`() throws {
        var codec = GeminiLiveCodec()
        #expect(
            try codec.receive(
                #"{"toolCall":{"functionCalls":[{"id":"1","name":"a","args":{"x":[1.50,"ü"],"y":null}},{"id":"2","name":"b"}]}}"#
            ) == [
                .toolCall(AgentToolCall(id: "1", name: "a", arguments: #"{"x":[1.50,"ü"],"y":null}"#)),
                .toolCall(AgentToolCall(id: "2", name: "b", arguments: "{}")),
            ]
        )
        #expect(
            try codec.receive(#"{"toolCallCancellation":{"ids":["1","2"]}}"#) == [.toolCallsCancelled(ids: ["1", "2"])]
        )
    }

    @Test(
        arguments: [
            ("49.5s", Duration.milliseconds(49500)), ("60s", .seconds(60)), ("0.000000001s", .nanoseconds(1)),
            ("0s", .zero), ("5", nil),
            ("s", nil), (".5s", nil), ("5.s", nil), ("-5s", nil), ("1.0000000001s", nil), ("1e3s", nil), ("", nil),
            ("99999999999999999999s", nil),
        ] as [(String, Duration?)]
    )
    func `the time left is read, and may be absent`(text: String, expected: Duration?) throws {
        var codec = GeminiLiveCodec()
        #expect(try codec.receive(#"{"goAway":{"timeLeft":"\#(text)"}}"#) == [.goingAway(timeLeft: expected)])
    }

    @Test(
        arguments: [
            (#"{"newHandle":"h","resumable":true}"#, "h"), (#"{"newHandle":"h","resumable":false}"#, nil),
            (#"{"newHandle":"","resumable":true}"#, nil),
            (#"{"resumable":true}"#, nil), (#"{}"#, nil),
        ] as [(String, String?)]
    )
    func `a handle counts only while the session can be resumed`(update: String, handle: String?) throws {
        var codec = GeminiLiveCodec()
        #expect(try codec.receive(#"{"sessionResumptionUpdate":\#(update)}"#) == [.resumptionHandle(handle)])
    }

    @Test func `unknown messages are ignored`() throws {
        #expect(
            try summaries([#"{}"#, #"{"voiceActivity":{}}"#, #"{"serverContent":{"waitingForInput":true}}"#]) == [
                "ignored", "ignored", "ignored",
            ]
        )
    }

    @Test(arguments: [
        #"[]"#, #"{"serverContent":{"modelTurn":{"parts":7}}}"#,
        #"{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"data":"AAAA"}}]}}}"#,
        #"{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm"}}]}}}"#, #"{"toolCall":{}}"#,
        #"{"toolCall":{"functionCalls":[{"name":"a"}]}}"#,
        #"{"toolCall":{"functionCalls":[{"id":"1","name":"a"},{"id":"2"}]}}"#,
        #"{"setupComplete":{},"toolCall":{}}"#,
    ])
    func `a message without a required field is refused and changes nothing`(text: String) throws {
        var codec = GeminiLiveCodec()
        let error = #expect(throws: WireError.self) { try codec.receive(text) }
        #expect(error?.code == .malformedMessage)
        #expect(try codec.receive(#"{"setupComplete":{}}"#) == [.ready])
    }

    @Test func `both ways read every form of a part alike`() throws {
        var hits = 0
        for seed in 0..<4000 as Range<UInt64> {
            var noise = JSONNoise(generator: SeededGenerator(seed: seed))
            noise.escapes = seed % 2 == 0
            var inline: JSONValue = ["mimeType": "audio/pcm;rate=24000", "data": "//79-_AA"]
            if noise.generator.chance(oneIn: 4) { inline.set("x", noise.anything()) }
            var turn: JSONValue = ["parts": [["inlineData": inline]]]
            if noise.generator.chance(oneIn: 2) { turn.set("role", "model") }
            var content: JSONValue = ["modelTurn": turn]
            if noise.generator.chance(oneIn: 8) { content.set("turnComplete", true) }
            let bytes = Array(noise.text(["serverContent": content]).utf8)
            var codec = GeminiLiveCodec()
            _ = try codec.receive(message(part()))
            let quick = bytes.withUnsafeBytes { codec.scan($0) }
            var thorough: [AgentEvent] = []
            try codec.receive(parsing: bytes.span.bytes, into: &thorough)
            if let quick {
                hits += 1
                #expect([quick.withAudioCopied(from: bytes)] == thorough, "seed \(seed)")
            }
            #expect(
                thorough.first
                    == .audio(
                        AgentAudio(
                            item: AgentItem(index: 0),
                            format: .pcm24k,
                            payload: .unescaped(Array("//79-_AA".utf8))
                        )
                    )
            )
        }
        #expect(hits > 1500)
    }

    // MARK: Writing

    @Test func `audio is written with the configured rate`() throws {
        var codec = GeminiLiveCodec()
        var outbox = MessageOutbox()
        codec.writeAudio(([0xFF, 0xFE, 0xFD] as [UInt8]).span.bytes, to: &outbox)
        let configuration = AgentSessionConfiguration(model: "m", inputFormat: .pcm8k, outputFormat: .pcm24k)
        _ = try codec.written(.configure(configuration))
        codec.writeAudio(([0xFF, 0xFE, 0xFD] as [UInt8]).span.bytes, to: &outbox)
        #expect(
            outbox.drainTexts()
                == [16000, 8000].map {
                    #"{"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=\#($0)","data":"//79"}}}"#
                }
        )
    }

    @Test func `the full setup is written`() throws {
        var codec = GeminiLiveCodec()
        let tool = AgentTool(
            name: "end_call",
            description: "Ends it.",
            parameters:
                #"{"$schema":"x","type":"object","additionalProperties":false,"required":["type"],"properties":{"type":{"type":"string","enum":["a"]},"list":{"type":"array","items":{"type":["integer","null"]}}}}"#
        )
        let written = try codec.written(
            .configure(
                AgentSessionConfiguration(
                    model: "gemini-3.8-live",
                    voice: "Puck",
                    instructions: "Be brief.",
                    tools: [tool, AgentTool(name: "wait", description: "Waits.")],
                    inputFormat: .pcm16k,
                    outputFormat: .pcm24k,
                    language: "de-DE",
                    resumptionHandle: "h"
                )
            )
        )
        let parameters: JSONValue = [
            "type": "OBJECT", "required": ["type"],
            "properties": [
                "type": ["type": "STRING", "enum": ["a"]],
                "list": ["type": "ARRAY", "items": ["type": "INTEGER", "nullable": true]],
            ],
        ]
        let setup: JSONValue = [
            "model": "models/gemini-3.8-live",
            "generationConfig": [
                "responseModalities": ["AUDIO"],
                "speechConfig": [
                    "voiceConfig": ["prebuiltVoiceConfig": ["voiceName": "Puck"]], "languageCode": "de-DE",
                ],
            ],
            "systemInstruction": ["role": "user", "parts": [["text": "Be brief."]]],
            "tools": [
                [
                    "functionDeclarations": [
                        [
                            "name": "end_call", "description": "Ends it.", "behavior": "BLOCKING",
                            "parameters": parameters,
                        ],
                        ["name": "wait", "description": "Waits.", "behavior": "BLOCKING"],
                    ]
                ]
            ],
            "realtimeInputConfig": ["activityHandling": "START_OF_ACTIVITY_INTERRUPTS"], "inputAudioTranscription": [:],
            "outputAudioTranscription": [:], "sessionResumption": ["handle": "h"],
            "contextWindowCompression": ["slidingWindow": [:]],
        ]
        #expect(written == [["setup": setup]])
    }

    @Test func `the smallest setup leaves out everything optional`() throws {
        var codec = GeminiLiveCodec()
        let configuration = AgentSessionConfiguration(
            model: "projects/p/models/m",
            transcribes: false,
            inputFormat: .pcm16k,
            outputFormat: .pcm24k
        )
        let written = try codec.written(.configure(configuration))
        let expected: JSONValue = [
            "setup": [
                "model": "projects/p/models/m", "generationConfig": ["responseModalities": ["AUDIO"]],
                "realtimeInputConfig": ["activityHandling": "START_OF_ACTIVITY_INTERRUPTS"], "sessionResumption": [:],
                "contextWindowCompression": ["slidingWindow": [:]],
            ]
        ]
        #expect(written == [expected])
    }

    @Test func `commands are written, and those the provider lacks write nothing`() throws {
        var codec = GeminiLiveCodec()
        let item = AgentItem(index: 0)
        #expect(try codec.written(.truncate(item: item, heardMilliseconds: 1)).isEmpty)
        #expect(try codec.written(.delete(item: item)).isEmpty)
        #expect(try codec.written(.cancelResponse).isEmpty)
        #expect(try codec.written(.say("Hi")) == [["realtimeInput": ["text": "Hi"]]])
        #expect(
            try codec.written(.toolResult(id: "1", name: "a", output: "42"))
                == [["toolResponse": ["functionResponses": [["id": "1", "name": "a", "response": ["output": "42"]]]]]]
        )
    }
}
