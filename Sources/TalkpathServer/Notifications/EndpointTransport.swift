import TalkpathCore
import TalkpathStore

/// The outcome of a delivery.
enum DeliveryOutcome: Equatable, Sendable {
    case delivered
    /// The delivery failed. Try again, but not before the time that the receiver asked for.
    case failed(String, retryAfter: Duration? = nil)
    /// The receiver refused the event. Another attempt would not help.
    case refused(String)
    /// The receiver wants no more events.
    case gone
}

/// The connection to one endpoint. It limits the time of each delivery itself. Several deliveries may run at once.
protocol EndpointTransport: Sendable {
    func deliver(_ event: OutboxEvent) async -> DeliveryOutcome
    func close() async
}
