import TalkpathAudio
import TalkpathSimulation
import TalkpathWire
import Testing

@testable import TalkpathCore

/// An uplink whose agent takes µ-law, so that the output has the same bytes as the input.
private struct Uplink: ~Copyable {
    var pipeline: UplinkPipeline
    private var outbox = MessageOutbox()
    private var sequence: UInt32 = 1

    init(milliseconds: Int = 10_000) throws {
        let ring = ByteRing(minimumCapacity: milliseconds * 8)
        pipeline = try UplinkPipeline(
            from: .telephony,
            to: .telephony,
            producer: ring.producer,
            consumer: ring.consumer
        )
    }

    mutating func ingest(_ bytes: [UInt8], at timestamp: UInt64?, sequence: UInt32? = nil) {
        ingest(text: bytes.base64, at: timestamp, sequence: sequence)
    }

    mutating func ingest(text: String, at timestamp: UInt64?, sequence number: UInt32? = nil) {
        sequence += 1
        let message = Array(text.utf8)
        let media = TelephonyMedia(
            sequence: number ?? sequence,
            timestamp: timestamp,
            payload: .inPlace(0..<message.count)
        )
        pipeline.ingest(media, in: message.span.bytes, at: MonotonicInstant(nanoseconds: 0))
    }

    mutating func drain() throws -> [UInt8] {
        pipeline.drain(through: AgentCodec(.openai), to: &outbox, at: MonotonicInstant(nanoseconds: 0))
        var bytes: [UInt8] = []
        outbox.drain { message in
            let json = try? JSONValue(parsing: message)
            bytes += [UInt8](base64: json?["audio"]?.string ?? "")
        }
        return bytes
    }
}

struct UplinkPipelineTests {
    private static let silence = AudioFormat.telephony.silenceByte

    @Test func `a stream without faults comes out unchanged`() throws {
        var uplink = try Uplink()
        let audio = [UInt8].counting(16_000)
        for frame in 0..<100 { uplink.ingest(Array(audio[frame * 160..<(frame + 1) * 160]), at: UInt64(frame * 20)) }
        #expect(uplink.pipeline.waitingMilliseconds == 2000)
        #expect(try uplink.drain() == audio)
        let counters = uplink.pipeline.counters
        #expect(counters.frames == 100 && counters.bytes == 16_000 && counters.bytesToAgent == 16_000)
        #expect(counters.gaps == 0 && counters.duplicates == 0 && counters.droppedBytes == 0)
    }

    @Test(arguments: [(40, 20), (100, 80), (220, 200), (500, 200), (1020, 200)])
    func `a gap is filled with silence, but with 200 ms at most`(next: Int, filled: Int) throws {
        var uplink = try Uplink()
        uplink.ingest([UInt8](repeating: 1, count: 160), at: 0)
        uplink.ingest([UInt8](repeating: 2, count: 160), at: UInt64(next))
        uplink.ingest([UInt8](repeating: 3, count: 160), at: UInt64(next + 20))
        let audio = try uplink.drain()
        #expect(audio.count == 480 + filled * 8)
        #expect(audio[160..<160 + filled * 8].allSatisfy { $0 == Self.silence })
        #expect(uplink.pipeline.counters.gaps == 1)
        #expect(uplink.pipeline.counters.filledMilliseconds == filled)
    }

    @Test(arguments: [1100, 3_600_000])
    func `a gap of more than a second is accepted once a second message agrees`(next: Int) throws {
        var uplink = try Uplink()
        for (byte, timestamp) in [(1, 0), (2, next), (3, next + 20), (4, next + 40)] as [(UInt8, Int)] {
            uplink.ingest([UInt8](repeating: byte, count: 160), at: UInt64(timestamp))
        }
        let audio = try uplink.drain()
        #expect(audio.count == 640 + 1600)
        #expect(audio[320..<1920].allSatisfy { $0 == Self.silence })
        #expect(uplink.pipeline.counters.gaps == 1)
        #expect(uplink.pipeline.counters.resynchronisations == 1)
    }

    @Test func `one wrong timestamp costs no silence and no audio`() throws {
        var uplink = try Uplink()
        for timestamp in [0, 20, 3_600_000, 60, 80] as [UInt64] {
            uplink.ingest([UInt8](repeating: 1, count: 160), at: timestamp)
        }
        #expect(try uplink.drain().count == 5 * 160)
        #expect(uplink.pipeline.counters.gaps == 0)
        #expect(uplink.pipeline.counters.outliers == 1)
    }

    @Test func `audio without a timestamp is counted by its bytes`() throws {
        for sequence in [nil, 0] as [UInt32?] {
            var uplink = try Uplink()
            for _ in 0..<100 { uplink.ingest([UInt8](repeating: 1, count: 160), at: nil, sequence: sequence) }
            #expect(try uplink.drain().count == 16_000)
            #expect(uplink.pipeline.counters.gaps == 0 && uplink.pipeline.counters.duplicates == 0)
        }
    }

    @Test func `every single missing frame is its own gap`() throws {
        var uplink = try Uplink()
        for frame in 0..<50 where frame % 10 != 7 {
            uplink.ingest([UInt8](repeating: 1, count: 160), at: UInt64(frame * 20))
        }
        let audio = try uplink.drain()
        #expect(uplink.pipeline.counters.gaps == 5)
        #expect(uplink.pipeline.counters.filledMilliseconds == 100)
        #expect(audio.count == 50 * 160)
        #expect(audio[7 * 160..<8 * 160].allSatisfy { $0 == Self.silence })
    }

    @Test func `timestamps that jitter by less than a frame are neither gaps nor duplicates, however long`() throws {
        var uplink = try Uplink()
        var random = SplitMix64(seed: 4)
        for frame in 0..<5000 {
            let jitter = Int(random.next() % 20)
            uplink.ingest([UInt8](repeating: 1, count: 160), at: UInt64(frame * 20 + jitter))
            _ = try uplink.drain()
        }
        #expect(uplink.pipeline.counters.gaps == 0)
        #expect(uplink.pipeline.counters.duplicates == 0)
        #expect(uplink.pipeline.counters.frames == 5000)
    }

    @Test func `audio that comes twice or too late is dropped, by its sequence number`() throws {
        var uplink = try Uplink()
        uplink.ingest([1], at: 0, sequence: 5)
        uplink.ingest([1], at: 0, sequence: 5)
        uplink.ingest([2], at: 0, sequence: 7)
        uplink.ingest([9], at: 0, sequence: 6)
        #expect(try uplink.drain() == [1, 2])
        #expect(uplink.pipeline.counters.duplicates == 2)
    }

    @Test func `without sequence numbers the timestamp tells repetitions`() throws {
        var uplink = try Uplink()
        for timestamp in [0, 20, 40, 40, 0, 20, 60] as [UInt64] {
            uplink.ingest([UInt8](repeating: UInt8(timestamp), count: 160), at: timestamp, sequence: 0)
        }
        #expect(try uplink.drain().count == 4 * 160)
        #expect(uplink.pipeline.counters.duplicates == 3)
    }

    @Test func `timestamps that jump back are followed`() throws {
        var uplink = try Uplink()
        for timestamp in [5000, 5020, 0, 20, 40] as [UInt64] {
            uplink.ingest([UInt8](repeating: 1, count: 160), at: timestamp)
        }
        #expect(try uplink.drain().count == 5 * 160)
        #expect(uplink.pipeline.counters.gaps == 0)
    }

    @Test func `no timestamp traps, and the stream goes on after extreme ones`() throws {
        var uplink = try Uplink()
        let wild: [UInt64] = [.max - 25, 100, .max, 0, .max - 5, 1 << 63, 1 << 40, 20]
        for timestamp in wild {
            for sequence in [nil, 0] as [UInt32?] {
                uplink.ingest([UInt8](repeating: 1, count: 160), at: timestamp, sequence: sequence)
            }
        }
        let before = uplink.pipeline.counters.frames
        for frame in 0..<10 { uplink.ingest([UInt8](repeating: 1, count: 160), at: UInt64(40 + frame * 20)) }
        #expect(uplink.pipeline.counters.frames == before + 10)
    }

    @Test(arguments: [1, 159, 160, 161, 16_000])
    func `payloads of any size are used whole`(size: Int) throws {
        var uplink = try Uplink(milliseconds: 60_000)
        var sent: [UInt8] = []
        for index in 0..<20 {
            let audio = [UInt8].counting(size, from: index)
            uplink.ingest(audio, at: UInt64(index * size / 8))
            sent += audio
        }
        #expect(try uplink.drain() == sent)
        #expect(uplink.pipeline.counters.gaps == 0)
    }

    @Test(arguments: ["", "====", "!!!!", "AA\nA", "A", "AAA=A"])
    func `a payload that is empty or not Base64 is counted and has no other effect`(text: String) throws {
        var uplink = try Uplink()
        uplink.ingest([1, 2, 3], at: 0)
        uplink.ingest(text: text, at: 20)
        uplink.ingest([4, 5, 6], at: 1)
        #expect(try uplink.drain() == [1, 2, 3, 4, 5, 6])
        #expect(uplink.pipeline.counters.badPayloads == 1)
        #expect(uplink.pipeline.counters.frames == 2)
    }

    @Test func `without a reader the oldest audio is kept and the rest counted`() throws {
        var uplink = try Uplink(milliseconds: 100)
        let capacity = 1024
        let audio = [UInt8].counting(20 * 160)
        for frame in 0..<20 { uplink.ingest(Array(audio[frame * 160..<(frame + 1) * 160]), at: UInt64(frame * 20)) }
        #expect(uplink.pipeline.counters.droppedBytes == audio.count - capacity)
        #expect(try uplink.drain() == Array(audio.prefix(capacity)))
    }

    @Test func `a gap in a full ring is counted as lost`() throws {
        var uplink = try Uplink(milliseconds: 8)
        uplink.ingest([UInt8](repeating: 1, count: 64), at: 0)
        uplink.ingest([UInt8](repeating: 1, count: 8), at: 108)
        #expect(uplink.pipeline.counters.droppedBytes == 808)
    }
}
