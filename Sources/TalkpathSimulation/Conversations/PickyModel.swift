import TalkpathWire

/// A model that refuses what not every model takes. A model that the table of traits knows must not be sent such a
/// thing; for another, the next try must do without.
struct PickyModel {
    let provider: AgentProvider
    let name: String
    /// The set-up that the model has refused.
    private var refused: String?
    /// It was sent once more.
    private(set) var isAskedAgain = false
    private var announcesHistory = false

    private static let gemini = [
        "gemini-3.1-flash-live-preview", "gemini-3.8-live-extended-thinking", "gemini-2.5-flash-native-audio",
        "another",
    ]

    init(_ provider: AgentProvider, choice: Int) {
        self.provider = provider
        name = provider == .gemini ? Self.gemini[choice % Self.gemini.count] : "another"
    }

    /// True if the table of traits has it.
    var isKnown: Bool { AgentModelTraits(provider, model: name).isKnown }

    /// The model's reaction to this message; `nil` if it takes it.
    mutating func refusal(of text: String) -> ScriptedCall.Refusal? {
        switch provider {
        case .openai: return refusedByOpenAI(text)
        case .gemini: return refusedByGemini(text).map { .closes($0) }
        case .openaiLive, .socket: return nil
        }
    }

    private mutating func refusedByOpenAI(_ text: String) -> ScriptedCall.Refusal? {
        guard text.contains(#""session.update""#), text.contains(#""transcription""#) else { return nil }
        guard refused == nil else {
            if refused == text { isAskedAgain = true }
            return nil
        }
        refused = text
        return .error(parameter: "session.audio.input.transcription.model")
    }

    private mutating func refusedByGemini(_ text: String) -> String? {
        if text.contains(#""setup""#) {
            announcesHistory = text.contains("initialHistoryInClientContent")
            return refusedSetup(text)
        }
        guard text.contains(#""clientContent""#), !name.contains("2.5") else { return nil }
        defer { announcesHistory = false }
        return announcesHistory ? nil : "Request contains an invalid argument."
    }

    private mutating func refusedSetup(_ text: String) -> String? {
        switch name {
        case _ where name.contains("extended-thinking") && text.contains(#""BLOCKING""#):
            "Function calling behavior BLOCKING is not supported for this model."
        case _ where name.contains("2.5") && (text.contains("historyConfig") || text.contains("thinkingLevel")):
            "Request contains an invalid argument."
        case "another" where text.contains("contextWindowCompression"):
            refusedCompression(text)
        default: nil
        }
    }

    private mutating func refusedCompression(_ text: String) -> String {
        isAskedAgain = isAskedAgain || refused != nil
        refused = text
        return "Unsupported parameter: context window compression."
    }
}
