/// Validates UTF-8 that arrives in pieces, and reports the first wrong byte at once.
///
/// Follows table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing above U+10FFFF.
struct UTF8Validator {
    /// Continuation bytes that the current character still needs.
    private var missing = 0
    /// The allowed range of the next continuation byte; narrower than 0x80...0xBF only after certain first bytes.
    private var lowest: UInt8 = 0x80
    private var highest: UInt8 = 0xBF

    /// True if the text may end here.
    var isComplete: Bool { missing == 0 }

    /// Returns false at the first byte that cannot follow the bytes before it.
    mutating func accept(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        let count = bytes.count
        while index < count {
            if missing == 0 {
                // JSON is nearly all ASCII, so this checks eight bytes at a time. The load stays within `count`.
                while index &+ 8 <= count,
                    bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
                {
                    index &+= 8
                }
                guard index < count else { return true }
                guard begin(with: bytes[index]) else { return false }
            } else {
                let byte = bytes[index]
                guard byte >= lowest, byte <= highest else { return false }
                lowest = 0x80
                highest = 0xBF
                missing &-= 1
            }
            index &+= 1
        }
        return true
    }

    private mutating func begin(with byte: UInt8) -> Bool {
        switch byte {
        case 0x00...0x7F: return true
        case 0xC2...0xDF: missing = 1
        case 0xE0: (missing, lowest) = (2, 0xA0)
        case 0xE1...0xEC, 0xEE...0xEF: missing = 2
        case 0xED: (missing, highest) = (2, 0x9F)
        case 0xF0: (missing, lowest) = (3, 0x90)
        case 0xF1...0xF3: missing = 3
        case 0xF4: (missing, highest) = (3, 0x8F)
        default: return false
        }
        return true
    }
}
