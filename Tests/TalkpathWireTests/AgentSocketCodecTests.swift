import TalkpathAudio
import Testing

@testable import TalkpathWire

struct AgentSocketCodecTests {
    private static let configuration = AgentSessionConfiguration(
        model: "m",
        instructions: "Be brief.",
        tools: [AgentTool(name: "look_up", description: "d")],
        inputFormat: .pcm16k,
        outputFormat: .pcm16k
    )

    /// A codec whose agent is ready.
    private func ready(_ fields: String = "") throws -> AgentSocketCodec {
        var codec = AgentSocketCodec()
        _ = try codec.written(.configure(Self.configuration))
        _ = try codec.receive(#"{"type":"ready"\#(fields)}"#)
        return codec
    }

    /// The events as short texts, so that a sequence is easy to read.
    private func summary(_ events: [AgentEvent]) -> [String] {
        events.map { event in
            switch event {
            case .audio(let audio): "audio \(audio.item.index) \(audio.format) \(audio.payload)"
            case .audioEnded(let item): "audioEnded \(item.index)"
            case .responseStarted: "started"
            case .responseEnded(let end): "ended \(end.status.rawValue)"
            case .agentTranscript(let words): "agent \(words.item.index) \(words.isFinal) \(words.text)"
            case .callerTranscript(let words): "caller \(words.item.index) \(words.isFinal) \(words.text)"
            default: "\(event)"
            }
        }
    }

    // MARK: The session

    @Test func `start has the call, the functions and both formats`() throws {
        var codec = AgentSocketCodec()
        var configuration = Self.configuration
        configuration.call = AgentCallDetails(
            id: "c-1",
            direction: "inbound",
            from: "+15550100199",
            to: "+15550100100",
            metadata: ["order": 7],
            variables: ["name": "Ada"]
        )
        configuration.resumptionHandle = "t"
        configuration.conversation = [.init(.user, "Hello?"), .init(.assistant, "Good day.")]
        let start = try #require(try codec.written(.configure(configuration)).first)
        let expected: JSONValue = [
            "type": "start", "protocol": 1, "call_id": "c-1", "direction": "inbound", "from": "+15550100199",
            "to": "+15550100100", "metadata": ["order": 7], "variables": ["name": "Ada"], "model": "m",
            "instructions": "Be brief.",
            "tools": [
                ["name": "look_up", "description": "d", "parameters": ["type": "object", "properties": [:]]]
            ],
            "input_format": ["encoding": "pcm16", "sample_rate": 16000],
            "output_format": ["encoding": "pcm16", "sample_rate": 16000],
            "resume": "t",
            "conversation": [["role": "user", "text": "Hello?"], ["role": "assistant", "text": "Good day."]],
        ]
        #expect(start == expected)
    }

    @Test func `an agent that is ready may choose formats and give a token`() throws {
        var codec = AgentSocketCodec()
        _ = try codec.written(.configure(Self.configuration))
        let events = try codec.receive(
            #"{"type":"ready","resume":"t1","input_format":{"encoding":"mulaw","sample_rate":8000},"#
                + #""output_format":{"encoding":"pcm16","sample_rate":24000}}"#
        )
        #expect(events == [.inputFormat(.telephony), .resumptionHandle("t1"), .ready])
        #expect(codec.outputFormat == .pcm24k)
        #expect(try codec.receive(#"{"type":"ready"}"#) == [.ignored])
    }

    @Test(
        arguments: [
            #"{"encoding":"pcm16","sample_rate":44100}"#, #"{"encoding":"mulaw","sample_rate":16000}"#,
            #"{"encoding":"alaw","sample_rate":8000}"#, #"{"encoding":"opus"}"#, #""pcm16""#,
            #"{"encoding":"pcm16","sample_rate":1e99}"#,
        ]
    )
    func `an unknown format is refused, and the agent is not ready`(format: String) throws {
        var codec = AgentSocketCodec()
        #expect(throws: WireError(.unsupportedFormat, "output_format")) {
            try codec.receive(#"{"type":"ready","output_format":\#(format)}"#)
        }
        #expect(!codec.isReady)
    }

    @Test func `only ready or an error may come first`() throws {
        var codec = AgentSocketCodec()
        #expect(throws: WireError(.malformedMessage, "response_start before ready")) {
            try codec.receive(#"{"type":"response_start","response":"r"}"#)
        }
        #expect(throws: WireError(.malformedMessage, "audio before ready")) { try codec.receive(audio: [0, 0]) }
        let error = try codec.receive(#"{"type":"error","code":"full","message":"no room","fatal":true}"#)
        #expect(error == [.error(AgentErrorReport(code: "full", message: "no room", isFatal: true))])
    }

    // MARK: Speech

    @Test func `audio belongs to the response that began last`() throws {
        var codec = try ready()
        var events = try codec.receive(#"{"type":"response_start","response":"a"}"#)
        events += try codec.receive(audio: [1, 2, 3, 4])
        events += try codec.receive(#"{"type":"response_end","response":"a"}"#)
        events += try codec.receive(#"{"type":"response_start","response":"b"}"#)
        events += try codec.receive(audio: [5, 6])
        events += try codec.receive(#"{"type":"response_start","response":"c"}"#)
        #expect(
            summary(events) == [
                "started", "audio 0 pcm16 16000 Hz raw(Range(0..<4))", "audioEnded 0", "ended completed",
                "started", "audio 1 pcm16 16000 Hz raw(Range(0..<2))", "audioEnded 1", "ended completed", "started",
            ]
        )
    }

    @Test func `audio outside of a response, or with half a sample, is dropped`() throws {
        var codec = try ready()
        #expect(throws: WireError(.malformedMessage, "audio outside of a response")) {
            try codec.receive(audio: [0, 0])
        }
        _ = try codec.receive(#"{"type":"response_start","response":"a"}"#)
        for audio in [[0], [], [0, 0, 0]] as [[UInt8]] {
            #expect(throws: WireError.self) { try codec.receive(audio: audio) }
        }
        #expect(try codec.receive(audio: [0, 0]).count == 1)
    }

    @Test func `a response's id is accepted once`() throws {
        var codec = try ready()
        _ = try codec.receive(#"{"type":"response_start","response":"a"}"#)
        _ = try codec.receive(#"{"type":"response_end","response":"a"}"#)
        #expect(throws: WireError.self) { try codec.receive(#"{"type":"response_start","response":"a"}"#) }
        // The refused message has no effect.
        #expect(codec.responses.open == nil)
        #expect(try codec.receive(#"{"type":"response_end","response":"a"}"#) == [.ignored])
    }

    @Test func `an interruption by the agent ends its response`() throws {
        var codec = try ready()
        _ = try codec.receive(#"{"type":"response_start","response":"a"}"#)
        #expect(
            summary(try codec.receive(#"{"type":"interrupt"}"#)) == ["interrupted", "audioEnded 0", "ended cancelled"]
        )
        #expect(try codec.receive(#"{"type":"interrupt"}"#) == [.interrupted])
        #expect(throws: WireError.self) { try codec.receive(audio: [0, 0]) }
    }

    @Test func `a response that was cancelled ends as cancelled`() throws {
        var codec = try ready()
        #expect(try codec.written(.cancelResponse).isEmpty)
        _ = try codec.receive(#"{"type":"response_start","response":"a"}"#)
        #expect(try codec.written(.cancelResponse) == [["type": "cancel", "response": "a"]])
        let told = try codec.written(.truncate(item: AgentItem(index: 0), heardMilliseconds: 340))
        #expect(told == [["type": "interrupted", "response": "a", "heard_ms": 340]])
        // Audio under way still belongs to it.
        #expect(summary(try codec.receive(audio: [0, 0])) == ["audio 0 pcm16 16000 Hz raw(Range(0..<2))"])
        #expect(
            summary(try codec.receive(#"{"type":"response_end","response":"a"}"#)) == [
                "audioEnded 0", "ended cancelled",
            ]
        )
        let never = try codec.written(.delete(item: AgentItem(index: 0)))
        #expect(never == [["type": "interrupted", "response": "a", "heard_ms": 0]])
        #expect(try codec.written(.truncate(item: AgentItem(index: 9), heardMilliseconds: 1)).isEmpty)
    }

    @Test func `words of both sides belong to their turns`() throws {
        var codec = try ready()
        #expect(throws: WireError.self) { try codec.receive(#"{"type":"transcript","speaker":"agent","text":"x"}"#) }
        _ = try codec.receive(#"{"type":"response_start","response":"a"}"#)
        var events = try codec.receive(#"{"type":"transcript","speaker":"agent","text":"Good","final":false}"#)
        events += try codec.receive(#"{"type":"transcript","speaker":"caller","text":"I","final":false}"#)
        events += try codec.receive(#"{"type":"transcript","speaker":"caller","text":"I see"}"#)
        events += try codec.receive(#"{"type":"transcript","speaker":"caller","text":"Next"}"#)
        events += try codec.receive(#"{"type":"transcript","speaker":"agent","response":"a","text":"Good day"}"#)
        events += try codec.receive(#"{"type":"transcript","speaker":"caller","turn":"a","text":"named"}"#)
        #expect(
            summary(events) == [
                "agent 0 false Good", "caller 1 false I", "caller 1 true I see", "caller 2 true Next",
                "agent 0 true Good day", "caller 3 true named",
            ]
        )
        #expect(throws: WireError.self) { try codec.receive(#"{"type":"transcript","speaker":"dog","text":"x"}"#) }
    }

    @Test func `the ids of old responses are forgotten, and numbers go on`() throws {
        var codec = try ready()
        for number in 0..<1500 { _ = try codec.receive(#"{"type":"response_start","response":"r\#(number)"}"#) }
        #expect(codec.providerName(of: AgentItem(index: 1499)) == "r1499")
        #expect(codec.providerName(of: AgentItem(index: 0)) == nil)
        #expect(codec.responses.open == AgentItem(index: 1499))
    }

    @Test func `an open response keeps its id while the caller speaks`() throws {
        var codec = try ready()
        _ = try codec.receive(#"{"type":"response_start","response":"a"}"#)
        for _ in 0..<1500 { _ = try codec.receive(#"{"type":"transcript","speaker":"caller","text":"x"}"#) }
        #expect(try codec.written(.cancelResponse) == [["type": "cancel", "response": "a"]])
        let told = try codec.written(.truncate(item: AgentItem(index: 0), heardMilliseconds: 1))
        #expect(told == [["type": "interrupted", "response": "a", "heard_ms": 1]])
        let words = try codec.receive(#"{"type":"transcript","speaker":"agent","response":"a","text":"x"}"#)
        #expect(summary(words) == ["agent 0 true x"])
        let end = try codec.receive(#"{"type":"response_end","response":"a"}"#)
        #expect(summary(end) == ["audioEnded 0", "ended cancelled"])
    }

    // MARK: The rest

    @Test func `functions are called with an object or with text`() throws {
        var codec = try ready()
        let calls = try [
            #"{"type":"tool_call","id":"1","name":"f","arguments":{"a":[1,{"type":"x"}]}}"#,
            #"{"type":"tool_call","id":"2","name":"f","arguments":"{\"a\":1}"}"#,
            #"{"type":"tool_call","id":"3","name":"f"}"#,
        ].flatMap { try codec.receive($0) }
        #expect(
            calls == [
                .toolCall(AgentToolCall(id: "1", name: "f", arguments: #"{"a":[1,{"type":"x"}]}"#)),
                .toolCall(AgentToolCall(id: "2", name: "f", arguments: #"{"a":1}"#)),
                .toolCall(AgentToolCall(id: "3", name: "f", arguments: "{}")),
            ]
        )
        #expect(throws: WireError.self) { try codec.receive(#"{"type":"tool_call","name":"f"}"#) }
        #expect(try codec.receive(#"{"type":"tool_cancel","ids":["1",2]}"#) == [.toolCallsCancelled(ids: ["1"])])
        let result = try codec.written(.toolResult(id: "1", name: "f", output: #"{"ok":true}"#))
        #expect(result == [["type": "tool_result", "id": "1", "name": "f", "output": #"{"ok":true}"#]])
    }

    @Test func `marks, ends and refusals are read`() throws {
        var codec = try ready()
        #expect(try codec.receive(#"{"type":"mark","name":"m"}"#) == [.mark("m")])
        #expect(try codec.receive(#"{"type":"end"}"#) == [.endRequested(drains: true, note: nil)])
        let now = try codec.receive(#"{"type":"end","drain":false,"reason":"done"}"#)
        #expect(now == [.endRequested(drains: false, note: "done")])
        #expect(
            try codec.receive(#"{"type":"going_away","time_left_ms":1e300}"#) == [
                .goingAway(timeLeft: .seconds(86_400))
            ]
        )
        #expect(try codec.receive(#"{"type":"weather"}"#) == [.ignored])
    }

    @Test func `commands are written as the protocol defines them`() throws {
        var codec = try ready(#","caller_turns":true"#)
        let all: [AgentCommand] = [
            .say("Hello."), .addMessage(role: .system, text: "s"), .prompt("p"), .key(UInt8(ascii: "5")),
            .callerVoice(isSpeaking: true), .callerVoice(isSpeaking: false), .markPlayed("m", wasCut: true), .respond,
            .history([]),
            .ended(AgentCallEnd(reason: "caller_hangup", durationMilliseconds: 9, talkingMilliseconds: 7)),
        ]
        let written = try all.flatMap { try codec.written($0) }
        #expect(
            written == [
                ["type": "say", "text": "Hello."],
                ["type": "message", "role": "system", "text": "s", "respond": false],
                ["type": "message", "role": "user", "text": "p", "respond": true], ["type": "dtmf", "digit": "5"],
                ["type": "caller_started"], ["type": "caller_stopped"],
                ["type": "mark_played", "name": "m", "cut": true],
                ["type": "ended", "reason": "caller_hangup", "duration_ms": 9, "talking_ms": 7],
            ]
        )
        var deaf = try ready()
        #expect(try deaf.written(.callerVoice(isSpeaking: true)).isEmpty)
    }

    @Test func `malformed text is answered with an error, up to a limit`() throws {
        var codec = try ready()
        let error = #expect(throws: WireError.self) { try codec.receive(#"{"type":"mark","#) }
        let fault = try #require(error)
        #expect(fault.code == .malformedJSON)
        let told = try (0..<100).flatMap { _ in try codec.written(.fault(fault)) }
        #expect(told.count == 16)
        #expect(told.first?["code"]?.string == "malformed_json")
        for text in ["[]", "7", #"{"type":7}"#, "{}", #"{"type":"mark"}"#] {
            #expect(throws: WireError.self) { try codec.receive(text) }
        }
    }

    @Test func `audio is sent unchanged, in binary messages`() throws {
        let codec = try ready()
        var outbox = MessageOutbox()
        outbox.beginMessage()
        outbox.append("{}")
        outbox.endMessage()
        codec.writeAudio(([1, 2, 3, 4] as [UInt8]).span.bytes, to: &outbox)
        var found: [(bytes: [UInt8], isBinary: Bool)] = []
        outbox.drainMessages { message, isBinary in found.append((message.withUnsafeBytes { Array($0) }, isBinary)) }
        #expect(found.map(\.isBinary) == [false, true])
        #expect(found.map(\.bytes) == [Array("{}".utf8), [1, 2, 3, 4]])
    }

    @Test func `the secret is a bearer token, or the value of its own header`() {
        let bearer = AgentProvider.socket.target(baseURL: "wss://a.example/x", model: "m", apiKey: " s \n")
        #expect(bearer.url == "wss://a.example/x")
        #expect(bearer.headers.map { "\($0.name): \($0.value)" } == ["Authorization: Bearer s"])
        let named = AgentSocketCodec.target(url: "wss://a.example", secret: "s", header: "X-Key")
        #expect(named.headers.map { "\($0.name): \($0.value)" } == ["X-Key: s"])
        #expect(AgentSocketCodec.target(url: "wss://a.example", secret: "").headers.isEmpty)
    }
}

extension AgentSocketCodec {
    mutating func receive(_ text: String) throws -> [AgentEvent] {
        var events: [AgentEvent] = []
        let bytes = Array(text.utf8)
        try receive(bytes.span.bytes, isText: true, into: &events)
        return events
    }

    mutating func receive(audio: [UInt8]) throws -> [AgentEvent] {
        var events: [AgentEvent] = []
        try receive(audio.span.bytes, isText: false, into: &events)
        return events
    }

    mutating func written(_ command: AgentCommand) throws -> [JSONValue] {
        var outbox = MessageOutbox()
        write(command, to: &outbox)
        return try outbox.drainJSON()
    }
}
