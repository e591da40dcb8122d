/// Checks of OpenAI's options: invalid values and combinations.
extension AgentOptionCheck {
    func checkTurns() throws(AgentOptionFault) {
        if case .semanticVAD? = openAI.turnDetection, !service.hasSemanticTurns {
            throw AgentOptionFault(
                "openai.turn_detection.type",
                "must be server_vad or left out with \(service.rawValue), which ends turns by silence only"
            )
        }
        guard case .serverVAD(let detection)? = openAI.turnDetection else { return }
        let field = "openai.turn_detection"
        try Self.check(detection.threshold, in: 0...1, "\(field).threshold")
        try Self.check(detection.prefixPaddingMilliseconds, in: 0...10_000, "\(field).prefix_padding_ms")
        try Self.check(detection.silenceMilliseconds, in: 1...10_000, "\(field).silence_duration_ms")
        try Self.check(detection.idleTimeoutMilliseconds, in: 5000...30_000, "\(field).idle_timeout_ms")
        guard detection.idleTimeoutMilliseconds != nil, promptsIdleCaller else { return }
        throw AgentOptionFault(
            "\(field).idle_timeout_ms",
            "cannot be together with limits.idle_prompt: both would speak to a caller who is silent. Leave one out"
        )
    }

    func checkRanges() throws(AgentOptionFault) {
        try Self.check(openAI.speed, in: 0.25...1.5, "openai.speed")
        if case .on(_, let strength)? = openAI.noiseReduction {
            try Self.check(strength, in: 0...1, "openai.noise_reduction.strength")
        }
        if case .tokens(let count)? = openAI.maxOutputTokens {
            try Self.check(count, in: 1...4096, "openai.max_output_tokens")
        }
        if case .retentionRatio(let ratio, let tokens)? = openAI.truncation {
            try Self.check(ratio, in: 0...1, "openai.truncation.retention_ratio")
            try Self.check(tokens, in: 1...1_000_000, "openai.truncation.token_limits.post_instructions")
        }
        if case .named(_, _, let metadata?)? = openAI.tracing, metadata.object == nil {
            throw AgentOptionFault("openai.tracing.metadata", "must be an object")
        }
    }

    func checkThinking() throws(AgentOptionFault) {
        guard traits.thinking == .lacking else { return }
        for (field, isAsked) in [
            ("openai.reasoning.effort", openAI.reasoningEffort != nil),
            ("openai.parallel_tool_calls", openAI.parallelToolCalls != nil),
        ] where isAsked {
            throw AgentOptionFault(
                field,
                "cannot be with the model \(model), which does not reason: models from gpt-realtime-2 on do"
            )
        }
    }

    func checkTranscription() throws(AgentOptionFault) {
        guard let transcription = openAI.transcription else { return }
        let model = transcription.model ?? OpenAIRealtimeCodec.transcriptionModel
        let traits = TranscriptionTraits(model: model)
        let field = "openai.transcription"
        if !traits.takesLists {
            guard transcription.languages.count <= 1 else {
                throw AgentOptionFault(
                    "\(field).languages",
                    "must have one language with \(model): gpt-transcribe and gpt-live-transcribe take several"
                )
            }
            guard transcription.keywords.isEmpty else {
                throw AgentOptionFault(
                    "\(field).keywords",
                    "cannot be with \(model): gpt-transcribe and gpt-live-transcribe take them"
                )
            }
        }
        guard transcription.prompt == nil || traits.takesPrompt else {
            throw AgentOptionFault("\(field).prompt", "cannot be with \(model), which takes none")
        }
    }

    func checkServers() throws(AgentOptionFault) {
        var labels: Set<String> = []
        for server in openAI.mcpServers {
            guard labels.insert(server.label).inserted else {
                throw AgentOptionFault("openai.mcp_servers", "must have different labels")
            }
            guard !server.requiresApproval || canApprove else {
                throw AgentOptionFault(
                    "openai.mcp_servers[\(server.label)].require_approval",
                    "cannot be always without openai.mcp_approval: without a decision the tool would never run"
                )
            }
        }
    }

    func checkToolChoice() throws(AgentOptionFault) {
        let field = "openai.tool_choice"
        switch openAI.toolChoice {
        case .function(let name)? where !toolNames.contains(name):
            throw AgentOptionFault(field, "names the function '\(name)', which the agent does not have")
        case .mcp(let label, _)? where !openAI.mcpServers.contains(where: { $0.label == label }):
            throw AgentOptionFault(field, "names the server '\(label)', which is not among openai.mcp_servers")
        case .required? where toolNames.isEmpty && openAI.mcpServers.isEmpty:
            throw AgentOptionFault(field, "cannot be required of an agent that has no function")
        default: return
        }
    }
}
