/// The features in which the models of one provider differ.
///
/// The table is kept short. A model that is not in it gets a configuration that no known model refuses, and may be
/// asked for any option. An option that a model still refuses is left out of the next attempt, or reported; see
/// ``AgentSetting``.
public struct AgentModelTraits: Equatable, Sendable {
    /// The declaration of functions (Gemini).
    public enum Functions: Equatable, Sendable {
        /// Without a behaviour.
        case plain
        /// Declares that the model must wait for a function's result, for models that would otherwise go on talking.
        case blocking
        /// Declares that the model goes on talking, for models that accept nothing else.
        case nonBlocking
    }

    /// The way to add words to the conversation that must not be answered (Gemini).
    public enum Notes: Equatable, Sendable {
        /// As a turn of its own, at any time.
        case turns
        /// As text input, with a request not to answer it.
        case text
    }

    /// The model's support of an optional ability.
    public enum Ability: Equatable, Sendable {
        case unknown, lacking
        case asked
        /// The model always uses it.
        case always
    }

    public struct Renewal: Equatable, Sendable {
        public var quietAfter: Duration
        public var atLatest: Duration
    }

    public var functions = Functions.plain
    public var notes = Notes.text
    /// True if a new session accepts the earlier conversation as turns that the configuration has announced. Otherwise
    /// it is sent as ``notes``.
    public var takesHistory = true
    /// The thinking level to ask for, in the provider's word; `nil` for a model that has none or needs none.
    public var thinkingLevel: String?
    /// The behaviours that a tool may have.
    public var toolBehaviors = Set(AgentTool.Behavior.allCases)
    /// The support of an effort or a level of thinking.
    public var thinking = Ability.unknown
    public var proactiveAudio = Ability.unknown
    public var affectiveDialog = Ability.unknown
    /// The day on which the provider shuts the model down, if announced: `2027-01-20`.
    public var endsOn: String?
    /// The longest life of a session, if the provider states it.
    public var longestSession: Duration?
    /// The age at which a session is renewed: `quietAfter` at the first quiet moment, `atLatest` in any case.
    public var renewal = Renewal(quietAfter: .seconds(50 * 60), atLatest: .seconds(55 * 60))
    /// True if the table contains the model.
    public var isKnown = false

    public init() {}

    /// - Parameter model: the model's name, with or without a resource path before it.
    public init(_ provider: AgentProvider, model: String) {
        let name = model.split(separator: "/").last.map { $0.lowercased() } ?? ""
        switch provider {
        case .openai:
            // Compare the whole name: the names of later models begin with it.
            self = name == "gpt-realtime" ? Self.ending : Self.openAI.first { name.hasPrefix($0.0) }?.1 ?? Self()
        case .gemini: self = Self.gemini.first { name.contains($0.0) }?.1 ?? Self()
        case .openaiLive: self = Self.live.contains(name) ? Self.fullDuplex : Self.unknownLive
        case .socket: self = Self.plain
        }
        // Every session of OpenAI's Realtime interface ends after an hour, without a warning.
        if provider == .openai {
            longestSession = .seconds(3600)
            renewal.atLatest = .seconds(58 * 60)
        }
    }

    /// By the beginning of the model's name. The first match counts.
    private static let openAI: [(String, AgentModelTraits)] = [
        ("gpt-realtime-2025", ending), ("gpt-realtime-2", thinking), ("gpt-realtime-1.5", plain),
        ("gpt-realtime-mini", ending), ("gpt-4o-realtime", ending), ("gpt-4o-mini-realtime", ending),
    ]

    private static let live: Set<String> = ["gpt-live-1", "gpt-live-1.1"]

    /// A session tells itself when it ends.
    private static let fullDuplex = Self {
        $0.thinking = .lacking
        $0.renewal = Renewal(quietAfter: .seconds(86_400), atLatest: .seconds(86_400))
    }
    private static var unknownLive: Self {
        var traits = fullDuplex
        traits.isKnown = false
        return traits
    }

    private static let plain = Self { $0.thinking = .lacking }
    private static let thinking = Self { $0.thinking = .asked }
    private static let ending = Self {
        $0.thinking = .lacking
        $0.endsOn = "2027-01-20"
    }

    /// By a part of the model's name. The first match counts.
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
        // Goes on talking while a function runs, unless the declaration says that it must wait.
        (
            "gemini-3.8-",
            Self {
                $0.functions = .blocking
                $0.proactiveAudio = .always
                $0.thinking = .asked
            }
        ),
        // Waits for functions. Closes the socket on turns that were not announced.
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

    /// Controls thinking by a budget, not by levels.
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

/// The features of a transcription model (OpenAI).
struct TranscriptionTraits {
    /// True if it accepts several languages, and expected words.
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
