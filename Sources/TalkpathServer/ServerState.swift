import Logging
import Synchronization
import TalkpathCore
import TalkpathHTTP
import TalkpathNIO
import TalkpathStore

/// The state that the routes of a server share. Everything in it may be used from any thread.
final class ServerState: Sendable {
    let configuration: ServerConfiguration
    let bridge: MediaBridge
    let store: ServerStore
    let dispatcher: EventDispatcher
    /// The policy for addresses that tenants name.
    let addressPolicy: OutboundAddressPolicy
    /// Rung when a hang-up is due at once.
    let hangUpBell: Bell
    /// Nil without a carrier to place calls with.
    let carriers: TenantCarriers?
    let destinations: Destinations
    let caps: CallCaps
    let agents: any AgentStore
    let identifiers = SystemIdentifiers()
    let delayed: DelayedCalls
    let idempotency: Idempotency
    let metrics: PrometheusRegistry
    let logger: Logger
    let descriptors: DescriptorBudget
    let connections: ConnectionBudget
    /// Of streams of events.
    let followers: TenantPlaces
    let activity: ActivityBook
    /// Nil where there is no console.
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
        dispatcher: EventDispatcher,
        addressPolicy: OutboundAddressPolicy,
        hangUpBell: Bell,
        carriers: TenantCarriers?,
        caps: CallCaps,
        origin: OriginBox,
        metrics: PrometheusRegistry,
        activity: ActivityBook = ActivityBook(),
        descriptors: DescriptorBudget = DescriptorBudget(),
        logger: Logger
    ) {
        self.configuration = configuration
        self.bridge = bridge
        self.store = store
        self.dispatcher = dispatcher
        self.addressPolicy = addressPolicy
        self.hangUpBell = hangUpBell
        self.carriers = carriers
        self.caps = caps
        agents = SQLiteAgentStore(store.calls)
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
        self.activity = activity
        consoleSessions =
            configuration.hasConsole
            ? ConsoleSessions(clock: bridge.clock, isSecure: configuration.isReachedSecurely) : nil
        startedAt = bridge.clock.wallTime
        followers = TenantPlaces(most: configuration.maximumFollowersPerTenant)
        knownOrigin = origin
        destinations = configuration.destinations
    }

    /// Warns of what others can do as often as they like: at most once a minute a cause.
    func tell(_ message: Logger.Message, cause: String, metadata: Logger.Metadata = [:]) {
        limiter.log(cause, at: bridge.clock.now) { repeats in
            logger.warning(message, metadata: metadata.merging(["unreported": "\(repeats)"]) { $1 })
        }
    }

    /// The same, where what is to be said costs something to find out: it is found out where it is written only.
    func tell(_ message: Logger.Message, cause: String, explanation: () -> Logger.Metadata) {
        limiter.log(cause, at: bridge.clock.now) { repeats in
            logger.warning(message, metadata: explanation().merging(["unreported": "\(repeats)"]) { $1 })
        }
    }

    /// A request asked for an unknown path below the carrier's routes: most often an address mistyped at the carrier.
    func tell(unknownPath path: String) {
        tell(
            "A request below /twilio is for no route of ours",
            cause: "unknown path",
            metadata: ["path": "\(path.prefix { $0 != "?" }.description.asLogged)"]
        )
    }

    /// About to stop: nothing new begins.
    var isDraining: Bool { stop.isDraining }

    /// The origin at which the carrier reaches this server, unless a call names another.
    var origin: PublicOrigin? { knownOrigin.value }

    /// An origin that came with a call, or was configured.
    func origin(_ text: String?) -> PublicOrigin? {
        text.flatMap { PublicOrigin($0, allowsPlain: configuration.isDevelopment) }
    }
}

/// Hang-ups that outlive their call's session.
extension ServerState {
    /// Tries again to hang up a call whose end the carrier has not confirmed, because a client ended it again.
    func hastenHangUp(_ receipt: EndReceipt) async {
        guard !receipt.carrierConfirmed else { return }
        let isLeft = try? await store.calls.hastenHangUp(receipt.callID)
        if isLeft == true { hangUpBell.ring() }
    }

    /// The carrier names a call that is none of the live ones: perhaps one that was being placed when a process died.
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

    /// Without a configured origin, the server's own address.
    func setIfUnknown(_ other: @autoclosure () -> PublicOrigin?) {
        origin.withLock { origin in
            if origin == nil { origin = other() }
        }
    }
}
