import Logging
import Synchronization
import TalkpathCore
import TalkpathNIO

/// What the routes of a server share. Everything in it may be used from any thread.
final class ServerState: Sendable {
    let configuration: ServerConfiguration
    let bridge: MediaBridge
    /// Whether there is anybody to place calls with.
    let hasCarrier: Bool
    let destinations: Destinations
    let rateLimit: RateLimit
    let idempotency = Idempotency()
    let logger: Logger

    private let draining = Atomic(false)
    private let knownOrigin: OriginBox

    var manager: CallManager { bridge.manager }

    init(
        configuration: ServerConfiguration,
        bridge: MediaBridge,
        hasCarrier: Bool,
        origin: OriginBox,
        logger: Logger
    ) {
        self.configuration = configuration
        self.bridge = bridge
        self.hasCarrier = hasCarrier
        self.logger = logger
        knownOrigin = origin
        destinations = Destinations(prefixes: configuration.allowedDestinations)
        rateLimit = RateLimit(perSecond: configuration.callsPerSecond)
    }

    /// About to stop: nothing new begins.
    var isDraining: Bool { draining.load(ordering: .acquiring) }

    func beginDraining() { draining.store(true, ordering: .releasing) }

    /// Where the carrier reaches this server, unless a call says otherwise.
    var origin: PublicOrigin? { knownOrigin.value }

    /// An origin that came with a call, or was configured.
    func origin(_ text: String?) -> PublicOrigin? {
        text.flatMap { PublicOrigin($0, allowsPlain: configuration.isDevelopment) }
    }
}

/// An origin that may be known only once the server listens.
final class OriginBox: Sendable {
    private let origin: Mutex<PublicOrigin?>

    init(_ origin: PublicOrigin?) {
        self.origin = Mutex(origin)
    }

    var value: PublicOrigin? { origin.withLock { $0 } }

    /// Where nothing was configured: the server's own address.
    func setIfUnknown(_ other: @autoclosure () -> PublicOrigin?) {
        origin.withLock { origin in
            if origin == nil { origin = other() }
        }
    }
}
