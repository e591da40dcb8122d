/// A JSON value in memory, for the control messages of a call, not for its audio.
public enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    /// The members in the order of the text; every key is unique.
    case object([(key: String, value: JSONValue)])
}

/// A number as its original text, so that no digit is lost.
public struct JSONNumber: Hashable, Sendable, CustomStringConvertible {
    /// The number in the syntax of RFC 8259.
    public let text: String

    init(validated text: String) {
        self.text = text
    }

    public init(_ value: Int) {
        text = String(value)
    }

    /// - Returns: `nil` for infinity and NaN, which JSON lacks.
    public init?(_ value: Double) {
        guard value.isFinite else { return nil }
        text = value.description
    }

    /// The value if it is an integer that fits, in any spelling: `7`, `7.0` and `70e-1` are the same number.
    public var int: Int? {
        if let exact = Int(text) { return exact }
        // Beyond 2^53 a double cannot represent every integer, and Talkpath uses no numbers in that form.
        guard let double, double.magnitude <= Double(Self.mostExact) else { return nil }
        let whole = Int(double)
        return Double(whole) == double ? whole : nil
    }

    /// See ``JSONValue/count``.
    package var count: Int {
        let most = Self.mostExact
        if let int { return min(max(0, int), most) }
        guard let double else { return text.utf8.first == UInt8(ascii: "-") ? 0 : most }
        return Int(min(max(0, double), Double(most)))
    }

    /// 2^53: every JSON reader represents integers up to here exactly.
    private static let mostExact = 9_007_199_254_740_992

    /// The nearest double; `nil` if the number is too large for one.
    public var double: Double? {
        guard let value = Double(text), value.isFinite else { return nil }
        return value
    }

    public var description: String { text }
}

// MARK: Reading

extension JSONValue {
    /// The member with that key; `nil` if there is none, or if this is not an object.
    public subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        // Compares bytes, because Swift treats some strings as equal that differ in JSON.
        return members.first { $0.key.hasSameBytes(as: key) }?.value
    }

    /// The element at that index; `nil` if there is none, or if this is not an array.
    public subscript(index: Int) -> JSONValue? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    public var isNull: Bool {
        if case .null = self { true } else { false }
    }

    public var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    public var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    public var number: JSONNumber? {
        if case .number(let value) = self { value } else { nil }
    }

    /// The value if it is an integer that fits.
    public var int: Int? { number?.int }

    /// A count stated by a peer: the number without its fraction, clamped to 0...2^53. A few such counts can be added
    /// or subtracted without overflow. `nil` if this is not a number.
    package var count: Int? { number?.count }

    public var double: Double? { number?.double }

    public var array: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    public var object: [(key: String, value: JSONValue)]? {
        if case .object(let members) = self { members } else { nil }
    }
}

// MARK: Equality

extension JSONValue: Equatable {
    /// The order of members does not matter. Strings are compared by scalars, and numbers by their text.
    public static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.string(let a), .string(let b)): a.utf8.elementsEqual(b.utf8)
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a.count == b.count && a.allSatisfy { right[$0.key] == $0.value }
        case (.null, _), (.bool, _), (.number, _), (.string, _), (.array, _), (.object, _): false
        }
    }
}

// MARK: Literals and changes

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) {
        self = .string(value)
    }

    public init(integerLiteral value: Int) {
        self = .number(JSONNumber(value))
    }

    public init(booleanLiteral value: Bool) {
        self = .bool(value)
    }

    public init(nilLiteral: ()) {
        self = .null
    }

    public init(arrayLiteral elements: JSONValue...) {
        self = .array(elements)
    }

    /// The keys must be unique.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { (key: $0.0, value: $0.1) })
    }

    public init(_ value: Int) {
        self = .number(JSONNumber(value))
    }

    /// Sets, replaces or (with `nil`) removes a member if this is an object; otherwise does nothing.
    public mutating func set(_ key: String, _ value: JSONValue?) {
        guard case .object(var members) = self else { return }
        let place = members.firstIndex { $0.key.hasSameBytes(as: key) }
        switch (place, value) {
        case (let place?, let value?): members[place].value = value
        case (let place?, nil): members.remove(at: place)
        case (nil, let value?): members.append((key: key, value: value))
        case (nil, nil): return
        }
        self = .object(members)
    }
}

extension String {
    /// True if both have the same UTF-8 bytes. Compares the lengths first, because most keys of an object differ in
    /// length.
    func hasSameBytes(as other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }
}
