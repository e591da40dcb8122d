extension JSONValue {
    /// Reads one JSON text (RFC 8259), no more and no less.
    ///
    /// Of a key that comes twice the last value counts, in the place of the first. A lone surrogate escape becomes
    /// U+FFFD. A byte order mark is refused.
    ///
    /// - Throws: `malformedJSON` for what is not JSON, not UTF-8, or nested deeper than 64.
    public init(parsing text: RawSpan) throws(WireError) {
        do throws(JSONFault) {
            self = try text.withUnsafeBytes { bytes throws(JSONFault) in
                var scanner = JSONScanner(bytes)
                let value = try scanner.value()
                try scanner.finish()
                return value
            }
        } catch {
            throw WireError(error)
        }
    }

    public init(parsing text: [UInt8]) throws(WireError) {
        try self.init(parsing: text.span.bytes)
    }

    public init(parsing text: String) throws(WireError) {
        try self.init(parsing: Array(text.utf8))
    }
}

extension WireError {
    init(_ fault: JSONFault) {
        switch fault {
        case .unexpected(let offset): self.init(.malformedJSON, "unexpected byte or end at \(offset)")
        case .tooDeep(let offset): self.init(.malformedJSON, "nested too deeply at \(offset)")
        }
    }
}

extension JSONScanner {
    package mutating func value() throws(JSONFault) -> JSONValue {
        switch try kind() {
        case .null:
            try null()
            return .null
        case .bool: return .bool(try bool())
        case .number: return .number(number(at: try number()))
        case .string: return .string(string(try string()))
        case .array: return .array(try elements())
        case .object: return .object(try members())
        }
    }

    private func number(at range: Range<Int>) -> JSONNumber {
        let bytes = UnsafeBufferPointer(start: start + range.lowerBound, count: range.count)
        return JSONNumber(validated: String(decoding: bytes, as: UTF8.self))
    }

    private mutating func elements() throws(JSONFault) -> [JSONValue] {
        try enterArray()
        var elements: [JSONValue] = []
        while try nextElement() { elements.append(try value()) }
        return elements
    }

    private mutating func members() throws(JSONFault) -> [(key: String, value: JSONValue)] {
        try enterObject()
        var members: [(key: String, value: JSONValue)] = []
        var places = KeyPlaces()
        while let text = try nextKey() {
            let key = string(text)
            let value = try value()
            if let place = places.place(of: key, in: members) {
                members[place].value = value
            } else {
                members.append((key: key, value: value))
            }
        }
        return members
    }
}

/// Finds keys that came before: by looking through the few that an honest object has, by hashing where a hostile one
/// would make that quadratic.
private struct KeyPlaces {
    private var places: [[UInt8]: Int] = [:]

    mutating func place(of key: String, in members: [(key: String, value: JSONValue)]) -> Int? {
        guard members.count >= 16 else {
            return members.firstIndex { $0.key.hasSameBytes(as: key) }
        }
        // Every member that was appended since is entered first; none is ever taken out.
        while places.count < members.count {
            places[Array(members[places.count].key.utf8)] = places.count
        }
        return places[Array(key.utf8)]
    }
}
