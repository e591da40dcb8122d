import TalkpathWire

/// Expectations of a command line, each some lines of YAML, as members of one mapping.
struct ExpectationLines {
    /// The members without the rules.
    private(set) var lines: [String] = []
    /// The rules that are expected; `all` besides them is one word more.
    private(set) var rules: [String] = []

    var isEmpty: Bool { lines.isEmpty && rules.isEmpty }

    /// Members that may come several times: their lists are put together.
    private static let lists: Set = [
        "events", "never", "tools", "agent_says", "caller_says", "agent_never_says", "caller_never_says",
        "model_is_told", "model_is_never_told", "judged", "rules",
    ]

    init(_ texts: [String]) throws(SuiteFault) {
        var values: [(name: String, elements: [JSONValue], isList: Bool)] = []
        for text in texts {
            for (name, value) in try YAMLValue.read(text, file: "--expect").members() {
                let isList = Self.lists.contains(name)
                // An empty list stays one: no function is called.
                let parts = isList && value.isList ? try value.list() : [value]
                var elements: [JSONValue] = []
                for part in parts {
                    elements.append(isList && !part.isMapping ? .string(try part.text()) : try part.json())
                }
                guard let place = values.firstIndex(where: { $0.name == name }) else {
                    values.append((name, elements, isList))
                    continue
                }
                guard isList else { throw value.fault("'\(name)' stands twice") }
                values[place].elements += elements
            }
        }
        for (name, elements, isList) in values {
            if name == "rules" {
                rules = elements.compactMap(\.string)
            } else {
                let value = isList ? JSONValue.array(elements) : elements.first ?? .null
                lines.append("\(name): \(YAMLText.flow(value))")
            }
        }
    }
}
