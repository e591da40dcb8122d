internal import TalkpathAudio

/// What a fake model says, and when.
public struct AgentScript: Sendable, Hashable {
    public struct Turn: Sendable, Hashable {
        public enum Trigger: Sendable, Hashable {
            /// The first time it is asked to speak before anybody has said anything.
            case connect
            /// After the caller has said something: the first such turn answers the first, and so on.
            case callerTurn
            /// When it is asked to speak without the caller having said anything new: an idle prompt, a goodbye.
            case request
            /// After it has been given the result of a tool.
            case toolResult
        }

        public var trigger: Trigger
        /// Linear samples at 24 kHz; empty: says nothing, for instance because it only calls a tool.
        public var audio: [Int16]
        public var transcript: String
        /// Called after the audio.
        public var toolCall: ToolCall?

        public init(_ trigger: Trigger, audio: [Int16], transcript: String = "", toolCall: ToolCall? = nil) {
            self.trigger = trigger
            self.audio = audio
            self.transcript = transcript
            self.toolCall = toolCall
        }

        /// The turn as a model writes it: where there is no recording, in silence that lasts about as long as it takes.
        var written: Turn {
            guard audio.isEmpty, !transcript.isEmpty else { return self }
            var turn = self
            turn.audio = [Int16](repeating: 0, count: transcript.split(separator: " ").count * 24 * 40)
            return turn
        }
    }

    public struct ToolCall: Sendable, Hashable {
        public var name: String
        /// A JSON object.
        public var arguments: String

        public init(name: String, arguments: String = "{}") {
            self.name = name
            self.arguments = arguments
        }
    }

    public enum Behavior: Sendable, Hashable {
        /// Plays the turns.
        case script
        /// Sends back at once what it hears, converted to its own output rate: for measuring latency and load.
        case echo
        /// Listens and says nothing.
        case silent
    }

    public var behavior: Behavior
    public var turns: [Turn]
    /// Said when nothing in `turns` fits; nil: an empty answer.
    public var otherwise: Turn?
    /// What the transcription of the caller's turns says, in order; later ones are "(unscripted)".
    public var callerTexts: [String]
    /// From the end of the caller's turn (or the request) to the first piece of audio.
    public var thinkingTime: Duration
    /// The length of one piece of audio; the first has `firstPiece`.
    public var piece: Duration
    public var firstPiece: Duration
    /// How many times faster than real time the audio is generated.
    public var generationSpeed: Double

    public init(
        behavior: Behavior = .script,
        turns: [Turn] = [],
        otherwise: Turn? = nil,
        callerTexts: [String] = [],
        thinkingTime: Duration = .milliseconds(200),
        piece: Duration = .milliseconds(200),
        firstPiece: Duration = .milliseconds(100),
        generationSpeed: Double = 4
    ) {
        self.behavior = behavior
        self.turns = turns
        self.otherwise = otherwise
        self.callerTexts = callerTexts
        self.thinkingTime = thinkingTime
        self.piece = piece
        self.firstPiece = firstPiece
        self.generationSpeed = generationSpeed
    }

    public static let echo = AgentScript(behavior: .echo)
    public static let silent = AgentScript(behavior: .silent)
}

/// Where in its script a model is.
struct ScriptCursor: Sendable {
    private let script: AgentScript
    private var used: Set<Int> = []
    private var callerTurns = 0

    init(_ script: AgentScript) {
        self.script = script
    }

    mutating func next(_ trigger: AgentScript.Turn.Trigger) -> AgentScript.Turn? {
        guard script.behavior == .script else { return nil }
        guard
            let place = script.turns.indices.first(where: { script.turns[$0].trigger == trigger && !used.contains($0) })
        else { return script.otherwise }
        used.insert(place)
        return script.turns[place]
    }

    mutating func nextCallerText() -> String {
        defer { callerTurns += 1 }
        return script.callerTexts.indices.contains(callerTurns) ? script.callerTexts[callerTurns] : "(unscripted)"
    }
}
