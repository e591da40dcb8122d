internal import TalkpathAudio

/// OpenAI's Realtime interface (GA) as a server on loopback, with a scripted model behind it.
///
/// It is as strict as the documentation: it answers unknown fields, wrong types and odd audio with error events, and
/// counts them as violations. It listens to the caller's audio itself.
public final class FakeOpenAIRealtime: Sendable {
    private let server: AgentServer<OpenAIRealtimeModel>

    /// Starts listening.
    public static func start(_ configuration: FakeAgentConfiguration = .init()) async throws -> FakeOpenAIRealtime {
        let apiKey = configuration.apiKey
        return FakeOpenAIRealtime(
            server: try await .start(configuration) { exchange in
                admit(exchange, apiKey: apiKey)
            } makeModel: { model, session, now in
                OpenAIRealtimeModel(
                    model: model,
                    session: session,
                    script: configuration.script(forSession: session),
                    faults: configuration.faults,
                    behaviours: configuration.behaviours.behaviours(inSession: session),
                    keepsAudio: configuration.keepsAudio,
                    at: now
                )
            }
        )
    }

    private init(server: AgentServer<OpenAIRealtimeModel>) {
        self.server = server
    }

    public var port: Int { server.port }
    /// The address to use instead of `wss://api.openai.com/v1`.
    public var baseURL: String { "ws://\(server.configuration.host):\(port)/v1" }
    /// The address at which sockets are opened, without `?model=`.
    public var url: String { baseURL + "/realtime" }
    public var timeline: SimulatorTimeline { server.configuration.timeline }

    /// One record for each opened socket, in the order of opening.
    public func sessions() async -> [AgentRecord] { await server.records() }

    public func openSessions() async -> Int { await server.openSessions() }

    /// Performs a fault now, in the session of that number.
    public func perform(_ action: AgentFault.Action, session: Int = 0) async {
        await server.perform(action, session: session)
    }

    /// Closes everything; returns when nothing is left open. A second call does nothing.
    public func shutdown() async { await server.shutdown() }

    private static func admit(
        _ exchange: SimulatorExchange,
        apiKey: String?
    ) -> AgentServer<OpenAIRealtimeModel>.Admission {
        func refuse(_ status: Int, _ code: String, _ message: String) -> AgentServer<OpenAIRealtimeModel>.Admission {
            .refuse(
                status: status,
                body:
                    #"{"error":{"message":"\#(message)","type":"invalid_request_error","param":null,"code":"\#(code)"}}"#
            )
        }
        guard exchange.path == "/v1/realtime" else { return refuse(404, "unknown_url", "Invalid URL") }
        if let apiKey, exchange.header("authorization") != "Bearer \(apiKey)" {
            return refuse(401, "invalid_api_key", "Incorrect API key provided.")
        }
        guard exchange.header("openai-beta") == nil else {
            return refuse(400, "beta_api_shape_disabled", "The Realtime Beta API is no longer supported.")
        }
        // A transcription session has no model in the address. `session.update` names the transcribing model.
        if exchange.query["intent"] == "transcription" { return .accept(model: "") }
        guard let model = exchange.query["model"], !model.isEmpty else {
            return refuse(400, "missing_model", "You must provide a model parameter.")
        }
        return .accept(model: model)
    }
}
