import TalkpathSimulators
import TalkpathWire

/// Either of the fake models, as the demo uses it.
enum FakeModel {
    case openAI(FakeOpenAIRealtime)
    case gemini(FakeGeminiLive)

    static func start(_ provider: AgentProvider, _ configuration: FakeAgentConfiguration) async throws -> FakeModel {
        switch provider {
        case .openai: .openAI(try await FakeOpenAIRealtime.start(configuration))
        case .gemini: .gemini(try await FakeGeminiLive.start(configuration))
        }
    }

    /// Where a bridge finds it.
    var url: String {
        switch self {
        case .openAI(let model): model.url
        case .gemini(let model): model.url
        }
    }

    func sessions() async -> [AgentRecord] {
        switch self {
        case .openAI(let model): await model.sessions()
        case .gemini(let model): await model.sessions()
        }
    }

    func openSessions() async -> Int {
        switch self {
        case .openAI(let model): await model.openSessions()
        case .gemini(let model): await model.openSessions()
        }
    }

    func shutdown() async {
        switch self {
        case .openAI(let model): await model.shutdown()
        case .gemini(let model): await model.shutdown()
        }
    }
}
