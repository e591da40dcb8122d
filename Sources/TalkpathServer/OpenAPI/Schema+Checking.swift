import TalkpathWire

extension Schema {
    /// The place and kind of a mistake in a value.
    struct Violation: Equatable, Sendable {
        enum Kind: Sendable {
            case unknownField, missingField, invalid
        }

        var kind: Kind
        /// Names of members and indices of arrays, from the outside in: `limits.max_duration_s`, `tools[2].name`. Empty
        /// for the value itself.
        var path: String
        /// Continues a sentence that begins with the name: "must be a text".
        var message: String
    }

    /// Returns the first mistake in a value; `nil` if there is none.
    ///
    /// - Parameters:
    ///   - isRequest: true if `null` for a required member counts as missing.
    ///   - find: returns the schemas that references name.
    func violation(
        of value: JSONValue,
        at path: String = "",
        isRequest: Bool = true,
        find: (String) -> Schema? = APIDocument.schema(named:)
    ) -> Violation? {
        if value.isNull {
            if isNullable || acceptsNull(find) { return nil }
            return Violation(kind: .invalid, path: path, message: resolved(find).complaint)
        }
        let violation = violation(ofPresent: value, at: path, isRequest: isRequest, find: find)
        if violation == nil, maximumBytes > 0, value.serialized().count > maximumBytes {
            return Violation(kind: .invalid, path: path, message: "must have at most \(maximumBytes) bytes")
        }
        return violation
    }

    /// Returns the schema that a reference names, or the reference if there is none. Returns any other schema
    /// unchanged.
    private func resolved(_ find: (String) -> Schema?) -> Schema {
        guard case .reference(let name) = kind else { return self }
        return find(name) ?? self
    }

    private func acceptsNull(_ find: (String) -> Schema?) -> Bool {
        switch kind {
        case .oneOf(let schemas): schemas.contains { $0.isNullable || $0.acceptsNull(find) }
        case .reference(let name): find(name).map { $0.isNullable || $0.acceptsNull(find) } ?? false
        case .any: true
        case .boolean, .integer, .number, .text, .word, .array, .object, .dictionary: false
        }
    }

    private func violation(
        ofPresent value: JSONValue,
        at path: String,
        isRequest: Bool,
        find: (String) -> Schema?
    ) -> Violation? {
        func check(_ schema: Schema, _ value: JSONValue, _ path: String) -> Violation? {
            schema.violation(of: value, at: path, isRequest: isRequest, find: find)
        }
        switch kind {
        case .array(let element, let count):
            guard let elements = value.array, count.contains(elements.count) else { break }
            for (index, one) in elements.enumerated() {
                if let violation = check(element, one, "\(path)[\(index)]") { return violation }
            }
            return nil
        case .object(let members, let isOpen):
            guard let object = value.object else { break }
            return violation(of: object, members, isOpen: isOpen, at: path, isRequest: isRequest, check)
        case .dictionary(let schema):
            guard let object = value.object else { break }
            for (name, one) in object {
                if let violation = check(schema, one, Self.join(path, name)) { return violation }
            }
            return nil
        case .oneOf(let schemas):
            let violations = schemas.map { check($0, value, path) }
            guard !violations.contains(where: { $0 == nil }) else { return nil }
            // If it is unclear which alternative is meant, use the last one: it is the most specific, and its message
            // says the most.
            let meant = schemas.lastIndex { $0.resolved(find).isMeant(by: value) } ?? violations.indices.last
            return meant.flatMap { violations[$0] }
        case .reference(let name):
            guard let schema = find(name) else {
                return Violation(kind: .invalid, path: path, message: "is described by '\(name)', which is nowhere")
            }
            return check(schema, value, path)
        case .any, .boolean, .integer, .number, .text, .word:
            if isOfKind(value) { return nil }
        }
        return Violation(kind: .invalid, path: path, message: complaint)
    }

    private func violation(
        of object: [(key: String, value: JSONValue)],
        _ members: [Member],
        isOpen: Bool,
        at path: String,
        isRequest: Bool,
        _ check: (Schema, JSONValue, String) -> Violation?
    ) -> Violation? {
        if !isOpen {
            let unknown = object.first { one in !members.contains { $0.name.utf8.elementsEqual(one.key.utf8) } }
            if let unknown {
                return Violation(kind: .unknownField, path: Self.join(path, unknown.key), message: "is not known here")
            }
        }
        for member in members {
            let path = Self.join(path, member.name)
            let value = object.first { $0.key.utf8.elementsEqual(member.name.utf8) }?.value
            guard let value, !(isRequest && value.isNull && member.isRequired) else {
                if member.isRequired { return Violation(kind: .missingField, path: path, message: "is missing") }
                continue
            }
            if let violation = check(member.schema, value, path) { return violation }
        }
        return nil
    }

    /// True if a value that matches none of several alternatives is clearly meant to be this one, by its `type` or
    /// because it is a word.
    private func isMeant(by value: JSONValue) -> Bool {
        switch kind {
        case .word: return value.string != nil
        case .object(let members, _):
            guard let type = value["type"], let member = members.first(where: { $0.name == "type" }),
                case .word = member.schema.kind
            else { return false }
            return member.schema.isOfKind(type)
        default: return false
        }
    }

    private func isOfKind(_ value: JSONValue) -> Bool {
        switch kind {
        case .any: return true
        case .boolean: return value.bool != nil
        case .integer(let range):
            guard let number = value.int else { return false }
            return range?.contains(number) ?? true
        case .number(let range):
            guard let number = value.double else { return false }
            return range?.contains(number) ?? true
        case .text(let length, _):
            guard let text = value.string else { return false }
            return length.contains(text.unicodeScalars.count)
        case .word(let words):
            guard let word = value.string else { return false }
            return words.contains { $0.utf8.elementsEqual(word.utf8) }
        case .array, .object, .dictionary, .oneOf, .reference: return false
        }
    }

    /// The message for a value of another kind.
    private var complaint: String {
        switch kind {
        case .any: return "must be a value"
        case .boolean: return "must be true or false"
        case .integer(nil): return "must be a whole number"
        case .integer(let range?):
            return "must be a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .number(nil): return "must be a number"
        case .number(let range?):
            return "must be a number from \(range.lowerBound) to \(range.upperBound)"
        case .text(let length, _):
            if length.lowerBound == 0 { return "must be a text of at most \(length.upperBound) characters" }
            return "must be a text of \(length.lowerBound) to \(length.upperBound) characters"
        case .word(let words): return "must be one of \(words.joined(separator: ", "))"
        case .array(_, let count):
            guard count.upperBound < 1_000_000 else { return "must be a list" }
            let least = count.lowerBound == 0 ? "at most" : "\(count.lowerBound) to"
            return "must be a list of \(least) \(count.upperBound)"
        case .object, .dictionary, .reference: return "must be an object"
        case .oneOf: return "must not be null"
        }
    }

    private static func join(_ path: String, _ name: String) -> String {
        path.isEmpty ? name : "\(path).\(name)"
    }
}
