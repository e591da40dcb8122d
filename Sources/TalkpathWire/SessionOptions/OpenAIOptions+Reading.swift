/// Reads the options from JSON that matches the control API's schema. Ignores everything else.
extension OpenAIOptions {
    package init(json: JSONValue) {
        self.init()
        turnDetection = json["turn_detection"].flatMap(TurnDetection.init(json:))
        noiseReduction = json["noise_reduction"].flatMap(NoiseReduction.init(json:))
        transcription = json["transcription"].flatMap(Transcription.init(json:))
        speed = json["speed"]?.double
        reasoningEffort = json["reasoning"]?["effort"]?.string.flatMap(ReasoningEffort.init)
        parallelToolCalls = json["parallel_tool_calls"]?.bool
        toolChoice = json["tool_choice"].flatMap(ToolChoice.init(json:))
        maxOutputTokens = json["max_output_tokens"].flatMap(TokenLimit.init(json:))
        truncation = json["truncation"].flatMap(Truncation.init(json:))
        tracing = json["tracing"].flatMap(Tracing.init(json:))
        mcpServers = (json["mcp_servers"]?.array ?? []).compactMap(MCPServer.init(json:))
    }
}

extension OpenAIOptions.TurnDetection {
    init?(json: JSONValue) {
        switch json["type"]?.string {
        case "server_vad":
            self = .serverVAD(
                OpenAIOptions.ServerVAD(
                    threshold: json["threshold"]?.double,
                    prefixPaddingMilliseconds: json["prefix_padding_ms"]?.int,
                    silenceMilliseconds: json["silence_duration_ms"]?.int,
                    idleTimeoutMilliseconds: json["idle_timeout_ms"]?.int
                )
            )
        case "semantic_vad":
            self = .semanticVAD(eagerness: json["eagerness"]?.string.flatMap(OpenAIOptions.Eagerness.init))
        default: return nil
        }
    }
}

extension OpenAIOptions.NoiseReduction {
    init?(json: JSONValue) {
        if json.string == "off" {
            self = .off
        } else if let microphone = json["type"]?.string.flatMap(OpenAIOptions.Microphone.init) {
            self = .on(microphone, strength: json["strength"]?.double)
        } else {
            return nil
        }
    }
}

extension OpenAIOptions.Transcription {
    init?(json: JSONValue) {
        guard json.object != nil else { return nil }
        self.init(
            model: json["model"]?.string,
            languages: json["languages"]?.array?.compactMap(\.string) ?? [],
            prompt: json["prompt"]?.string,
            keywords: json["keywords"]?.array?.compactMap(\.string) ?? []
        )
    }
}

extension OpenAIOptions.ToolChoice {
    init?(json: JSONValue) {
        switch (json.string, json["type"]?.string) {
        case ("auto", _): self = .auto
        case ("none", _): self = .none
        case ("required", _): self = .required
        case (_, "function"): self = .function(json["name"]?.string ?? "")
        case (_, "mcp"): self = .mcp(server: json["server_label"]?.string ?? "", tool: json["name"]?.string)
        default: return nil
        }
    }
}

extension OpenAIOptions.TokenLimit {
    init?(json: JSONValue) {
        if json.string == "inf" {
            self = .unlimited
        } else if let count = json.int {
            self = .tokens(count)
        } else {
            return nil
        }
    }
}

extension OpenAIOptions.Truncation {
    init?(json: JSONValue) {
        switch json.string {
        case "auto": self = .auto
        case "disabled": self = .disabled
        default:
            guard let ratio = json["retention_ratio"]?.double else { return nil }
            self = .retentionRatio(ratio, postInstructions: json["token_limits"]?["post_instructions"]?.int)
        }
    }
}

extension OpenAIOptions.Tracing {
    init?(json: JSONValue) {
        if json.string == "auto" {
            self = .auto
        } else if json.object != nil {
            self = .named(
                workflow: json["workflow_name"]?.string,
                group: json["group_id"]?.string,
                metadata: json["metadata"].flatMap { $0.isNull ? JSONValue?.none : $0 }
            )
        } else {
            return nil
        }
    }
}

extension MCPServer {
    package init?(json: JSONValue) {
        guard let label = json["server_label"]?.string else { return nil }
        let place: Place
        if let url = json["server_url"]?.string {
            place = .url(url)
        } else if let name = json["connector_id"]?.string {
            place = .connector(name)
        } else if let name = json["tunnel_id"]?.string {
            place = .tunnel(name)
        } else {
            return nil
        }
        self.init(label: label, place: place)
        authorization = json["authorization"]?.string
        headers = (json["headers"]?.object ?? []).compactMap { one in
            one.value.string.map { (name: one.key, value: $0) }
        }
        about = json["server_description"]?.string
        allowedTools = json["allowed_tools"]?.array?.compactMap(\.string)
        requiresApproval = json["require_approval"]?.string == "always"
    }
}
