package import TalkpathWire

/// Numbers that no honest peer sends, for every place of a message that may hold a number.
package enum HostileNumbers {
    /// The limits of 64 bits, the limit of a double's exact integers, the limits of doubles and beyond, and values that
    /// cannot be counts.
    package static let texts = [
        "-9223372036854775808", "9223372036854775807", "9223372036854775808", "9007199254740992", "1e308", "-1e308",
        "1e999", "-1", "0", "0.5",
    ]

    /// The same numbers as values, and texts and values that are not numbers.
    package static let values: [JSONValue] =
        texts.compactMap { try? JSONValue(parsing: $0) } + ["NaN", "-Infinity", "", .null, [1], [:]]

    /// The message's variants: in each, one of its numbers is replaced by one of the values.
    ///
    /// Numbers written as text are replaced too, and so are Protocol Buffers durations.
    package static func variants(of message: JSONValue) -> [JSONValue] {
        switch message {
        case .number: values
        case .string(let text) where isNumber(text): values + texts.map(JSONValue.string)
        case .string(let text) where text.hasSuffix("s") && isNumber(String(text.dropLast())):
            values + texts.map { .string($0 + "s") }
        case .string(let text) where text.contains("rate="):
            texts.map { .string(text.prefix { $0 != "=" } + "=" + $0) }
        case .null, .bool, .string: []
        case .array(let elements):
            elements.indices.flatMap { index in
                variants(of: elements[index]).map { variant in
                    var changed = elements
                    changed[index] = variant
                    return .array(changed)
                }
            }
        case .object(let members):
            members.flatMap { member in
                variants(of: member.value).map { variant in
                    var changed = message
                    changed.set(member.key, variant)
                    return changed
                }
            }
        }
    }

    /// A key for messages whose variants differ in nothing relevant: their names, and the places of their numbers.
    package static func shape(of message: JSONValue) -> String {
        switch message {
        case .number: "0"
        case .string(let text) where isNumber(text): "'0'"
        case .string(let text): text.utf8.count < 60 ? text : "…"
        case .null, .bool: "-"
        case .array(let elements): "[" + elements.map(shape).joined(separator: ",") + "]"
        case .object(let members): "{" + members.map { $0.key + ":" + shape(of: $0.value) }.joined(separator: ",") + "}"
        }
    }

    private static func isNumber(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count < 20
            && text.utf8.allSatisfy { $0 &- UInt8(ascii: "0") < 10 || $0 == UInt8(ascii: ".") }
    }
}
