import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import TalkpathAudio
import TalkpathCore
import TalkpathServer
import TalkpathSimulators
import TalkpathWire

/// The real server between a fake carrier and a fake model, all on loopback, and a client of its control API.
final class CallStage: Sendable {
    let timeline: SimulatorTimeline
    let twilio: FakeTwilio
    let openAI: FakeOpenAIRealtime?
    let gemini: FakeGeminiLive?
    let live: FakeOpenAILive?
    let socket: FakeAgentSocket?
    let server: TalkpathServer

    private static let token = "0123456789abcdef0123456789abcdef"

    struct Answer: Sendable {
        var status: Int
        var body: JSONValue
    }

    /// Runs `body` on a stage of its own once there is room for it, and takes the stage down in every case.
    static func with<Result>(
        _ provider: AgentProvider = .openai,
        carrier: CallBehavior = CallBehavior(),
        carrierFaults: [RESTFault] = [],
        agent: AgentScript = .echo,
        agentFaults: [AgentFault] = [],
        format: AudioFormat? = nil,
        misbehaviors: Set<FakeAgentSocket.Misbehavior> = [],
        settings: [String: String] = [:],
        agents: [String: any InProcessAgent] = [:],
        configure: (inout ServerConfiguration) -> Void = { _ in },
        _ body: (CallStage) async throws -> Result
    ) async throws -> Result {
        try await StageGate.shared.admit {
            let stage = try await CallStage(
                provider,
                carrier: carrier,
                carrierFaults: carrierFaults,
                agent: agent,
                agentFaults: agentFaults,
                format: format,
                misbehaviors: misbehaviors,
                settings: settings,
                agents: agents,
                configure: configure
            )
            let result: Swift.Result<Result, any Error>
            do { result = .success(try await body(stage)) } catch { result = .failure(error) }
            await stage.server.shutDown()
            await stage.twilio.shutdown()
            await stage.openAI?.shutdown()
            await stage.gemini?.shutdown()
            await stage.live?.shutdown()
            await stage.socket?.shutdown()
            return try result.get()
        }
    }

    private init(
        _ provider: AgentProvider,
        carrier: CallBehavior,
        carrierFaults: [RESTFault],
        agent: AgentScript,
        agentFaults: [AgentFault],
        format: AudioFormat?,
        misbehaviors: Set<FakeAgentSocket.Misbehavior>,
        settings: [String: String],
        agents: [String: any InProcessAgent],
        configure: (inout ServerConfiguration) -> Void
    ) async throws {
        let timeline = SimulatorTimeline()
        self.timeline = timeline
        let model = FakeAgentConfiguration(apiKey: "key", script: agent, faults: agentFaults, timeline: timeline)
        openAI = provider == .openai ? try await FakeOpenAIRealtime.start(model) : nil
        gemini = provider == .gemini ? try await FakeGeminiLive.start(model) : nil
        live = provider == .openaiLive ? try await FakeOpenAILive.start(model) : nil
        socket =
            provider == .socket
            ? try await FakeAgentSocket.start(model, format: format, misbehaviors: misbehaviors) : nil
        twilio = try await FakeTwilio.start(
            FakeTwilioConfiguration(
                authToken: Self.token,
                behavior: carrier,
                faults: carrierFaults,
                timeline: timeline
            )
        )
        var environment = [
            "TALKPATH_HTTP_PORT": "0", "TALKPATH_LOG_LEVEL": "critical",
            "TALKPATH_AGENT_PROVIDER": provider.rawValue, "TALKPATH_AGENT_FIRST_MESSAGE": "Greet the caller.",
            "TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000001", "TWILIO_AUTH_TOKEN": Self.token,
            "TWILIO_FROM_NUMBER": "+15550100100", "TWILIO_API_BASE_URL": twilio.baseURL,
        ]
        if let openAI {
            environment["OPENAI_API_KEY"] = "key"
            environment["OPENAI_REALTIME_URL"] = openAI.url
        }
        if let gemini {
            environment["GEMINI_API_KEY"] = "key"
            environment["GEMINI_LIVE_URL"] = gemini.url
        }
        if let live {
            environment["OPENAI_API_KEY"] = "key"
            environment["OPENAI_LIVE_URL"] = live.url
        }
        if let socket {
            environment["TALKPATH_SOCKET_KEY"] = "key"
            environment["TALKPATH_SOCKET_URL"] = socket.url
        }
        environment.merge(settings) { $1 }
        var parts = TalkpathServer.Parts()
        parts.agents = agents
        server = try await TalkpathServer.start(
            try .read(environment: environment, isDevelopment: true, override: configure),
            parts: parts
        )
    }

    // MARK: The control API

    func post(_ path: String, _ body: JSONValue = [:]) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(server.port)\(path)")
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: body.serialized()))
        return try await send(request)
    }

    func get(_ path: String) async throws -> Answer {
        try await send(HTTPClientRequest(url: "http://127.0.0.1:\(server.port)\(path)"))
    }

    private func send(_ request: HTTPClientRequest) async throws -> Answer {
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let bytes = Array(try await response.body.collect(upTo: 1 << 22).readableBytesView)
        let body: JSONValue = bytes.isEmpty ? nil : try JSONValue(parsing: bytes.span.bytes)
        return Answer(status: Int(response.status.code), body: body)
    }

    /// Places a call.
    /// - Returns: its id.
    func place() async throws -> String {
        let answer = try await post("/api/calls", ["to": "+15550100199"])
        guard answer.status == 201, let id = answer.body["call_id"]?.string else { throw StageError(answer: answer) }
        return id
    }

    func end(_ id: String, _ body: JSONValue = [:]) async throws -> Answer {
        try await post("/api/calls/\(id)/end", body)
    }

    /// Places a call, and waits until the caller and the model are connected.
    ///
    /// The simulators report their own steps. The server learns of them a little later, and refuses commands until then.
    func bridged() async throws -> String {
        let id = try await place()
        try await waitFor { if case .streamStarted = $0 { true } else { false } }
        try await waitFor { $0 == .sessionReady }
        while true {
            let call = try await get("/api/calls/\(id)").body
            let isHeard = call["metrics"]?["frames_from_caller"]?.int ?? 0 > 0
            if call["status"]?.string == "in_progress", isHeard { return id }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Waits until the ended call has its record.
    func record(of id: String) async throws -> JSONValue {
        while true {
            let call = try await get("/api/calls/\(id)")
            if call.body["receipt"]?.isNull == false { return call.body }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    @discardableResult
    func waitFor(_ predicate: @escaping @Sendable (SimulatorEvent.Kind) -> Bool) async throws -> SimulatorEvent {
        try await timeline.waitFor { predicate($0.kind) }
    }

    func models() async -> [AgentRecord] {
        if let openAI { return await openAI.sessions() }
        if let live { return await live.sessions() }
        if let socket { return await socket.sessions() }
        return await gemini?.sessions() ?? []
    }

    func openModels() async -> Int {
        if let openAI { return await openAI.openSessions() }
        if let live { return await live.openSessions() }
        if let socket { return await socket.openSessions() }
        return await gemini?.openSessions() ?? 0
    }
}

struct StageError: Error {
    var answer: CallStage.Answer
}
