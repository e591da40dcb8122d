/// What a model takes, where the models of one provider differ.
///
/// The table is kept short: a model that is not in it gets the set-up that no known model refuses. What a model refuses
/// nevertheless is left out at the next try; see ``AgentSetting``.
public struct AgentModelTraits: Equatable, Sendable {
    /// How functions are declared (Gemini).
    public enum Functions: Equatable, Sendable {
        /// Without a word about it.
        case plain
        /// The model waits for a function's result: to be said where it would talk on otherwise.
        case blocking
        /// The model talks on meanwhile: where nothing else is taken.
        case nonBlocking
    }

    /// How something gets into the conversation that is not to be answered (Gemini).
    public enum Notes: Equatable, Sendable {
        /// As a turn of its own, at any time.
        case turns
        /// As words of the moment only; the model is asked not to answer them.
        case text
    }

    public var functions = Functions.plain
    public var notes = Notes.text
    /// A new session takes what was said before as turns if that was announced in the set-up; otherwise as ``notes``.
    public var takesHistory = true
    /// To be asked for, in the provider's word; nil for a model that has none or needs none.
    public var thinkingLevel: String?

    public init() {}

    /// - Parameter model: with or without the path of a resource before it.
    public init(_ provider: AgentProvider, model: String) {
        guard provider == .gemini else { return }
        let name = model.split(separator: "/").last.map { $0.lowercased() } ?? ""
        for (part, traits) in Self.gemini where name.contains(part) {
            self = traits
            return
        }
    }

    /// By a part of the model's name; the first that fits counts.
    private static let gemini: [(String, AgentModelTraits)] = [
        (
            "extended-thinking",
            Self {
                $0.functions = .nonBlocking; $0.thinkingLevel = "LOW"
            }
        ),
        // Talks on while a function runs unless told to wait.
        ("gemini-3.8-", Self { $0.functions = .blocking }),
        // Waits for functions, and closes the socket on turns that were not announced.
        ("gemini-3.1-", Self { _ in }),
        (
            "gemini-2.5-",
            Self {
                $0.notes = .turns; $0.takesHistory = false
            }
        ),
        (
            "gemini-live-2.5-",
            Self {
                $0.notes = .turns; $0.takesHistory = false
            }
        ),
    ]

    private init(_ change: (inout AgentModelTraits) -> Void) {
        self.init()
        change(&self)
    }
}

/// A part of a model's set-up that a conversation can do without, should the model refuse it.
public enum AgentSetting: String, CaseIterable, Sendable {
    case voice, language, modalities
    /// The transcription's newest model; then an older one is asked for, and at last none.
    case transcriptionModel, transcription
    /// Who silences the model, and how it hears the caller's turns.
    case turnDetection
    case functionBehavior, thinkingLevel, history, compression
}

extension AgentProvider {
    /// What of a set-up has been refused, by the name that an error gives it (OpenAI).
    ///
    /// - Parameters:
    ///   - parameter: nil: something.
    ///   - omitted: what was left out already.
    /// - Returns: what the next try can do without; empty if it would be the same again.
    public func settings(refusedAs parameter: String?, besides omitted: Set<AgentSetting>) -> Set<AgentSetting> {
        let all: Set<AgentSetting> = [.voice, .modalities, .transcriptionModel, .transcription, .turnDetection]
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
