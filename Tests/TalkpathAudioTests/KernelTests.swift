import Testing

@testable import TalkpathAudio

/// Compares every form of every inner loop with plain code: all values or random ones, all lengths around the block
/// sizes, all alignments that a sample can have.
@Suite struct KernelTests {
    private static let lengths = Array(0...70) + [127, 159, 160, 161, 480]

    @Test func `the best instruction set is an available one`() {
        #expect(InstructionSet.available.first == .portable)
        #expect(InstructionSet.available.contains(.best))
        #expect(InstructionSet.allCases.allSatisfy { $0.usable.isAvailable })
    }

    @Test(arguments: InstructionSet.available)
    func `every kernel encodes every sample as the scalar form does`(instructions: InstructionSet) {
        let samples = (Int16.min...Int16.max).map { $0 }
        var codes = [UInt8](repeating: 0, count: samples.count)
        Kernels.encodeMuLaw(samples, &codes, count: samples.count, with: instructions)
        #expect(codes == samples.map { MuLaw.encode($0) })
        Kernels.encodeALaw(samples, &codes, count: samples.count, with: instructions)
        #expect(codes == samples.map { ALaw.encode($0) })
    }

    @Test(arguments: InstructionSet.available)
    func `every kernel decodes every code as the scalar form does`(instructions: InstructionSet) {
        let codes = (UInt8.min...UInt8.max).map { $0 }
        var samples = [Int16](repeating: 0, count: codes.count)
        Kernels.decodeMuLaw(codes, &samples, count: codes.count, with: instructions)
        #expect(samples == codes.map { MuLaw.decode($0) })
        Kernels.decodeALaw(codes, &samples, count: codes.count, with: instructions)
        #expect(samples == codes.map { ALaw.decode($0) })
    }

    @Test(arguments: InstructionSet.available, 0...3)
    func `coding touches only its own samples at any length and alignment`(instructions: InstructionSet, skip: Int) {
        for count in Self.lengths {
            let samples = Signals.noise(count: skip + count, amplitude: 32767, seed: UInt64(count))
            let bytes = samples.map { UInt8(truncatingIfNeeded: $0) }
            for (encode, decode, plainEncode, plainDecode) in [
                (Kernels.encodeMuLaw, Kernels.decodeMuLaw, MuLaw.encode, MuLaw.decode),
                (Kernels.encodeALaw, Kernels.decodeALaw, ALaw.encode, ALaw.decode),
            ] as [(Encode, Decode, (Int16) -> UInt8, (UInt8) -> Int16)] {
                var codes = [UInt8](repeating: 0xA3, count: skip + count + 40)
                var decoded = [Int16](repeating: 0x1234, count: skip + count + 40)
                samples.withUnsafeBufferPointer { source in
                    codes.withUnsafeMutableBufferPointer {
                        encode(source.baseAddress! + skip, $0.baseAddress! + skip, count, instructions)
                    }
                }
                bytes.withUnsafeBytes { source in
                    decoded.withUnsafeMutableBufferPointer {
                        decode(source.baseAddress! + skip, $0.baseAddress! + skip, count, instructions)
                    }
                }
                #expect(Array(codes[skip..<skip + count]) == samples.dropFirst(skip).map(plainEncode))
                #expect(codes[..<skip].allSatisfy { $0 == 0xA3 } && codes[(skip + count)...].allSatisfy { $0 == 0xA3 })
                #expect(Array(decoded[skip..<skip + count]) == bytes.dropFirst(skip).map(plainDecode))
                #expect(decoded[..<skip].allSatisfy { $0 == 0x1234 })
                #expect(decoded[(skip + count)...].allSatisfy { $0 == 0x1234 })
            }
        }
    }

    private typealias Encode = (UnsafePointer<Int16>, UnsafeMutablePointer<UInt8>, Int, InstructionSet) -> Void
    private typealias Decode = (UnsafeRawPointer, UnsafeMutablePointer<Int16>, Int, InstructionSet) -> Void

    @Test(arguments: InstructionSet.available, 1...3)
    func `interleaved samples are split into rows`(instructions: InstructionSet, rowCount: Int) {
        for count in Self.lengths {
            for skip in 0...2 {
                let samples = Signals.noise(count: skip + rowCount * count, amplitude: 32767, seed: UInt64(count))
                let stride = count + 9
                var rows = [Float](repeating: 0.5, count: rowCount * stride)
                samples.withUnsafeBufferPointer { source in
                    rows.withUnsafeMutableBufferPointer {
                        Kernels.widen(
                            source.baseAddress! + skip,
                            $0.baseAddress!,
                            stride: stride,
                            rowCount: rowCount,
                            count: count,
                            with: instructions
                        )
                    }
                }
                for row in 0..<rowCount {
                    let dealt = (0..<count).map { Float(samples[skip + $0 * rowCount + row]) }
                    #expect(Array(rows[row * stride..<row * stride + count]) == dealt, "\(count) groups, row \(row)")
                    #expect(rows[row * stride + count + 8] == 0.5)
                }
            }
        }
    }

    @Test(arguments: InstructionSet.available, 1...3)
    func `rows are rounded, saturated and interleaved`(instructions: InstructionSet, rowCount: Int) {
        var generator = SplitMix64(seed: 5)
        let special: [Float] = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 32767.49, 32767.5, -32768.5, -32768.51, 4_000_000]
        for count in Self.lengths {
            let stride = count + 9
            var rows = (0..<rowCount * stride).map { _ in Float.random(in: -40_000...40_000, using: &generator) }
            for (place, value) in special.enumerated() where place < count { rows[place] = value }
            let expected = (0..<rowCount * count).map { index -> Int16 in
                let value = rows[index % rowCount * stride + index / rowCount]
                return Int16(max(-32768, min(32767, value.rounded(.toNearestOrEven))))
            }
            for skip in 0...2 {
                var memory = rows
                var samples = [Int16](repeating: 77, count: skip + rowCount * count + 20)
                memory.withUnsafeMutableBufferPointer { source in
                    samples.withUnsafeMutableBufferPointer {
                        Kernels.narrow(
                            source.baseAddress!,
                            stride: stride,
                            rowCount: rowCount,
                            $0.baseAddress! + skip,
                            count: count,
                            with: instructions
                        )
                    }
                }
                #expect(Array(samples[skip..<skip + expected.count]) == expected, "\(count) groups")
                #expect(samples[(skip + expected.count)...].allSatisfy { $0 == 77 })
            }
        }
    }

    /// No sum of samples gives one of these values. If one occurs all the same, it must not trap.
    @Test(arguments: InstructionSet.available)
    func `NaN, infinity and huge values become an end of the sample range`(instructions: InstructionSet) {
        let strange: [Float] = [
            .nan, -.nan, .signalingNaN, .infinity, -.infinity, 1e20, -1e20, .greatestFiniteMagnitude,
        ]
        for count in [1, 8, 33] {
            let source = (0..<count).map { strange[$0 % strange.count] }
            var memory = source + [Float](repeating: 0, count: 16)
            var samples = [Int16](repeating: 0, count: count)
            memory.withUnsafeMutableBufferPointer { rows in
                samples.withUnsafeMutableBufferPointer {
                    Kernels.narrow(
                        rows.baseAddress!,
                        stride: count,
                        rowCount: 1,
                        $0.baseAddress!,
                        count: count,
                        with: instructions
                    )
                }
            }
            #expect(samples.allSatisfy { $0 == .max || $0 == .min })
        }
    }

    /// The sums follow the order of the taps, and every product and sum is rounded: equal bit for bit.
    @Test(arguments: InstructionSet.available)
    func `the convolution adds up in the order of the taps`(instructions: InstructionSet) {
        var generator = SplitMix64(seed: 6)
        for count in Self.lengths {
            let taps = [1, 2, 29, 57][count % 4]
            let source = (0..<600).map { _ in Float.random(in: -32768...32767, using: &generator) }
            let coefficients = (0..<taps).map { _ in Float.random(in: -1...1, using: &generator) }
            let offsets = (0..<taps).map { _ in Int.random(in: 0...80, using: &generator) }
            var target = [Float](repeating: 0, count: count + 8)
            Kernels.convolve(
                source,
                coefficients: coefficients,
                offsets: offsets,
                taps: taps,
                into: &target,
                count: count,
                with: instructions
            )
            let expected = (0..<count).map { index in
                (0..<taps).reduce(Float(0)) { sum, tap in
                    let product = coefficients[tap] * source[offsets[tap] + index]
                    return sum + product
                }
            }
            #expect(Array(target.prefix(count)) == expected, "\(count) outputs of \(taps) taps")
        }
    }

    @Test(arguments: RatePair.all, ResamplerProfile.allCases)
    func `resamplers of all instruction sets give the same output`(pair: RatePair, profile: ResamplerProfile) throws {
        let input = Signals.noise(count: 3000, amplitude: 32767, seed: 7)
        let outputs = try InstructionSet.available.map { instructions in
            var resampler = try Resampler(from: pair.from, to: pair.to, profile: profile, instructions: instructions)
            return resampler.resampled(input)
        }
        #expect(outputs.allSatisfy { $0 == outputs[0] })
    }
}
