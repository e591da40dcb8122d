import CoreMetrics
import Logging
import ServiceLifecycle
import Synchronization
import TalkpathCore
import TalkpathStore

/// Leads a worker for every endpoint there is.
final class EventDispatcher: Service {
    let store: SQLiteCallStore
    private let recorder: EventRecorder
    private let configuration: ServerConfiguration.Notifications
    /// For addresses that tenants have named.
    private let policy: OutboundAddressPolicy
    /// For those of the configuration.
    private let configuredPolicy: OutboundAddressPolicy
    private let clock: any CallClock
    /// The clock by which due times are counted.
    private let steady: any CallClock
    private let backoff: Backoff
    private let logger: Logger
    private let workers = Mutex<[String: Bell]>([:])
    private let counters: DeliveryCounters
    private let healths = Mutex<[String: EndpointHealth]>([:])

    init(
        store: SQLiteCallStore,
        recorder: EventRecorder,
        configuration: ServerConfiguration.Notifications,
        policy: OutboundAddressPolicy,
        configuredPolicy: OutboundAddressPolicy,
        clock: any CallClock,
        steady: any CallClock,
        backoff: Backoff = .deliveries,
        factory: any MetricsFactory = NOOPMetricsHandler.instance,
        logger: Logger
    ) {
        self.store = store
        self.recorder = recorder
        self.configuration = configuration
        self.policy = policy
        self.configuredPolicy = configuredPolicy
        self.clock = clock
        self.steady = steady
        self.backoff = backoff
        counters = DeliveryCounters(factory: factory)
        self.logger = logger
    }

    /// Endpoints have come or gone, or deliveries are to be made at once.
    func refresh() {
        recorder.endpointChanges.ring()
        for bell in workers.withLock({ Array($0.values) }) { bell.ring() }
    }

    /// Names the configuration's endpoints to the store, before the first event. To be called before ``run()``.
    func prepare() async throws {
        try await store.setConfiguredEndpoints(configuredEndpoints)
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                while !Task.isCancelled {
                    for endpoint in await self.newEndpoints() { self.start(endpoint, in: &group) }
                    await self.recorder.endpointChanges.wait(atMost: .seconds(30))
                }
                group.cancelAll()
            }
        }
    }

    private func newEndpoints() async -> [Endpoint] {
        do {
            let active = try await store.activeEndpoints()
            return workers.withLock { workers in active.filter { workers[$0.id] == nil } }
        } catch {
            guard !Task.isCancelled else { return [] }
            logger.error("The endpoints could not be looked up", metadata: ["error": "\(error)"])
            return []
        }
    }

    private func start(_ endpoint: Endpoint, in group: inout DiscardingTaskGroup) {
        guard let transport = transport(endpoint) else { return }
        let bell = Bell()
        let worker = EndpointWorker(
            endpointID: endpoint.id,
            transport: transport,
            store: store,
            bell: bell,
            clock: steady,
            backoff: backoff,
            logger: logger,
            health: health(of: endpoint.id)
        )
        workers.withLock { $0[endpoint.id] = bell }
        let number = recorder.bells.add(bell)
        group.addTask {
            await worker.run()
            self.recorder.bells.remove(number)
            self.workers.withLock { $0[endpoint.id] = nil }
        }
    }

    /// The record of deliveries to an endpoint since the server started.
    func health(of endpoint: String) -> EndpointHealth {
        healths.withLock { healths in
            if let known = healths[endpoint] { return known }
            let new = EndpointHealth(counters: counters)
            healths[endpoint] = new
            return new
        }
    }

    /// The endpoint is deleted.
    func forget(_ endpoint: String) {
        healths.withLock { $0[endpoint] = nil }
    }

    // MARK: Endpoints

    static let webhookID = "configured:webhook"
    static let telegramID = "configured:telegram"
    static let gatewayID = "configured:gateway"

    /// Their secrets stay in the configuration.
    private var configuredEndpoints: [Endpoint] {
        func endpoint(_ id: String, _ kind: Endpoint.Kind, types: [EventType]? = nil) -> Endpoint {
            Endpoint(
                id: id,
                tenant: nil,
                kind: kind,
                url: "",
                secret: "",
                types: types?.map(\.rawValue),
                isConfigured: true,
                createdAt: clock.wallTime
            )
        }
        var endpoints: [Endpoint] = []
        if configuration.webhook != nil { endpoints.append(endpoint(Self.webhookID, .webhook)) }
        if configuration.telegram != nil { endpoints.append(endpoint(Self.telegramID, .telegram, types: [.ended])) }
        if configuration.gateway != nil { endpoints.append(endpoint(Self.gatewayID, .gateway)) }
        return endpoints
    }

    /// - Returns: nil, and says so, for an endpoint whose address or secret is no use.
    private func transport(_ endpoint: Endpoint) -> (any EndpointTransport)? {
        do {
            switch endpoint.kind {
            case .webhook:
                let url = endpoint.isConfigured ? configuration.webhook?.url : endpoint.url
                guard let url, let secrets = secrets(of: endpoint) else {
                    throw OutboundAddressError.malformed("has no secret to sign with")
                }
                let policy = endpoint.isConfigured ? configuredPolicy : policy
                return WebhookTransport(
                    try policy.parse(url),
                    secrets: secrets,
                    messages: WebhookMessages(format: endpoint.format, store: store),
                    policy: policy,
                    clock: clock
                )
            case .telegram:
                guard let telegram = configuration.telegram else { return nil }
                return try TelegramTransport(telegram, policy: configuredPolicy, store: store, clock: clock)
            case .gateway:
                guard let gateway = configuration.gateway else { return nil }
                return try GatewayTransport(gateway, policy: configuredPolicy, store: store, clock: clock)
            }
        } catch {
            logger.error("An endpoint cannot be used", metadata: ["endpoint": "\(endpoint.id)", "reason": "\(error)"])
            return nil
        }
    }

    /// A webhook without a secret of its own is signed with the server's: the configuration's own one, and those of the
    /// default tenant's agents, whose server it is. No other tenant gets signatures that the operator's receivers would
    /// believe.
    func secrets(of endpoint: Endpoint) -> WebhookSecrets? {
        guard endpoint.secret.isEmpty else { return .kept(endpoint: endpoint.id, store) }
        guard endpoint.isConfigured || endpoint.tenant == ServerConfiguration.APIKey.defaultTenant else { return nil }
        return (configuration.webhook?.secret).flatMap(WebhookSecret.all(in:)).map(WebhookSecrets.fixed)
    }
}
