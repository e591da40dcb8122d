/// The tables of the Base64 codec: 8 KiB for encoding, 4 KiB for decoding, both built once.
enum Base64Tables {
    /// Marks a character outside the alphabet. The bit lies above the 24 bits of a group.
    static let invalid: UInt32 = 1 << 24

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Maps twelve bits to two characters, the first in the low byte.
    static let encoding: [UInt16] = (0..<4096).map { bits in
        UInt16(alphabet[bits >> 6]) | UInt16(alphabet[bits & 63]) << 8
    }

    /// Maps a character to its six bits, shifted to their place in three bytes that are read as a little-endian number.
    /// One table of 256 entries for each of the four positions.
    static let decoding: [UInt32] = (0..<4).flatMap { position -> [UInt32] in
        var table = [UInt32](repeating: invalid, count: 256)
        for (value, character) in alphabet.enumerated() {
            table[Int(character)] = placed(UInt32(value), at: position)
        }
        table[Int(UInt8(ascii: "-"))] = placed(62, at: position)
        table[Int(UInt8(ascii: "_"))] = placed(63, at: position)
        return table
    }

    private static func placed(_ value: UInt32, at position: Int) -> UInt32 {
        let group = value << (18 - 6 * UInt32(position))
        return (group >> 16) | (group & 0xFF00) | (group & 0xFF) << 16
    }
}
