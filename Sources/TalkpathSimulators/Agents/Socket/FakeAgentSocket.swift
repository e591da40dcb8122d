public import TalkpathAudio

/// A socket agent, as a server on loopback, with a scripted model behind it: the judge of Talkpath's protocol for
/// agents.
///
/// It is as strict as `docs/agent-socket.md`: it notes unknown members, wrong types, odd audio and messages out of
/// order as violations. It listens to the caller's audio itself, and leaves interruptions to the bridge.
public final class FakeAgentSocket: Sendable {
    /// Faults of real agents.
    public enum Misbehavior: String, Sendable, CaseIterable {
        /// Audio before `ready`.
        case earlyAudio = "early-audio"
        /// Audio after the end of its response, and the end of a response that never was.
        case staleResponse = "stale-response"
        /// Text that is no JSON, beside each answer.
        case brokenJSON = "broken-json"
        /// Messages of unknown kinds, beside each answer.
        case unknownKinds = "unknown-kinds"
        /// Half a sample in front of an answer.
        case oddAudio = "odd-audio"
        /// Thousands of messages at once, in front of the first answer.
        case flood
        /// Never ends a response that it was told to break off.
        case deafToCancel = "deaf-to-cancel"
    }

    private let server: AgentServer<SocketAgentModel>

    /// Starts listening.
    ///
    /// - Parameters:
    ///   - format: what the agent asks for, in both directions; `nil` takes what it is offered.
    ///   - misbehaviors: what the agent does wrong, in every session.
    public static func start(
        _ configuration: FakeAgentConfiguration = .init(),
        format: AudioFormat? = nil,
        misbehaviors: Set<Misbehavior> = []
    ) async throws -> FakeAgentSocket {
        let apiKey = configuration.apiKey
        let places = SocketAgentPlaces()
        return FakeAgentSocket(
            server: try await .start(configuration) { exchange in
                guard let apiKey, exchange.header("authorization") != "Bearer \(apiKey)" else {
                    return .accept(model: "")
                }
                return .refuse(status: 401, body: #"{"error":"the secret is another one"}"#)
            } makeModel: { _, session, now in
                SocketAgentModel(
                    session: session,
                    script: configuration.script(forSession: session),
                    faults: configuration.faults,
                    behaviours: configuration.behaviours.behaviours(inSession: session),
                    keepsAudio: configuration.keepsAudio,
                    format: format,
                    misbehaviors: misbehaviors,
                    places: places,
                    at: now
                )
            }
        )
    }

    private init(server: AgentServer<SocketAgentModel>) {
        self.server = server
    }

    public var port: Int { server.port }
    /// The address at which sockets are opened.
    public var url: String { "ws://\(server.configuration.host):\(port)/agent" }
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
