package import TalkpathWire

/// Any of the fake models, behind one interface.
package enum FakeModel {
    case openAI(FakeOpenAIRealtime)
    case gemini(FakeGeminiLive)
    case live(FakeOpenAILive)
    case socket(FakeAgentSocket)

    package static func start(_ provider: AgentProvider, _ configuration: FakeAgentConfiguration) async throws
        -> FakeModel
    {
        switch provider {
        case .openai: .openAI(try await FakeOpenAIRealtime.start(configuration))
        case .gemini: .gemini(try await FakeGeminiLive.start(configuration))
        case .openaiLive: .live(try await FakeOpenAILive.start(configuration))
        case .socket: .socket(try await FakeAgentSocket.start(configuration))
        }
    }

    /// The address for a bridge.
    package var url: String {
        switch self {
        case .openAI(let model): model.url
        case .gemini(let model): model.url
        case .live(let model): model.url
        case .socket(let model): model.url
        }
    }

    package func sessions() async -> [AgentRecord] {
        switch self {
        case .openAI(let model): await model.sessions()
        case .gemini(let model): await model.sessions()
        case .live(let model): await model.sessions()
        case .socket(let model): await model.sessions()
        }
    }

    package func openSessions() async -> Int {
        switch self {
        case .openAI(let model): await model.openSessions()
        case .gemini(let model): await model.openSessions()
        case .live(let model): await model.openSessions()
        case .socket(let model): await model.openSessions()
        }
    }

    package func shutdown() async {
        switch self {
        case .openAI(let model): await model.shutdown()
        case .gemini(let model): await model.shutdown()
        case .live(let model): await model.shutdown()
        case .socket(let model): await model.shutdown()
        }
    }
}
