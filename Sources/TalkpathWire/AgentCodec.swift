/// The speech models we can talk to.
public enum AgentProvider: String, Sendable, CaseIterable {
    case openai, gemini

    /// A message or a function's result makes the model speak; otherwise ``AgentCommand/respond`` does.
    public var answersByItself: Bool {
        switch self {
        case .openai: false
        case .gemini: true
        }
    }
}

/// The codec of whichever provider a call uses: the one type a session needs to know.
///
/// Two optionals rather than an enum: an enum's payload would be copied out and back on every frame, where this is
/// changed in place.
public struct AgentCodec: Sendable {
    public let provider: AgentProvider
    private var openAI: OpenAIRealtimeCodec?
    private var gemini: GeminiLiveCodec?

    public init(openAI codec: OpenAIRealtimeCodec) {
        provider = .openai
        openAI = codec
    }

    public init(gemini codec: GeminiLiveCodec) {
        provider = .gemini
        gemini = codec
    }

    /// A fresh codec for a socket of that provider.
    public init(_ provider: AgentProvider) {
        switch provider {
        case .openai: self.init(openAI: OpenAIRealtimeCodec())
        case .gemini: self.init(gemini: GeminiLiveCodec())
        }
    }

    /// Whether the provider speaks first: the configuration is sent on `awaitingConfiguration`, not on opening.
    public var awaitsGreeting: Bool {
        switch provider {
        case .openai: OpenAIRealtimeCodec.awaitsGreeting
        case .gemini: GeminiLiveCodec.awaitsGreeting
        }
    }

    /// Reads one message of the provider; see the provider's codec.
    public mutating func receive(_ message: RawSpan, into events: inout [AgentEvent]) throws(WireError) {
        switch provider {
        case .openai: try openAI?.receive(message, into: &events)
        case .gemini: try gemini?.receive(message, into: &events)
        }
    }

    public mutating func write(_ command: AgentCommand, to outbox: inout MessageOutbox) {
        switch provider {
        case .openai: openAI?.write(command, to: &outbox)
        case .gemini: gemini?.write(command, to: &outbox)
        }
    }

    /// Audio of the caller, in the configured input format.
    public func writeAudio(_ audio: RawSpan, to outbox: inout MessageOutbox) {
        switch provider {
        case .openai: openAI?.writeAudio(audio, to: &outbox)
        case .gemini: gemini?.writeAudio(audio, to: &outbox)
        }
    }

    /// Audio that comes now is no rest of what was interrupted last; a provider that names its answers need not be told.
    public mutating func interruptionIsOver() { gemini?.interruptionIsOver() }

    /// What the provider calls an item; nil where it has no name for it.
    public func providerName(of item: AgentItem) -> String? {
        switch provider {
        case .openai: openAI?.providerName(of: item)
        case .gemini: gemini?.providerName(of: item)
        }
    }
}

extension AgentProvider {
    /// Where a socket of this provider is opened.
    ///
    /// - Parameter baseURL: nil for the provider's own.
    public func target(baseURL: String? = nil, model: String, apiKey: String) -> WebSocketTarget {
        switch (self, baseURL) {
        case (.openai, let url?): OpenAIRealtimeCodec.target(baseURL: url, model: model, apiKey: apiKey)
        case (.openai, nil): OpenAIRealtimeCodec.target(model: model, apiKey: apiKey)
        case (.gemini, let url?): GeminiLiveCodec.target(baseURL: url, model: model, apiKey: apiKey)
        case (.gemini, nil): GeminiLiveCodec.target(model: model, apiKey: apiKey)
        }
    }
}
