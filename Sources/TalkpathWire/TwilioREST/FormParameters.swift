/// The fields of an `application/x-www-form-urlencoded` body or query, decoded: in order, repeated names kept.
///
/// Names and values are compared by their UTF-8 bytes, never by canonical equivalence, because signatures are made over
/// bytes. `print` and `dump` show names only: values are phone numbers, words spoken, tokens.
public struct FormParameters: Sendable, ExpressibleByDictionaryLiteral {
    public private(set) var fields: [(name: String, value: String)]

    public init(_ fields: [(name: String, value: String)] = []) {
        self.fields = fields
    }

    /// A name may stand more than once.
    public init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { (name: $0.0, value: $0.1) }
    }

    public var isEmpty: Bool { fields.isEmpty }

    /// The first value of that name.
    public subscript(name: String) -> String? {
        fields.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    /// All values of that name in their order.
    public func values(of name: String) -> [String] {
        fields.filter { $0.name.utf8.elementsEqual(name.utf8) }.map(\.value)
    }

    public mutating func append(_ name: String, _ value: String) {
        fields.append((name: name, value: value))
    }

    /// Nothing happens where there is no value.
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
