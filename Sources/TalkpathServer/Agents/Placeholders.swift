import TalkpathCore
import TalkpathWire

/// Fills `{{name}}` in an agent's texts.
enum Placeholders {
    /// Returns the names of the placeholders in a text, in their order.
    static func names(in text: String) -> [String] {
        var names: [String] = []
        _ = replace(in: text) { name in
            names.append(name)
            return ""
        }
        return names
    }

    /// - Parameter values: a placeholder without a value becomes empty.
    static func fill(_ text: String, with values: [String: JSONValue]) -> String {
        replace(in: text) { values[$0].map(words) ?? "" }
    }

    /// A text unchanged; any other value as JSON.
    private static func words(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): text
        case .null: ""
        case .bool, .number, .array, .object: String(decoding: value.serialized(), as: UTF8.self)
        }
    }

    /// Text between braces stays as it is, unless it is a name of letters, digits, `_`, `.` and `-`.
    private static func replace(in text: String, _ value: (String) -> String) -> String {
        var result = ""
        var rest = text[...]
        while let open = rest.firstRange(of: "{{") {
            result += rest[..<open.lowerBound]
            let inside = rest[open.upperBound...]
            guard let close = inside.firstRange(of: "}}"), let name = name(inside[..<close.lowerBound]) else {
                result += "{"
                rest = rest[rest.index(after: open.lowerBound)...]
                continue
            }
            result += value(name)
            rest = inside[close.upperBound...]
        }
        return result + rest
    }

    private static func name(_ text: Substring) -> String? {
        let name = text.drop { $0 == " " }.prefix { $0 != " " }
        let isAlone =
            text.count == text.prefix { $0 == " " }.count + name.count + text.reversed().prefix { $0 == " " }.count
        let isName = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        return !name.isEmpty && isAlone && isName && name.utf8.count <= 100 ? String(name) : nil
    }
}

extension AgentProfile {
    /// The names of the placeholders in the agent's texts.
    var placeholders: Set<String> {
        let texts = succession.flatMap { [$0.instructions, $0.firstMessage ?? ""] } + [limits.idlePrompt?.words ?? ""]
        return Set(texts.flatMap(Placeholders.names))
    }

    /// The agent with its placeholders filled.
    func filled(with values: [String: JSONValue]) -> AgentProfile {
        var agent = changed { agent in
            agent.instructions = Placeholders.fill(agent.instructions, with: values)
            agent.firstMessage = agent.firstMessage.map { Placeholders.fill($0, with: values) }
        }
        if let prompt = limits.idlePrompt {
            agent.limits.idlePrompt?.words = Placeholders.fill(prompt.words, with: values)
        }
        return agent
    }
}
