import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathCore

/// A downlink from a model that sends µ-law, so that the output has the same bytes as the input.
private struct Downlink: ~Copyable {
    var pipeline: DownlinkPipeline
    private let codec: TwilioMediaStreamsCodec
    private var outbox = MessageOutbox()
    private(set) var now = MonotonicInstant.at(milliseconds: 0)
    private(set) var sent: [(at: Int, message: CarrierMessage)] = []

    init(from format: AudioFormat = .telephony) throws {
        let codec = try Self.startedCodec()
        let pipeline = try DownlinkPipeline(from: format, to: .telephony, lead: .milliseconds(200), ring: nil)
        self.init(pipeline, codec)
    }

    private init(_ pipeline: consuming DownlinkPipeline, _ codec: TwilioMediaStreamsCodec) {
        self.pipeline = pipeline
        self.codec = codec
    }

    private static func startedCodec() throws -> TwilioMediaStreamsCodec {
        let start =
            #"{"event":"start","sequenceNumber":"1","streamSid":"MZ01","start":{"streamSid":"MZ01","accountSid":"AC01","callSid":"CA01","tracks":["inbound"],"customParameters":{},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#
        let bytes = Array(start.utf8)
        var codec = TwilioMediaStreamsCodec()
        _ = try codec.receive(bytes.span.bytes)
        return codec
    }

    mutating func ingest(_ bytes: [UInt8], item: Int = 0, format: AudioFormat = .telephony) {
        ingest(text: bytes.base64, item: item, format: format)
    }

    mutating func ingest(text: String, item: Int = 0, format: AudioFormat = .telephony) {
        let message = Array(text.utf8)
        let audio = AgentAudio(
            item: AgentItem(index: item),
            format: format,
            payload: .inPlace(0..<message.count)
        )
        pipeline.ingest(audio, in: message.span.bytes)
        send(isTick: false)
    }

    mutating func pass(_ milliseconds: Int) {
        for _ in 0..<milliseconds / 20 {
            now = now + .milliseconds(20)
            send(isTick: true)
        }
    }

    private mutating func send(isTick: Bool) {
        pipeline.send(through: codec, to: &outbox, isTick: isTick, at: now)
        let milliseconds = Int((now - .at(milliseconds: 0)).wholeMilliseconds)
        outbox.drain { message in
            let text = message.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            if let message = CarrierMessage(text) { sent.append((milliseconds, message)) }
        }
    }

    var audio: [UInt8] { sent.flatMap { $0.message.audio ?? [] } }
    var frames: [Int] { sent.compactMap { $0.message.audio?.count } }
    var marks: Int { sent.filter { $0.message.mark != nil }.count }

    mutating func interrupt() -> PlaybackInterruption? { pipeline.interrupt(at: now) }
}

struct DownlinkPipelineTests {
    @Test func `items of which nothing is heard are remembered within a bound`() throws {
        var downlink = try Downlink()
        _ = downlink.pipeline.mute(at: downlink.now)
        for item in 0..<2000 { downlink.ingest([UInt8](repeating: 1, count: 160), item: item) }
        for item in 0..<2000 { downlink.ingest([UInt8](repeating: 1, count: 160), item: item) }
        let items = downlink.pipeline.takeUnheardItems(endedBy: nil)
        #expect(items.count == 256)
        #expect(Set(items.map(\.index)).count == 256)
    }

    @Test func `an answer is paced: 200 ms ahead at most, in frames of 20 ms, complete and in order`() throws {
        var downlink = try Downlink()
        let answer = [UInt8].counting(40_000)
        downlink.ingest(answer)
        downlink.pipeline.ended(AgentItem(index: 0))
        #expect(downlink.audio.count == 1600)
        downlink.pass(6000)
        #expect(downlink.audio == answer)
        #expect(downlink.frames.allSatisfy { $0 == 160 })
        var bytes = 0
        for (at, message) in downlink.sent {
            bytes += message.audio?.count ?? 0
            #expect(bytes / 8 <= at + 200)
        }
        // The far end never runs dry, either.
        for moment in stride(from: 0, to: 5000, by: 20) {
            let arrived = downlink.sent.filter { $0.at <= moment }.compactMap(\.message.audio?.count).reduce(0, +)
            #expect(arrived / 8 >= min(5000, moment + 20))
        }
    }

    @Test func `a mark follows every 100 ms and the last frame`() throws {
        var downlink = try Downlink()
        downlink.ingest([UInt8](repeating: 1, count: 160 * 12))
        downlink.pipeline.ended(AgentItem(index: 0))
        downlink.pass(1000)
        #expect(downlink.marks == 3)
        #expect(downlink.sent.last?.message.mark != nil)
    }

    @Test func `the last frame of an item may be short, and items do not share a frame`() throws {
        var downlink = try Downlink()
        downlink.ingest([UInt8](repeating: 1, count: 250), item: 0)
        downlink.ingest([UInt8](repeating: 2, count: 161), item: 1)
        downlink.pipeline.ended(AgentItem(index: 1))
        downlink.pass(200)
        #expect(downlink.frames == [160, 90, 160, 1])
    }

    @Test func `a rest of less than a frame waits for more audio, but only until the far end would run dry`() throws {
        var downlink = try Downlink()
        downlink.ingest([UInt8](repeating: 1, count: 1000))
        #expect(downlink.frames == [160, 160, 160, 160, 160, 160])
        downlink.pass(60)
        #expect(downlink.frames.count == 6)
        downlink.pass(60)
        #expect(downlink.frames.last == 40)
        #expect(downlink.audio.count == 1000)
        // Later audio begins its own run.
        downlink.pass(2000)
        downlink.ingest([UInt8](repeating: 2, count: 1600))
        #expect(downlink.audio.count == 2600)
    }

    @Test func `a pause is marked, so that its beginning is known`() throws {
        var downlink = try Downlink()
        downlink.ingest([UInt8](repeating: 1, count: 320))
        #expect(downlink.marks == 0)
        downlink.pass(40)
        #expect(downlink.marks == 0)
        downlink.pass(20)
        #expect(downlink.marks == 1)
        downlink.pass(1000)
        #expect(downlink.marks == 1)
    }

    @Test func `a model that speaks in real time gets a mark every fifth frame, like a faster one`() throws {
        var downlink = try Downlink()
        for _ in 0..<50 {
            downlink.ingest([UInt8](repeating: 1, count: 160))
            downlink.pass(20)
        }
        #expect(downlink.frames.count == 50)
        #expect(downlink.marks == 10)
    }

    @Test func `after an interruption late audio is dropped until the next response`() throws {
        var downlink = try Downlink()
        downlink.ingest([UInt8](repeating: 1, count: 8000))
        downlink.pass(300)
        let cut = downlink.interrupt()
        let interruption = try #require(cut)
        #expect(interruption.heard == [.init(item: AgentItem(index: 0), milliseconds: 300, producedMilliseconds: 1000)])
        #expect(downlink.pipeline.counters.flushedBytes == 8000 - 500 * 8)
        let before = downlink.audio.count
        // The interrupted item and one that had not begun both belong to the cancelled response.
        downlink.ingest([UInt8](repeating: 1, count: 800), item: 0)
        downlink.ingest([UInt8](repeating: 2, count: 800), item: 1)
        downlink.pass(500)
        #expect(downlink.audio.count == before)
        #expect(downlink.pipeline.counters.lateBytes > 0)
        downlink.pipeline.responseStarted()
        downlink.ingest([UInt8](repeating: 1, count: 800), item: 0)
        #expect(downlink.audio.count == before)
        downlink.ingest([UInt8](repeating: 3, count: 800), item: 2)
        #expect(downlink.audio.suffix(800) == ArraySlice([UInt8](repeating: 3, count: 800)))
    }

    @Test func `speech over silence is not an interruption, and drops no later audio`() throws {
        var downlink = try Downlink()
        #expect(downlink.interrupt() == nil)
        downlink.ingest([UInt8](repeating: 1, count: 800))
        #expect(downlink.audio.count == 800)
        #expect(downlink.pipeline.counters.interruptions == 0)
    }

    @Test func `a lost agent's audio is played to its end, and none of its items stays open`() throws {
        var downlink = try Downlink()
        downlink.ingest([UInt8](repeating: 1, count: 1000))
        downlink.pipeline.sourceLost()
        downlink.pass(2000)
        #expect(downlink.audio.count == 1000)
        #expect(downlink.interrupt() == nil)
    }

    @Test func `audio with another rate than requested is played at its own rate`() throws {
        var downlink = try Downlink(from: .pcm24k)
        downlink.ingest([UInt8](repeating: 0, count: 4800), item: 0, format: .pcm24k)
        downlink.ingest([UInt8](repeating: 0, count: 3200), item: 1, format: .pcm16k)
        downlink.pipeline.ended(AgentItem(index: 1))
        downlink.pass(1000)
        // 100 ms each, and the filters' tails.
        #expect((1600...1700).contains(downlink.audio.count))
        let odd = AudioFormat(encoding: .pcm16, sampleRate: 11_025)
        downlink.ingest([UInt8](repeating: 0, count: 3200), item: 2, format: odd)
        #expect(downlink.pipeline.counters.badPayloads == 1)
    }

    @Test func `invalid Base64 is counted, and the audio before it is kept`() throws {
        var downlink = try Downlink()
        downlink.ingest(text: "!!!!")
        let sound = [UInt8](repeating: 1, count: 1920).base64
        downlink.ingest(text: sound + "!!!!")
        downlink.pipeline.ended(AgentItem(index: 0))
        downlink.pass(1000)
        #expect(downlink.pipeline.counters.badPayloads == 2)
        #expect(downlink.audio.count == 1920)
    }

    @Test func `ten minutes are kept, and audio beyond them is counted`() throws {
        var downlink = try Downlink()
        let minute = [UInt8](repeating: 1, count: 480_000).base64
        for _ in 0..<11 { downlink.ingest(text: minute) }
        #expect(downlink.pipeline.backlogMilliseconds == 600_000)
        #expect(downlink.pipeline.counters.droppedBytes == 480_000 - 1600)
    }
}
