import Testing

@testable import TalkpathAudio

struct RatePair: Sendable, CustomStringConvertible {
    var from: Int
    var to: Int
    var description: String { "\(from)->\(to)" }

    static let telephony = [
        RatePair(from: 8000, to: 16000), RatePair(from: 16000, to: 8000),
        RatePair(from: 8000, to: 24000), RatePair(from: 24000, to: 8000),
    ]
    static let all =
        telephony + [
            RatePair(from: 8000, to: 48000), RatePair(from: 48000, to: 8000),
            RatePair(from: 16000, to: 24000), RatePair(from: 24000, to: 16000),
            RatePair(from: 16000, to: 48000), RatePair(from: 48000, to: 16000),
            RatePair(from: 24000, to: 48000), RatePair(from: 48000, to: 24000),
        ]
}

@Suite struct ResamplerTests {
    @Test(arguments: RatePair.all, ResamplerProfile.allCases)
    func `the output equals the plain convolution and saturates`(pair: RatePair, profile: ResamplerProfile) throws {
        var resampler = try Resampler(from: pair.from, to: pair.to, profile: profile)
        // Noise, and a full-scale square wave, which overshoots full scale once it is band-limited.
        let period = 16 * max(1, pair.from / pair.to)
        let square = (0..<700).map { $0 % period < period / 2 ? Int16.max : Int16.min }
        let input = Signals.noise(count: 700, amplitude: 32767, seed: 1) + square
        let output = resampler.resampled(input)
        let ratio = pair.to > pair.from ? pair.to : pair.from
        let common = pair.from % pair.to == 0 || pair.to % pair.from == 0 ? ratio : 48000
        let up = common / pair.from
        let down = common / pair.to
        let taps = try #require(ResamplerTaps.taps(ratio: common / min(pair.from, pair.to), profile: profile))
        #expect(output.count == input.count * up / down)
        for (index, sample) in output.enumerated() {
            let instant = index * down + down - 1
            var sum = 0.0
            for (tap, coefficient) in taps.enumerated() where instant >= tap && (instant - tap) % up == 0 {
                sum += Double(coefficient) * Double(up) * Double(input[(instant - tap) / up])
            }
            let expected = max(-32768, min(32767, sum))
            #expect(abs(Double(sample) - expected) <= 0.51, "output \(index)")
        }
        #expect(output.contains(.max))
        #expect(output.contains(.min))
    }

    @Test(arguments: RatePair.all, ResamplerProfile.allCases)
    func `the output does not depend on how the input is cut`(pair: RatePair, profile: ResamplerProfile) throws {
        let input = Signals.noise(count: 2400, amplitude: 32767, seed: 2)
        var whole = try Resampler(from: pair.from, to: pair.to, profile: profile)
        let expected = whole.resampled(input)
        for chunking in [1, 7, 160, 0] {
            var resampler = try Resampler(from: pair.from, to: pair.to, profile: profile)
            var generator = SplitMix64(seed: 9)
            var output: [Int16] = []
            var position = 0
            while position < input.count {
                let wanted = chunking > 0 ? chunking : Int.random(in: 0...400, using: &generator)
                let count = min(wanted, input.count - position)
                let foretold = resampler.outputCount(for: count)
                let chunk = resampler.resampled(Array(input[position..<position + count]))
                #expect(chunk.count == foretold)
                #expect(foretold <= resampler.maximumOutputCount(for: count))
                output += chunk
                position += count
            }
            #expect(output == expected, "chunks of \(chunking)")
        }
    }

    @Test(arguments: RatePair.all)
    func `every frame comes out full`(pair: RatePair) throws {
        var resampler = try Resampler(from: pair.from, to: pair.to)
        let frame = [Int16](repeating: 100, count: pair.from / 50)
        var output = [Int16](repeating: 0, count: pair.to / 50 + 1)
        for _ in 0..<5 {
            var target = output.mutableSpan
            #expect(try resampler.process(frame.span, into: &target) == pair.to / 50)
        }
        #expect(abs(Int(output[0]) - 100) <= 1)
        #expect(output[pair.to / 50] == 0)
    }

    @Test func `equal rates pass through`() throws {
        var resampler = try Resampler(from: 11025, to: 11025)
        let input = Signals.noise(count: 333, amplitude: 32767, seed: 4)
        #expect(resampler.resampled(input) == input)
        #expect(resampler.latency == .zero)
        #expect(resampler.flushCount == 0)
        #expect(resampler.description == "pass 11025 Hz")
    }

    @Test func `unknown rates are refused`() {
        #expect(throws: ResamplerError(inputRate: 8000, outputRate: 44100)) {
            _ = try Resampler(from: 8000, to: 44100)
        }
        for rate in [0, -1, -8000, Int.min] {
            for (from, to) in [(rate, rate), (rate, 8000), (8000, rate)] {
                #expect(throws: ResamplerError(inputRate: from, outputRate: to, reason: .ratioOutOfRange)) {
                    _ = try Resampler(from: from, to: to)
                }
            }
        }
    }

    /// A frame that is too large for the output gives an error with the needed size, and changes nothing.
    @Test(arguments: [(8000, 24000), (24000, 16000), (8000, 8000)].map { RatePair(from: $0, to: $1) })
    func `a frame that is too large for the output is refused and changes nothing`(pair: RatePair) throws {
        let input = Signals.noise(count: 700, amplitude: 9000, seed: 4)
        var untouched = try Resampler(from: pair.from, to: pair.to)
        var resampler = try Resampler(from: pair.from, to: pair.to)
        var expected = untouched.resampled(Array(input.prefix(301)))
        #expect(resampler.resampled(Array(input.prefix(301))) == expected)

        let needed = resampler.outputCount(for: 399)
        var output = [Int16](repeating: 0x1234, count: needed - 1)
        let error = ResamplerError(
            inputRate: pair.from,
            outputRate: pair.to,
            reason: .outputTooShort(samples: needed - 1, needed: needed)
        )
        #expect(throws: error) {
            var target = output.mutableSpan
            try resampler.process(input.span.extracting(last: 399), into: &target)
        }
        #expect(throws: error) {
            try output.withUnsafeMutableBufferPointer { target in
                _ = try input[301...].withUnsafeBufferPointer { try resampler.process($0, into: target) }
            }
        }
        #expect(error.description.contains("\(needed) are needed"))
        if resampler.flushCount > 0 {
            #expect(throws: ResamplerError.self) {
                var nothing = [Int16]()
                var target = nothing.mutableSpan
                try resampler.flush(into: &target)
            }
        }
        #expect(output.allSatisfy { $0 == 0x1234 })
        expected = untouched.resampled(Array(input.dropFirst(301)))
        #expect(resampler.resampled(Array(input.dropFirst(301))) == expected)
    }

    @Test func `huge and negative counts do not trap`() throws {
        for engine in ResamplerEngine.allCases {
            let resampler = try StreamResampler(from: 8000, to: 48000, engine: engine)
            #expect(resampler.maximumOutputCount(for: .max) > 1 << 50)
            #expect(resampler.maximumOutputCount(for: .min) == resampler.maximumOutputCount(for: 0))
        }
        let resampler = try Resampler(from: 48000, to: 8000)
        #expect(resampler.outputCount(for: .max) > 1 << 40)
        #expect(resampler.outputCount(for: .min) == 0)
    }

    @Test func `the description states rates, profile and latency`() throws {
        let resampler = try Resampler(from: 8000, to: 24000)
        #expect(resampler.description == "resample 8000 -> 24000 Hz (telephone, 87 taps, 1.79 ms)")
    }

    @Test(arguments: RatePair.all)
    func `reset clears the state`(pair: RatePair) throws {
        let input = Signals.noise(count: 501, amplitude: 9000, seed: 4)
        var resampler = try Resampler(from: pair.from, to: pair.to)
        let first = resampler.resampled(input)
        resampler.reset()
        #expect(resampler.resampled(input) == first)
    }

    @Test(arguments: RatePair.all)
    func `flush gives the same rest as silent input`(pair: RatePair) throws {
        let input = Signals.noise(count: 501, amplitude: 9000, seed: 4)
        var resampler = try Resampler(from: pair.from, to: pair.to)
        _ = resampler.resampled(input)
        var rest = [Int16](repeating: 0, count: resampler.flushCount)
        var target = rest.mutableSpan
        #expect(try resampler.flush(into: &target) == rest.count)

        var other = try Resampler(from: pair.from, to: pair.to)
        _ = other.resampled(input)
        let silence = other.resampled([Int16](repeating: 0, count: 1000))
        #expect(Array(silence.prefix(rest.count)) == rest)
        #expect(silence.dropFirst(rest.count).allSatisfy { $0 == 0 })
        #expect(resampler.flushCount == (try Resampler(from: pair.from, to: pair.to)).flushCount)
    }
}
