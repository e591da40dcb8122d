/// The options as JSON, under their names in the control API and in captures.
extension OpenAILiveOptions {
    package var isEmpty: Bool { self == OpenAILiveOptions() }

    package var json: JSONValue {
        var json: JSONValue = [:]
        json.set("delegation", delegation?.json)
        json.set("acknowledgement_delay_ms", acknowledgementDelayMilliseconds.map { JSONValue($0) })
        json.set("store", store.map(JSONValue.bool))
        return json
    }

    /// Reads what ``json`` writes. Members of another kind are as if they were missing.
    package init(json: JSONValue) {
        self.init()
        delegation = json["delegation"].flatMap(Delegation.init(json:))
        acknowledgementDelayMilliseconds = json["acknowledgement_delay_ms"]?.int
        store = json["store"]?.bool
    }
}

extension OpenAILiveOptions.Delegation {
    var json: JSONValue {
        switch self {
        case .client(let tool): return ["type": "client", "tool": .string(tool)]
        case .responses(let responses):
            var json: JSONValue = ["type": "responses"]
            json.set("model", responses.model.map(JSONValue.string))
            json.set("instructions", responses.instructions.map(JSONValue.string))
            json.set("reasoning", responses.reasoningEffort.map { ["effort": .string($0.rawValue)] })
            json.set("max_output_tokens", responses.maxOutputTokens.map { JSONValue($0) })
            json.set("parallel_tool_calls", responses.parallelToolCalls.map(JSONValue.bool))
            return json
        }
    }

    init?(json: JSONValue) {
        switch json["type"]?.string {
        case "client": self = .client(tool: json["tool"]?.string ?? "")
        case "responses":
            var responses = OpenAILiveOptions.Responses(
                model: json["model"]?.string,
                instructions: json["instructions"]?.string
            )
            responses.reasoningEffort = json["reasoning"]?["effort"]?.string.flatMap(OpenAIOptions.ReasoningEffort.init)
            responses.maxOutputTokens = json["max_output_tokens"]?.int
            responses.parallelToolCalls = json["parallel_tool_calls"]?.bool
            self = .responses(responses)
        default: return nil
        }
    }
}
