public import TalkpathAudio

/// An event from a speech model's socket, in terms that all providers share.
///
/// One message of a provider may hold several events. `audio` is the per-frame case and costs no allocation.
public enum AgentEvent: Equatable, Sendable {
    /// The socket is open and the provider expects the session's configuration now.
    case awaitingConfiguration
    /// The session is set up: audio may flow.
    case ready
    /// Speech of the agent, faster than real time.
    case audio(AgentAudio)
    /// All audio of this item has been generated. It may not have been played.
    case audioEnded(AgentItem)
    /// The model hears the caller begin to speak. It has stopped its own response, or will stop it.
    ///
    /// `item` is the item of the caller's words, as in ``callerTranscript(_:)``, if the model states it.
    case callerSpeechStarted(inputMilliseconds: Int?, item: AgentItem? = nil)
    case callerSpeechEnded(inputMilliseconds: Int?)
    /// The caller cut the model's response short.
    case interrupted
    case responseStarted
    case responseEnded(AgentResponseEnd)
    /// Words of the caller. A partial piece extends the pieces before it; a final one replaces them.
    case callerTranscript(AgentTranscript)
    /// Words of the agent as generated, which may be more than the caller has heard.
    case agentTranscript(AgentTranscript)
    case toolCall(AgentToolCall)
    case toolCallsCancelled(ids: [String])
    /// The provider will close this socket soon.
    case goingAway(timeLeft: Duration?)
    /// A handle with which a new socket continues the same conversation. `nil` if that is not possible now.
    case resumptionHandle(String?)
    case usage(AgentUsage)
    /// The time of the session that the provider bills so far, for one that bills time.
    case sessionBilled(seconds: Int)
    /// The provider has closed the session in order, and has told why.
    case sessionClosed(AgentSessionClosing)
    /// The provider ends the session at this instant, in seconds since 1970.
    case expires(unixSeconds: Int)
    /// The model has all results that it waits for, and must be asked to go on by ``AgentCommand/respond``.
    case resultsComplete
    case error(AgentErrorReport)
    /// The format in which the agent wants to hear the caller, if it is another than it was told.
    case inputFormat(AudioFormat)
    /// The agent wants to know when the caller has heard everything that it has sent so far.
    case mark(String)
    /// The agent ends the call, after its last words or at once.
    case endRequested(drains: Bool, note: String?)
    /// A known message that needs no action, or an unknown one; counted.
    case ignored
}

/// One utterance of the agent; playback is counted per item.
///
/// A small number in the order of first appearance, unique within a socket's codec. The codec knows the provider's name
/// of it.
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
    /// The agent's item; for the caller's words, a number that the codec gives the caller's turn.
    public var item: AgentItem
    public var text: String
    public var isFinal: Bool
    /// The time of the words on the session's own clock, if the provider states it.
    public var startMilliseconds: Int?

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
    /// The time after which the provider may be asked again, if it states one.
    public var retryAfter: Duration?

    public init(status: Status, reason: String? = nil, retryAfter: Duration? = nil) {
        self.status = status
        self.reason = reason
        self.retryAfter = retryAfter
    }
}

/// The end of a model's session, as its provider tells it.
public struct AgentSessionClosing: Equatable, Sendable {
    /// In the provider's word: `close_requested`, `expired`, `content` …
    public var reason: String
    /// The time that the provider bills.
    public var seconds: Int

    public init(reason: String, seconds: Int) {
        self.reason = reason
        self.seconds = seconds
    }
}

public struct AgentToolCall: Equatable, Sendable {
    public var id: String
    public var name: String
    /// A JSON object as text, as the model wrote it. It may be malformed; see ``readableArguments``.
    public var arguments: String

    /// The name of the function that decides whether a tool of an MCP server may be called (OpenAI). Its arguments are
    /// `{"server_label","name","arguments"}`. Its result is `{"approve":true}`; any other result refuses the call.
    public static let approvalName = "mcp_approval"

    /// The arguments as an object; `nil` if they are malformed, and then the function must not be run.
    public var readableArguments: JSONValue? {
        // Written out, because a bare `nil` would be a JSON null.
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

public struct AgentErrorReport: Equatable, Sendable {
    public var code: String
    public var message: String
    /// True if the session cannot continue (it expired, the key was refused …); otherwise the provider keeps the socket
    /// open.
    public var isFatal: Bool
    /// True if the model was asked to speak while it was speaking; the request had no effect.
    public var isBusy: Bool
    /// True if the provider refused the configuration, or the part of it that ``parameter`` names.
    public var refusesConfiguration: Bool
    /// The subject of the error, in the provider's words.
    public var parameter: String?
    /// True if a requested or running response fails because of this error.
    public var refusesResponse = false
    /// The time after which the provider may be asked again, if it states one.
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
    /// The model's wait for a function's result (Gemini).
    public enum Behavior: String, Sendable, CaseIterable {
        case blocking
        /// The model goes on talking meanwhile.
        case background
    }

    /// The model's reaction to the result of a function that runs in the background (Gemini).
    public enum Scheduling: String, Sendable, CaseIterable {
        /// The model knows the result from then on, and says nothing.
        case silent
        /// The model speaks about the result as soon as it has finished speaking.
        case whenIdle = "when_idle"
        /// The model interrupts itself and speaks about the result.
        case interrupt
    }

    public var name: String
    public var description: String
    /// A JSON Schema object, as text. Must be valid JSON.
    public var parameters: String
    /// `nil` uses the behaviour that suits the model.
    public var behavior: Behavior?
    /// For ``Behavior/background`` only. `nil` means ``Scheduling/whenIdle``.
    public var scheduling: Scheduling?

    public init(name: String, description: String, parameters: String = #"{"type":"object","properties":{}}"#) {
        self.name = name
        self.description = description
        self.parameters = parameters
    }
}

/// The configuration of a conversation, in terms that all providers share.
public struct AgentSessionConfiguration: Equatable, Sendable {
    public var model: String
    public var voice: String?
    public var instructions: String
    public var tools: [AgentTool]
    /// True to ask the provider to transcribe both sides.
    public var transcribes: Bool
    /// The format of the audio to the agent.
    public var inputFormat: AudioFormat
    /// The requested format of the audio from the agent.
    public var outputFormat: AudioFormat
    public var language: String?
    /// The handle of an earlier conversation to continue (Gemini).
    public var resumptionHandle: String?
    /// True if the model must stop by itself when it hears the caller; otherwise the session stops it.
    public var isInterrupted: Bool
    /// True if the earlier conversation follows as ``AgentCommand/history(_:)`` as soon as the session is ready.
    public var hasHistory = false
    /// The settings that the model has refused before.
    public var omitted: Set<AgentSetting> = []
    /// Options for OpenAI. Other providers ignore them.
    public var openAI = OpenAIOptions()
    /// Options for Gemini. Other providers ignore them.
    public var gemini = GeminiOptions()
    /// Options for GPT-Live. Other providers ignore them.
    public var live = OpenAILiveOptions()
    /// The call's details, for a socket agent.
    public var call: AgentCallDetails?
    /// The conversation so far, oldest turn first, for a provider that takes it with the set-up.
    public var conversation: [AgentCommand.Turn] = []
    /// A JSON object in the provider's own format. It is merged into the set-up last, and overrides it.
    public var raw: JSONValue?

    /// The configuration without its options, if the model has refused them.
    var reduced: AgentSessionConfiguration {
        guard omitted.contains(.options) else { return self }
        var configuration = self
        configuration.openAI = OpenAIOptions()
        // Keep the servers: they determine the agent's abilities, not its manner.
        configuration.openAI.mcpServers = openAI.mcpServers
        configuration.gemini = GeminiOptions()
        // Keep the delegation for the same reason.
        configuration.live = OpenAILiveOptions()
        configuration.live.delegation = live.delegation
        configuration.raw = JSONValue?.none
        return configuration
    }

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

/// The session's messages to the agent, except audio.
public enum AgentCommand: Equatable, Sendable {
    case configure(AgentSessionConfiguration)
    /// The caller heard this many milliseconds of the item and no more.
    case truncate(item: AgentItem, heardMilliseconds: Int)
    /// The caller heard nothing of the item.
    case delete(item: AgentItem)
    case cancelResponse
    /// Makes the agent speak now, following this text.
    case say(String)
    /// Makes the agent answer the conversation so far. Does nothing for a model that answers by itself.
    case respond
    /// Adds to the conversation without asking for a response.
    case addMessage(role: MessageRole, text: String)
    /// Changes the session while it lasts. Carries the complete configuration after the change, as well.
    case change(AgentChange, AgentSessionConfiguration)
    /// The earlier conversation, oldest turn first, for a session that does not know it. Send it right after the
    /// configuration, before audio.
    case history([Turn])
    /// Adds a message that the agent must answer. Some models answer at once, others at the next ``respond``.
    case prompt(String)
    /// Gives a function's result. `output` is text for the model, often JSON. Some models continue to speak at once,
    /// others at the next ``respond``.
    case toolResult(id: String, name: String, output: String)
    /// The caller has begun or stopped speaking, as heard on the line. For a socket agent, as are the following.
    case callerVoice(isSpeaking: Bool)
    /// The caller has heard everything up to the mark; or never will, because it was cut.
    case markPlayed(String, wasCut: Bool)
    /// The caller has pressed this key: an ASCII character.
    case key(UInt8)
    /// The caller has left, and no more audio follows: the model is to write down what it has heard.
    case callerLeft(isSpeaking: Bool)
    /// A message of the agent was not understood and dropped.
    case fault(WireError)
    /// The call is over; nothing follows.
    case ended(AgentCallEnd)

    public enum MessageRole: String, Sendable {
        case user, assistant, system
    }

    /// The words of one side.
    public struct Turn: Equatable, Sendable {
        public var role: MessageRole
        public var text: String

        public init(_ role: MessageRole, _ text: String) {
            self.role = role
            self.text = text
        }
    }
}

/// The details of a call for its socket agent, at the start.
public struct AgentCallDetails: Equatable, Sendable {
    public var id: String
    /// `inbound` or `outbound`.
    public var direction: String
    public var from: String
    public var to: String
    public var metadata: JSONValue
    public var variables: JSONValue

    public init(
        id: String,
        direction: String,
        from: String,
        to: String,
        metadata: JSONValue = [:],
        variables: JSONValue = [:]
    ) {
        self.id = id
        self.direction = direction
        self.from = from
        self.to = to
        self.metadata = metadata
        self.variables = variables
    }
}

/// The account of a call's end for its socket agent.
public struct AgentCallEnd: Equatable, Sendable {
    /// By the names of the control API.
    public var reason: String
    public var note: String?
    /// From the start of the call.
    public var durationMilliseconds: Int
    /// From the answer; 0 without one.
    public var talkingMilliseconds: Int

    public init(reason: String, note: String? = nil, durationMilliseconds: Int, talkingMilliseconds: Int) {
        self.reason = reason
        self.note = note
        self.durationMilliseconds = durationMilliseconds
        self.talkingMilliseconds = talkingMilliseconds
    }
}
