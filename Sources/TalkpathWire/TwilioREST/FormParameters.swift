/// The decoded fields of an `application/x-www-form-urlencoded` body or query, in order; names may repeat.
///
/// Names and values are compared by their UTF-8 bytes, never by canonical equivalence, because signatures are made over
/// bytes. `print` and `dump` show only names: values are phone numbers, spoken words and tokens.
public struct FormParameters: Sendable, ExpressibleByDictionaryLiteral {
    public private(set) var fields: [(name: String, value: String)]

    public init(_ fields: [(name: String, value: String)] = []) {
        self.fields = fields
    }

    /// Names may repeat.
    public init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { (name: $0.0, value: $0.1) }
    }

    public var isEmpty: Bool { fields.isEmpty }

    /// The first value with that name.
    public subscript(name: String) -> String? {
        fields.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    /// All values with that name, in order.
    public func values(of name: String) -> [String] {
        fields.filter { $0.name.utf8.elementsEqual(name.utf8) }.map(\.value)
    }

    public mutating func append(_ name: String, _ value: String) {
        fields.append((name: name, value: value))
    }

    /// Does nothing if `value` is `nil`.
    public mutating func append(_ name: String, _ value: String?) {
        guard let value else { return }
        append(name, value)
    }

    public mutating func append(_ other: FormParameters) {
        fields += other.fields
    }
}

extension FormParameters: Equatable {
    public static func == (left: FormParameters, right: FormParameters) -> Bool {
        left.fields.count == right.fields.count
            && zip(left.fields, right.fields).allSatisfy { left, right in
                left.name.utf8.elementsEqual(right.name.utf8) && left.value.utf8.elementsEqual(right.value.utf8)
            }
    }
}

extension FormParameters: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "form of \(fields.map(\.name).joined(separator: ", "))" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["names": fields.map(\.name)]) }
}
