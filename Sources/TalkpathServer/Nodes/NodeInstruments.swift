import CoreMetrics

/// The metrics of a node among others.
struct NodeInstruments: Sendable {
    enum Forwarding: String, CaseIterable {
        case answered, unreachable
    }

    private let nodes: Gauge
    private let freePlaces: Gauge
    private let lag: Gauge
    private let isCutOff: Gauge
    private let taken: Counter
    private let failedCloses: Counter
    private let lost: Counter
    private let fenced: Counter
    private let relayed: Counter
    private let forwarded: [Forwarding: Counter]

    init(factory: any MetricsFactory = NOOPMetricsHandler.instance) {
        nodes = Gauge(label: "talkpath_nodes", factory: factory)
        freePlaces = Gauge(label: "talkpath_node_free_places", factory: factory)
        lag = Gauge(label: "talkpath_node_lag_seconds", factory: factory)
        isCutOff = Gauge(label: "talkpath_node_cut_off", factory: factory)
        taken = Counter(label: "talkpath_node_calls_taken_total", factory: factory)
        failedCloses = Counter(label: "talkpath_node_closes_failed_total", factory: factory)
        lost = Counter(label: "talkpath_node_epochs_lost_total", factory: factory)
        fenced = Counter(label: "talkpath_node_writes_fenced_total", factory: factory)
        relayed = Counter(label: "talkpath_media_sockets_relayed_total", factory: factory)
        forwarded = Dictionary(
            uniqueKeysWithValues: Forwarding.allCases.map {
                (
                    $0,
                    Counter(
                        label: "talkpath_requests_forwarded_total",
                        dimensions: [("outcome", $0.rawValue)],
                        factory: factory
                    )
                )
            }
        )
    }

    func see(nodes count: Int) { nodes.record(count) }

    func load(freePlaces places: Int, lag duration: Duration) {
        freePlaces.record(places)
        lag.record(duration / .seconds(1))
    }

    func cutOff(_ isCutOff: Bool) { self.isCutOff.record(isCutOff ? 1 : 0) }
    func took(calls: Int) { taken.increment(by: calls) }
    func failedToClose() { failedCloses.increment() }
    func lostEpoch() { lost.increment() }
    func fenced(writes: Int) { fenced.increment(by: writes) }
    func relayedMediaSocket() { relayed.increment() }
    func forwarded(_ outcome: Forwarding) { forwarded[outcome]?.increment() }

    static let help = [
        "talkpath_nodes": "Nodes on the database whose life is not over, as this one sees them.",
        "talkpath_node_free_places": "Calls that this node may still take; 0 while it stops.",
        "talkpath_node_lag_seconds": "The worst lateness of this node's lanes in the last second.",
        "talkpath_node_cut_off": "1 while the node's heartbeats do not reach the database; 0 else.",
        "talkpath_node_calls_taken_total": "Calls that this node took from dead ones, and ended as node_lost.",
        "talkpath_node_closes_failed_total":
            "Failed attempts to close calls in the store that were taken from dead nodes: each is repeated.",
        "talkpath_node_epochs_lost_total": "Times that others took this node's calls while it lived: it ended them.",
        "talkpath_node_writes_fenced_total": "Writes that were dropped because another node had taken their call.",
        "talkpath_media_sockets_relayed_total":
            "Media sockets that came to this node and were relayed to their call's.",
        "talkpath_requests_forwarded_total":
            "Requests that were forwarded to the node that has their call, by outcome.",
    ]
}
