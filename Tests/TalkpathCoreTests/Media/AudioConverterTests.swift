import TalkpathAudio
import TalkpathSimulation
import Testing

@testable import TalkpathCore

struct AudioConverterTests {
    private static let pairs: [(AudioFormat, AudioFormat)] = [
        (.telephony, .pcm24k), (.telephony, .pcm16k), (.telephony, .telephony), (.alaw8k, .pcm24k),
        (.pcm24k, .telephony), (.pcm16k, .telephony), (.pcm24k, .alaw8k), (.pcm24k, .pcm24k), (.pcm8k, .telephony),
        (.telephony, .alaw8k),
    ]

    private func convert(_ bytes: [UInt8], by chunk: () -> Int, _ pair: (AudioFormat, AudioFormat)) throws -> [UInt8] {
        var converter = try AudioConverter(from: pair.0, to: pair.1)
        var result: [UInt8] = []
        func take(_ bytes: RawSpan) {
            if pair.1.encoding == .pcm16 { #expect(bytes.byteCount % 2 == 0) }
            result += bytes.withUnsafeBytes { Array($0) }
        }
        var offset = 0
        while offset < bytes.count {
            let end = min(bytes.count, offset + max(0, chunk()))
            converter.convert(bytes.span.bytes.extracting(offset..<end), take)
            offset = end
        }
        converter.finish(take)
        return result
    }

    @Test(arguments: 0..<10)
    func `any chunking gives the same bytes, also with odd and empty chunks`(index: Int) throws {
        let pair = Self.pairs[index]
        var random = SplitMix64(seed: UInt64(index))
        let bytes = (0..<20_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let whole = try convert(bytes, by: { bytes.count }, pair)
        #expect(try convert(bytes, by: { 1 }, pair) == whole)
        for _ in 0..<5 {
            #expect(try convert(bytes, by: { Int(random.next() % 1500) }, pair) == whole)
        }
        let expected =
            bytes.count / pair.0.bytesPerSample * pair.1.sampleRate / pair.0.sampleRate * pair.1.bytesPerSample
        // The filter's tail is at most four milliseconds.
        #expect(whole.count >= expected && whole.count <= expected + 4 * pair.1.bytesPerMillisecond)
    }

    @Test func `half a sample that is never completed does not shift the audio after it`() throws {
        for output in [AudioFormat.pcm24k, .telephony] {
            var converter = try AudioConverter(from: .pcm24k, to: output)
            var (first, second): ([UInt8], [UInt8]) = ([], [])
            converter.convert(([1, 2, 3] as [UInt8]).span.bytes) { first += $0.withUnsafeBytes { Array($0) } }
            converter.finish { first += $0.withUnsafeBytes { Array($0) } }
            converter.convert([UInt8](repeating: 0, count: 960).span.bytes) {
                second += $0.withUnsafeBytes { Array($0) }
            }
            #expect(first.count % output.bytesPerSample == 0)
            #expect(second.allSatisfy { $0 == output.silenceByte })
        }
    }

    @Test func `a pair of rates without a filter is refused`() {
        #expect(throws: ResamplerError.self) {
            _ = try AudioConverter(from: .telephony, to: AudioFormat(encoding: .pcm16, sampleRate: 11_025))
        }
    }
}
