import Foundation
import Testing

@testable import TalkpathAudio

/// The wide forms process the front part of a job. The tests compare that part with Foundation and with plain code, and
/// check that nothing else changed.
@Suite struct ByteKernelTests {
    private static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SplitMix64(seed: seed)
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    @Test(arguments: InstructionSet.available, 0...3)
    func `Base64 of any length equals Foundation's`(instructions: InstructionSet, skip: Int) {
        for count in Array(0...200) + [640, 960, 4801] {
            let source = Self.bytes(skip + count, seed: UInt64(count))
            let expected = Array(Data(source.dropFirst(skip)).base64EncodedData())
            var target = [UInt8](repeating: 0xEE, count: expected.count + 1)
            let done = source.withUnsafeBytes { from in
                target.withUnsafeMutableBytes { to in
                    ByteKernels.encodeBase64(
                        from.baseAddress! + skip,
                        count: count,
                        into: to.baseAddress!,
                        instructions: instructions
                    )
                }
            }
            #expect(done % 24 == 0 && done <= count)
            #expect(instructions == .portable ? done == 0 : done + 28 > count)
            #expect(target.prefix(done / 3 * 4).elementsEqual(expected.prefix(done / 3 * 4)))
            #expect(target.dropFirst(done / 3 * 4).allSatisfy { $0 == 0xEE })
        }
    }

    @Test(arguments: InstructionSet.available, [false, true])
    func `Base64 of both alphabets decodes to the original bytes`(instructions: InstructionSet, isURLSafe: Bool) {
        for count in Array(0...200) + [640, 960, 4801] {
            let source = Self.bytes(count, seed: UInt64(count))
            var text = Array(Data(source).base64EncodedData())
            if isURLSafe { text = text.map { $0 == UInt8(ascii: "+") ? 45 : $0 == UInt8(ascii: "/") ? 95 : $0 } }
            for room in [count, count + 4] {
                var target = [UInt8](repeating: 0xEE, count: room + 1)
                let done = text.withUnsafeBytes { from in
                    target.withUnsafeMutableBytes { to in
                        ByteKernels.decodeBase64(
                            from.baseAddress ?? UnsafeRawPointer(to.baseAddress!),
                            count: text.count,
                            into: to.baseAddress!,
                            room: room,
                            instructions: instructions
                        )
                    }
                }
                #expect(done % 32 == 0 && done <= text.count)
                #expect(instructions == .portable ? done == 0 : done / 4 * 3 + 28 > room || done + 36 > text.count)
                #expect(target.prefix(done / 4 * 3).elementsEqual(source.prefix(done / 4 * 3)))
                #expect(target[room] == 0xEE)
            }
        }
    }

    /// Tries all 256 characters at all 32 places of a block: the kernel must decode a block of alphabet characters and
    /// leave any other block.
    @Test(arguments: InstructionSet.available)
    func `a character outside the alphabet stops decoding before its block`(instructions: InstructionSet) {
        let alphabet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_".utf8)
        var target = [UInt8](repeating: 0, count: 100)
        for place in 32..<64 {
            for character in UInt8.min...UInt8.max {
                var text = [UInt8](repeating: UInt8(ascii: "A"), count: 96)
                text[place] = character
                let done = text.withUnsafeBytes { from in
                    target.withUnsafeMutableBytes { to in
                        ByteKernels.decodeBase64(
                            from.baseAddress!,
                            count: 96,
                            into: to.baseAddress!,
                            room: 100,
                            instructions: instructions
                        )
                    }
                }
                let wide = alphabet.contains(character) ? 96 : 32
                #expect(done == (instructions == .portable ? 0 : wide), "character \(character) at \(place)")
            }
        }
    }

    @Test(arguments: InstructionSet.available, 0...3)
    func `masking equals masking byte by byte`(instructions: InstructionSet, skip: Int) {
        let key: [UInt8] = [0x12, 0xA5, 0x00, 0xFF]
        let word = key.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }.littleEndian
        for count in Array(0...200) + [1000] {
            let source = Self.bytes(skip + count, seed: UInt64(count))
            let expected = source.dropFirst(skip).enumerated().map { $0.element ^ key[$0.offset % 4] }
            // Masks into other memory, and in place.
            var other = [UInt8](repeating: 0xEE, count: skip + count + 1)
            var same = source + [0xEE]
            let done = source.withUnsafeBytes { from in
                other.withUnsafeMutableBytes {
                    ByteKernels.mask(
                        from.baseAddress! + skip,
                        count: count,
                        into: $0.baseAddress! + skip,
                        key: word,
                        instructions: instructions
                    )
                }
            }
            let inPlace = same.withUnsafeMutableBytes {
                let memory = $0.baseAddress! + skip
                return ByteKernels.mask(memory, count: count, into: memory, key: word, instructions: instructions)
            }
            #expect(done == (instructions == .portable ? 0 : count / 32 * 32) && inPlace == done)
            #expect(other.dropFirst(skip).prefix(done).elementsEqual(expected.prefix(done)))
            #expect(same.dropFirst(skip).prefix(done).elementsEqual(expected.prefix(done)))
            #expect(other.dropFirst(skip + done).allSatisfy { $0 == 0xEE })
            #expect(same.dropFirst(skip + done).dropLast().elementsEqual(source.dropFirst(skip + done)))
        }
    }
}
