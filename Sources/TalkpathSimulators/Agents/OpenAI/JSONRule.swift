internal import TalkpathWire

/// A rule for a JSON value. Violations carry the text of OpenAI's error events.
indirect enum JSONRule: Sendable {
    case any
    case text
    case integer(ClosedRange<Int>)
    case decimal(ClosedRange<Double>)
    case truth
    /// One of these words.
    case word([String])
    case list(JSONRule)
    case null(or: JSONRule)
    /// These members only, and at least those in `required`. `null` for another member counts as absent.
    case members([String: JSONRule], required: [String] = [])
    /// The rule that the object's `type` names.
    case typed([String: JSONRule])
    /// The first rule for the value's type decides.
    case either([JSONRule])

    struct Fault: Error, Equatable {
        var code: String
        var message: String
        var parameter: String
    }

    func check(_ value: JSONValue, at path: String) throws(Fault) {
        switch self {
        case .any: return
        case .text: try require(value.string != nil, "a string", value, path)
        case .truth: try require(value.bool != nil, "a boolean", value, path)
        case .integer(let range):
            try require(value.number != nil && value.int != nil, "an integer", value, path)
            try bound(range.contains(value.int ?? 0), value, path, "\(range.lowerBound)", "\(range.upperBound)")
        case .decimal(let range):
            try require(value.number != nil, "a decimal", value, path)
            try bound(range.contains(value.double ?? .nan), value, path, "\(range.lowerBound)", "\(range.upperBound)")
        case .word(let words):
            try require(value.string != nil, "a string", value, path)
            guard let text = value.string, words.contains(text) else {
                let known = words.map { "'\($0)'" }.joined(separator: ", ")
                throw Fault(
                    code: "invalid_value",
                    message: "Invalid value: '\(value.string ?? "")'. Supported values are: \(known).",
                    parameter: path
                )
            }
        case .list(let rule):
            try require(value.array != nil, "an array", value, path)
            for (index, element) in (value.array ?? []).enumerated() {
                try rule.check(element, at: "\(path)[\(index)]")
            }
        case .null(let rule):
            if !value.isNull { try rule.check(value, at: path) }
        case .members(let rules, let required): try checkMembers(value, rules, required, path)
        case .typed(let rules):
            try require(value.object != nil, "an object", value, path)
            try JSONRule.members(["type": .word(rules.keys.sorted())], required: ["type"]).check(
                .object((value.object ?? []).filter { $0.key == "type" }),
                at: path
            )
            try rules[value["type"]?.string ?? ""]?.check(value, at: path)
        case .either(let rules):
            guard let rule = rules.first(where: { $0.isForKind(of: value) }) else {
                throw Self.wrongType("one of several types", value, path)
            }
            try rule.check(value, at: path)
        }
    }

    private func checkMembers(
        _ value: JSONValue,
        _ rules: [String: JSONRule],
        _ required: [String],
        _ path: String
    ) throws(Fault) {
        guard let members = value.object else { throw Self.wrongType("an object", value, path) }
        func inner(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
        for name in required where value[name] == nil {
            throw Fault(
                code: "missing_required_parameter",
                message: "Missing required parameter: '\(inner(name))'.",
                parameter: inner(name)
            )
        }
        for member in members {
            guard let rule = rules[member.key] else {
                throw Fault(
                    code: "unknown_parameter",
                    message: "Unknown parameter: '\(inner(member.key))'.",
                    parameter: inner(member.key)
                )
            }
            if member.value.isNull, !required.contains(member.key) { continue }
            try rule.check(member.value, at: inner(member.key))
        }
    }

    private func isForKind(of value: JSONValue) -> Bool {
        switch (self, value) {
        case (.any, _), (.null, .null), (.text, .string), (.word, .string), (.truth, .bool), (.list, .array),
            (.integer, .number), (.decimal, .number), (.members, .object), (.typed, .object):
            true
        case (.null(let rule), _): rule.isForKind(of: value)
        case (.either(let rules), _): rules.contains { $0.isForKind(of: value) }
        case (.text, _), (.word, _), (.truth, _), (.list, _), (.integer, _), (.decimal, _), (.members, _), (.typed, _):
            false
        }
    }

    private func require(_ holds: Bool, _ kind: String, _ value: JSONValue, _ path: String) throws(Fault) {
        if !holds { throw Self.wrongType(kind, value, path) }
    }

    private func bound(
        _ holds: Bool,
        _ value: JSONValue,
        _ path: String,
        _ low: String,
        _ high: String
    ) throws(Fault) {
        guard !holds else { return }
        let text = value.number?.text ?? ""
        throw Fault(
            code: "invalid_value",
            message: "Invalid '\(path)': expected a value from \(low) to \(high), but got \(text).",
            parameter: path
        )
    }

    private static func wrongType(_ kind: String, _ value: JSONValue, _ path: String) -> Fault {
        let found =
            switch value {
            case .null: "null"
            case .bool: "a boolean"
            case .number: "a number"
            case .string: "a string"
            case .array: "an array"
            case .object: "an object"
            }
        return Fault(
            code: "invalid_type",
            message: "Invalid type for '\(path)': expected \(kind), but got \(found) instead.",
            parameter: path
        )
    }
}
