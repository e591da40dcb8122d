/// Converts a JSON Schema to the provider's subset of OpenAPI's, which has types in capitals and `nullable` instead of
/// a null type, and which refuses unknown keys.
enum GeminiSchema {
    private static let known: Set<String> = [
        "type", "format", "title", "description", "nullable", "enum", "items", "minItems", "maxItems", "properties",
        "required", "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf",
        "propertyOrdering", "default", "minimum", "maximum",
    ]

    static func schema(of json: JSONValue) -> JSONValue {
        guard let members = json.object else { return [:] }
        var schema: JSONValue = [:]
        for (key, value) in members {
            switch key {
            case "type": setType(value, of: &schema)
            case "properties":
                schema.set(key, .object((value.object ?? []).map { ($0.key, Self.schema(of: $0.value)) }))
            case "items": schema.set(key, Self.schema(of: value))
            case "anyOf", "oneOf": setAlternatives(value.array ?? [], of: &schema)
            case "const": schema.set("enum", [value])
            case _ where known.contains(key): schema.set(key, value)
            default: continue
            }
        }
        return schema
    }

    private static func setType(_ type: JSONValue, of schema: inout JSONValue) {
        let names = (type.array ?? [type]).compactMap(\.string)
        if names.contains(where: isNull) { schema.set("nullable", true) }
        let types = names.filter { !isNull($0) }
        if types.count == 1 {
            schema.set("type", .string(types[0].uppercased()))
        } else if !types.isEmpty {
            schema.set("anyOf", .array(types.map { ["type": .string($0.uppercased())] }))
        }
    }

    private static func setAlternatives(_ alternatives: [JSONValue], of schema: inout JSONValue) {
        let others = alternatives.filter { !($0["type"]?.string.map(isNull) ?? false) }
        if others.count < alternatives.count { schema.set("nullable", true) }
        schema.set("anyOf", .array(others.map(Self.schema)))
    }

    private static func isNull(_ type: String) -> Bool {
        type.lowercased() == "null"
    }
}
