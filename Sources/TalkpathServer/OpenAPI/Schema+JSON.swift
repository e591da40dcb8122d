import TalkpathWire

extension Schema {
    /// The schema in JSON Schema 2020-12, which OpenAPI 3.1 uses unchanged.
    var json: JSONValue {
        var json = typed
        if isNullable { allowNull(&json) }
        if let meaning { json.set("description", .string(meaning)) }
        if let example { json.set("examples", .array([example])) }
        if isWriteOnly { json.set("writeOnly", true) }
        return json
    }

    private var typed: JSONValue {
        switch kind {
        case .any:
            return [:]
        case .boolean:
            return ["type": "boolean"]
        case .integer(let range):
            var json: JSONValue = ["type": "integer"]
            json.set("minimum", range.map { JSONValue($0.lowerBound) })
            json.set("maximum", range.map { JSONValue($0.upperBound) })
            return json
        case .number(let range):
            var json: JSONValue = ["type": "number"]
            json.set("minimum", range.flatMap { JSONNumber($0.lowerBound).map(JSONValue.number) })
            json.set("maximum", range.flatMap { JSONNumber($0.upperBound).map(JSONValue.number) })
            return json
        case .text(let length, let form):
            return Self.text(length, form)
        case .word(let words):
            return ["type": "string", "enum": .array(words.map(JSONValue.string))]
        case .array(let element, let count):
            var json: JSONValue = ["type": "array", "items": element.json]
            if count.lowerBound > 0 { json.set("minItems", JSONValue(count.lowerBound)) }
            if count.upperBound < 1_000_000 { json.set("maxItems", JSONValue(count.upperBound)) }
            return json
        case .object(let members, let isOpen):
            return Self.object(members, isOpen: isOpen)
        case .dictionary(let value):
            return ["type": "object", "additionalProperties": value.json]
        case .oneOf(let schemas):
            return ["anyOf": .array(schemas.map(\.json))]
        case .reference(let name):
            return ["$ref": .string("#/components/schemas/\(name)")]
        }
    }

    private static func text(_ length: ClosedRange<Int>, _ form: TextForm?) -> JSONValue {
        var json: JSONValue = ["type": "string"]
        json.set("pattern", form?.pattern.map(JSONValue.string))
        json.set("format", form?.format.map(JSONValue.string))
        // A form is more specific than a length.
        guard form?.pattern == nil, form != .time else { return json }
        if length.lowerBound > 0 { json.set("minLength", JSONValue(length.lowerBound)) }
        if length.upperBound < 10_000_000 { json.set("maxLength", JSONValue(length.upperBound)) }
        return json
    }

    private static func object(_ members: [Member], isOpen: Bool) -> JSONValue {
        var json: JSONValue = [
            "type": "object",
            "properties": .object(members.map { (key: $0.name, value: $0.schema.json) }),
        ]
        let required = members.filter(\.isRequired).map { JSONValue.string($0.name) }
        if !required.isEmpty { json.set("required", .array(required)) }
        json.set("additionalProperties", .bool(isOpen))
        return json
    }

    private func allowNull(_ json: inout JSONValue) {
        switch kind {
        case .any: break
        case .word, .reference: json = ["anyOf": [json, ["type": "null"]]]
        case .oneOf(let schemas): json = ["anyOf": .array(schemas.map(\.json) + [["type": "null"]])]
        case .boolean, .integer, .number, .text, .array, .object, .dictionary:
            json.set("type", json["type"].map { .array([$0, "null"]) })
        }
    }
}
