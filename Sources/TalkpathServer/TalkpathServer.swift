import AsyncHTTPClient
import Hummingbird
public import Logging
public import CoreMetrics
import NIOCore
import NIOPosix
package import NIOSSL
import ServiceLifecycle
public import TalkpathCore
import TalkpathHTTP
package import TalkpathNIO
import TalkpathStore
import TalkpathWire
package import Tracing

/// The server: control API, the carrier's webhooks and the media socket on one port.
///
/// ```swift
/// let server = try await TalkpathServer.start(configuration)
/// print("listening on port", server.port)
/// await server.shutDown()
/// ```
///
/// Each lane is a thread that carries calls with their media sockets and models' sockets. With one lane, its thread
/// carries the port as well; with several, the port has a thread of its own, or as many as there are lanes where it
/// speaks TLS. Requests are worked on in the cooperative pool, and the carrier is asked by an HTTP client on threads of
/// its own.
public final class TalkpathServer: Sendable {
    /// Replacements for default parts.
    public struct Parts: Sendable {
        /// Instead of Twilio.
        public var carrier: (any Carrier)?
        /// Instead of tenants' own accounts at Twilio.
        var tenantCarriers: [String: any Carrier] = [:]
        /// All of them are told what happens, on the call's thread and so on several at a time: they must return at
        /// once.
        public var events: [any CallEventSink] = []
        /// Carries out the functions that agents call.
        public var tools: (any ToolHandler)?
        /// Agents of your own in this process, by name. An agent's address (`TALKPATH_SOCKET_URL`, or `socket.url` of
        /// any tenant's agent) names one as `in-process:NAME`.
        public var agents: [String: any InProcessAgent] = [:]
        /// Is told what `/metrics` shows, as well.
        public var metrics: (any MetricsFactory)?
        /// The media loops go before every other thread of the process: they are all made nicer by ten levels, which
        /// needs no privilege (Linux). For processes that are a server and nothing else; `talkpath serve` is one.
        public var putsMediaFirst = false
        /// Gives memory that ended calls have freed back to the system (Linux with glibc), which may hold up threads
        /// that allocate for some milliseconds. For processes that are servers and nothing else.
        public var givesMemoryBack = false
        /// The roots to trust for the models' sockets; `nil` trusts the system's roots.
        package var agentTLS: NIOSSLContext?
        /// The policy for tenants' webhooks and functions; `nil` takes the configuration's.
        package var addressPolicy: OutboundAddressPolicy?
        /// Makes the calls' spans; `nil` takes the configuration's, or the process's own.
        package var tracer: (any Tracer)?
        /// The times at which failed deliveries are tried again.
        package var deliveryBackoff = Backoff.deliveries

        public init() {}
    }

    /// The one that was bound.
    public let port: Int
    /// Every call, to look at and to end.
    public var manager: CallManager { bridge.manager }
    package let bridge: MediaBridge

    private let services: ServiceGroup
    let state: ServerState
    /// Runs until everything of the server is closed; all who wait for the stop wait for this task.
    private let closing: Task<Void, any Error>
    private let stop: ServerStop
    /// Nil where the port speaks no TLS.
    private let certificates: TLSCertificateService?

    private init(
        port: Int,
        bridge: MediaBridge,
        store: ServerStore,
        group: ServerThreads,
        client: HTTPClient,
        captures: CaptureService?,
        tools: HTTPToolCaller,
        services: ServiceGroup,
        running: Task<Void, any Error>,
        stop: ServerStop,
        state: ServerState,
        certificates: TLSCertificateService?
    ) {
        self.certificates = certificates
        self.stop = stop
        self.port = port
        self.bridge = bridge
        self.services = services
        self.state = state
        closing = Task {
            let result = await running.result
            await captures?.shutDown()
            await tools.close()
            try? await client.shutdown()
            await state.nodes?.close()
            await group.shutDown()
            store.close()
            state.logger.info("Stopped")
            try result.get()
        }
    }

    /// Starts a server; returns when it listens.
    ///
    /// - Throws: ``ConfigurationError`` before anything is opened, or what kept it from listening, after everything has
    ///   been closed again.
    public static func start(
        _ configuration: ServerConfiguration,
        parts: Parts = Parts(),
        logger: Logger? = nil
    ) async throws -> TalkpathServer {
        let problems =
            configuration.problems() + ServerConfiguration.environmentProblems()
            + configuration.problems(with: parts.agents)
        guard problems.isEmpty else { throw ConfigurationError(problems) }
        let logger = logger ?? defaultLogger(configuration.logLevel)
        let group = ServerThreads(configuration)
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: TwilioCarrier.clientConfiguration(
                for: configuration.twilio?.baseURL ?? configuration.analysis?.baseURL
            )
        )
        let metrics = PrometheusRegistry(help: MetricsRoute.help)
        let factory = MultiplexMetricsHandler(
            factories: [metrics as any MetricsFactory] + (parts.metrics.map { [$0] } ?? [])
        )
        let captures = configuration.recordings.map {
            CaptureService(
                recordings: $0,
                standard: configuration.capture,
                instruments: CaptureInstruments(factory: factory),
                logger: logger
            )
        }
        var store: ServerStore?
        do {
            let opened = try ServerStore.open(
                configuration.storage,
                node: configuration.node,
                clock: SystemClock(),
                factory: factory,
                logger: logger
            )
            store = opened
            if let folder = configuration.recordings?.folder, let problem = CaptureService.problem(withFolder: folder) {
                throw ConfigurationError([.init(Setting.recordings.rawValue, problem)])
            }
            return try await start(
                configuration,
                parts: parts,
                logger: logger,
                store: opened,
                group: group,
                client: client,
                captures: captures,
                metrics: metrics,
                factory: factory
            )
        } catch {
            await captures?.shutDown()
            store?.close()
            try? await client.shutdown()
            await group.shutDown()
            throw error
        }
    }

    private static func start(
        _ configuration: ServerConfiguration,
        parts: Parts,
        logger: Logger,
        store: ServerStore,
        group: ServerThreads,
        client: HTTPClient,
        captures: CaptureService?,
        metrics: PrometheusRegistry,
        factory: any MetricsFactory
    ) async throws -> TalkpathServer {
        let allowsPlain = configuration.isDevelopment
        let origin = OriginBox(configuration.publicURL.flatMap { PublicOrigin($0, allowsPlain: allowsPlain) })
        let unansweredCreates = UnansweredCreates()
        let carriers = try carriers(
            configuration,
            parts,
            client: client,
            origin: origin,
            unansweredCreates: unansweredCreates
        )
        let caps = CallCaps(
            .init(
                placedPerSecond: configuration.callsPerSecond,
                atOnce: configuration.maximumCallsPerTenant,
                minutesPerDay: configuration.minutesPerDay
            )
        )
        let addressPolicy = parts.addressPolicy ?? configuration.addressPolicy
        let activity = ActivityBook()
        let spans = SpanQueue()
        let traces = CallTraces(
            tracer: parts.tracer
                ?? (configuration.traces == nil ? InstrumentationSystem.tracer : OTLPTracer(queue: spans)),
            holdsContent: configuration.tracesHoldContent,
            clock: SystemClock()
        )
        let tools = HTTPToolCaller(policy: addressPolicy, traces: traces)
        let bridge = MediaBridge(
            eventLoops: group.lanes,
            carrier: carriers,
            store: store.calls,
            events: EventFanOut(
                [store.recorder, caps, activity, traces, CallLog(logger: logger)] + (carriers.map { [$0] } ?? [])
                    + parts.events
            ),
            tools: parts.tools.map { TracedFunctions(inner: $0, traces: traces) },
            agents: parts.agents,
            toolEndpoints: tools,
            maximumCalls: configuration.maximumCalls,
            agentTLS: parts.agentTLS,
            instruments: CallInstruments(factory: factory),
            logger: logger,
            captures: captures,
            foreignAgents: addressPolicy.judgeOfAgents,
            prices: try configuration.priceTable()
        )
        unansweredCreates.know { [manager = bridge.manager, calls = store.calls] name in
            if await manager.session(carrierCallID: name) != nil { return true }
            return (try? await calls.isKnown(carrierCallID: name)) ?? true
        }
        traces.describe { [weak manager = bridge.manager] id in
            manager?.directory.session(id).map { CallTraces.Call(direction: $0.direction, agent: $0.agent) }
        }
        let steady = SteadyClock(bridge.clock)
        let dispatcher = EventDispatcher(
            store: store.calls,
            recorder: store.recorder,
            configuration: configuration.notifications,
            policy: addressPolicy,
            configuredPolicy: configuration.configuredAddressPolicy,
            clock: bridge.clock,
            steady: steady,
            backoff: parts.deliveryBackoff,
            traces: traces,
            factory: factory,
            logger: logger
        )
        // The receivers of events must be known before lost calls are closed.
        try await dispatcher.prepare()
        try await store.writeSpooled(logger: logger)
        if store.registry == nil {
            try await store.sweep(clock: bridge.clock, logger: logger)
            try await store.charge(caps, clock: bridge.clock)
        }
        let instruments = ServerInstruments(factory: factory, maximumCalls: configuration.maximumCalls)
        let state = ServerState(
            configuration: configuration,
            bridge: bridge,
            store: store,
            nodes: Nodes(configuration, store: store, clock: bridge.clock, factory: factory),
            dispatcher: dispatcher,
            addressPolicy: addressPolicy,
            hangUpBell: Bell(),
            carriers: carriers,
            caps: caps,
            origin: origin,
            metrics: metrics,
            instruments: instruments,
            traces: traces,
            activity: activity,
            inProcessAgents: Set(parts.agents.keys),
            logger: logger
        )
        do {
            return try await serve(
                state,
                parts: parts,
                group: group,
                client: client,
                captures: captures,
                tools: tools,
                origin: origin,
                spans: spans,
                steady: steady,
                factory: factory
            )
        } catch {
            await tools.close()
            await state.nodes?.close()
            throw error
        }
    }

    /// Starts the services; returns when the port is bound.
    private static func serve(
        _ state: ServerState,
        parts: Parts,
        group: ServerThreads,
        client: HTTPClient,
        captures: CaptureService?,
        tools: HTTPToolCaller,
        origin: OriginBox,
        spans: SpanQueue,
        steady: SteadyClock,
        factory: any MetricsFactory
    ) async throws -> TalkpathServer {
        let (configuration, bridge, store, logger) = (state.configuration, state.bridge, state.store, state.logger)
        let (ports, bound) = AsyncStream<Int>.makeStream()
        let certificate = try configuration.tls.map(TLSCertificate.init)
        let app = application(state, group: group.port, certificate: certificate) { port in
            origin.setIfUnknown(ownOrigin(host: configuration.host, port: port))
            bound.yield(port)
        }
        // The last one is stopped first: calls end while the port still answers, and what they tell is still written.
        var all = keepers(state, client: client, factory: factory, steady: steady)
        if let nodes = state.nodes {
            let keeper = NodeKeeper(nodes: nodes, state: state, logger: logger)
            try await keeper.begin()
            all.insert(keeper, at: 0)
        }
        if state.traces.isOn { all.insert(TraceUpkeep(traces: state.traces), at: 0) }
        if let receiver = configuration.traces, parts.tracer == nil {
            let exporter = try OTLPExporter(receiver, queue: spans, factory: factory, logger: logger)
            all.insert(exporter, at: 0)
        }
        // In front of them: to the end, there may be calls.
        if parts.givesMemoryBack { all.insert(FreedMemory(logger: logger), at: 0) }
        if parts.putsMediaFirst { all.insert(MediaPrecedence(eventLoops: group.first), at: 0) }
        if let captures {
            let keeper = RecordingKeeper(captures: captures, store: store.calls, clock: bridge.clock, logger: logger)
            all.append(keeper)
        }
        state.warnOfFewDescriptors()
        let certificates = certificate.map {
            TLSCertificateService(certificate: $0, clock: bridge.clock, logger: logger)
        }
        if let certificates {
            certificates.warnOfValidity()
            all.append(certificates)
        }
        all += [app, CallsService(state: state)]
        let services = ServiceGroup(configuration: .init(services: all, logger: quieter(logger)))
        let running = Task {
            defer { bound.finish() }
            try await services.run()
        }
        guard let port = await ports.first(where: { _ in true }) else {
            try await running.value
            throw CancellationError()
        }
        logger.info("Listening", metadata: ["host": "\(configuration.host)", "port": "\(port)"])
        return TalkpathServer(
            port: port,
            bridge: bridge,
            store: store,
            group: group,
            client: client,
            captures: captures,
            tools: tools,
            services: services,
            running: running,
            stop: state.stop,
            state: state,
            certificates: certificates
        )
    }

    /// Reads the files of the port's certificate again, now instead of within seconds of a change. Blocks while it
    /// does. Files that are wrong leave the one before in use, which the log says. Without TLS it does nothing.
    public func reloadCertificate() {
        certificates?.reload()
    }

    // MARK: The end

    /// Begins to stop: no new calls; the live ones may finish within ``ServerConfiguration/drainTimeout``, are drained
    /// then, and the port is closed. Does not wait.
    public func beginShutdown() async {
        await services.triggerGracefulShutdown()
    }

    /// Stopping or not: the live calls are ended now, and then the server. Does not wait.
    public func endNow() async {
        stop.endNow()
        await services.triggerGracefulShutdown()
    }

    /// The same, for a process that must exit soon: all calls together get `bound` to end and to be saved. The server
    /// does not wait for answers after that, and the records say so. Returns when the calls are saved, or a little
    /// after the bound.
    public func endNow(within bound: Duration) async {
        await endNow()
        await bridge.manager.shutDown(within: bound)
    }

    /// Returns when the server has stopped and nothing of it is open any more. Several may wait.
    public func waitUntilStopped() async throws {
        try await closing.value
    }

    /// Ends all calls and stops; returns when nothing of the server is open any more. May be called again.
    public func shutDown() async {
        await endNow()
        try? await waitUntilStopped()
    }

    // MARK: Parts

    /// The services that keep the store in order and deliver events.
    private static func keepers(
        _ state: ServerState,
        client: HTTPClient,
        factory: any MetricsFactory,
        steady: SteadyClock
    ) -> [any Service] {
        let (store, clock, logger) = (state.store, state.bridge.clock, state.logger)
        return [
            StoreUpkeep(
                store: store.calls,
                recorder: store.recorder,
                storage: state.configuration.storage,
                clock: clock,
                steady: steady,
                factory: factory,
                logger: logger
            ),
            HangUps(
                store: store.calls,
                carriers: state.carriers,
                clock: steady,
                bell: state.hangUpBell,
                logger: logger,
                instruments: state.instruments
            ),
            AnalysisService(
                store: store.calls,
                recorder: store.recorder,
                model: state.configuration.analysis.map { AnalysisModel(configuration: $0, client: client) },
                clock: clock,
                logger: logger
            ),
            state.dispatcher,
        ]
    }

    /// Nil without a carrier account.
    private static func carriers(
        _ configuration: ServerConfiguration,
        _ parts: Parts,
        client: HTTPClient,
        origin: OriginBox,
        unansweredCreates: UnansweredCreates
    ) throws -> TenantCarriers? {
        func carrier(_ twilio: ServerConfiguration.Twilio) throws -> any Carrier {
            TwilioCarrier(
                account: try twilio.account(),
                client: client,
                allowsPlain: configuration.isDevelopment,
                unansweredCreates: unansweredCreates,
                pacer: configuration.carrierCallsPerSecond.map { CallPacer(rate: $0) }
            ) {
                origin.value
            }
        }
        let shared = try parts.carrier ?? configuration.twilio.map(carrier)
        let own = try configuration.tenantTwilio.mapValues(carrier).merging(parts.tenantCarriers) { $1 }
        return shared == nil && own.isEmpty
            ? nil
            : TenantCarriers(shared: shared, own: own, destinations: configuration.destinations)
    }

    /// For the libraries that run the services and the port: their debug lines show their own insides, and only `trace`
    /// asks for those.
    static func quieter(_ logger: Logger) -> Logger {
        var logger = logger
        if logger.logLevel > .trace { logger.logLevel = max(logger.logLevel, .warning) }
        return logger
    }

    private static func ownOrigin(host: String, port: Int) -> PublicOrigin? {
        let name = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
        return PublicOrigin("http://\(name):\(port)", allowsPlain: true)
    }

    private static func defaultLogger(_ level: Logger.Level) -> Logger {
        var logger = Logger(label: "talkpath")
        logger.logLevel = level
        return logger
    }
}
