import TalkpathAudio
import Testing

@testable import TalkpathWire

/// The carrier's side of Media Streams, against the codec of the bridge's side.
@Suite struct MediaStreamsFarEndTests {
    private var farEnd = MediaStreamsFarEnd(streamID: #"line "7""#)
    private var codec = TwilioMediaStreamsCodec()

    private mutating func start() throws -> TelephonyStreamStart {
        let message = farEnd.start(carrierCallID: "V1", parameters: ["token": "t1", "x": "\"y\""])
        guard case .started(let start) = try codec.receive(message.span.bytes) else { throw WireError(.wrongStream) }
        return start
    }

    @Test mutating func `a start brings the call, the token and the parameters`() throws {
        let start = try start()
        #expect(start.streamID == #"line "7""#)
        #expect(start.carrierCallID == "V1")
        #expect(start.parameters == ["token": "t1", "x": "\"y\""])
    }

    @Test(arguments: [0, 1, 160, 959], [nil, 0, 40, Int.max])
    mutating func `audio arrives byte by byte, with its number and its time`(count: Int, time: Int?) throws {
        _ = try start()
        let audio = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        for number in 2...3 {
            let message = farEnd.media(audio.span.bytes, at: time)
            guard case .media(let media) = try codec.receive(message.span.bytes) else {
                Issue.record("no audio")
                return
            }
            #expect(media.sequence == UInt32(number))
            #expect(media.timestamp == time.map(UInt64.init))
            var decoded = [UInt8](repeating: 0, count: count)
            var target = decoded.mutableSpan
            switch media.payload {
            case .inPlace(let range): _ = try Base64.decode(message.span.bytes.extracting(range), into: &target)
            case .unescaped(let text): _ = try Base64.decode(text.span.bytes, into: &target)
            case .raw: Issue.record("not Base64")
            }
            #expect(decoded == audio)
        }
    }

    @Test mutating func `a mark, a key and the end arrive`() throws {
        _ = try start()
        var events: [TelephonyEvent] = []
        for message in [farEnd.mark("tp-3-9"), farEnd.mark("another's"), farEnd.digit("#"), farEnd.stop()] {
            events.append(try codec.receive(message.span.bytes))
        }
        let digit = UInt8(ascii: "#")
        #expect(events == [.mark(PlaybackMark(epoch: 3, number: 9)), .mark(nil), .dtmf(digit: digit), .stopped])
    }

    @Test mutating func `every message of the bridge is understood`() throws {
        _ = try start()
        let audio = [UInt8](repeating: 0x55, count: 160)
        var outbox = MessageOutbox()
        codec.writeMedia(audio.span.bytes, to: &outbox)
        codec.writeMark(PlaybackMark(epoch: 2, number: 7), to: &outbox)
        codec.writeClear(to: &outbox)
        var orders: [String] = []
        outbox.drain { message in
            func text(_ range: Range<Int>) -> String {
                message.extracting(range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            }
            switch MediaStreamsFarEnd.order(in: message) {
            case .media(let range): orders.append(text(range))
            case .mark(let range): orders.append(text(range))
            case .clear: orders.append("clear")
            case nil: orders.append("none")
            }
        }
        #expect(orders == [TalkpathCrypto.base64(audio), "tp-2-7", "clear"])
    }

    @Test(arguments: ["", "{}", "[]", #"{"event":"start"}"#, #"{"media":7}"#, #"{"event":"clear""#])
    func `another message is none`(text: String) {
        let bytes = Array(text.utf8)
        #expect(MediaStreamsFarEnd.order(in: bytes.span.bytes) == nil)
    }
}
