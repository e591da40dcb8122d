internal import NIOCore
internal import NIOPosix
internal import Synchronization
internal import TalkpathAudio

/// The server of a fake model: accepts sockets and keeps their connections.
final class AgentServer<Model: AgentModel>: Sendable {
    /// The decision about a request.
    enum Admission {
        case accept(model: String)
        case refuse(status: Int, body: String)
    }

    private struct State {
        var server: SimulatorHTTPServer?
        var connections: [AgentConnection<Model>] = []
        var sessions = 0
        /// The records as of the shutdown. The connections cannot be asked after it, because their event loops have
        /// ended.
        var lastRecords: [AgentRecord]?
    }

    let configuration: FakeAgentConfiguration
    private let group: MultiThreadedEventLoopGroup
    private let clock: SimulatorClock
    private let state = Mutex(State())
    private let admit: @Sendable (SimulatorExchange) -> Admission
    private let makeModel: @Sendable (_ model: String, _ session: Int, _ now: MonotonicInstant) -> Model

    static func start(
        _ configuration: FakeAgentConfiguration,
        admit: @escaping @Sendable (SimulatorExchange) -> Admission,
        makeModel: @escaping @Sendable (_ model: String, _ session: Int, _ now: MonotonicInstant) -> Model
    ) async throws -> AgentServer {
        let server = AgentServer(configuration, admit: admit, makeModel: makeModel)
        do {
            let listening = try await SimulatorHTTPServer.start(
                host: configuration.host,
                port: configuration.port,
                on: server.group
            ) { server.handle($0) }
            server.state.withLock { $0.server = listening }
            return server
        } catch {
            try? await server.group.shutdownGracefully()
            throw error
        }
    }

    private init(
        _ configuration: FakeAgentConfiguration,
        admit: @escaping @Sendable (SimulatorExchange) -> Admission,
        makeModel: @escaping @Sendable (String, Int, MonotonicInstant) -> Model
    ) {
        self.configuration = configuration
        self.admit = admit
        self.makeModel = makeModel
        group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, configuration.threads))
        clock = SimulatorClock(pace: configuration.pace)
    }

    var port: Int { state.withLock { $0.server?.port ?? 0 } }

    func records() async -> [AgentRecord] {
        if let last = state.withLock({ $0.lastRecords }) { return last }
        var records: [AgentRecord] = []
        for connection in connections() { records.append(await connection.record) }
        return records
    }

    func openSessions() async -> Int {
        var count = 0
        for connection in connections() where await connection.isOpen { count += 1 }
        return count
    }

    func perform(_ action: AgentFault.Action, session: Int) async {
        for connection in connections() where connection.session == session { await connection.perform(action) }
    }

    func shutdown() async {
        let server = state.withLock { state in
            defer { state.server = nil }
            return state.server
        }
        guard let server else { return }
        await server.shutdown()
        let last = await records()
        state.withLock { state in
            state.lastRecords = last
            state.connections = []
        }
        try? await group.shutdownGracefully()
    }

    private func connections() -> [AgentConnection<Model>] { state.withLock { $0.connections } }

    private func handle(_ exchange: SimulatorExchange) {
        let session = state.withLock { state in
            defer { state.sessions += 1 }
            return state.sessions
        }
        let faults = configuration.faults.filter { $0.moment == .handshake && $0.concerns(session: session) }
        for fault in faults where refuses(exchange, fault.action, session: session) { return }
        switch admit(exchange) {
        case .refuse(let status, let body): refuse(exchange, status, body, session: session)
        case .accept(let model):
            guard exchange.asksForWebSocket else {
                return refuse(exchange, 426, #"{"error":{"message":"a WebSocket is expected here"}}"#, session: session)
            }
            open(exchange, model: model, session: session)
        }
    }

    private func open(_ exchange: SimulatorExchange, model: String, session: Int) {
        let connection = AgentConnection(
            model: makeModel(model, session, clock.now()),
            session: session,
            loop: exchange.channel.eventLoop,
            clock: clock,
            timeline: configuration.timeline
        )
        state.withLock { $0.connections.append(connection) }
        _ = exchange.upgrade(connection.events)
    }

    private func refuse(_ exchange: SimulatorExchange, _ status: Int, _ body: String, session: Int) {
        report(.connectionRefused(status: status), session: session)
        exchange.respond(
            status,
            headers: [("content-type", "application/json"), ("connection", "close")],
            body: Array(body.utf8)
        )
    }

    private func refuses(_ exchange: SimulatorExchange, _ action: AgentFault.Action, session: Int) -> Bool {
        report(.fault("\(action)"), session: session)
        switch action {
        case .refuse(let status):
            refuse(exchange, status, #"{"error":{"message":"refused on purpose"}}"#, session: session)
        case .fallSilent: report(.connectionRefused(status: 0), session: session)
        case .vanish, .close, .error, .goAway: exchange.drop()
        case .endStream: exchange.channel.close(promise: nil)
        case .pause(let duration):
            let real = TimeAmount.nanoseconds(clock.realDuration(duration).wholeNanoseconds)
            exchange.channel.eventLoop.scheduleTask(in: real) { [self] in
                if case .accept(let model) = admit(exchange) { open(exchange, model: model, session: session) }
            }
        }
        return true
    }

    private func report(_ kind: SimulatorEvent.Kind, session: Int) {
        configuration.timeline.publish(
            SimulatorEvent(instant: clock.now(), source: Model.source, subject: "\(session)", kind: kind)
        )
    }
}
