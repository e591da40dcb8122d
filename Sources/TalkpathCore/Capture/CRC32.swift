import TalkpathAudio

/// The CRC-32 of Ethernet, zip and PNG.
enum CRC32 {
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for index in 0..<256 {
            var value = UInt32(index)
            for _ in 0..<8 { value = value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
            tables[index] = value
        }
        for index in 256..<(8 * 256) {
            let before = tables[index - 256]
            tables[index] = tables[Int(before & 0xFF)] ^ (before >> 8)
        }
        return tables
    }()

    static func of(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.withUnsafeBytes { of($0) } }

    static func of(_ memory: UnsafeRawBufferPointer, instructions: InstructionSet = .best) -> UInt32 {
        guard let base = memory.baseAddress else { return 0 }
        var crc: UInt32 = 0xFFFF_FFFF
        // The machine's wide instructions do whole blocks; the loops below do the rest, or everything.
        var offset = ByteKernels.crc32(base, count: memory.count, register: &crc, instructions: instructions)
        return tables.withUnsafeBufferPointer { table in
            while offset + 8 <= memory.count {
                let word = UInt64(littleEndian: memory.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                let mixed = word ^ UInt64(crc)
                crc = 0
                for lane in 0..<8 {
                    crc ^= table[(7 - lane) * 256 + Int(truncatingIfNeeded: (mixed >> UInt64(8 * lane)) & 0xFF)]
                }
                offset += 8
            }
            while offset < memory.count {
                crc = table[Int((crc ^ UInt32(memory[offset])) & 0xFF)] ^ (crc >> 8)
                offset += 1
            }
            return crc ^ 0xFFFF_FFFF
        }
    }
}
