import Testing

@testable import TalkpathAudio

@Suite struct OpusTests {
    static let rates = [8000, 12_000, 16_000, 24_000, 48_000]

    @Test(arguments: rates, [1, 2])
    func `a decoded sweep is late by the encoder's lookahead`(rate: Int, channelCount: Int) throws {
        var encoder = try OpusEncoder(sampleRate: rate, channelCount: channelCount, bitrate: 64_000, complexity: 10)
        var decoder = try OpusDecoder(sampleRate: rate, channelCount: channelCount)
        let mono = Signals.sweep(rate: rate, seconds: 0.5)
        let input = mono.flatMap { [Int16](repeating: $0, count: channelCount) }
        let frame = rate / 50 * channelCount
        var output: [Int16] = []
        for start in stride(from: 0, to: input.count, by: frame) {
            var packet = [UInt8](repeating: 0, count: OpusEncoder.maximumPacketBytes)
            var target = packet.mutableSpan
            let count = try encoder.encode(input.span.extracting(start..<start + frame), into: &target)
            #expect(count > 0)
            var samples = [Int16](repeating: 0, count: decoder.maximumSampleCount)
            var room = samples.mutableSpan
            let decoded = try decoder.decode(packet.span.bytes.extracting(0..<count), into: &room)
            #expect(decoded == frame)
            output += samples.prefix(decoded)
        }
        let left = stride(from: 0, to: output.count, by: channelCount).map { output[$0] }
        let match = AudioCorrelation.bestLag(of: mono, in: left, maxLag: rate / 20)
        #expect(match.coefficient > 0.95)
        // The lookahead does not include the delay of the codec's own filters, a tenth of a millisecond.
        #expect(abs(match.lag - encoder.lookahead) <= 1 + rate / 10_000)
    }

    @Test func `settings out of range are refused`() {
        #expect(throws: OpusError.unsupportedRate(44_100)) { _ = try OpusEncoder(sampleRate: 44_100) }
        #expect(throws: OpusError.unsupportedRate(0)) { _ = try OpusDecoder(sampleRate: 0) }
        #expect(throws: OpusError.unsupportedChannelCount(3)) {
            _ = try OpusEncoder(sampleRate: 8000, channelCount: 3)
        }
        #expect(throws: OpusError.settingOutOfRange("bitrate", 1)) {
            _ = try OpusEncoder(sampleRate: 8000, bitrate: 1)
        }
        #expect(throws: OpusError.settingOutOfRange("complexity", 11)) {
            _ = try OpusEncoder(sampleRate: 8000, complexity: 11)
        }
    }

    @Test(arguments: [0, 1, 159, 161, 321, 8000])
    func `frames of other lengths are refused`(count: Int) throws {
        var encoder = try OpusEncoder(sampleRate: 8000)
        let samples = [Int16](repeating: 0, count: count)
        var packet = [UInt8](repeating: 0, count: 1275)
        #expect(throws: OpusError.unsupportedFrame(samples: count)) {
            var target = packet.mutableSpan
            _ = try encoder.encode(samples.span, into: &target)
        }
    }

    @Test func `buffers that are too small are refused`() throws {
        var encoder = try OpusEncoder(sampleRate: 8000)
        let samples = Signals.noise(count: 160, amplitude: 20_000, seed: 1)
        var packet = [UInt8](repeating: 0, count: 1275)
        var nothing: [UInt8] = []
        #expect(throws: OpusError.bufferTooSmall(0)) {
            var target = nothing.mutableSpan
            _ = try encoder.encode(samples.span, into: &target)
        }
        var target = packet.mutableSpan
        let count = try encoder.encode(samples.span, into: &target)
        var decoder = try OpusDecoder(sampleRate: 8000)
        var output = [Int16](repeating: 0, count: 159)
        #expect(throws: OpusError.bufferTooSmall(159)) {
            var room = output.mutableSpan
            _ = try decoder.decode(packet.span.bytes.extracting(0..<count), into: &room)
        }
    }

    @Test func `random packets decode or are refused and never trap`() throws {
        var decoder = try OpusDecoder(sampleRate: 16_000)
        var generator = SplitMix64(seed: 11)
        var output = [Int16](repeating: 0, count: decoder.maximumSampleCount)
        let room = output.count
        var refused = 0
        for _ in 0..<2000 {
            let packet = (0..<Int.random(in: 0...200, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            var target = output.mutableSpan
            do throws(OpusError) {
                let count = try decoder.decode(packet.span.bytes, into: &target)
                #expect((1...room).contains(count))
            } catch {
                #expect(error == .invalidPacket)
                refused += 1
            }
        }
        #expect(refused > 0 && refused < 2000)
    }

    @Test func `a lost packet is concealed without a gap`() throws {
        var encoder = try OpusEncoder(sampleRate: 8000)
        var decoder = try OpusDecoder(sampleRate: 8000)
        let tone = Signals.sine(300, rate: 8000, count: 1600, amplitude: 10_000)
        var output = [Int16](repeating: 0, count: 160)
        for frame in 0..<10 {
            var packet = [UInt8](repeating: 0, count: 1275)
            var target = packet.mutableSpan
            let count = try encoder.encode(tone.span.extracting(frame * 160..<frame * 160 + 160), into: &target)
            var room = output.mutableSpan
            if frame == 9 {
                try decoder.conceal(into: &room)
            } else {
                var whole = [Int16](repeating: 0, count: decoder.maximumSampleCount)
                var wholeRoom = whole.mutableSpan
                _ = try decoder.decode(packet.span.bytes.extracting(0..<count), into: &wholeRoom)
            }
        }
        #expect(output.contains { abs(Int($0)) > 2000 })
        var odd = [Int16](repeating: 0, count: 7)
        #expect(throws: OpusError.unsupportedFrame(samples: 7)) {
            var room = odd.mutableSpan
            try decoder.conceal(into: &room)
        }
    }

    @Test func `a reset encoder encodes as a new one`() throws {
        let samples = Signals.noise(count: 320, amplitude: 9000, seed: 3)
        var encoder = try OpusEncoder(sampleRate: 16_000)
        func encode() throws -> [UInt8] {
            var packet = [UInt8](repeating: 0, count: 1275)
            var target = packet.mutableSpan
            let count = try encoder.encode(samples.span, into: &target)
            return Array(packet.prefix(count))
        }
        let first = try encode()
        #expect(try encode() != first)
        encoder.reset()
        #expect(try encode() == first)
    }
}
