internal import TalkpathAudio

/// OpenAI's GPT-Live as a server on loopback, with a scripted model behind it.
///
/// It is as strict as the provider's own types: it answers unknown fields and messages out of order with error events,
/// and counts them as violations. Its clock advances only while it is sent audio, and a hole in that audio is a
/// violation. It speaks at the speed of real time, silence included, and hears for itself when it is interrupted.
public final class FakeOpenAILive: Sendable {
    private let server: AgentServer<OpenAILiveModel>

    /// Starts listening.
    ///
    /// - Parameters:
    ///   - longestHole: the longest hole in the caller's audio that is no violation. The default allows for a loaded
    ///     machine; what a bridge must keep is 100 ms.
    ///   - lifetime: the length of a session.
    public static func start(
        _ configuration: FakeAgentConfiguration = .init(),
        longestHole: Duration = .milliseconds(400),
        lifetime: Duration = .seconds(3600)
    ) async throws -> FakeOpenAILive {
        let apiKey = configuration.apiKey
        return FakeOpenAILive(
            server: try await .start(configuration) { exchange in
                func refuse(_ status: Int, _ code: String) -> AgentServer<OpenAILiveModel>.Admission {
                    .refuse(
                        status: status,
                        body: #"{"error":{"message":"refused","type":"invalid_request_error","code":"\#(code)"}}"#
                    )
                }
                guard exchange.path == "/v1/live/sessions" else { return refuse(404, "unknown_url") }
                guard exchange.query.fields.isEmpty else { return refuse(400, "unknown_parameter") }
                if let apiKey, exchange.header("authorization") != "Bearer \(apiKey)" {
                    return refuse(401, "invalid_api_key")
                }
                return .accept(model: "")
            } makeModel: { _, session, now in
                OpenAILiveModel(
                    session: session,
                    script: configuration.script(forSession: session),
                    faults: configuration.faults,
                    behaviours: configuration.behaviours.behaviours(inSession: session),
                    keepsAudio: configuration.keepsAudio,
                    longestHole: longestHole,
                    lifetime: lifetime,
                    at: now
                )
            }
        )
    }

    private init(server: AgentServer<OpenAILiveModel>) {
        self.server = server
    }

    public var port: Int { server.port }
    /// The address at which sockets are opened.
    public var url: String { "ws://\(server.configuration.host):\(port)/v1/live/sessions" }
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
}
