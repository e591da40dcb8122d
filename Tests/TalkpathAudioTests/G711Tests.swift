import TalkpathAudio
import Testing

/// A plain reference, written from the description of the Sun code, with shifts and a search for the segment.
private enum Reference {
    static func topBit(_ value: Int) -> Int {
        var bit = -1
        while value >> (bit + 1) != 0 { bit += 1 }
        return bit
    }

    static func muLaw(_ linear: Int) -> UInt8 {
        let mask = linear >= 0 ? 0xFF : 0x7F
        let biased = abs(linear) + 0x84
        let segment = topBit(biased | 0xFF) - 7
        return UInt8((segment >= 8 ? 0x7F : segment << 4 | (biased >> (segment + 3)) & 0x0F) ^ mask)
    }

    static func muLaw(code: UInt8) -> Int {
        let inverted = Int(~code)
        let magnitude = ((inverted & 0x0F) << 3 + 0x84) << ((inverted & 0x70) >> 4)
        return inverted & 0x80 != 0 ? 0x84 - magnitude : magnitude - 0x84
    }

    static func aLaw(_ linear: Int) -> UInt8 {
        let mask = linear >= 0 ? 0xD5 : 0x55
        let scaled = linear >= 0 ? linear >> 3 : -(linear >> 3) - 1
        let ends = [0x1F, 0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF]
        guard let segment = ends.firstIndex(where: { scaled <= $0 }) else { return UInt8(0x7F ^ mask) }
        let step = segment < 2 ? scaled >> 1 : scaled >> segment
        return UInt8((segment << 4 | step & 0x0F) ^ mask)
    }

    static func aLaw(code: UInt8) -> Int {
        let bits = Int(code ^ 0x55)
        var value = (bits & 0x0F) << 4
        let segment = (bits & 0x70) >> 4
        switch segment {
        case 0: value += 8
        case 1: value += 0x108
        default: value = (value + 0x108) << (segment - 1)
        }
        return bits & 0x80 != 0 ? value : -value
    }
}

@Suite struct G711Tests {
    private static let allSamples = (Int(Int16.min)...Int(Int16.max)).map { Int16($0) }
    private static let allCodes = (0...255).map { UInt8($0) }

    @Test func `every sample gets the reference µ-law code`() {
        let expected = Self.allSamples.map { Reference.muLaw(Int($0)) }
        #expect(Self.allSamples.map { MuLaw.encode($0) } == expected)
        var codes = [UInt8](repeating: 0, count: expected.count)
        var target = codes.mutableSpan
        #expect(MuLaw.encode(Self.allSamples.span, into: &target) == expected.count)
        #expect(codes == expected)
    }

    @Test func `every sample gets the reference A-law code`() {
        let expected = Self.allSamples.map { Reference.aLaw(Int($0)) }
        #expect(Self.allSamples.map { ALaw.encode($0) } == expected)
        var codes = [UInt8](repeating: 0, count: expected.count)
        var target = codes.mutableSpan
        #expect(ALaw.encode(Self.allSamples.span, into: &target) == expected.count)
        #expect(codes == expected)
    }

    @Test func `every code gets the reference sample`() {
        let muLaw = Self.allCodes.map { Int16(Reference.muLaw(code: $0)) }
        let aLaw = Self.allCodes.map { Int16(Reference.aLaw(code: $0)) }
        #expect(Self.allCodes.map { MuLaw.decode($0) } == muLaw)
        #expect(Self.allCodes.map { ALaw.decode($0) } == aLaw)
        var samples = [Int16](repeating: 0, count: 256)
        var target = samples.mutableSpan
        #expect(MuLaw.decode(Self.allCodes.span.bytes, into: &target) == 256)
        #expect(samples == muLaw)
        target = samples.mutableSpan
        #expect(ALaw.decode(Self.allCodes.span.bytes, into: &target) == 256)
        #expect(samples == aLaw)
    }

    /// The results of spandsp 0.0.6 (`linear_to_ulaw`, `ulaw_to_linear` and their A-law equals, from Debian's library)
    /// for all samples from −32768 on and for all codes, as 64-bit FNV-1a hashes of the codes and of the samples'
    /// bytes.
    @Test func `codes and samples equal those of spandsp`() {
        func check(_ bytes: some Sequence<UInt8>) -> UInt64 {
            bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        }
        func bytes(_ samples: [Int16]) -> [UInt8] {
            samples.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
        }
        #expect(check(Self.allSamples.map { MuLaw.encode($0) }) == 0x94D7_5252_14C7_5EB2)
        #expect(check(bytes(Self.allCodes.map { MuLaw.decode($0) })) == 0xB91E_65D6_8481_A1A8)
        #expect(check(Self.allSamples.map { ALaw.encode($0) }) == 0xF030_666E_B780_CF25)
        #expect(check(bytes(Self.allCodes.map { ALaw.decode($0) })) == 0x693A_40CA_62A3_D2A5)
    }

    /// Lengths around the eight lanes of the block forms, with a shorter target.
    @Test(arguments: 0...40)
    func `the block forms write as much as both sides hold`(count: Int) {
        let samples = Signals.noise(count: count, amplitude: 32767, seed: UInt64(count))
        var codes = [UInt8](repeating: 0xAA, count: 33)
        var target = codes.mutableSpan
        let encoded = MuLaw.encode(samples.span, into: &target)
        #expect(encoded == min(count, 33))
        #expect(Array(codes.prefix(encoded)) == samples.prefix(encoded).map { MuLaw.encode($0) })
        #expect(codes.dropFirst(encoded).allSatisfy { $0 == 0xAA })

        var decoded = [Int16](repeating: 77, count: 21)
        var decodedTarget = decoded.mutableSpan
        let written = ALaw.decode(codes.span.bytes.extracting(first: min(count, 33)), into: &decodedTarget)
        #expect(written == min(count, 21))
        #expect(Array(decoded.prefix(written)) == codes.prefix(written).map { ALaw.decode($0) })
        #expect(decoded.dropFirst(written).allSatisfy { $0 == 77 })
    }

    @Test func `the silence codes decode to inaudible samples`() {
        #expect(MuLaw.encode(0) == MuLaw.silence)
        #expect(MuLaw.decode(MuLaw.silence) == 0)
        #expect(ALaw.encode(0) == ALaw.silence)
        #expect(ALaw.decode(ALaw.silence) == 8)
    }
}
