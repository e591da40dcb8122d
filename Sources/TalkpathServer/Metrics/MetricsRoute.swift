import HTTPTypes
import Hummingbird
import TalkpathHTTP

/// `GET /metrics`, in Prometheus' text format. It covers the calls of all tenants, so only the operator may read it.
struct MetricsRoute {
    let registry: PrometheusRegistry
    let connections: ConnectionBudget
    let keys: MetricsKeys

    /// The description of each metric.
    static let help = calls.merging(NodeInstruments.help) { $1 }

    private static let calls = [
        "talkpath_calls_active": "Live calls.",
        "talkpath_lane_calls": "Live calls of a lane.",
        "talkpath_lane_lag_seconds": "The worst lateness of a lane's ticks in the last second.",
        "talkpath_lane_busy_ratio": "The share of the last second in which a lane's thread worked.",
        "talkpath_calls_started_total": "Calls begun.",
        "talkpath_calls_ended_total": "Calls ended, by reason.",
        "talkpath_call_duration_seconds": "From a call's start to its end.",
        "talkpath_call_teardown_seconds": "From the beginning of the end until everything was closed.",
        "talkpath_turn_latency_seconds": "From the caller's last sound to the agent's first audio on the wire.",
        "talkpath_barge_in_clear_seconds":
            "From the model's report of an interruption to the request to clear the line.",
        "talkpath_tick_lateness_seconds": "How late the 20 ms tick began: frame lateness, and the event loop's lag.",
        "talkpath_ticks_missed_total": "Ticks left out because the event loop was busy.",
        "talkpath_frames_total": "Frames of audio, from callers (uplink) and to them (downlink).",
        "talkpath_uplink_waiting_milliseconds": "Caller audio kept for agents that are not there yet, over all calls.",
        "talkpath_downlink_backlog_milliseconds": "Agent audio that waits to be played, over all calls.",
        "talkpath_gaps_total": "Stretches of caller audio that never came.",
        "talkpath_duplicate_frames_total": "Frames that came twice or too late.",
        "talkpath_outliers_total": "Numbers of callers' frames that lay outside their window and were passed over.",
        "talkpath_resynchronisations_total": "Times a caller's stream was followed anew after its numbers had jumped.",
        "talkpath_underruns_total": "Holes that callers heard because a model did not send fast enough.",
        "talkpath_failed_responses_total": "Answers that models did not complete, or refused to give.",
        "talkpath_interruptions_total": "Times that callers spoke over agents.",
        "talkpath_bad_messages_total": "Messages of either side that were not understood.",
        "talkpath_dropped_milliseconds_total": "Audio lost because a buffer was full.",
        "talkpath_model_tokens_total":
            "Tokens that models have counted, by direction and kind; kind \"all\" is the whole, of which the others are parts.",
        "talkpath_calls_limit": "The most simultaneous calls that this server takes (TALKPATH_MAX_CALLS).",
        "talkpath_calls_refused_total": "Calls that were not taken, by direction and by the reason's code in the API.",
        "talkpath_hang_ups_failed_total": "Calls that ended without the carrier's word that they are over.",
        "talkpath_hang_ups_unconfirmed": "Ended calls whose end the carrier has not confirmed yet; it is asked again.",
        "talkpath_agents_reopened_total": "Sessions with models that were opened again during a call, and are ready.",
        "talkpath_agent_connects_failed_total":
            "Sockets to models that could not be opened, by kind: refused by the provider for good, or failed for now.",
        "talkpath_media_sockets_refused_total": "Media sockets that got no call, by reason.",
        "talkpath_deliveries_given_up_total": "Events that will not be delivered; they can be replayed.",
        "talkpath_spans_sent_total": "Spans of calls' traces that the collector has taken.",
        "talkpath_spans_dropped_total":
            "Spans that were not sent, by reason: the queue was full, or the collector refused them or could not be reached.",
        "talkpath_cost_usd_total": "Cost of ended calls in US dollars, as far as prices are known, by part.",
        "talkpath_calls_unpriced_total": "Ended calls of whose cost a part is unknown.",
        "talkpath_carrier_errors_total": "Errors that the carrier reported, by source.",
        "talkpath_deliveries_total": "Attempts to deliver events to webhooks and other receivers, by outcome.",
        "talkpath_repeated_tool_calls_total":
            "Functions that a model has called again under the name of a call that ran or was over; they run once.",
        "talkpath_agent_failovers_total": "Calls that the next agent of their list has taken over.",
        "talkpath_agents_lost_total": "Sockets to models that were lost during a call.",
        "talkpath_sockets_overrun_total": "Sockets closed because their peer sent too much, by leg and cause.",
        "talkpath_store_failing": "1 while the store cannot write, as on a full disk; 0 else.",
        "talkpath_store_unreadable_total": "Rows of the store that cannot be read.",
        "talkpath_events_dropped_total": "Events lost because the store was too far behind.",
        "talkpath_captures_stopped_total":
            "Captures given up because nothing more could be written, as on a full disk. The calls went on.",
        "talkpath_capture_messages_missing_total": "Messages left out of captures because writing was too slow.",
    ]

    func add(to router: Router<ServerContext>) {
        let (registry, connections) = (registry, connections)
        router.group("metrics").add(middleware: keys).get("") { _, _ in
            Response(
                status: .ok,
                headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: ResponseBody(
                    byteBuffer: .init(string: registry.text() + ProcessMetrics.text(connections.metrics))
                )
            )
        }
    }
}

/// Admits requests with a key of the operator: a key of the metrics or, if none is configured, of the default tenant.
struct MetricsKeys: RouterMiddleware {
    private let operators: Keys
    private let tenants: Keys

    init(_ configuration: ServerConfiguration) {
        let isOpen = configuration.isDevelopment && configuration.metricsKeys.isEmpty
        let own = configuration.metricsKeys.map { ServerConfiguration.APIKey($0) }
        let standard = configuration.apiKeys.filter { $0.tenant == ServerConfiguration.APIKey.defaultTenant }
        operators = Keys(own.isEmpty ? standard : own, isOpen: isOpen && configuration.apiKeys.isEmpty)
        tenants = Keys(configuration.apiKeys, isOpen: false)
    }

    func handle(
        _ request: Request,
        context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let authorization = request.headers[.authorization]
        if operators.tenant(authorization: authorization) != nil { return try await next(request, context) }
        guard tenants.tenant(authorization: authorization) != nil else { throw KeyMiddleware.missingKey }
        throw Problem(
            .forbidden,
            .forbidden,
            "The metrics tell of all tenants: they need a key of \(Setting.metricsKeys.rawValue), or where there is none, "
                + "one of the default tenant"
        )
    }
}
