package import TalkpathWire

/// A part of a JSON value: members that are not named may be anything.
///
/// A text between slashes is a regular expression; an object of `at_least` and `at_most` bounds a number.
package struct JSONPattern: Sendable, Equatable {
    package let value: JSONValue

    func matches(_ other: JSONValue?) -> Bool { Self.matches(value, other) }

    private static let bounds: Set = ["at_least", "at_most"]

    private static func matches(_ pattern: JSONValue, _ other: JSONValue?) -> Bool {
        guard let other else { return false }
        switch pattern {
        case .string(let text):
            guard let found = other.string else { return false }
            return TextPattern(text)?.isEqual(to: found) ?? false
        case .object(let members) where !members.isEmpty && members.allSatisfy({ bounds.contains($0.key) }):
            guard let number = other.double else { return false }
            return number >= pattern["at_least"]?.double ?? -.infinity
                && number <= pattern["at_most"]?.double ?? .infinity
        case .object(let members):
            return other.object != nil && members.allSatisfy { matches($0.value, other[$0.key]) }
        case .array(let elements):
            guard let found = other.array, found.count == elements.count else { return false }
            return zip(elements, found).allSatisfy { matches($0, $1) }
        case .number(let number):
            return number.double == other.double
        case .bool, .null:
            return pattern == other
        }
    }
}
