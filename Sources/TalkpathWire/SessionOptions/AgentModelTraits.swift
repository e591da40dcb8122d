/// What a model takes, where the models of one provider differ.
///
/// The table is kept short: a model that is not in it gets the set-up that no known model refuses, and may be asked for
/// anything. What a model refuses nevertheless is left out at the next try, or told; see ``AgentSetting``.
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

    /// Whether a model does something that can be asked for.
    public enum Ability: Equatable, Sendable {
        case unknown, lacking
        case asked
        /// It cannot be switched off.
        case always
    }

    public struct Renewal: Equatable, Sendable {
        public var quietAfter: Duration
        public var atLatest: Duration
    }

    public var functions = Functions.plain
    public var notes = Notes.text
    /// A new session takes what was said before as turns if that was announced in the set-up; otherwise as ``notes``.
    public var takesHistory = true
    /// To be asked for, in the provider's word; nil for a model that has none or needs none.
    public var thinkingLevel: String?
    /// How a tool may run.
    public var toolBehaviors = Set(AgentTool.Behavior.allCases)
    /// Whether an effort or a level of thinking can be asked for.
    public var thinking = Ability.unknown
    public var proactiveAudio = Ability.unknown
    public var affectiveDialog = Ability.unknown
    /// The day on which the provider switches it off, if one is announced: `2027-01-20`.
    public var endsOn: String?
    /// How old a session gets at most, if the provider says.
    public var longestSession: Duration?
    /// The age at which a session is opened anew: at the first quiet moment from the one on, at the other anyway.
    public var renewal = Renewal(quietAfter: .seconds(50 * 60), atLatest: .seconds(55 * 60))
    /// Whether the table has it.
    public var isKnown = false

    public init() {}

    /// - Parameter model: with or without the path of a resource before it.
    public init(_ provider: AgentProvider, model: String) {
        let name = model.split(separator: "/").last.map { $0.lowercased() } ?? ""
        switch provider {
        case .openai:
            // By its whole name: those of later ones begin with it.
            self = name == "gpt-realtime" ? Self.ending : Self.openAI.first { name.hasPrefix($0.0) }?.1 ?? Self()
        case .gemini: self = Self.gemini.first { name.contains($0.0) }?.1 ?? Self()
        }
        // Every session of OpenAI's Realtime interface ends after an hour, without a warning.
        if provider == .openai {
            longestSession = .seconds(3600)
            renewal.atLatest = .seconds(58 * 60)
        }
    }

    /// By the beginning of the model's name; the first that fits counts.
    private static let openAI: [(String, AgentModelTraits)] = [
        ("gpt-realtime-2025", ending), ("gpt-realtime-2", thinking), ("gpt-realtime-1.5", plain),
        ("gpt-realtime-mini", ending), ("gpt-4o-realtime", ending), ("gpt-4o-mini-realtime", ending),
    ]

    private static let plain = Self { $0.thinking = .lacking }
    private static let thinking = Self { $0.thinking = .asked }
    private static let ending = Self {
        $0.thinking = .lacking
        $0.endsOn = "2027-01-20"
    }

    /// By a part of the model's name; the first that fits counts.
    private static let gemini: [(String, AgentModelTraits)] = [
        (
            "extended-thinking",
            Self {
                $0.functions = .nonBlocking
                $0.toolBehaviors = [.background]
                $0.thinkingLevel = "LOW"
                $0.thinking = .always
                $0.proactiveAudio = .always
            }
        ),
        // Talks on while a function runs unless told to wait.
        (
            "gemini-3.8-",
            Self {
                $0.functions = .blocking
                $0.proactiveAudio = .always
                $0.thinking = .asked
            }
        ),
        // Waits for functions, and closes the socket on turns that were not announced.
        (
            "gemini-3.1-",
            Self {
                $0.toolBehaviors = [.blocking]
                $0.proactiveAudio = .lacking
                $0.affectiveDialog = .lacking
                $0.thinking = .asked
            }
        ),
        ("gemini-2.5-", older),
        ("gemini-live-2.5-", older),
    ]

    /// Thinks by a budget, not by levels.
    private static let older = Self {
        $0.notes = .turns
        $0.takesHistory = false
        $0.thinking = .lacking
        $0.proactiveAudio = .asked
        $0.affectiveDialog = .asked
    }

    private init(_ change: (inout AgentModelTraits) -> Void) {
        self.init()
        isKnown = true
        change(&self)
    }
}

/// What a model that writes down the caller's words takes (OpenAI).
struct TranscriptionTraits {
    /// Several languages, and words that are to be expected.
    var takesLists = true
    var takesPrompt = true
    var endsOn: String?

    init(model: String) {
        switch model {
        case "gpt-realtime-whisper":
            takesLists = false
            takesPrompt = false
        case "gpt-4o-transcribe-diarize":
            takesLists = false
            takesPrompt = false
            endsOn = Self.end
        case _ where model == "whisper-1" || model.hasPrefix("gpt-4o-"):
            takesLists = false
            endsOn = Self.end
        default: break
        }
    }

    private static let end = "2027-02-26"
}
