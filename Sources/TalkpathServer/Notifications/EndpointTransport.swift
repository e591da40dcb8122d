import TalkpathCore
import TalkpathStore

/// The outcome of a delivery.
enum DeliveryOutcome: Equatable, Sendable {
    case delivered
    /// To be tried again, not before the time that the receiver has asked for.
    case failed(String, retryAfter: Duration? = nil)
    /// Trying again changes nothing.
    case refused(String)
    /// The receiver wants nothing more, ever.
    case gone
}

/// A way to one endpoint. Holds what it keeps open; bounds every delivery by itself; several may be under way at once.
protocol EndpointTransport: Sendable {
    func deliver(_ event: OutboxEvent) async -> DeliveryOutcome
    func close() async
}
