import Logging
import Synchronization
import TalkpathCore
import TalkpathHTTP
import TalkpathNIO
import TalkpathStore

/// The state that a server's routes share. Thread-safe.
final class ServerState: Sendable {
    let configuration: ServerConfiguration
    let bridge: MediaBridge
    let store: ServerStore
    /// The nodes on the same database, this one included; `nil` if the server has its store for itself.
    let nodes: Nodes?
    let dispatcher: EventDispatcher
    /// The policy for addresses that tenants name.
    let addressPolicy: OutboundAddressPolicy
    /// Rung when a hang-up is due at once.
    let hangUpBell: Bell
    /// `nil` if no carrier account is configured.
    let carriers: TenantCarriers?
    let destinations: Destinations
    let caps: CallCaps
    let agents: any AgentStore
    let identifiers = SystemIdentifiers()
    let delayed: DelayedCalls
    let idempotency: Idempotency
    let metrics: PrometheusRegistry
    let instruments: ServerInstruments
    let traces: CallTraces
    let logger: Logger
    let descriptors: DescriptorBudget
    let connections: ConnectionBudget
    /// The tenants' open event streams.
    let followers: TenantPlaces
    let activity: ActivityBook
    /// The names of the agents of this process.
    let inProcessAgents: Set<String>
    /// `nil` if there is no console.
    let consoleSessions: ConsoleSessions?
    let startedAt: WallTime

    /// The stage of the server's stop.
    let stop = ServerStop()
    private let knownOrigin: OriginBox
    private let limiter: LogLimiter

    var manager: CallManager { bridge.manager }

    init(
        configuration: ServerConfiguration,
        bridge: MediaBridge,
        store: ServerStore,
        nodes: Nodes? = nil,
        dispatcher: EventDispatcher,
        addressPolicy: OutboundAddressPolicy,
        hangUpBell: Bell,
        carriers: TenantCarriers?,
        caps: CallCaps,
        origin: OriginBox,
        metrics: PrometheusRegistry,
        instruments: ServerInstruments = ServerInstruments(),
        traces: CallTraces,
        activity: ActivityBook = ActivityBook(),
        inProcessAgents: Set<String> = [],
        descriptors: DescriptorBudget = DescriptorBudget(),
        logger: Logger
    ) {
        self.configuration = configuration
        self.bridge = bridge
        self.store = store
        self.nodes = nodes
        self.dispatcher = dispatcher
        self.addressPolicy = addressPolicy
        self.hangUpBell = hangUpBell
        self.carriers = carriers
        self.caps = caps
        agents = SQLAgentStore(store.calls)
        delayed = DelayedCalls(store: store.calls, clock: bridge.clock, logger: logger)
        idempotency = Idempotency(
            store: store.calls,
            clock: bridge.clock,
            identifiers: identifiers,
            logger: logger
        )
        self.logger = logger
        self.descriptors = descriptors
        let limiter = LogLimiter()
        self.limiter = limiter
        connections = ConnectionBudget(configuration, descriptors) { message, cause in
            limiter.log(cause, at: bridge.clock.now) { repeats in
                logger.warning(message, metadata: ["unreported": "\(repeats)", "limit": "\(descriptors.limit)"])
            }
        }
        self.metrics = metrics
        self.instruments = instruments
        self.traces = traces
        self.activity = activity
        self.inProcessAgents = inProcessAgents
        consoleSessions =
            configuration.hasConsole
            ? ConsoleSessions(clock: bridge.clock, isSecure: configuration.isReachedSecurely) : nil
        startedAt = bridge.clock.wallTime
        followers = TenantPlaces(most: configuration.maximumFollowersPerTenant)
        knownOrigin = origin
        destinations = configuration.destinations
    }

    /// Warns of an event that clients can cause as often as they like: at most once a minute for each cause.
    func tell(_ message: Logger.Message, cause: String, metadata: Logger.Metadata = [:]) {
        limiter.log(cause, at: bridge.clock.now) { repeats in
            logger.warning(message, metadata: metadata.merging(["unreported": "\(repeats)"]) { $1 })
        }
    }

    /// Warns likewise, but computes the metadata only if the warning is written.
    func tell(_ message: Logger.Message, cause: String, explanation: () -> Logger.Metadata) {
        limiter.log(cause, at: bridge.clock.now) { repeats in
            logger.warning(message, metadata: explanation().merging(["unreported": "\(repeats)"]) { $1 })
        }
    }

    /// Warns of a request for an unknown path, if it was meant for the carrier's routes: an address at the carrier is
    /// mistyped, or a proxy forwards the public address's own path, which it must remove.
    func tell(unknownPath path: String) {
        let path = path.prefix { $0 != "?" }
        if path.hasPrefix("/twilio") {
            tell(
                "A request below /twilio is for no route of ours",
                cause: "unknown path",
                metadata: ["path": "\(String(path).asLogged)"]
            )
        } else if let prefix = origin?.path, path.hasPrefix(prefix + "/") {
            tell(
                "A request still has the public address's path: the proxy must remove it before it forwards",
                cause: "path of the public address",
                metadata: ["path": "\(String(path).asLogged)", "remove": "\(prefix.asLogged)"]
            )
        }
    }

    /// True if the server can keep data: its store writes, and its calls are its own.
    var keepsNew: Bool { store.calls.takesNew && nodes?.isFenced != true && nodes?.isCutOff != true }

    /// True if the server is stopping, and accepts nothing new.
    var isDraining: Bool { stop.isDraining }

    /// The origin at which the carrier reaches this server, unless a call names another.
    var origin: PublicOrigin? { knownOrigin.value }

    /// Reads an origin of a call or of the configuration.
    func origin(_ text: String?) -> PublicOrigin? {
        text.flatMap { PublicOrigin($0, allowsPlain: configuration.isDevelopment) }
    }
}

/// Hang-ups that outlive their call's session.
extension ServerState {
    /// Asks the carrier at once to hang up a call whose end it has not confirmed, because a client asked to end the
    /// call again.
    func hastenHangUp(_ receipt: EndReceipt) async {
        guard !receipt.carrierConfirmed else { return }
        let isLeft = try? await store.calls.hastenHangUp(receipt.callID)
        if isLeft == true { hangUpBell.ring() }
    }

    /// Stores the carrier's name of a call that is not live. The process may have died while it placed the call.
    func carrierNamed(_ call: CallID, _ name: String) async {
        let isAwaited = try? await store.calls.nameHangUp(call, name)
        if isAwaited == true { hangUpBell.ring() }
    }
}

/// An origin that may be known only once the server listens.
final class OriginBox: Sendable {
    private let origin: Mutex<PublicOrigin?>

    init(_ origin: PublicOrigin?) {
        self.origin = Mutex(origin)
    }

    var value: PublicOrigin? { origin.withLock { $0 } }

    /// Sets the server's own address, if no origin is configured.
    func setIfUnknown(_ other: @autoclosure () -> PublicOrigin?) {
        origin.withLock { origin in
            if origin == nil { origin = other() }
        }
    }
}
