import TalkpathAudio
import Testing

@testable import TalkpathWire

struct TwilioMediaStreamsCodecTests {
    // MARK: Reading

    @Test func `a stream is read from greeting to stop`() throws {
        var codec = TwilioMediaStreamsCodec()
        #expect(try codec.receive(TwilioMessages.connected) == .connected)
        #expect(codec.streamID == nil)
        let start = TelephonyStreamStart(
            streamID: "MZ01",
            carrierCallID: "CA01",
            accountID: "AC01",
            parameters: ["call_id": "c-1"],
            format: .telephony
        )
        #expect(try codec.receive(TwilioMessages.start()) == .started(start))
        #expect(codec.streamID == "MZ01")
        guard case .media(let media) = try codec.receive(TwilioMessages.media) else {
            Issue.record("not media")
            return
        }
        #expect(media.sequence == 7)
        #expect(media.timestamp == 105)
        #expect(media.payload.text(in: TwilioMessages.media) == "//79")
        #expect(try codec.receive(TwilioMessages.dtmf) == .dtmf(digit: UInt8(ascii: "#")))
        #expect(try codec.receive(TwilioMessages.mark) == .mark(PlaybackMark(epoch: 3, number: 17)))
        #expect(try codec.receive(TwilioMessages.stop) == .stopped)
        #expect(try codec.receive(TwilioMessages.stop) == .stopped)
    }

    @Test func `the usual media and mark are read in place, without the full parser`() throws {
        let codec = try TwilioMediaStreamsCodec.started()
        let lastStream =
            #"{"event":"media","sequenceNumber":"7","media":{"track":"inbound","chunk":"6","timestamp":"105","payload":""},"streamSid":"MZ01"}"#
        for text in [TwilioMessages.media, TwilioMessages.mark, lastStream] {
            let bytes = Array(text.utf8)
            #expect(bytes.withUnsafeBytes { codec.scan($0) } != nil)
        }
    }

    @Test func `unknown events are ignored`() throws {
        var codec = try TwilioMediaStreamsCodec.started()
        #expect(try codec.receive(#"{"event":"rainbow","streamSid":"MZ01"}"#) == .ignored)
        #expect(try codec.receive(#"{"event":"","x":[]}"#) == .ignored)
    }

    @Test func `audio of the outbound track is not used as the caller's`() throws {
        var codec = try TwilioMediaStreamsCodec.started()
        let outbound = TwilioMessages.media.replacing("inbound", with: "outbound")
        #expect(try codec.receive(outbound) == .ignored)
    }

    @Test(arguments: [
        TwilioMessages.media, TwilioMessages.mark, TwilioMessages.dtmf, TwilioMessages.stop,
    ])
    func `messages of another stream, or before the start, are refused`(message: String) throws {
        var fresh = TwilioMediaStreamsCodec()
        #expect(throws: WireError(.wrongStream, "no stream has started")) { try fresh.receive(message) }
        var other = try TwilioMediaStreamsCodec.started("MZ02")
        #expect(throws: WireError(.wrongStream)) { try other.receive(message) }
        var longer = try TwilioMediaStreamsCodec.started("MZ01x")
        #expect(throws: WireError(.wrongStream)) { try longer.receive(message) }
        let anonymous = message.replacing(#""streamSid":"MZ01","#, with: "")
        var ours = try TwilioMediaStreamsCodec.started()
        #expect(throws: WireError(.malformedMessage, "streamSid")) { try ours.receive(anonymous) }
    }

    @Test func `a second start has no effect`() throws {
        var codec = try TwilioMediaStreamsCodec.started()
        #expect(try codec.receive(TwilioMessages.start()) == .ignored)
        let error = #expect(throws: WireError.self) { try codec.receive(TwilioMessages.start("MZ02")) }
        #expect(error?.code == .wrongStream)
        #expect(codec.streamID == "MZ01")
    }

    @Test(arguments: [
        (#""audio/x-mulaw""#, #""audio/l16""#), ("8000", "16000"), (#""channels":1"#, #""channels":2"#),
        (#","channels":1"#, ""),
    ])
    func `an unsupported format is refused and the stream has not started`(usual: String, other: String) throws {
        var codec = TwilioMediaStreamsCodec()
        let error = #expect(throws: WireError.self) {
            try codec.receive(TwilioMessages.start().replacing(usual, with: other))
        }
        #expect(error?.code == .unsupportedFormat)
        #expect(codec.streamID == nil)
    }

    @Test(arguments: [
        (#""rate":8000"#, ""), ("8000", #""8000""#), (#""channels":1"#, #""channels":"1""#), ("8000", "8.0e3"),
    ])
    func `numbers of the format may be numbers or strings`(usual: String, other: String) throws {
        var codec = TwilioMediaStreamsCodec()
        _ = try codec.receive(TwilioMessages.start().replacing(usual, with: other))
        #expect(codec.streamID == "MZ01")
    }

    @Test(arguments: [
        (#""mediaFormat":{"encoding""#, #""mediaformat":{"encoding""#), (#""callSid":"CA01""#, #""callSid":1"#),
        (#"{"call_id":"c-1"}"#, #"[1]"#), (#"{"call_id":"c-1"}"#, #"{"call_id":{}}"#),
        (#""start":{"streamSid":"MZ01""#, #""start":{"streamSid":"""#),
    ])
    func `a start message without a required field is refused`(usual: String, other: String) {
        var codec = TwilioMediaStreamsCodec()
        let error = #expect(throws: WireError.self) {
            try codec.receive(TwilioMessages.start().replacing(usual, with: other))
        }
        #expect(error?.code == .malformedMessage)
        #expect(codec.streamID == nil)
    }

    @Test(arguments: [
        (#""payload":"//79""#, #""payload":7"#), (#","payload":"//79""#, ""),
        (#""track":"inbound""#, #""track":{}"#),
        (#""media":{"#, #""medium":{"#), (#""event":"media""#, #""event":7"#),
        (#""event":"media""#, #""Event":"media""#),
    ])
    func `a media message without a required field is refused`(usual: String, other: String) throws {
        var codec = try TwilioMediaStreamsCodec.started()
        let message = TwilioMessages.media.replacing(usual, with: other)
        #expect(message != TwilioMessages.media)
        let error = #expect(throws: WireError.self) { try codec.receive(message) }
        #expect(error?.code == .malformedMessage)
        // The error leaves the codec's state unchanged.
        #expect(throws: Never.self) { try codec.receive(TwilioMessages.media) }
    }

    @Test(arguments: [
        "", #""timestamp":null,"#, #""timestamp":"-1","#, #""timestamp":"1.5","#, #""timestamp":"","#,
        #""timestamp":[],"#, #""timestamp":"99999999999999999999999","#, #""timestamp":1e308,"#,
    ])
    func `media whose timestamp is missing or cannot be read is audio without a timestamp`(field: String) throws {
        var codec = try TwilioMediaStreamsCodec.started()
        let message = TwilioMessages.media.replacing(#""timestamp":"105","#, with: field)
        guard case .media(let media) = try codec.receive(message) else {
            Issue.record("not media")
            return
        }
        #expect(media.timestamp == nil && media.sequence == 7)
        #expect(media.payload.text(in: message) == "//79")
    }

    @Test(arguments: [
        "", "null", #""x""#, "true", "-7", #""4294967296""#, "18446744073709551615", "1e308", "{}",
    ])
    func `media whose sequence number is missing or cannot be read has the number 0`(number: String) throws {
        var codec = try TwilioMediaStreamsCodec.started()
        let field = number.isEmpty ? "" : #""sequenceNumber":\#(number),"#
        let message = TwilioMessages.media.replacing(#""sequenceNumber":"7","#, with: field)
        guard case .media(let media) = try codec.receive(message) else {
            Issue.record("not media")
            return
        }
        #expect(media.sequence == 0 && media.timestamp == 105)
    }

    @Test(arguments: ["", "A", "12", "x", "é", " "])
    func `a key that telephones do not have is refused`(digit: String) throws {
        var codec = try TwilioMediaStreamsCodec.started()
        let message = TwilioMessages.dtmf.replacing(##""digit":"#""##, with: #""digit":"\#(digit)""#)
        #expect(throws: WireError(.malformedMessage, "dtmf.digit")) { try codec.receive(message) }
    }

    @Test(arguments: [
        "", "tp", "tp-", "tp--", "tp-1", "tp-1-", "tp--1", "tp-01-2", "tp-1-02", "tp-1-2-3", "tp-1-2 ", "Tp-1-2",
        "tp-4294967296-1",
        "tp-1-99999999999", "i7:3", "grüße", "tp-1-x",
    ])
    func `a mark that is not ours has no number`(name: String) throws {
        var codec = try TwilioMediaStreamsCodec.started()
        #expect(try codec.receive(TwilioMessages.mark.replacing("tp-3-17", with: name)) == .mark(nil))
    }

    // MARK: Writing

    @Test func `nothing is written before the stream has started`() {
        let codec = TwilioMediaStreamsCodec()
        var outbox = MessageOutbox()
        let audio: [UInt8] = [0xFF]
        let written = [
            codec.writeMedia(audio.span.bytes, to: &outbox),
            codec.writeMark(PlaybackMark(epoch: 0, number: 0), to: &outbox),
            codec.writeClear(to: &outbox),
        ]
        #expect(written == [false, false, false])
        #expect(outbox.drainTexts().isEmpty)
    }

    @Test func `the three messages have exactly the carrier's shape`() throws {
        let codec = try TwilioMediaStreamsCodec.started()
        var outbox = MessageOutbox()
        let audio: [UInt8] = [0xFF, 0xFE, 0xFD]
        codec.writeMedia(audio.span.bytes, to: &outbox)
        codec.writeMark(PlaybackMark(epoch: 4_294_967_295, number: 12), to: &outbox)
        codec.writeClear(to: &outbox)
        #expect(
            outbox.drainTexts() == [
                #"{"event":"media","streamSid":"MZ01","media":{"payload":"//79"}}"#,
                #"{"event":"mark","streamSid":"MZ01","mark":{"name":"tp-4294967295-12"}}"#,
                #"{"event":"clear","streamSid":"MZ01"}"#,
            ]
        )
    }

    @Test func `a stream identifier that needs escapes is escaped`() throws {
        var codec = TwilioMediaStreamsCodec()
        _ = try codec.receive(TwilioMessages.start(#"M\"Z\u0007\\"#))
        #expect(codec.streamID == "M\"Z\u{7}\\")
        var outbox = MessageOutbox()
        codec.writeClear(to: &outbox)
        codec.writeMedia([UInt8]().span.bytes, to: &outbox)
        let written = try outbox.drainJSON()
        #expect(written[0] == ["event": "clear", "streamSid": "M\"Z\u{7}\\"])
        #expect(written[1]["media"] == ["payload": ""])
    }

    @Test func `marks come back as they were written`() throws {
        var codec = try TwilioMediaStreamsCodec.started()
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            let mark = PlaybackMark(
                epoch: UInt32.random(in: 0...UInt32.max, using: &generator)
                    >> UInt32.random(in: 0...31, using: &generator),
                number: UInt32.random(in: 0...UInt32.max, using: &generator)
            )
            var outbox = MessageOutbox()
            codec.writeMark(mark, to: &outbox)
            let echo = outbox.drainTexts()[0].replacing(#""event""#, with: #""sequenceNumber":"5","event""#)
            #expect(try codec.receive(echo) == .mark(mark))
        }
    }

    // MARK: The fast path against the full path

    @Test func `both ways read every form of a legal message alike`() throws {
        var hits = 0
        for seed in 0..<6000 as Range<UInt64> {
            var noise = JSONNoise(generator: SeededGenerator(seed: seed))
            noise.escapes = seed % 2 == 0
            let isMark = seed % 3 == 0
            var message = isMark ? mark(&noise) : media(&noise)
            for name in ["x", "Event", "payload", "", "märz"] where noise.generator.chance(oneIn: 4) {
                message.set(name, noise.anything())
            }
            let text = noise.text(message)
            let bytes = Array(text.utf8)
            var codec = try TwilioMediaStreamsCodec.started()
            let thorough = try codec.receive(parsing: bytes.span.bytes)
            if let quick = bytes.withUnsafeBytes({ codec.scan($0) }) {
                hits += 1
                #expect(quick.withAudioCopied(from: bytes) == thorough, "seed \(seed): \(text)")
            }
            switch thorough {
            case .media: #expect(!isMark)
            case .mark: #expect(isMark)
            default: Issue.record("seed \(seed): \(thorough) from \(text)")
            }
        }
        // Half of the messages have no escapes, so the fast path must read them.
        #expect(hits > 3000)
    }

    private func number(_ value: Int, _ noise: inout JSONNoise) -> JSONValue {
        Bool.random(using: &noise.generator) ? JSONValue(value) : .string(String(value))
    }

    private func media(_ noise: inout JSONNoise) -> JSONValue {
        let payload = ["", "//79", "++//AAAA", "Zm8=", String(repeating: "a/B+", count: 53)]
        var media: JSONValue = ["payload": .string(payload.randomElement(using: &noise.generator)!)]
        media.set("timestamp", number(Int.random(in: 0...10_000_000, using: &noise.generator), &noise))
        if !noise.generator.chance(oneIn: 4) { media.set("track", "inbound") }
        if !noise.generator.chance(oneIn: 4) { media.set("chunk", number(3, &noise)) }
        if noise.generator.chance(oneIn: 4) { media.set("extra", noise.anything()) }
        var message: JSONValue = ["event": "media", "streamSid": "MZ01", "media": media]
        if !noise.generator.chance(oneIn: 8) {
            message.set("sequenceNumber", number(Int.random(in: 0...4_294_967_295, using: &noise.generator), &noise))
        }
        return message
    }

    private func mark(_ noise: inout JSONNoise) -> JSONValue {
        let name = ["tp-0-0", "tp-12-345", "tp-4294967295-1", "i7:3", "", "grüße"]
        var mark: JSONValue = ["name": .string(name.randomElement(using: &noise.generator)!)]
        if noise.generator.chance(oneIn: 4) { mark.set("extra", noise.anything()) }
        return ["event": "mark", "streamSid": "MZ01", "sequenceNumber": number(3, &noise), "mark": mark]
    }

    @Test func `both paths use the last of a repeated field`() throws {
        let twice = [
            #"{"event":"dtmf","event":"media","streamSid":"no","streamSid":"MZ01","media":{"payload":"AAAA","timestamp":"1","payload":"BBBB"}}"#,
            #"{"event":"media","streamSid":"MZ01","media":{"payload":"AAAA","timestamp":"1"},"media":{"payload":"BBBB","timestamp":2}}"#,
        ]
        for text in twice {
            var codec = try TwilioMediaStreamsCodec.started()
            guard case .media(let media) = try codec.receive(text) else {
                Issue.record("not media")
                return
            }
            #expect(media.payload.text(in: text) == "BBBB")
        }
        // The second object lacks a member that the first one had, and must not inherit it.
        let halved =
            #"{"event":"media","streamSid":"MZ01","media":{"payload":"AAAA","timestamp":"1"},"media":{"payload":"BBBB"}}"#
        var codec = try TwilioMediaStreamsCodec.started()
        guard case .media(let media) = try codec.receive(halved) else {
            Issue.record("not media")
            return
        }
        #expect(media.timestamp == nil && media.payload.text(in: halved) == "BBBB")
    }
}
