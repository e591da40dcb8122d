internal import TalkpathAudio

/// Gemini Live (BidiGenerateContent, Developer API) as a server on loopback, with a scripted model behind it.
///
/// It is as strict as the service: unknown fields, a missing setup or odd audio close the socket with 1007 or 1008 and
/// a reason. It is also as tolerant: it accepts camelCase and snake_case, both alphabets of base64, and `//ws/…`. It
/// listens to the caller's audio itself.
public final class FakeGeminiLive: Sendable {
    private let server: AgentServer<GeminiLiveModel>

    /// Starts listening.
    public static func start(_ configuration: FakeAgentConfiguration = .init()) async throws -> FakeGeminiLive {
        let apiKey = configuration.apiKey
        let handles = GeminiHandles()
        return FakeGeminiLive(
            server: try await .start(configuration) { exchange in
                admit(exchange, apiKey: apiKey)
            } makeModel: { _, session, now in
                GeminiLiveModel(
                    session: session,
                    script: configuration.script(forSession: session),
                    faults: configuration.faults,
                    behaviours: configuration.behaviours.behaviours(inSession: session),
                    keepsAudio: configuration.keepsAudio,
                    handles: handles,
                    at: now
                )
            }
        )
    }

    private init(server: AgentServer<GeminiLiveModel>) {
        self.server = server
    }

    public var port: Int { server.port }
    /// The address to use instead of `wss://generativelanguage.googleapis.com`.
    public var baseURL: String { "ws://\(server.configuration.host):\(port)" }
    /// The address at which sockets are opened.
    public var url: String {
        baseURL + "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
    }
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
    ) -> AgentServer<GeminiLiveModel>.Admission {
        func refuse(_ status: Int, _ word: String, _ text: String) -> AgentServer<GeminiLiveModel>.Admission {
            .refuse(
                status: status,
                body: #"{"error":{"code":\#(status),"message":"\#(text)","status":"\#(word)"}}"#
            )
        }
        // Some clients write the first slash twice.
        let path = exchange.path.hasPrefix("//") ? String(exchange.path.dropFirst()) : exchange.path
        let head = "/ws/google.ai.generativelanguage."
        guard path.hasPrefix(head) else { return refuse(404, "NOT_FOUND", "Requested entity was not found.") }
        let rest = path.dropFirst(head.count).split(separator: ".", maxSplits: 1)
        guard rest.count == 2, ["v1", "v1beta", "v1alpha"].contains(rest[0]),
            rest[1] == "GenerativeService.BidiGenerateContent"
        else { return refuse(404, "NOT_FOUND", "Requested entity was not found.") }
        if let apiKey, exchange.header("x-goog-api-key") != apiKey, exchange.query["key"] != apiKey {
            return refuse(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
        }
        return .accept(model: "")
    }
}
