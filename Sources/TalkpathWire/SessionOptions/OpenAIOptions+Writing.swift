/// The options as JSON. The format is the same in the control API, in captures and in the provider's protocol.
extension OpenAIOptions {
    /// All options that are set, under their names in the control API.
    package var json: JSONValue {
        var json: JSONValue = [:]
        json.set("turn_detection", turnDetection?.json)
        json.set("noise_reduction", noiseReduction.map { $0 == .off ? "off" : $0.json })
        json.set("transcription", transcription?.json)
        json.set("speed", speed.map(JSONValue.decimal))
        json.set("reasoning", reasoningEffort.map { ["effort": .string($0.rawValue)] })
        json.set("parallel_tool_calls", parallelToolCalls.map(JSONValue.bool))
        json.set("tool_choice", toolChoice?.json)
        json.set("max_output_tokens", maxOutputTokens?.json)
        json.set("truncation", truncation?.json)
        json.set("tracing", tracing?.json)
        if !mcpServers.isEmpty {
            json.set("mcp_servers", .array(mcpServers.map { $0.json(hidingSecrets: false) }))
        }
        return json
    }

    package var isEmpty: Bool { self == OpenAIOptions() }

    /// The session's members besides `audio` and `tools`.
    var sessionMembers: [(key: String, value: JSONValue)] {
        let names = ["reasoning", "parallel_tool_calls", "tool_choice", "max_output_tokens", "truncation", "tracing"]
        let json = json
        return names.compactMap { name in json[name].map { (key: name, value: $0) } }
    }
}

extension OpenAIOptions.TurnDetection {
    var json: JSONValue {
        switch self {
        case .serverVAD(let detection):
            var json: JSONValue = ["type": "server_vad"]
            json.set("threshold", detection.threshold.map(JSONValue.decimal))
            json.set("prefix_padding_ms", detection.prefixPaddingMilliseconds.map { JSONValue($0) })
            json.set("silence_duration_ms", detection.silenceMilliseconds.map { JSONValue($0) })
            json.set("idle_timeout_ms", detection.idleTimeoutMilliseconds.map { JSONValue($0) })
            return json
        case .semanticVAD(let eagerness):
            var json: JSONValue = ["type": "semantic_vad"]
            json.set("eagerness", eagerness.map { .string($0.rawValue) })
            return json
        }
    }
}

extension OpenAIOptions.NoiseReduction {
    /// In the provider's protocol, `null` switches it off.
    var json: JSONValue {
        switch self {
        case .off: return .null
        case .on(let microphone, let strength):
            var json: JSONValue = ["type": .string(microphone.rawValue)]
            json.set("strength", strength.map(JSONValue.decimal))
            return json
        }
    }
}

extension OpenAIOptions.Transcription {
    /// The day on which the provider shuts the chosen model down, if announced.
    package var endsOn: String? { model.flatMap { TranscriptionTraits(model: $0).endsOn } }

    /// In the format of the control API.
    var json: JSONValue {
        var json: JSONValue = [:]
        json.set("model", model.map(JSONValue.string))
        if !languages.isEmpty { json.set("languages", .array(languages.map(JSONValue.string))) }
        json.set("prompt", prompt.map(JSONValue.string))
        if !keywords.isEmpty { json.set("keywords", .array(keywords.map(JSONValue.string))) }
        return json
    }

    /// In the provider's format.
    ///
    /// - Parameters:
    ///   - defaultModel: used if the options name no model.
    ///   - language: the agent's language, used if the options name none.
    func wire(defaultModel: String, language: String?) -> JSONValue {
        let model = model ?? defaultModel
        let traits = TranscriptionTraits(model: model)
        let languages = languages.isEmpty ? [language].compactMap(\.self) : languages
        var json: JSONValue = ["model": .string(model)]
        if languages.count == 1 {
            json.set("language", .string(languages[0]))
        } else if !languages.isEmpty, traits.takesLists {
            json.set("languages", .array(languages.map(JSONValue.string)))
        }
        if traits.takesPrompt { json.set("prompt", prompt.map(JSONValue.string)) }
        if traits.takesLists, !keywords.isEmpty { json.set("keywords", .array(keywords.map(JSONValue.string))) }
        return json
    }
}

extension OpenAIOptions.ToolChoice {
    var json: JSONValue {
        switch self {
        case .auto: return "auto"
        case .none: return "none"
        case .required: return "required"
        case .function(let name): return ["type": "function", "name": .string(name)]
        case .mcp(let server, let tool):
            var json: JSONValue = ["type": "mcp", "server_label": .string(server)]
            json.set("name", tool.map(JSONValue.string))
            return json
        }
    }
}

extension OpenAIOptions.TokenLimit {
    var json: JSONValue {
        switch self {
        case .tokens(let count): JSONValue(count)
        case .unlimited: "inf"
        }
    }
}

extension OpenAIOptions.Truncation {
    var json: JSONValue {
        switch self {
        case .auto: return "auto"
        case .disabled: return "disabled"
        case .retentionRatio(let ratio, let postInstructions):
            var json: JSONValue = ["type": "retention_ratio", "retention_ratio": .decimal(ratio)]
            json.set("token_limits", postInstructions.map { ["post_instructions": JSONValue($0)] })
            return json
        }
    }
}

extension OpenAIOptions.Tracing {
    var json: JSONValue {
        switch self {
        case .auto: return "auto"
        case .named(let workflow, let group, let metadata):
            var json: JSONValue = [:]
            json.set("workflow_name", workflow.map(JSONValue.string))
            json.set("group_id", group.map(JSONValue.string))
            json.set("metadata", metadata)
            return json
        }
    }
}

extension MCPServer {
    package static let redacted = "[redacted]"

    /// In the format of the control API.
    package func json(hidingSecrets: Bool) -> JSONValue {
        func secret(_ text: String) -> JSONValue { .string(hidingSecrets ? Self.redacted : text) }
        var json: JSONValue = ["server_label": .string(label)]
        switch place {
        case .url(let url): json.set("server_url", .string(url))
        case .connector(let name): json.set("connector_id", .string(name))
        case .tunnel(let name): json.set("tunnel_id", .string(name))
        }
        json.set("server_description", about.map(JSONValue.string))
        json.set("authorization", authorization.map(secret))
        if !headers.isEmpty {
            json.set("headers", .object(headers.map { (key: $0.name, value: secret($0.value)) }))
        }
        json.set("allowed_tools", allowedTools.map { .array($0.map(JSONValue.string)) })
        // The provider's default is to ask, so it must be stated either way.
        json.set("require_approval", requiresApproval ? "always" : "never")
        return json
    }

    /// In the format of a session's tool.
    var wire: JSONValue {
        .object([(key: "type", value: "mcp")] + (json(hidingSecrets: false).object ?? []))
    }
}

extension JSONValue {
    /// A number that was checked; 0 for one that JSON cannot represent.
    static func decimal(_ value: Double) -> JSONValue { .number(JSONNumber(value) ?? JSONNumber(0)) }

    /// Merges an object into this one: objects member by member; other values are replaced.
    package mutating func overlay(_ other: JSONValue) {
        guard case .object(let members) = other, object != nil else {
            self = other
            return
        }
        for member in members {
            guard var inner = self[member.key] else {
                set(member.key, member.value)
                continue
            }
            inner.overlay(member.value)
            set(member.key, inner)
        }
    }
}
