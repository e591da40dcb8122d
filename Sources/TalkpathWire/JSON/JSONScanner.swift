/// Walks over the bytes of one JSON text (RFC 8259) and gives ranges of them, without allocating.
///
/// It accepts exactly the legal texts: the grammar, UTF-8 and the depth are checked, in what is skipped too. The full
/// parser is built on it, so a codec's quick way and its thorough way cannot disagree about what is legal.
///
/// The bytes must outlive the scanner; it is meant to live within one `withUnsafeBytes`.
package struct JSONScanner {
    /// Arrays and objects within each other.
    package static let maximumDepth = 64

    let start: UnsafePointer<UInt8>
    let count: Int
    var offset = 0
    private var depth = 0
    /// An array or object has just been entered: its end or its first element may come, but no comma.
    private var atOpening = false

    package init(_ bytes: UnsafeRawBufferPointer) {
        count = bytes.count
        // With a count of zero the pointer is never read; an address that is never null keeps the rest simple.
        let nowhere = UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped
        start = (bytes.baseAddress ?? nowhere).assumingMemoryBound(to: UInt8.self)
    }
}

/// Why a text is not JSON, and where.
package enum JSONFault: Error, Equatable {
    case unexpected(offset: Int)
    case tooDeep(offset: Int)
    /// More values than its reader keeps.
    case tooMany(offset: Int)
}

/// A string as it stands in the text, without its quotes.
package struct JSONText: Equatable {
    package var range: Range<Int>
    /// The bytes are not the string itself: it holds escapes.
    package var hasEscapes: Bool
}

package enum JSONKind {
    case null, bool, number, string, array, object
}

// MARK: Structure

extension JSONScanner {
    /// What the next value is, told by its first byte; moves to that byte.
    package mutating func kind() throws(JSONFault) -> JSONKind {
        skipWhitespace()
        switch peek() {
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        default: throw unexpected()
        }
    }

    package mutating func enterObject() throws(JSONFault) {
        try enter(UInt8(ascii: "{"))
    }

    package mutating func enterArray() throws(JSONFault) {
        try enter(UInt8(ascii: "["))
    }

    /// The key of the next member, or nil once the object has been left. The member's value must be read or skipped
    /// before the next call.
    @inline(__always)
    package mutating func nextKey() throws(JSONFault) -> JSONText? {
        guard try nextElement(before: UInt8(ascii: "}")) else { return nil }
        skipWhitespace()
        let key = try string()
        skipWhitespace()
        guard peek() == UInt8(ascii: ":") else { throw unexpected() }
        offset += 1
        return key
    }

    /// Whether another element follows; if not, the array has been left.
    package mutating func nextElement() throws(JSONFault) -> Bool {
        try nextElement(before: UInt8(ascii: "]"))
    }

    /// The text must be over, white space apart.
    package mutating func finish() throws(JSONFault) {
        skipWhitespace()
        guard offset == count else { throw unexpected() }
    }

    private mutating func enter(_ bracket: UInt8) throws(JSONFault) {
        skipWhitespace()
        guard peek() == bracket else { throw unexpected() }
        guard depth < Self.maximumDepth else { throw .tooDeep(offset: offset) }
        depth += 1
        offset += 1
        atOpening = true
    }

    @inline(__always)
    private mutating func nextElement(before bracket: UInt8) throws(JSONFault) -> Bool {
        skipWhitespace()
        let byte = peek()
        let first = atOpening
        atOpening = false
        if byte == bracket {
            depth -= 1
            offset += 1
            return false
        }
        if first { return true }
        guard byte == UInt8(ascii: ",") else { throw unexpected() }
        offset += 1
        return true
    }
}

// MARK: Values

extension JSONScanner {
    /// The range of the next value, whatever it is.
    @discardableResult
    package mutating func skipValue() throws(JSONFault) -> Range<Int> {
        let kind = try kind()
        let begin = offset
        switch kind {
        case .string: _ = try string()
        case .number: _ = try number()
        case .bool: _ = try bool()
        case .null: try null()
        case .object:
            try enterObject()
            while try nextKey() != nil { try skipValue() }
        case .array:
            try enterArray()
            while try nextElement() { try skipValue() }
        }
        return begin..<offset
    }

    package mutating func null() throws(JSONFault) {
        try literal("null")
    }

    package mutating func bool() throws(JSONFault) -> Bool {
        skipWhitespace()
        if peek() == UInt8(ascii: "t") {
            try literal("true")
            return true
        }
        try literal("false")
        return false
    }

    package mutating func number() throws(JSONFault) -> Range<Int> {
        skipWhitespace()
        let begin = offset
        if peek() == UInt8(ascii: "-") { offset += 1 }
        if peek() == UInt8(ascii: "0") { offset += 1 } else { try digits() }
        if peek() == UInt8(ascii: ".") {
            offset += 1
            try digits()
        }
        if peek() | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { offset += 1 }
            try digits()
        }
        return begin..<offset
    }

    private mutating func digits() throws(JSONFault) {
        let begin = offset
        while peek() &- UInt8(ascii: "0") < 10 { offset += 1 }
        guard offset > begin else { throw unexpected() }
    }

    private mutating func literal(_ word: StaticString) throws(JSONFault) {
        skipWhitespace()
        let length = word.utf8CodeUnitCount
        guard equals(offset..<min(offset + length, count), word) else { throw unexpected() }
        offset += length
    }
}

// MARK: Bytes

extension JSONScanner {
    /// The byte at hand, or 0, which is legal nowhere outside of a skipped string's escapes, at the end.
    @inline(__always)
    func peek() -> UInt8 {
        offset < count ? start[offset] : 0
    }

    @inline(__always)
    package mutating func skipWhitespace() {
        while offset < count, isWhitespace(start[offset]) { offset += 1 }
    }

    @inline(__always)
    private func isWhitespace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    func unexpected() -> JSONFault {
        .unexpected(offset: offset)
    }

    /// Whether these bytes of the text are that word.
    @inline(__always)
    package func equals(_ range: Range<Int>, _ word: StaticString) -> Bool {
        let length = word.utf8CodeUnitCount
        guard range.count == length else { return false }
        return equal(start + range.lowerBound, word.utf8Start, length)
    }

    @inline(__always)
    package func equals(_ range: Range<Int>, _ bytes: [UInt8]) -> Bool {
        guard range.count == bytes.count else { return false }
        return bytes.withUnsafeBufferPointer { other in
            guard let address = other.baseAddress else { return true }
            return equal(start + range.lowerBound, address, other.count)
        }
    }

    @inline(__always)
    private func equal(_ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ length: Int) -> Bool {
        var index = 0
        while index + 8 <= length {
            let a = UnsafeRawPointer(left + index).loadUnaligned(as: UInt64.self)
            let b = UnsafeRawPointer(right + index).loadUnaligned(as: UInt64.self)
            if a != b { return false }
            index += 8
        }
        while index < length {
            if left[index] != right[index] { return false }
            index += 1
        }
        return true
    }

    /// A whole number of up to 18 digits and nothing else; nil if these bytes are something else.
    @inline(__always)
    package func decimal(_ range: Range<Int>) -> UInt64? {
        guard !range.isEmpty, range.count <= 18 else { return nil }
        var value: UInt64 = 0
        for index in range {
            let digit = start[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value &* 10 &+ UInt64(digit)
        }
        return value
    }
}
