extension JSONScanner {
    /// Reads the next value, which must be a string. Checks its escapes and its UTF-8.
    package mutating func string() throws(JSONFault) -> JSONText {
        skipWhitespace()
        guard peek() == UInt8(ascii: "\"") else { throw unexpected() }
        offset += 1
        let begin = offset
        var hasEscapes = false
        while true {
            offset = endOfPlainRun(from: offset)
            switch peek() {
            case UInt8(ascii: "\""):
                let range = begin..<offset
                offset += 1
                return JSONText(range: range, hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                try skipEscape()
            case 0x80...:
                try skipMultibyteScalar()
            default:
                // A control character, or the end of the text.
                throw unexpected()
            }
        }
    }

    /// The first index from here on of a quote, a backslash, a control character or a byte outside ASCII.
    @inline(__always)
    private func endOfPlainRun(from begin: Int) -> Int {
        typealias Word = SIMD2<UInt64>
        let ones = Word(repeating: 0x0101_0101_0101_0101)
        let quotes = Word(repeating: 0x2222_2222_2222_2222)
        let backslashes = Word(repeating: 0x5C5C_5C5C_5C5C_5C5C)
        let spaces = Word(repeating: 0x2020_2020_2020_2020)
        let high: UInt64 = 0x8080_8080_8080_8080
        var index = begin
        while index + 16 <= count {
            let word = UnsafeRawPointer(start + index).loadUnaligned(as: Word.self)
            // The high bit of a byte is set if the byte is one of these. Higher bits than the lowest set one may be
            // false because of borrows; the lowest is always right.
            let found = ((word ^ quotes) &- ones) | ((word ^ backslashes) &- ones) | (word &- spaces) | word
            let low = found.x.littleEndian & high
            if low != 0 { return index + low.trailingZeroBitCount >> 3 }
            let rest = found.y.littleEndian & high
            if rest != 0 { return index + 8 + rest.trailingZeroBitCount >> 3 }
            index += 16
        }
        while index < count, isPlain(start[index]) { index += 1 }
        return index
    }

    @inline(__always)
    private func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private mutating func skipEscape() throws(JSONFault) {
        offset += 1
        switch peek() {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            offset += 1
        case UInt8(ascii: "u"):
            offset += 1
            for _ in 0..<4 {
                guard Self.hexValue(peek()) != nil else { throw unexpected() }
                offset += 1
            }
        default:
            throw unexpected()
        }
    }

    static func hexValue(_ byte: UInt8) -> UInt16? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }

    /// Skips one scalar beyond ASCII by table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing
    /// above U+10FFFF.
    private mutating func skipMultibyteScalar() throws(JSONFault) {
        let lead = peek()
        var second: ClosedRange<UInt8> = 0x80...0xBF
        let following: Int
        switch lead {
        case 0xC2...0xDF: following = 1
        case 0xE0:
            following = 2
            second = 0xA0...0xBF
        case 0xED:
            following = 2
            second = 0x80...0x9F
        case 0xE1...0xEF: following = 2
        case 0xF0:
            following = 3
            second = 0x90...0xBF
        case 0xF1...0xF3: following = 3
        case 0xF4:
            following = 3
            second = 0x80...0x8F
        default: throw unexpected()
        }
        offset += 1
        guard second.contains(peek()) else { throw unexpected() }
        offset += 1
        for _ in 1..<following {
            guard peek() & 0xC0 == 0x80 else { throw unexpected() }
            offset += 1
        }
    }

    /// The bytes of a string with its escapes resolved.
    ///
    /// A lone surrogate, which the grammar allows but no text can hold, becomes U+FFFD.
    package func unescaped(_ text: JSONText) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.range.count)
        var index = text.range.lowerBound
        while index < text.range.upperBound {
            // Copies everything up to the next escape at once; a string's range holds no quote and no control
            // character.
            var run = index
            while run < text.range.upperBound, start[run] != UInt8(ascii: "\\") { run += 1 }
            if run > index {
                bytes.append(contentsOf: UnsafeBufferPointer(start: start + index, count: run - index))
                index = run
                continue
            }
            index += 2
            switch start[index - 1] {
            case UInt8(ascii: "b"): bytes.append(0x08)
            case UInt8(ascii: "f"): bytes.append(0x0C)
            case UInt8(ascii: "n"): bytes.append(0x0A)
            case UInt8(ascii: "r"): bytes.append(0x0D)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "u"): bytes.append(contentsOf: scalar(at: &index, upTo: text.range.upperBound).utf8Bytes)
            case let literal: bytes.append(literal)
            }
        }
        return bytes
    }

    package func string(_ text: JSONText) -> String {
        // The scan has checked the UTF-8, so nothing is repaired here.
        if text.hasEscapes { return String(decoding: unescaped(text), as: UTF8.self) }
        let bytes = UnsafeBufferPointer(start: start + text.range.lowerBound, count: text.range.count)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The scalar whose hexadecimal digits begin at `index`. Consumes the escape of its second half too.
    private func scalar(at index: inout Int, upTo end: Int) -> Unicode.Scalar {
        let replacement: Unicode.Scalar = "\u{FFFD}"
        let unit = codeUnit(at: index)
        index += 4
        guard UTF16.isLeadSurrogate(unit) else { return Unicode.Scalar(unit) ?? replacement }
        guard index + 6 <= end, start[index] == UInt8(ascii: "\\"), start[index + 1] == UInt8(ascii: "u") else {
            return replacement
        }
        let trail = codeUnit(at: index + 2)
        guard UTF16.isTrailSurrogate(trail) else { return replacement }
        index += 6
        let value = 0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(trail) - 0xDC00)
        return Unicode.Scalar(value) ?? replacement
    }

    /// Four hexadecimal digits, which are checked already.
    private func codeUnit(at index: Int) -> UInt16 {
        (0..<4).reduce(0) { $0 << 4 | (Self.hexValue(start[index + $1]) ?? 0) }
    }
}

extension Unicode.Scalar {
    fileprivate var utf8Bytes: UTF8.EncodedScalar {
        // Every scalar has an encoding in UTF-8.
        UTF8.encode(self).unsafelyUnwrapped
    }
}
