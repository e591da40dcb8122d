import CSampleRate
import Testing

@testable import TalkpathAudio

@Suite struct ResamplerEngineTests {
    private static let pairs = [
        RatePair(from: 8000, to: 24000), RatePair(from: 24000, to: 8000), RatePair(from: 8000, to: 44100),
        RatePair(from: 44100, to: 8000), RatePair(from: 22050, to: 16000), RatePair(from: 11025, to: 11025),
    ]

    @Test(arguments: ResamplerEngine.allCases)
    func `every engine is parsed from its own name`(engine: ResamplerEngine) {
        #expect(ResamplerEngine(engine.description) == engine)
    }

    @Test func `short names select the default and unknown names select nothing`() {
        #expect(ResamplerEngine("polyphase") == .default)
        #expect(ResamplerEngine("libsamplerate") == nil)
        #expect(ResamplerEngine("") == nil)
        #expect(ResamplerEngine.allCases.count == 8)
    }

    /// The reference: one libsamplerate call with the whole signal and its end.
    @Test(arguments: pairs, LibsamplerateConverter.allCases)
    func `the output equals that of one libsamplerate call`(pair: RatePair, converter: LibsamplerateConverter) throws {
        try Self.compareWithOneCallOfTheLibrary(pair, converter, count: 3001)
    }

    /// The rest at the end stands for a filter's length of inputs, each of which gives as many outputs as the ratio
    /// says.
    @Test(
        arguments: [
            RatePair(from: 1, to: 256), RatePair(from: 8000, to: 192_000), RatePair(from: 8000, to: 99_991),
            RatePair(from: 256, to: 1), RatePair(from: 192_000, to: 8000),
        ],
        LibsamplerateConverter.allCases
    )
    func `nothing is lost at the end even if the rates are far apart`(pair: RatePair, converter: LibsamplerateConverter)
        throws
    {
        // At least two samples: with one, the library's linear converter reads memory before it that is not its own.
        for count in [2, 160] { try Self.compareWithOneCallOfTheLibrary(pair, converter, count: count) }
    }

    private static func compareWithOneCallOfTheLibrary(
        _ pair: RatePair,
        _ converter: LibsamplerateConverter,
        count inputCount: Int
    ) throws {
        let input = Signals.noise(count: inputCount, amplitude: 20_000, seed: 3)
        let ratio = Double(pair.to) / Double(pair.from)
        let floats = input.map { Float($0) }
        var expected = [Float](repeating: 0, count: Int(Double(inputCount) * ratio) + 50)
        var data = SRC_DATA()
        let number = try #require(LibsamplerateConverter.allCases.firstIndex(of: converter))
        let code = floats.withUnsafeBufferPointer { source in
            expected.withUnsafeMutableBufferPointer { target in
                data.data_in = source.baseAddress
                data.data_out = target.baseAddress
                data.input_frames = source.count
                data.output_frames = target.count
                data.src_ratio = ratio
                return src_simple(&data, Int32(number), 1)
            }
        }
        #expect(code == 0)
        let reference = expected.prefix(data.output_frames_gen)
            .map { Int16(max(-32768, min(32767, $0.rounded(.toNearestOrEven)))) }

        var whole = try StreamResampler(from: pair.from, to: pair.to, engine: .libsamplerate(converter))
        let output = try whole.resampledToEnd(input)
        #expect(output.count == reference.count)
        #expect(zip(output, reference).enumerated().first { $1.0 != $1.1 }?.offset == nil)
        #expect(abs(Double(reference.count) - Double(inputCount) * ratio) <= 1.5)
    }

    @Test(arguments: pairs, LibsamplerateConverter.allCases)
    func `the output does not depend on how the input is cut`(pair: RatePair, converter: LibsamplerateConverter) throws
    {
        let input = Signals.noise(count: 2000, amplitude: 32767, seed: 2)
        var whole = try StreamResampler(from: pair.from, to: pair.to, engine: .libsamplerate(converter))
        let expected = try whole.resampledToEnd(input)
        for chunk in [1, 7, 160, 1999] {
            // Uses the resampler first, to check that the end of one signal leaves nothing for the next.
            _ = try whole.resampledToEnd(Array(input.prefix(chunk)))
            var output: [Int16] = []
            var position = 0
            while position < input.count {
                let count = min(chunk, input.count - position)
                var target = [Int16](repeating: 0, count: whole.maximumOutputCount(for: count))
                var span = target.mutableSpan
                let written = try whole.process(input.span.extracting(position..<position + count), into: &span)
                output += target.prefix(written)
                position += count
            }
            var rest = [Int16](repeating: 0, count: whole.maximumFlushCount)
            var span = rest.mutableSpan
            let written = try whole.flush(into: &span)
            output += rest.prefix(written)
            // Does not compare whole arrays, because a failure would print thousands of samples.
            #expect(output.count == expected.count, "chunks of \(chunk)")
            let difference = zip(output, expected).enumerated().first { $1.0 != $1.1 }?.offset
            #expect(difference == nil, "chunks of \(chunk)")
        }
    }

    @Test(arguments: pairs.dropLast(), LibsamplerateConverter.allCases)
    func `the first blocks are short by the latency`(pair: RatePair, converter: LibsamplerateConverter) throws {
        var resampler = try LibsamplerateResampler(from: pair.from, to: pair.to, converter: converter)
        let input = [Int16](repeating: 1000, count: 4000)
        var output = [Int16](repeating: 0, count: resampler.maximumOutputCount(for: 4000))
        var target = output.mutableSpan
        let count = try resampler.process(input.span, into: &target)
        let ratio = Double(pair.to) / Double(pair.from)
        let withheld = 4000 - Double(count) / ratio
        // Whole input samples are withheld, and possibly one whole output, which stands for 1 ÷ ratio inputs.
        let tolerance = 2 + 1.5 / min(1, ratio)
        #expect(abs(withheld - resampler.latencyInInputSamples) <= tolerance, "\(withheld)")
        #expect(output[count / 2] == 1000 || abs(Int(output[count / 2]) - 1000) <= 2)
    }

    @Test(arguments: LibsamplerateConverter.allCases)
    func `values beyond full scale saturate`(converter: LibsamplerateConverter) throws {
        let square = (0..<1600).map { $0 % 16 < 8 ? Int16.max : Int16.min }
        var resampler = try StreamResampler(from: 8000, to: 24000, engine: .libsamplerate(converter))
        let output = try resampler.resampledToEnd(square)
        #expect(output.contains(.max) && output.contains(.min))
        // A wrapped sample would have the wrong sign in the middle of a half wave.
        let middles = stride(from: 240 * 3 + 12, to: 1400 * 3, by: 48).map { output[$0] }
        #expect(middles.allSatisfy { $0 > 20_000 })
    }

    @Test func `impossible rates are refused with a reason`() {
        for (from, to) in [(0, 8000), (8000, 0), (-8000, 8000), (8000, 8000 * 257), (Int.max, 1), (Int.min, Int.min)] {
            #expect(throws: ResamplerError(inputRate: from, outputRate: to, reason: .ratioOutOfRange)) {
                _ = try StreamResampler(from: from, to: to, engine: .libsamplerate(.linear))
            }
        }
        #expect(throws: ResamplerError(inputRate: 8000, outputRate: 44100, reason: .unsupportedPair)) {
            _ = try StreamResampler(from: 8000, to: 44100)
        }
        let message = ResamplerError(inputRate: 8000, outputRate: 44100).description
        #expect(message.contains("8000 to 44100") && message.contains("libsamplerate takes any"))
    }

    @Test func `the polyphase engine gives the output of Resampler`() throws {
        let input = Signals.noise(count: 777, amplitude: 32767, seed: 8)
        for profile in ResamplerProfile.allCases {
            var plain = try Resampler(from: 8000, to: 24000, profile: profile)
            var stream = try StreamResampler(from: 8000, to: 24000, engine: .polyphase(profile))
            #expect(stream.latency == plain.latency)
            #expect(stream.maximumFlushCount == plain.flushCount)
            #expect(stream.description == plain.description)
            var rest = [Int16](repeating: 0, count: plain.flushCount)
            let expected = plain.resampled(input)
            var target = rest.mutableSpan
            try plain.flush(into: &target)
            #expect(try stream.resampledToEnd(input) == expected + rest)
            stream.reset()
            #expect(try stream.resampledToEnd([]).allSatisfy { $0 == 0 })
        }
    }

    /// Code that is generic over the protocol works with every engine.
    @Test(arguments: ResamplerEngine.allCases)
    func `every engine is an audio resampler`(engine: ResamplerEngine) throws {
        func run(_ resampler: inout some AudioResampler & ~Copyable, _ input: [Int16]) throws -> [Int16] {
            #expect(resampler.inputRate == 8000 && resampler.outputRate == 24000)
            #expect(resampler.latency.milliseconds * 8 - resampler.latencyInInputSamples < 0.001)
            var nothing = [Int16]()
            #expect(throws: ResamplerError.self) {
                var target = nothing.mutableSpan
                try resampler.process(input.span, into: &target)
            }
            #expect(throws: ResamplerError.self) {
                var target = nothing.mutableSpan
                try resampler.flush(into: &target)
            }
            resampler.reset()
            return try resampler.resampledToEnd(input)
        }
        let input = Signals.sine(440, rate: 8000, count: 800, amplitude: 9000)
        var stream = try StreamResampler(from: 8000, to: 24000, engine: engine)
        let output = try run(&stream, input)
        switch engine {
        case .polyphase(let profile):
            var plain = try Resampler(from: 8000, to: 24000, profile: profile)
            #expect(try run(&plain, input) == output)
        case .libsamplerate(let converter):
            var plain = try LibsamplerateResampler(from: 8000, to: 24000, converter: converter)
            #expect(try run(&plain, input) == output)
        }
        #expect(output.count >= 2400)
    }

    @Test func `the description names the converter`() throws {
        let resampler = try StreamResampler(from: 8000, to: 44100, engine: .libsamplerate(.fastest))
        #expect(resampler.description == "resample 8000 -> 44100 Hz (libsamplerate-fastest, 2.41 ms)")
    }
}
