internal import AsyncHTTPClient
internal import NIOCore
internal import NIOPosix
internal import TalkpathAudio
internal import TalkpathWire

/// A telephone carrier on loopback: Twilio's REST interface for calls, its webhooks, and its media streams with a
/// person at the other end.
///
/// ```swift
/// var configuration = FakeTwilioConfiguration(connectTo: "127.0.0.1:8080")
/// let twilio = try await FakeTwilio.start(configuration)
/// let sid = await twilio.dialIn(
///     from: "+15550100", to: "+15550199", voiceURL: "https://voice.example.com/twilio/voice")
/// let call = try await twilio.waitUntilOver(sid)
/// await twilio.shutdown()
/// ```
public actor FakeTwilio {
    /// The address that stands for `https://api.twilio.com`.
    public nonisolated let baseURL: String
    public nonisolated let port: Int
    public nonisolated var timeline: SimulatorTimeline { configuration.timeline }

    nonisolated let configuration: FakeTwilioConfiguration
    let clock: SimulatorClock
    var calls: [FakeTwilioCall] = []
    var faults: [RESTFault]
    var recordings: [CallRecording] = []
    /// SIDs of calls and recordings that are listed no more.
    var deleted: Set<String> = []
    private let group: MultiThreadedEventLoopGroup
    private let server: SimulatorHTTPServer
    private let client: HTTPClient
    private let requests: Task<Void, Never>
    private let requestSource: AsyncStream<SimulatorExchange>.Continuation
    private var runs: [Task<Void, Never>] = []
    private var outgoing = 0
    private var isShutDown = false
    /// The records as they were when the event loops, on which calls live, were shut down.
    private var lastRecords: [CallRecord]?

    /// Starts listening.
    public static func start(_ configuration: FakeTwilioConfiguration = .init()) async throws -> FakeTwilio {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, configuration.threads))
        let (stream, source) = AsyncStream.makeStream(of: SimulatorExchange.self)
        do {
            let server = try await SimulatorHTTPServer.start(
                host: configuration.host,
                port: configuration.port,
                on: group
            ) { source.yield($0) }
            return FakeTwilio(configuration, group, server, stream, source)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private init(
        _ configuration: FakeTwilioConfiguration,
        _ group: MultiThreadedEventLoopGroup,
        _ server: SimulatorHTTPServer,
        _ exchanges: AsyncStream<SimulatorExchange>,
        _ source: AsyncStream<SimulatorExchange>.Continuation
    ) {
        self.configuration = configuration
        self.group = group
        self.server = server
        faults = configuration.faults
        port = server.port
        baseURL = "http://\(configuration.host):\(server.port)"
        clock = SimulatorClock(pace: configuration.pace)
        client = HTTPClient(eventLoopGroupProvider: .shared(group))
        requestSource = source
        let (handlers, handlerSource) = AsyncStream.makeStream(of: FakeTwilio.self)
        requests = Task {
            // The actor hands itself over when it is complete.
            var iterator = handlers.makeAsyncIterator()
            guard let twilio = await iterator.next() else { return }
            await withDiscardingTaskGroup { group in
                for await exchange in exchanges { group.addTask { await twilio.handle(exchange) } }
                group.cancelAll()
            }
        }
        handlerSource.yield(self)
        handlerSource.finish()
    }

    // MARK: Calls

    /// Plays an inbound call: asks `voiceURL` for instructions and follows them.
    /// - Parameter behavior: who it is and what goes wrong; its outcome is not asked for.
    /// - Returns: the call's SID.
    @discardableResult
    public func dialIn(
        from: String,
        to: String,
        voiceURL: String,
        statusCallback: String? = nil,
        behavior: CallBehavior = CallBehavior()
    ) -> String {
        var request = CallRequest()
        request.from = from
        request.to = to
        request.source = .url(voiceURL, method: "POST")
        request.statusCallback = statusCallback
        return begin(request, direction: "inbound", behavior: behavior).sid
    }

    /// Every call there has been, in order.
    public func records() async -> [CallRecord] {
        if let lastRecords { return lastRecords }
        var records: [CallRecord] = []
        for call in calls { records.append(await call.record) }
        return records
    }

    public func record(_ sid: String) async -> CallRecord? {
        await records().first { $0.sid == sid }
    }

    /// Waits for the end of a call, its last callback included.
    /// - Throws: `SimulatorTimeout` when it does not end in time.
    public func waitUntilOver(_ sid: String, within limit: Duration = .seconds(60)) async throws -> CallRecord {
        let over: Set<String> = ["completed", "busy", "failed", "no-answer", "canceled"]
        try await timeline.waitFor(within: limit) { event in
            guard event.subject == sid, case .callStatus(let status) = event.kind else { return false }
            return over.contains(status)
        }
        guard let place = calls.firstIndex(where: { $0.sid == sid }) else {
            throw SimulatorTimeout(waited: .zero, last: ["no call \(sid)"])
        }
        let call = calls[place]
        await runs[place].value
        return await call.record
    }

    /// The person puts down the phone.
    public func hangUp(_ sid: String) async {
        await find(sid)?.signal(.hungUp)
    }

    /// The person presses a key.
    public func press(_ key: Character, in sid: String) async {
        await find(sid)?.press(key)
    }

    /// Lets requests go wrong from now on.
    public func inject(_ fault: RESTFault) {
        faults.append(fault)
    }

    /// No fault that was injected or configured takes place any more.
    public func recover() {
        faults.removeAll()
    }

    /// Ends everything without further callbacks; returns when nothing is left open. A second call does nothing.
    public func shutdown() async {
        guard !isShutDown else { return }
        isShutDown = true
        for call in calls { await call.signal(.abort) }
        for run in runs { await run.value }
        requestSource.finish()
        await requests.value
        await server.shutdown()
        lastRecords = await records()
        calls = []
        try? await client.shutdown()
        try? await group.shutdownGracefully()
    }

    // MARK: For REST

    func beginOutgoing(_ request: CallRequest) -> FakeTwilioCall {
        defer { outgoing += 1 }
        return begin(request, direction: "outbound-api", behavior: configuration.behavior(request.to, outgoing))
    }

    func find(_ sid: String) -> FakeTwilioCall? {
        calls.first { $0.sid == sid }
    }

    private func begin(_ request: CallRequest, direction: String, behavior: CallBehavior) -> FakeTwilioCall {
        let call = FakeTwilioCall(
            sid: Identifiers.make("CA"),
            direction: direction,
            request: request,
            behavior: behavior,
            configuration: configuration,
            clock: clock,
            webhooks: WebhookClient(
                client: client,
                authToken: configuration.authToken,
                connectTo: configuration.connectTo,
                timeout: configuration.webhookTimeout
            ),
            loop: group.next()
        )
        calls.append(call)
        runs.append(Task { await call.run() })
        return call
    }
}
