public import TalkpathAudio

/// What a speech model's socket said, freed of the provider's own words.
///
/// One message of a provider may hold several. `audio` is the per-frame case: it costs no allocation.
public enum AgentEvent: Equatable, Sendable {
    /// The socket is open and the provider expects the session's configuration now.
    case awaitingConfiguration
    /// The session is set up: audio may flow.
    case ready
    /// Speech of the agent, faster than real time.
    case audio(AgentAudio)
    /// All audio of this item has been generated (not: played).
    case audioEnded(AgentItem)
    /// The model hears the caller begin to speak; it has stopped, or will stop, its own answer.
    ///
    /// `item` is what the words will be of, as in ``callerTranscript(_:)``, if the model says so.
    case callerSpeechStarted(inputMilliseconds: Int?, item: AgentItem? = nil)
    case callerSpeechEnded(inputMilliseconds: Int?)
    /// The model's answer was cut short by the caller.
    case interrupted
    case responseStarted
    case responseEnded(AgentResponseEnd)
    /// Words of the caller. A partial piece extends what came before; a final one replaces it.
    case callerTranscript(AgentTranscript)
    /// Words of the agent: as generated, which is more than the caller has heard.
    case agentTranscript(AgentTranscript)
    case toolCall(AgentToolCall)
    case toolCallsCancelled(ids: [String])
    /// The provider will close this socket soon.
    case goingAway(timeLeft: Duration?)
    /// With this, a new socket continues the same conversation. `nil`: not at the moment.
    case resumptionHandle(String?)
    case usage(AgentUsage)
    case error(AgentErrorReport)
    /// Known but of no consequence, or unknown; counted.
    case ignored
}

/// One utterance of the agent: everything about playback is counted per item.
///
/// A small number in the order of first appearance, unique within a socket's codec; the codec knows the provider's name
/// for it.
public struct AgentItem: Hashable, Sendable {
    public var index: Int
    public init(index: Int) { self.index = index }
}

public struct AgentAudio: Equatable, Sendable {
    public var item: AgentItem
    public var format: AudioFormat
    public var payload: WirePayload

    public init(item: AgentItem, format: AudioFormat, payload: WirePayload) {
        self.item = item
        self.format = format
        self.payload = payload
    }
}

public struct AgentTranscript: Equatable, Sendable {
    /// The agent's item, or for the caller's words a number of the codec's own for the caller's turn.
    public var item: AgentItem
    public var text: String
    public var isFinal: Bool

    public init(item: AgentItem, text: String, isFinal: Bool) {
        self.item = item
        self.text = text
        self.isFinal = isFinal
    }
}

public struct AgentResponseEnd: Equatable, Sendable {
    public enum Status: String, Sendable {
        case completed, cancelled, failed, incomplete
    }
    public var status: Status
    public var reason: String?
    /// When the provider says that it may be asked again.
    public var retryAfter: Duration?

    public init(status: Status, reason: String? = nil, retryAfter: Duration? = nil) {
        self.status = status
        self.reason = reason
        self.retryAfter = retryAfter
    }
}

public struct AgentToolCall: Equatable, Sendable {
    public var id: String
    public var name: String
    /// A JSON object, as text, as the model has written it: it may be broken; see ``readableArguments``.
    public var arguments: String

    /// The arguments, an object; nil if they are broken, and the function must not be carried out.
    public var readableArguments: JSONValue? {
        // Spelled out: a bare `nil` would be the JSON value of that name.
        guard let arguments = try? JSONValue(parsing: arguments), arguments.object != nil else {
            return JSONValue?.none
        }
        return arguments
    }

    public init(id: String, name: String, arguments: String) {
        self.id = id
        self.name = name
        self.arguments = arguments
    }
}

/// What a model has counted. Its own word: sums of it saturate.
public struct AgentUsage: Equatable, Sendable {
    public var inputTokens: Int
    public var outputTokens: Int
    public var totalTokens: Int

    public init(inputTokens: Int, outputTokens: Int, totalTokens: Int) {
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.totalTokens = totalTokens
    }

    /// Of a message's members, clamped; without a total, the sum of both.
    init(input: JSONValue?, output: JSONValue?, total: JSONValue?) {
        self.init(inputTokens: input?.count ?? 0, outputTokens: output?.count ?? 0, totalTokens: 0)
        totalTokens = total?.count ?? inputTokens.addingSaturated(outputTokens)
    }

    /// Adds what was counted since.
    public mutating func add(_ more: AgentUsage) {
        inputTokens = inputTokens.addingSaturated(more.inputTokens)
        outputTokens = outputTokens.addingSaturated(more.outputTokens)
        totalTokens = totalTokens.addingSaturated(more.totalTokens)
    }
}

extension Int {
    fileprivate func addingSaturated(_ other: Int) -> Int {
        let (sum, isTooLarge) = addingReportingOverflow(other)
        return isTooLarge ? (other < 0 ? .min : .max) : sum
    }
}

public struct AgentErrorReport: Equatable, Sendable {
    public var code: String
    public var message: String
    /// The session cannot go on (it expired, the key was refused …); otherwise the provider keeps the socket open.
    public var isFatal: Bool
    /// The model was asked to speak while it did so already: nothing came of it.
    public var isBusy: Bool
    /// The set-up was refused, and perhaps only a part of it: ``parameter`` names it.
    public var refusesConfiguration: Bool
    /// What the error is about, in the provider's words.
    public var parameter: String?
    /// An answer that was asked for, or that is under way, comes to nothing.
    public var refusesResponse = false
    /// When the provider says that it may be asked again.
    public var retryAfter: Duration?

    public init(
        code: String,
        message: String,
        isFatal: Bool,
        isBusy: Bool = false,
        refusesConfiguration: Bool = false,
        parameter: String? = nil
    ) {
        self.code = code
        self.message = message
        self.isFatal = isFatal
        self.isBusy = isBusy
        self.refusesConfiguration = refusesConfiguration
        self.parameter = parameter
    }
}

/// A function the agent may call.
public struct AgentTool: Equatable, Sendable {
    public var name: String
    public var description: String
    /// A JSON Schema object, as text. Must be valid JSON.
    public var parameters: String

    public init(name: String, description: String, parameters: String = #"{"type":"object","properties":{}}"#) {
        self.name = name
        self.description = description
        self.parameters = parameters
    }
}

/// How a conversation is set up, in no provider's words.
public struct AgentSessionConfiguration: Equatable, Sendable {
    public var model: String
    public var voice: String?
    public var instructions: String
    public var tools: [AgentTool]
    /// Ask the provider to transcribe both sides.
    public var transcribes: Bool
    /// What the agent is sent.
    public var inputFormat: AudioFormat
    /// What the agent is asked to send.
    public var outputFormat: AudioFormat
    public var language: String?
    /// Continues an earlier conversation (Gemini).
    public var resumptionHandle: String?
    /// Whether the model falls silent by itself when it hears the caller; otherwise it must be told.
    public var isInterrupted: Bool
    /// What was said before follows as ``AgentCommand/history(_:)`` as soon as the session is ready.
    public var hasHistory = false
    /// What the model has refused before.
    public var omitted: Set<AgentSetting> = []

    public init(
        model: String,
        voice: String? = nil,
        instructions: String = "",
        tools: [AgentTool] = [],
        transcribes: Bool = true,
        inputFormat: AudioFormat,
        outputFormat: AudioFormat,
        language: String? = nil,
        resumptionHandle: String? = nil,
        isInterrupted: Bool = true
    ) {
        self.model = model
        self.voice = voice
        self.instructions = instructions
        self.tools = tools
        self.transcribes = transcribes
        self.inputFormat = inputFormat
        self.outputFormat = outputFormat
        self.language = language
        self.resumptionHandle = resumptionHandle
        self.isInterrupted = isInterrupted
    }
}

/// What the session tells the agent besides audio.
public enum AgentCommand: Equatable, Sendable {
    case configure(AgentSessionConfiguration)
    /// The caller heard this many milliseconds of the item and no more.
    case truncate(item: AgentItem, heardMilliseconds: Int)
    /// The caller heard nothing of the item.
    case delete(item: AgentItem)
    case cancelResponse
    /// Let the agent speak now, along these lines.
    case say(String)
    /// Let the agent answer what stands in the conversation. For a model that does so by itself, nothing.
    case respond
    /// Add to the conversation without asking for an answer.
    case addMessage(role: MessageRole, text: String)
    /// What was said before, oldest first, for a session that knows nothing of it. Right after the set-up, before audio.
    case history([Turn])
    /// Add something that the agent is to answer. Some models answer at once; others at the next ``respond``.
    case prompt(String)
    /// `output` is text for the model, often JSON. Some models go on speaking at once; others at the next ``respond``.
    case toolResult(id: String, name: String, output: String)

    public enum MessageRole: String, Sendable {
        case user, assistant, system
    }

    /// One side's words.
    public struct Turn: Equatable, Sendable {
        public var role: MessageRole
        public var text: String

        public init(_ role: MessageRole, _ text: String) {
            self.role = role
            self.text = text
        }
    }
}
