/// Scans the bytes of one JSON text (RFC 8259) and returns ranges of them, without allocating.
///
/// It accepts exactly the legal texts: it checks the grammar, the UTF-8 and the depth, also in skipped parts. The full
/// parser uses it too, so a codec's fast path and its full path agree about what is legal.
///
/// The bytes must outlive the scanner; it is meant to live within one `withUnsafeBytes`.
package struct JSONScanner {
    /// The deepest allowed nesting of arrays and objects.
    package static let maximumDepth = 64

    let start: UnsafePointer<UInt8>
    let count: Int
    var offset = 0
    private var depth = 0
    /// True right after entering an array or object: its end or its first element may follow, but no comma.
    private var atOpening = false

    package init(_ bytes: UnsafeRawBufferPointer) {
        count = bytes.count
        // With a count of zero the pointer is never read; an address that is never null keeps the rest simple.
        let nowhere = UnsafeRawPointer(bitPattern: 1).unsafelyUnwrapped
        start = (bytes.baseAddress ?? nowhere).assumingMemoryBound(to: UInt8.self)
    }
}

/// The reason and the place at which a text is not JSON.
package enum JSONFault: Error, Equatable {
    case unexpected(offset: Int)
    case tooDeep(offset: Int)
    /// More values than the reader keeps.
    case tooMany(offset: Int)
}

/// A string in the text, without its quotes.
package struct JSONText: Equatable {
    package var range: Range<Int>
    /// True if the string holds escapes, so its bytes are not the string itself.
    package var hasEscapes: Bool
}

package enum JSONKind {
    case null, bool, number, string, array, object
}

// MARK: Structure

extension JSONScanner {
    /// Moves to the next value and returns its kind, which its first byte shows.
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

    /// The key of the next member; `nil` at the end of the object, which is then left. Read or skip the member's value
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

    /// True if another element follows; otherwise the array has been left.
    package mutating func nextElement() throws(JSONFault) -> Bool {
        try nextElement(before: UInt8(ascii: "]"))
    }

    /// Requires that only white space follows.
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
    /// Skips the next value of any kind and returns its range.
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
    /// The current byte. At the end it is 0, which is legal nowhere outside the escapes of a skipped string.
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

    /// True if these bytes equal the word.
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

    /// The value of these bytes if they are an integer of up to 18 digits; `nil` otherwise.
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
