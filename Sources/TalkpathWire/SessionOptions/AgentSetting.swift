/// A part of a model's set-up that a conversation can do without, should the model refuse it.
public enum AgentSetting: String, CaseIterable, Sendable {
    case voice, language, modalities
    /// The transcription's newest model; then an older one is asked for, and at last none.
    case transcriptionModel, transcription
    /// Who silences the model, and how it hears the caller's turns.
    case turnDetection
    case functionBehavior, thinkingLevel, history, compression
    /// What the agent's owner asks for besides: how the model thinks, listens and answers, and what is laid over at last.
    case options
}

extension AgentProvider {
    /// What of a set-up has been refused, by the name that an error gives it (OpenAI).
    ///
    /// - Parameters:
    ///   - parameter: nil: something.
    ///   - omitted: what was left out already.
    /// - Returns: what the next try can do without; empty if it would be the same again.
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

    /// What of a set-up has been refused, by the words with which the socket was closed (Gemini).
    ///
    /// - Parameters:
    ///   - reason: what `CallSession.agentClosed` is told: the close code and the provider's words.
    ///   - omitted: what was left out already.
    /// - Returns: as above; empty also if the words say that it is about something else, such as the key.
    public func settings(refusedByClosing reason: String, besides omitted: Set<AgentSetting>) -> Set<AgentSetting> {
        guard self == .gemini else { return [] }
        let words = reason.lowercased()
        for (name, setting) in Self.refusals where words.contains(name) {
            return omitted.contains(setting) ? [] : [setting]
        }
        // An argument is invalid (1007), and nobody says which.
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

    /// Words of refusals that no other set-up would change.
    private static let others = [
        "api key", "api_key", "credential", "permission", "quota", "billing", "expired", "token", "handle", "resum",
    ]
}
