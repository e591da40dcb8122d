import CoreMetrics
import Logging
import Synchronization
import TalkpathCore
import TalkpathWire

/// The record of deliveries to one endpoint since the server started: for its tenant, the log and the metrics.
/// Thread-safe.
final class EndpointHealth: Sendable {
    struct State: Sendable {
        var delivered = 0
        /// Attempts that came to nothing.
        var failed = 0
        /// Since when no delivery has succeeded; nil while deliveries succeed.
        var failingSince: WallTime?
        /// The reason of the last failure, in our words, or the status that the receiver answered with.
        var lastFailure: String?
    }

    private let state = Mutex(State())
    private let counters: DeliveryCounters

    init(counters: DeliveryCounters = DeliveryCounters(factory: NOOPMetricsHandler.instance)) {
        self.counters = counters
    }

    var current: State { state.withLock { $0 } }

    /// - Returns: since when deliveries had failed, if this one is the first to succeed again.
    func succeeded() -> WallTime? {
        counters.delivered.increment()
        return state.withLock { state in
            defer { state.failingSince = nil }
            state.delivered += 1
            return state.failingSince
        }
    }

    /// - Returns: whether this failure is the first after a success, or the first of all.
    func failed(_ reason: String, at now: WallTime) -> Bool {
        counters.failed.increment()
        return state.withLock { state in
            state.failed += 1
            state.lastFailure = reason
            guard state.failingSince == nil else { return false }
            state.failingSince = now
            return true
        }
    }

    /// The members that a webhook shows.
    var json: [(key: String, value: JSONValue)] {
        let state = current
        return [
            (key: "delivered", value: JSONValue(state.delivered)),
            (key: "failed_attempts", value: JSONValue(state.failed)),
            (key: "failing_since", value: .time(state.failingSince)),
            (key: "last_failure", value: .optional(state.lastFailure)),
        ]
    }
}

/// Attempts to deliver, over all endpoints.
struct DeliveryCounters: Sendable {
    let delivered: Counter
    let failed: Counter

    init(factory: any MetricsFactory) {
        func counter(_ outcome: String) -> Counter {
            Counter(label: "talkpath_deliveries_total", dimensions: [("outcome", outcome)], factory: factory)
        }
        delivered = counter("delivered")
        failed = counter("failed")
    }
}
