/// Looks for a byte eight at a time: captures look at every byte of every message, most of them audio.
enum ByteSearch {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let tops: UInt64 = 0x8080_8080_8080_8080

    /// The first place of `byte` at or behind `start`; nil if there is none.
    static func first(_ byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var index = max(0, start)
        let pattern = UInt64(byte) &* ones
        while index <= bytes.count - 8 {
            // In bounds: eight bytes are left.
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)) ^ pattern
            // A byte of zero has its top bit set here, and none below the first zero has.
            let zeros = (word &- ones) & ~word & tops
            if zeros != 0 { return index + zeros.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < bytes.count {
            if bytes[index] == byte { return index }
            index += 1
        }
        return nil
    }
}
