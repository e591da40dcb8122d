import Testing

@testable import TalkpathWire

/// Any bytes must give an event or an error and never trap, and the fast and the full path must agree.
struct HostileInputTests {
    private static let part = #"{"inlineData":{"mimeType":"audio/pcm;rate=24000","data":"//79AAAA++//"}}"#
    private static let corpus: [[UInt8]] = [
        TwilioMessages.connected, TwilioMessages.start(), TwilioMessages.media, TwilioMessages.mark,
        TwilioMessages.dtmf, TwilioMessages.stop,
        #"{"event":"media","streamSid":"MZ01","media":{"payload":"\/\u002f79","timestamp":105,"x":[{"y":"ü\ud83d\ude00"},-1.5e3,true,null]}}"#,
        #"{"type":"session.created"}"#,
        #"{"type":"response.output_audio.delta","item_id":"item_a","content_index":0,"delta":"//79AAAA++//"}"#,
        #"{"type":"response.done","response":{"status":"completed","usage":{"total_tokens":3,"input_tokens":1,"output_tokens":2}}}"#,
        #"{"type":"error","error":{"type":"t","code":"session_expired","message":"Grüße \n"}}"#,
        #"{"type":"response.function_call_arguments.done","call_id":"c","name":"n","arguments":"{\"a\":1}"}"#,
        #"{"serverContent":{"modelTurn":{"role":"model","parts":[\#(part)]}}}"#,
        #"{"serverContent":{"modelTurn":{"parts":[\#(part),\#(part)]},"interrupted":true,"turnComplete":true},"usageMetadata":{"promptTokenCount":1}}"#,
        #"{"toolCall":{"functionCalls":[{"id":"1","name":"a","args":{"x":[1,2,{"y":null}]}}]}}"#,
        #"{"type":"session.started","session":{"expires_at":1790003600,"audio":{"format":{"type":"audio/pcm","rate":24000}}}}"#,
        #"{"type":"session.output_audio.delta","event_id":"e","delta":"//79AAAA++//"}"#,
        #"{"type":"session.input_transcript.delta","delta":"Grüße","start_ms":1,"end_ms":2}"#,
        #"{"type":"response.event","event":{"type":"response.output_item.done","item":{"type":"function_call","status":"completed","call_id":"c","name":"n","arguments":"{}"}}}"#,
        #"{"type":"session.closed","reason":"expired","usage":{"seconds":21.5}}"#,
        #"{"goAway":{"timeLeft":"49.5s"},"sessionResumptionUpdate":{"newHandle":"h","resumable":true}}"#,
        #"{"type":"ready","caller_turns":true,"resume":"t","output_format":{"encoding":"pcm16","sample_rate":24000}}"#,
        #"{"type":"transcript","speaker":"agent","response":"a","text":"Gr\u00fc\u00dfe \n","final":false}"#,
        #"{"type":"tool_call","id":"1","name":"f","arguments":{"x":[1,2,{"y":null}]}}"#,
        #"{"type":"going_away","time_left_ms":2000}"#,
        #"{"type":"response_end","response":"a","status":"failed","reason":"r"}"#,
    ].map { Array($0.utf8) }

    private func feedAll(_ bytes: [UInt8], _ note: @autoclosure () -> String) throws {
        try feedTwilio(bytes, note())
        try feedOpenAI(bytes, note())
        try feedGemini(bytes, note())
        feedLive(bytes, note())
        try feedSocket(bytes, note())
    }

    private func feedLive(_ bytes: [UInt8], _ note: @autoclosure () -> String) {
        var codec = OpenAILiveCodec()
        let quick = bytes.withUnsafeBytes { codec.scan($0) }
        var thorough: [AgentEvent] = []
        try? codec.receive(parsing: bytes.span.bytes, into: &thorough)
        compare(quick, thorough, bytes, note())
    }

    private func feedTwilio(_ bytes: [UInt8], _ note: @autoclosure () -> String) throws {
        var codec = try TwilioMediaStreamsCodec.started()
        let quick = bytes.withUnsafeBytes { codec.scan($0) }
        let thorough = try? codec.receive(parsing: bytes.span.bytes)
        if let quick, quick.withAudioCopied(from: bytes) != thorough { Issue.record("the two ways differ: \(note())") }
        if case .media(let media) = quick ?? thorough { decode(media.payload, in: bytes) }
    }

    private func feedOpenAI(_ bytes: [UInt8], _ note: @autoclosure () -> String) throws {
        var codec = OpenAIRealtimeCodec()
        _ = try codec.receive(#"{"type":"response.output_audio.delta","item_id":"item_a","delta":""}"#)
        let quick = bytes.withUnsafeBytes { codec.scan($0) }
        var thorough: [AgentEvent] = []
        try? codec.receive(parsing: bytes.span.bytes, into: &thorough)
        compare(quick, thorough, bytes, note())
    }

    private func feedGemini(_ bytes: [UInt8], _ note: @autoclosure () -> String) throws {
        var codec = GeminiLiveCodec()
        _ = try codec.receive(
            #"{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm","data":""}}]}}}"#
        )
        let quick = bytes.withUnsafeBytes { codec.scan($0) }
        var thorough: [AgentEvent] = []
        try? codec.receive(parsing: bytes.span.bytes, into: &thorough)
        compare(quick, thorough, bytes, note())
    }

    /// As text and as audio, before the agent is ready and after.
    private func feedSocket(_ bytes: [UInt8], _ note: @autoclosure () -> String) throws {
        for isReady in [false, true] {
            for isText in [false, true] {
                var codec = AgentSocketCodec()
                if isReady {
                    _ = try codec.receive(#"{"type":"ready"}"#)
                    _ = try codec.receive(#"{"type":"response_start","response":"a"}"#)
                }
                var events: [AgentEvent] = []
                do {
                    try codec.receive(bytes.span.bytes, isText: isText, into: &events)
                } catch {
                    if !events.isEmpty { Issue.record("an error came with events: \(note())") }
                }
                for case .audio(let audio) in events { decode(audio.payload, in: bytes) }
            }
        }
    }

    private func compare(
        _ quick: AgentEvent?,
        _ thorough: [AgentEvent],
        _ bytes: [UInt8],
        _ note: @autoclosure () -> String
    ) {
        if let quick, [quick.withAudioCopied(from: bytes)] != thorough {
            Issue.record("the two ways differ: \(note())")
        }
        for case .audio(let audio) in thorough { decode(audio.payload, in: bytes) }
    }

    private func decode(_ payload: WirePayload, in message: [UInt8]) {
        var target = [UInt8](repeating: 0, count: payload.decodedCount(in: message.span.bytes))
        var span = target.mutableSpan
        _ = try? payload.decode(from: message.span.bytes, into: &span)
    }

    @Test(arguments: corpus.indices)
    func `a message cut off anywhere is an error`(index: Int) throws {
        let message = Self.corpus[index]
        for length in 0..<message.count {
            let prefix = Array(message[0..<length])
            try feedAll(prefix, "\(length) bytes of message \(index)")
            #expect((try? JSONValue(parsing: prefix)) == nil)
        }
    }

    @Test(arguments: corpus.indices)
    func `a message with one byte changed, lost or added is read or refused, on both ways alike`(index: Int) throws {
        let message = Self.corpus[index]
        var generator = SeededGenerator(seed: UInt64(index))
        let telling = Array("\"\\{}[],:0-9eE.+/u \t\n\u{0}\u{1F}\u{7F}".utf8) + [0x80, 0xC3, 0xED, 0xF4, 0xFF]
        for place in message.indices {
            for round in 0..<6 {
                var changed = message
                let byte =
                    round < 4 ? telling.randomElement(using: &generator)! : UInt8.random(in: 0...255, using: &generator)
                switch round {
                case 0: changed.remove(at: place)
                case 1: changed.insert(byte, at: place)
                default: changed[place] = byte
                }
                try feedAll(changed, "message \(index), place \(place), round \(round), byte \(byte)")
            }
        }
    }

    @Test func `random bytes are refused`() throws {
        var generator = SeededGenerator(seed: 99)
        for _ in 0..<2000 {
            let noise = generator.bytes(Int.random(in: 0...64, using: &generator))
            try feedAll(noise, "\(noise)")
        }
    }

    @Test(arguments: ["[", #"{"a":"#, #"{"media":"#, #"{"serverContent":"#, #"[{"x":["#])
    func `endless nesting is an error, not a stack overflow`(opening: String) throws {
        let text = Array(String(repeating: opening, count: 200_000).utf8)
        try feedAll(text, opening)
        let error = #expect(throws: WireError.self) { try JSONValue(parsing: text) }
        #expect(error?.code == .malformedJSON)
    }

    @Test func `a very large message is read like a small one`() throws {
        let payload = String(repeating: "//79", count: 1_000_000)
        let twilio = TwilioMessages.media.replacing("//79", with: payload)
        var codec = try TwilioMediaStreamsCodec.started()
        guard case .media(let media) = try codec.receive(twilio) else {
            Issue.record("not media")
            return
        }
        let bytes = Array(twilio.utf8)
        #expect(media.payload.decodedCount(in: bytes.span.bytes) == 3_000_000)
        var target = [UInt8](repeating: 0, count: 3_000_000)
        var span = target.mutableSpan
        #expect(try media.payload.decode(from: bytes.span.bytes, into: &span) == 3_000_000)
        #expect(target.last == 0xFD)
    }

    @Test(arguments: [0, 1, 159, 160, 161, 16_000])
    func `audio of any size passes in both directions`(size: Int) throws {
        var generator = SeededGenerator(seed: UInt64(size))
        let audio = generator.bytes(size)
        var codec = try TwilioMediaStreamsCodec.started()
        var outbox = MessageOutbox()
        codec.writeMedia(audio.span.bytes, to: &outbox)
        let written = outbox.drainTexts()[0]
        let message = Array(written.replacing(#"{"payload""#, with: #"{"timestamp":1,"payload""#).utf8)
        guard case .media(let media) = try codec.receive(message.span.bytes) else {
            Issue.record("not media")
            return
        }
        var target = [UInt8](repeating: 0, count: media.payload.decodedCount(in: message.span.bytes))
        var span = target.mutableSpan
        _ = try media.payload.decode(from: message.span.bytes, into: &span)
        #expect(target == audio)
    }

    @Test(arguments: ["A", "AAA=A", "A===", "AA A", "AAA\u{E9}"])
    func `invalid Base64 is reported when it is decoded, in place or not`(text: String) throws {
        var codec = try TwilioMediaStreamsCodec.started()
        for escape in ["", #"\u0041AAA"#] {
            let message = Array(TwilioMessages.media.replacing("//79", with: escape + text).utf8)
            guard case .media(let media) = try codec.receive(message.span.bytes) else {
                Issue.record("not media")
                return
            }
            var target = [UInt8](repeating: 0, count: 64)
            var span = target.mutableSpan
            let decoded = try? media.payload.decode(from: message.span.bytes, into: &span)
            #expect(decoded == nil)
        }
    }

    @Test func `a hundred thousand keys are read in a negligible time`() throws {
        let members = (0..<100_000).map { #""k\#($0)":0"# }.joined(separator: ",")
        #expect(try JSONValue(parsing: "{\(members)}").object?.count == 100_000)
    }

    @Test func `no error contains text of the message`() throws {
        let secret = "4915112345678"
        for text in [
            #"{"event":"\#(secret)""#, #"{"event":"dtmf","streamSid":"\#(secret)"}"#,
            #"{"event":"media","streamSid":"MZ01","media":{"payload":{"\#(secret)":1}}}"#,
        ] {
            var codec = try TwilioMediaStreamsCodec.started()
            let error = #expect(throws: WireError.self) { try codec.receive(text) }
            #expect(error.map { !"\($0)".contains(secret) } == true)
        }
    }
}
