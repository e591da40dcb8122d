internal import TalkpathAudio

/// A script for a fake model: its words and their times.
public struct AgentScript: Sendable, Hashable {
    public struct Turn: Sendable, Hashable {
        public enum Trigger: Sendable, Hashable {
            /// The first request to speak, before the caller has said anything.
            case connect
            /// A turn of the caller. The first such turn of the script answers the caller's first, and so on.
            case callerTurn
            /// A request to speak although the caller has said nothing new: an idle prompt, a goodbye.
            case request
            /// The result of a tool.
            case toolResult
        }

        public var trigger: Trigger
        /// Linear samples at 24 kHz. Empty for a turn that says nothing, for example because it only calls a tool.
        public var audio: [Int16]
        public var transcript: String
        /// The tool that the model calls after the audio.
        public var toolCall: ToolCall?

        public init(_ trigger: Trigger, audio: [Int16], transcript: String = "", toolCall: ToolCall? = nil) {
            self.trigger = trigger
            self.audio = audio
            self.transcript = transcript
            self.toolCall = toolCall
        }

        /// The turn as a model writes it. Without a recording, silence of about the spoken length takes its place.
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
        /// Sends the caller's audio back at once, converted to the output rate. For measuring latency and load.
        case echo
        /// Listens and says nothing.
        case silent
    }

    public var behavior: Behavior
    public var turns: [Turn]
    /// The turn for requests that no element of `turns` fits; `nil` for an empty answer.
    public var otherwise: Turn?
    /// Answers turns of the caller that have no scripted answer with the caller's own words.
    public var repeatsCaller: Bool
    /// The transcripts of the caller's turns, in order. Further turns are "(unscripted)".
    public var callerTexts: [String]
    /// From the end of the caller's turn (or the request) to the first piece of audio.
    public var thinkingTime: Duration
    /// The length of a piece of audio; the first one has `firstPiece`.
    public var piece: Duration
    public var firstPiece: Duration
    /// The speed at which audio is generated, relative to real time.
    public var generationSpeed: Double

    public init(
        behavior: Behavior = .script,
        turns: [Turn] = [],
        otherwise: Turn? = nil,
        repeatsCaller: Bool = false,
        callerTexts: [String] = [],
        thinkingTime: Duration = .milliseconds(200),
        piece: Duration = .milliseconds(200),
        firstPiece: Duration = .milliseconds(100),
        generationSpeed: Double = 4
    ) {
        self.behavior = behavior
        self.turns = turns
        self.otherwise = otherwise
        self.repeatsCaller = repeatsCaller
        self.callerTexts = callerTexts
        self.thinkingTime = thinkingTime
        self.piece = piece
        self.firstPiece = firstPiece
        self.generationSpeed = generationSpeed
    }

    public static let echo = AgentScript(behavior: .echo)
    public static let silent = AgentScript(behavior: .silent)
    /// Begins with two tones, and then repeats each turn of the caller: a person who talks to it hears how quickly the
    /// bridge answers, and how it behaves when interrupted.
    public static let parrot = AgentScript(
        turns: [Turn(.connect, audio: CallerWords.chime, transcript: "(two tones)")],
        repeatsCaller: true
    )
}

/// The model's position in its script.
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
