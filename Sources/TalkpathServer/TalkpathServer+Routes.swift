import Hummingbird
import Logging
import NIOCore
import NIOPosix
import TalkpathHTTP
import TalkpathNIO

/// The port: its routes and its media sockets.
extension TalkpathServer {
    static func application(
        _ state: ServerState,
        group: any EventLoopGroup,
        certificate: TLSCertificate?,
        onRunning: @escaping @Sendable (Int) -> Void
    ) -> some ApplicationProtocol {
        let configuration = state.configuration
        let authenticity = TwilioAuthenticity(configuration)
        var connections = OnePortServer.Configuration()
        connections.limits.requestTimeout = configuration.requestTimeout
        connections.limits.headTimeout = configuration.headTimeout
        connections.budget = state.connections
        if let certificate { connections.tls = { certificate.context } }
        return Application(
            router: router(state, authenticity: authenticity),
            server: OnePortServer.builder(
                webSockets: MediaStreamRoute(state: state, authenticity: authenticity).routes,
                configuration: connections
            ),
            configuration: .init(address: .hostname(configuration.host, port: configuration.port)),
            onServerRunning: { channel in
                // One connection at a time: each is judged by the descriptors before the next one takes one.
                try? await channel.setOption(.maxMessagesPerRead, value: 1).get()
                onRunning(channel.localAddress?.port ?? 0)
            },
            eventLoopGroupProvider: .shared(group),
            logger: quieter(state.logger)
        )
    }

    /// Every route of the port. `APIDocument` describes each of them.
    static func router(_ state: ServerState, authenticity: TwilioAuthenticity) -> Router<ServerContext> {
        let configuration = state.configuration
        let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: ProblemMiddleware(logger: state.logger) { state.tell(unknownPath: $0) })
        if configuration.isDevelopment {
            router.add(
                middleware: LoopbackMiddleware { reason in
                    state.tell("A request was refused", cause: "dev: \(reason)", metadata: ["reason": "\(reason)"])
                }
            )
        }
        HealthRoutes(state: state).add(to: router)
        MetricsRoute(
            registry: state.metrics,
            connections: state.connections,
            keys: MetricsKeys(configuration)
        ).add(to: router)
        DocumentRoute().add(to: router)
        NotificationRoutes(state: state).add(to: router)
        TwilioRoutes(state: state, authenticity: authenticity).add(to: router)
        let keys = KeyMiddleware(state)
        if let sessions = state.consoleSessions { ConsoleRoutes(state: state, sessions: sessions).add(to: router) }
        StatusRoute(state: state).add(to: router, keys: keys)
        NodeRoutes(state: state).add(to: router, keys: keys)
        let api = router.group("api").add(middleware: keys).add(middleware: QueryMiddleware())
        ControlRoutes(state: state).add(to: api)
        WebCallRoutes(state: state).add(to: api)
        CommandRoutes(state: state).add(to: api)
        RecordingRoute(state: state).add(to: api)
        ActivityRoutes(state: state).add(to: api)
        AgentRoutes(state: state).add(to: api)
        addCompatibleRoutes(to: router, state, keys: keys)
        return router
    }

    private static func addCompatibleRoutes(
        to router: Router<ServerContext>,
        _ state: ServerState,
        keys: KeyMiddleware
    ) {
        let callab = CallabRoutes(state: state)
        let vocode = VocodeRoutes(state: state)
        callab.add(to: router, keys: keys)
        vocode.add(to: router, keys: keys)
        CallsEndRoute(callab: callab, vocode: vocode).add(to: router, keys: keys)
        TalkoverRoutes(state: state).add(to: router, keys: keys)
        HangUpRoute(state: state).add(to: router, keys: keys)
    }
}
