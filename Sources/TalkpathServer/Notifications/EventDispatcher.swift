import CoreMetrics
import Logging
import ServiceLifecycle
import Synchronization
import TalkpathCore
import TalkpathStore

/// Runs a worker for every endpoint.
final class EventDispatcher: Service {
    let store: SQLCallStore
    private let recorder: EventRecorder
    private let configuration: ServerConfiguration.Notifications
    /// The policy for addresses that tenants have named.
    private let policy: OutboundAddressPolicy
    /// The policy for addresses in the configuration.
    private let configuredPolicy: OutboundAddressPolicy
    private let clock: any CallClock
    /// The clock by which due times are counted.
    private let steady: any CallClock
    private let backoff: Backoff
    private let traces: CallTraces?
    private let logger: Logger
    private let workers = Mutex<[String: Bell]>([:])
    private let counters: DeliveryCounters
    private let healths = Mutex<[String: EndpointHealth]>([:])

    init(
        store: SQLCallStore,
        recorder: EventRecorder,
        configuration: ServerConfiguration.Notifications,
        policy: OutboundAddressPolicy,
        configuredPolicy: OutboundAddressPolicy,
        clock: any CallClock,
        steady: any CallClock,
        backoff: Backoff = .deliveries,
        traces: CallTraces? = nil,
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
        self.traces = traces
        counters = DeliveryCounters(factory: factory)
        self.logger = logger
    }

    /// Starts and stops workers after a change of endpoints, and wakes all workers.
    func refresh() {
        recorder.endpointChanges.ring()
        for bell in workers.withLock({ Array($0.values) }) { bell.ring() }
    }

    /// Writes the configured endpoints to the store, before the first event. Call this before ``run()``.
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

    /// The results of deliveries to an endpoint since the server started.
    func health(of endpoint: String) -> EndpointHealth {
        healths.withLock { healths in
            if let known = healths[endpoint] { return known }
            let new = EndpointHealth(counters: counters)
            healths[endpoint] = new
            return new
        }
    }

    /// Drops the results of an endpoint that was deleted.
    func forget(_ endpoint: String) {
        healths.withLock { $0[endpoint] = nil }
    }

    // MARK: Endpoints

    static let webhookID = "configured:webhook"
    static let telegramID = "configured:telegram"
    static let gatewayID = "configured:gateway"

    /// The configured endpoints. Their secrets stay in the configuration.
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

    /// - Returns: `nil`, after a log line, if the endpoint's address or secret cannot be used.
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
                    clock: clock,
                    traces: traces
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

    /// The secrets that sign an endpoint's events. The server's own secret signs for the configured webhook, and for
    /// the default tenant's agents without a secret. It never signs for other tenants, because the operator's receivers
    /// would trust those events.
    func secrets(of endpoint: Endpoint) -> WebhookSecrets? {
        guard endpoint.secret.isEmpty else { return .kept(endpoint: endpoint.id, store) }
        guard endpoint.isConfigured || endpoint.tenant == ServerConfiguration.APIKey.defaultTenant else { return nil }
        return (configuration.webhook?.secret).flatMap(WebhookSecret.all(in:)).map(WebhookSecrets.fixed)
    }
}
