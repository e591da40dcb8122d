/// Checks of Gemini's options: invalid values and combinations.
extension AgentOptionCheck {
    func checkGemini() throws(AgentOptionFault) {
        let field = "gemini.activity_detection"
        try Self.check(gemini.prefixPaddingMilliseconds, in: 0...10_000, "\(field).prefix_padding_ms")
        try Self.check(gemini.silenceMilliseconds, in: 0...10_000, "\(field).silence_duration_ms")
        if case .slidingWindow(let trigger, let target)? = gemini.contextCompression {
            try Self.check(trigger, in: 1...10_000_000, "gemini.context_compression.trigger_tokens")
            try Self.check(target, in: 1...10_000_000, "gemini.context_compression.target_tokens")
            if let trigger, let target, target >= trigger {
                throw AgentOptionFault(
                    "gemini.context_compression.target_tokens",
                    "must be below trigger_tokens: otherwise nothing would be forgotten"
                )
            }
        }
        if gemini.thinkingLevel != nil, traits.thinking == .lacking {
            throw AgentOptionFault(
                "gemini.thinking_level",
                "cannot be with the model \(model), which has no levels: models from gemini-3 on have"
            )
        }
        try check(gemini.proactiveAudio, traits.proactiveAudio, "gemini.proactive_audio")
        try check(gemini.affectiveDialog, traits.affectiveDialog, "gemini.affective_dialog")
    }

    private func check(
        _ isWanted: Bool?,
        _ ability: AgentModelTraits.Ability,
        _ field: String
    ) throws(AgentOptionFault) {
        switch (isWanted, ability) {
        case (true?, .lacking):
            throw AgentOptionFault(field, "must be false or left out with the model \(model), which cannot do it")
        case (false?, .always):
            throw AgentOptionFault(field, "must be true or left out with the model \(model), which always does it")
        default: return
        }
    }

    func checkBehaviors() throws(AgentOptionFault) {
        for tool in tools {
            if let behavior = tool.behavior, !traits.toolBehaviors.contains(behavior) {
                let allowed = traits.toolBehaviors.map(\.rawValue).sorted().joined(separator: ", ")
                throw AgentOptionFault(
                    "tools[\(tool.name)].behavior",
                    "must be \(allowed) or left out with the model \(model), which refuses \(behavior.rawValue)"
                )
            }
            guard tool.scheduling == nil || traits.behavior(of: tool) == .background else {
                throw AgentOptionFault(
                    "tools[\(tool.name)].scheduling",
                    "is for functions whose behavior is background: the model waits for this one's result"
                )
            }
        }
    }
}
