/// A part of the configuration that the bridge leaves out if the model refuses it.
public enum AgentSetting: String, CaseIterable, Sendable {
    case voice, language, modalities
    /// First the newest transcription model is replaced by an older one, then transcription is left out.
    case transcriptionModel, transcription
    /// The detection of the caller's turns, and whether they interrupt the model.
    case turnDetection
    case functionBehavior, thinkingLevel, history, compression
    /// The options of the agent's tenant: how the model thinks, listens and answers, and the raw object.
    case options
}

extension AgentProvider {
    /// Returns the settings that a refusal concerns, by the parameter that the error names (OpenAI).
    ///
    /// - Parameters:
    ///   - parameter: `nil` if the error names none.
    ///   - omitted: the settings that were left out already.
    /// - Returns: the settings to leave out at the next attempt; empty if that would change nothing.
    public func settings(refusedAs parameter: String?, besides omitted: Set<AgentSetting>) -> Set<AgentSetting> {
        let all: Set<AgentSetting> = [
            .voice, .modalities, .transcriptionModel, .transcription, .turnDetection, .options,
        ]
        guard let parameter else { return all.subtracting(omitted) }
        let names: [(String, AgentSetting)] = [
            ("audio.input.transcription", omitted.contains(.transcriptionModel) ? .transcription : .transcriptionModel),
            ("audio.output.voice", .voice), ("audio.input.turn_detection", .turnDetection),
            ("output_modalities", .modalities),
        ]
        for (name, setting) in names where parameter.contains(name) {
            return omitted.contains(setting) ? [] : [setting]
        }
        return []
    }

    /// Returns the settings that a refusal concerns, by the reason with which the socket was closed (Gemini).
    ///
    /// - Parameters:
    ///   - reason: the close code and the provider's words, as passed to `CallSession.agentClosed`.
    ///   - omitted: the settings that were left out already.
    /// - Returns: the settings to leave out at the next attempt; empty if that would change nothing, or if the reason
    ///   is another one, such as the key.
    public func settings(refusedByClosing reason: String, besides omitted: Set<AgentSetting>) -> Set<AgentSetting> {
        guard self == .gemini else { return [] }
        let words = reason.lowercased()
        for (name, setting) in Self.refusals where words.contains(name) {
            return omitted.contains(setting) ? [] : [setting]
        }
        // The provider says that an argument is invalid (1007), but not which.
        guard words.contains("(1007"), !Self.others.contains(where: words.contains) else { return [] }
        return Set(AgentSetting.allCases).subtracting(omitted).subtracting([.modalities, .transcriptionModel])
    }

    private static let refusals: [(String, AgentSetting)] = [
        ("blocking", .functionBehavior), ("behavior", .functionBehavior), ("thinking", .thinkingLevel),
        ("history", .history), ("clientcontent", .history), ("client_content", .history),
        ("transcription", .transcription),
        ("voice", .voice), ("language", .language), ("activityhandling", .turnDetection),
        ("activity_handling", .turnDetection), ("realtimeinputconfig", .turnDetection),
        ("realtime_input_config", .turnDetection), ("compression", .compression),
    ]

    /// Words in reasons that another configuration would not change.
    private static let others = [
        "api key", "api_key", "credential", "permission", "quota", "billing", "expired", "token", "handle", "resum",
    ]
}
