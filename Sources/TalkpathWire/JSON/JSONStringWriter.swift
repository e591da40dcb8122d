/// Writes text as a JSON string (RFC 8259, section 7). Escapes quotes, backslashes and control characters; everything
/// else is written as UTF-8.
enum JSONStringWriter {
    /// The number of bytes that the text becomes, quotes included.
    static func length(of text: String) -> Int {
        var length = 2
        for byte in text.utf8 { length += escapedLength(of: byte) }
        return length
    }

    /// - Parameter target: at least ``length(of:)`` bytes.
    /// - Returns: the number of bytes written.
    static func write(_ text: String, into target: UnsafeMutablePointer<UInt8>) -> Int {
        target[0] = UInt8(ascii: "\"")
        var written = 1
        for byte in text.utf8 {
            let length = escapedLength(of: byte)
            if length == 1 {
                target[written] = byte
            } else {
                target[written] = UInt8(ascii: "\\")
                writeEscape(of: byte, length: length, into: target + written + 1)
            }
            written += length
        }
        target[written] = UInt8(ascii: "\"")
        return written + 1
    }

    private static func escapedLength(of byte: UInt8) -> Int {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), 0x08, 0x09, 0x0A, 0x0C, 0x0D: 2
        case 0..<0x20: 6
        default: 1
        }
    }

    private static func writeEscape(of byte: UInt8, length: Int, into target: UnsafeMutablePointer<UInt8>) {
        switch byte {
        case 0x08: target[0] = UInt8(ascii: "b")
        case 0x09: target[0] = UInt8(ascii: "t")
        case 0x0A: target[0] = UInt8(ascii: "n")
        case 0x0C: target[0] = UInt8(ascii: "f")
        case 0x0D: target[0] = UInt8(ascii: "r")
        case 0..<0x20:
            target[0] = UInt8(ascii: "u")
            target[1] = UInt8(ascii: "0")
            target[2] = UInt8(ascii: "0")
            target[3] = UInt8(ascii: "0") + byte >> 4
            target[4] = hexDigit(byte & 15)
        default: target[0] = byte
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
