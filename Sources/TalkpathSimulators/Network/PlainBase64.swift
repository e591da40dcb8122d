/// Base64 (RFC 4648) for judging other code: it is strict about the alphabet, and shares nothing with the code it
/// judges.
enum PlainBase64 {
    enum Alphabet {
        /// `+` and `/`, padding required.
        case standard
        /// `+` `/` or `-` `_`, padding optional, as protobuf's JSON mapping reads it.
        case either
    }

    private static let characters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The value of each character. The two characters of the URL-safe alphabet also carry a flag.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, character) in characters.enumerated() { values[Int(character)] = UInt8(value) }
        values[Int(UInt8(ascii: "-"))] = 62 | urlSafe
        values[Int(UInt8(ascii: "_"))] = 63 | urlSafe
        return values
    }()
    private static let urlSafe: UInt8 = 0x40

    static func encode(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: encoded(Array(bytes)), as: UTF8.self)
    }

    /// Returns the text as ASCII bytes.
    static func encoded(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        characters.withUnsafeBufferPointer { characters in
            var place = 0
            while place < bytes.count {
                let left = bytes.count - place
                var group = UInt32(bytes[place]) << 16
                if left > 1 { group |= UInt32(bytes[place + 1]) << 8 }
                if left > 2 { group |= UInt32(bytes[place + 2]) }
                text.append(characters[Int(group >> 18)])
                text.append(characters[Int(group >> 12 & 63)])
                text.append(left > 1 ? characters[Int(group >> 6 & 63)] : UInt8(ascii: "="))
                text.append(left > 2 ? characters[Int(group & 63)] : UInt8(ascii: "="))
                place += 3
            }
        }
        return text
    }

    /// Returns the bytes; `nil` if the text is not base64 of that alphabet.
    static func decode(_ text: String, _ alphabet: Alphabet = .standard) -> [UInt8]? {
        var text = text
        return text.withUTF8 { decode($0, alphabet) }
    }

    private static func decode(_ text: UnsafeBufferPointer<UInt8>, _ alphabet: Alphabet) -> [UInt8]? {
        var count = text.count
        var padding = 0
        while padding < 2, count > 0, text[count - 1] == UInt8(ascii: "=") {
            count -= 1
            padding += 1
        }
        let isPadded = (count + padding) % 4 == 0
        guard count % 4 != 1, isPadded || (alphabet == .either && padding == 0) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count * 3 / 4 + 3)
        var group: UInt32 = 0
        var bits = 0
        var seen: UInt8 = 0
        let isValid = values.withUnsafeBufferPointer { values in
            for character in text[..<count] {
                let value = values[Int(character)]
                guard value != 0xFF else { return false }
                seen |= value
                group = group << 6 | UInt32(value & 63)
                bits += 6
                if bits >= 8 {
                    bits -= 8
                    bytes.append(UInt8(truncatingIfNeeded: group >> UInt32(bits)))
                }
            }
            return true
        }
        guard isValid, alphabet == .either || seen & urlSafe == 0 else { return nil }
        // The bits behind the last byte must be zero.
        guard group & (1 << UInt32(bits) - 1) == 0 else { return nil }
        return bytes
    }
}
