import CoreMetrics
import Logging
import Synchronization
import TalkpathCore
import TalkpathWire

/// The results of deliveries to one endpoint since the server started, for its tenant, the log and the metrics.
/// Thread-safe.
final class EndpointHealth: Sendable {
    struct State: Sendable {
        var delivered = 0
        /// The number of failed attempts.
        var failed = 0
        /// The time since which no delivery has succeeded; `nil` while deliveries succeed.
        var failingSince: WallTime?
        /// The reason of the last failure, in our words, or the status in the receiver's answer.
        var lastFailure: String?
    }

    private let state = Mutex(State())
    private let counters: DeliveryCounters

    init(counters: DeliveryCounters = DeliveryCounters(factory: NOOPMetricsHandler.instance)) {
        self.counters = counters
    }

    var current: State { state.withLock { $0 } }

    /// - Returns: the time since which deliveries had failed, if this is the first to succeed again; otherwise `nil`.
    func succeeded() -> WallTime? {
        counters.delivered.increment()
        return state.withLock { state in
            defer { state.failingSince = nil }
            state.delivered += 1
            return state.failingSince
        }
    }

    /// - Returns: true if this is the first failure since a success, or the first of all.
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

    /// An event is given up.
    func gaveUp() { counters.givenUp.increment() }

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

/// Counts delivery attempts to all endpoints.
struct DeliveryCounters: Sendable {
    let delivered: Counter
    let failed: Counter
    /// Events, not attempts.
    let givenUp: Counter

    init(factory: any MetricsFactory) {
        func counter(_ outcome: String) -> Counter {
            Counter(label: "talkpath_deliveries_total", dimensions: [("outcome", outcome)], factory: factory)
        }
        delivered = counter("delivered")
        failed = counter("failed")
        givenUp = Counter(label: "talkpath_deliveries_given_up_total", factory: factory)
    }
}
