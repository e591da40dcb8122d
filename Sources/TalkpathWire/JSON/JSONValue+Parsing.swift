extension JSONValue {
    /// Parses exactly one JSON text (RFC 8259).
    ///
    /// If a key occurs twice, its last value counts, in the place of the first. A lone surrogate escape becomes U+FFFD.
    /// A byte order mark is refused.
    ///
    /// - Throws: `malformedJSON` for text that is not JSON or not UTF-8, or is nested deeper than 64 levels.
    public init(parsing text: RawSpan) throws(WireError) {
        try self.init(parsing: text, within: .none)
    }

    /// Parses one JSON text, and keeps only the part within `bounds`. Checks the skipped parts too.
    ///
    /// - Throws: also `malformedMessage`, if too many values would be kept.
    init(parsing text: RawSpan, within bounds: JSONBounds) throws(WireError) {
        do throws(JSONFault) {
            self = try text.withUnsafeBytes { bytes throws(JSONFault) in
                var scanner = JSONScanner(bytes)
                var left = bounds.mostValues
                let value = try scanner.value(keys: bounds.keys, left: &left)
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
        case .tooMany(let offset): self.init(.malformedMessage, "too many values up to \(offset)")
        }
    }
}

extension JSONScanner {
    /// - Parameters:
    ///   - keys: the keys whose members are kept; `nil` keeps all.
    ///   - left: the number of values that may still be kept.
    fileprivate mutating func value(keys: JSONKeys?, left: inout Int) throws(JSONFault) -> JSONValue {
        let kind = try kind()
        guard left > 0 else { throw .tooMany(offset: offset) }
        left -= 1
        switch kind {
        case .null:
            try null()
            return .null
        case .bool: return .bool(try bool())
        case .number: return .number(number(at: try number()))
        case .string: return .string(string(try string()))
        case .array: return .array(try elements(keys: keys, left: &left))
        case .object: return .object(try members(keys: keys, left: &left))
        }
    }

    private func number(at range: Range<Int>) -> JSONNumber {
        let bytes = UnsafeBufferPointer(start: start + range.lowerBound, count: range.count)
        return JSONNumber(validated: String(decoding: bytes, as: UTF8.self))
    }

    private mutating func elements(keys: JSONKeys?, left: inout Int) throws(JSONFault) -> [JSONValue] {
        try enterArray()
        var elements: [JSONValue] = []
        while try nextElement() { elements.append(try value(keys: keys, left: &left)) }
        return elements
    }

    private mutating func members(
        keys: JSONKeys?,
        left: inout Int
    ) throws(JSONFault) -> [(key: String, value: JSONValue)] {
        try enterObject()
        var members: [(key: String, value: JSONValue)] = []
        var places = KeyPlaces()
        while let text = try nextKey() {
            let match = keys?.match(text, in: self) ?? .known
            if match == .unknown {
                try skipValue()
                continue
            }
            let key = string(text)
            let value = try value(keys: match == .whole ? nil : keys, left: &left)
            if let place = places.place(of: key, in: members) {
                members[place].value = value
            } else {
                members.append((key: key, value: value))
            }
        }
        return members
    }
}

/// Finds earlier keys of an object. Searches linearly among the few keys of an ordinary object, and hashes where a
/// hostile object would make the search quadratic.
private struct KeyPlaces {
    private var places: [[UInt8]: Int] = [:]

    mutating func place(of key: String, in members: [(key: String, value: JSONValue)]) -> Int? {
        guard members.count >= 16 else {
            return members.firstIndex { $0.key.hasSameBytes(as: key) }
        }
        // Enters every member that was appended since; no member is ever removed.
        while places.count < members.count {
            places[Array(members[places.count].key.utf8)] = places.count
        }
        return places[Array(key.utf8)]
    }
}
