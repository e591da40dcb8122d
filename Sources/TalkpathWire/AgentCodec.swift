/// The providers of speech models.
public enum AgentProvider: String, Sendable, CaseIterable {
    case openai, gemini
    /// OpenAI's GPT-Live: full duplex, on a continuous track.
    case openaiLive = "openai_live"
    /// A socket agent, over Talkpath's WebSocket protocol for agents.
    case socket

    /// The providers whose models take turns with the caller, and whose names stand for a text model's interface, too.
    public static let vendors: [AgentProvider] = [.openai, .gemini]

    /// True if a message or a function's result makes the model speak by itself; otherwise ``AgentCommand/respond``
    /// must be sent.
    public var answersByItself: Bool {
        switch self {
        case .openai: false
        case .gemini, .openaiLive, .socket: true
        }
    }

    /// True if the model answers every turn of the caller, so that an answer without anything in it is a failure.
    package var answersEveryTurn: Bool { self == .openai }

    /// True if the model may leave a function's result without an answer that it is told in the middle of another.
    package var mayOverlookResults: Bool { self == .gemini }

    /// True if no two calls of functions bear the same name, in any of its sessions.
    package var namesCallsOnce: Bool { self != .socket }

    /// True if a session that is resumed knows everything that happened up to its loss, not up to its latest handle
    /// only.
    public var resumesWhole: Bool { self == .socket }

    /// True if Talkpath alone detects when the caller begins and stops speaking.
    public var leavesTurnsToUs: Bool { self == .socket || self == .openaiLive }

    /// True if the model speaks on one track at the speed of real time, silence included, and its clock advances only
    /// by the audio that it is sent.
    public var isContinuous: Bool { self == .openaiLive }

    /// True if a new session takes the earlier conversation with its set-up.
    public var takesConversation: Bool { self == .socket || self == .openaiLive }
}

/// The codec of a call's provider: the only codec type that a session needs.
///
/// Optionals instead of an enum: the payload of an enum would be copied out and back for every frame, while these
/// are changed in place.
public struct AgentCodec: Sendable {
    public let provider: AgentProvider
    private var openAI: OpenAIRealtimeCodec?
    private var gemini: GeminiLiveCodec?
    private var live: OpenAILiveCodec?
    private var socket: AgentSocketCodec?

    public init(openAI codec: OpenAIRealtimeCodec) {
        provider = .openai
        openAI = codec
    }

    public init(gemini codec: GeminiLiveCodec) {
        provider = .gemini
        gemini = codec
    }

    public init(live codec: OpenAILiveCodec) {
        provider = .openaiLive
        live = codec
    }

    public init(socket codec: AgentSocketCodec) {
        provider = .socket
        socket = codec
    }

    /// A new codec for a socket of that provider.
    public init(_ provider: AgentProvider) {
        switch provider {
        case .openai: self.init(openAI: OpenAIRealtimeCodec())
        case .gemini: self.init(gemini: GeminiLiveCodec())
        case .openaiLive: self.init(live: OpenAILiveCodec())
        case .socket: self.init(socket: AgentSocketCodec())
        }
    }

    /// True if the provider sends the first message; the configuration is then sent on `awaitingConfiguration`, not on
    /// opening.
    public var awaitsGreeting: Bool {
        switch provider {
        case .openai: OpenAIRealtimeCodec.awaitsGreeting
        case .gemini: GeminiLiveCodec.awaitsGreeting
        case .openaiLive: OpenAILiveCodec.awaitsGreeting
        case .socket: AgentSocketCodec.awaitsGreeting
        }
    }

    /// Reads one message of the provider; see the provider's codec.
    ///
    /// - Parameter isText: true if it came as a text message; for most providers there is no difference.
    public mutating func receive(
        _ message: RawSpan,
        isText: Bool = true,
        into events: inout [AgentEvent]
    ) throws(WireError) {
        switch provider {
        case .openai: try openAI?.receive(message, into: &events)
        case .gemini: try gemini?.receive(message, into: &events)
        case .openaiLive: try live?.receive(message, into: &events)
        case .socket: try socket?.receive(message, isText: isText, into: &events)
        }
    }

    public mutating func write(_ command: AgentCommand, to outbox: inout MessageOutbox) {
        switch provider {
        case .openai: openAI?.write(command, to: &outbox)
        case .gemini: gemini?.write(command, to: &outbox)
        case .openaiLive: live?.write(command, to: &outbox)
        case .socket: socket?.write(command, to: &outbox)
        }
    }

    /// Writes the caller's audio, in the configured input format.
    public func writeAudio(_ audio: RawSpan, to outbox: inout MessageOutbox) {
        switch provider {
        case .openai: openAI?.writeAudio(audio, to: &outbox)
        case .gemini: gemini?.writeAudio(audio, to: &outbox)
        case .openaiLive: live?.writeAudio(audio, to: &outbox)
        case .socket: socket?.writeAudio(audio, to: &outbox)
        }
    }

    /// Tells the codec that further audio does not belong to the interrupted response. Does nothing for a provider that
    /// names its responses.
    public mutating func interruptionIsOver() { gemini?.interruptionIsOver() }

    /// The provider's name of an item; `nil` if it has none.
    public func providerName(of item: AgentItem) -> String? {
        switch provider {
        case .openai: openAI?.providerName(of: item)
        case .gemini: gemini?.providerName(of: item)
        case .openaiLive: nil
        case .socket: socket?.providerName(of: item)
        }
    }
}

extension AgentProvider {
    /// The address and headers of a socket of this provider.
    ///
    /// - Parameter baseURL: `nil` means the provider's own.
    public func target(baseURL: String? = nil, model: String, apiKey: String) -> WebSocketTarget {
        switch (self, baseURL) {
        case (.openai, let url?): OpenAIRealtimeCodec.target(baseURL: url, model: model, apiKey: apiKey)
        case (.openai, nil): OpenAIRealtimeCodec.target(model: model, apiKey: apiKey)
        case (.gemini, let url?): GeminiLiveCodec.target(baseURL: url, model: model, apiKey: apiKey)
        case (.gemini, nil): GeminiLiveCodec.target(model: model, apiKey: apiKey)
        case (.openaiLive, let url): OpenAILiveCodec.target(address: url, apiKey: apiKey)
        case (.socket, let url): AgentSocketCodec.target(url: url ?? "", secret: apiKey)
        }
    }
}
