public import CoreMetrics
import TalkpathAudio
import TalkpathWire

/// The metrics of all calls of a process, reported through swift-metrics.
///
/// | name | kind | meaning |
/// |---|---|---|
/// | `talkpath_calls_active` | gauge | live calls |
/// | `talkpath_calls_started_total` | counter | by `direction` |
/// | `talkpath_calls_ended_total` | counter | by `reason` |
/// | `talkpath_call_duration_seconds` | timer | start to end |
/// | `talkpath_call_teardown_seconds` | timer | from the first step of the end until everything is closed |
/// | `talkpath_turn_latency_seconds` | timer | from the caller's last sound to the agent's first audio on the wire |
/// | `talkpath_barge_in_clear_seconds` | timer | from the model's report to `clear` on the wire |
/// | `talkpath_tick_lateness_seconds` | timer | lateness of the 20 ms tick: the frames' lateness, and the event loop's lag |
/// | `talkpath_ticks_missed_total` | counter | ticks skipped because the loop was busy |
/// | `talkpath_frames_total` | counter | by `direction`: `uplink`, `downlink` |
/// | `talkpath_uplink_waiting_milliseconds`, `talkpath_downlink_backlog_milliseconds` | gauge | over all calls |
/// | `talkpath_gaps_total`, `talkpath_duplicate_frames_total`, `talkpath_outliers_total`, `talkpath_resynchronisations_total`, `talkpath_underruns_total`, `talkpath_failed_responses_total`, `talkpath_interruptions_total`, `talkpath_bad_messages_total`, `talkpath_dropped_milliseconds_total`, `talkpath_agents_lost_total` | counter | |
/// | `talkpath_model_tokens_total` | counter | by `direction` (`input`, `output`) and `kind`: `all`, and as parts of it `audio`, `text`, `cached`, `thinking` |
/// | `talkpath_carrier_errors_total` | counter | by `source`: `placing`, `dialling`, `stream`, `hang_up` |
/// | `talkpath_transfers_total` | counter | by `outcome`: `answered`, `busy`, `no_answer`, `failed`, `canceled`, and `refused` by the carrier |
/// | `talkpath_lane_calls`, `talkpath_lane_lag_seconds`, `talkpath_lane_busy_ratio` | gauge | by `lane`: its calls, the worst lateness of its ticks in the last second, and the share of that second in which its thread worked |
/// | `talkpath_agents_reopened_total` | counter | sessions with models that were opened again and are ready |
/// | `talkpath_agent_failovers_total` | counter | calls that the next agent of their list has taken over: by the providers `from` and `to` |
/// | `talkpath_repeated_tool_calls_total` | counter | functions that a model has called again under the name of a call that ran or was over; they run once |
/// | `talkpath_agent_connects_failed_total` | counter | by `kind`: `refused` by the provider for good, `failed` for now |
/// | `talkpath_hang_ups_failed_total` | counter | calls that ended without the carrier's confirmation |
/// | `talkpath_media_sockets_refused_total` | counter | media sockets that got no call: by `reason` |
/// | `talkpath_cost_usd_total` | counter | what ended calls have cost, as far as prices are known: by `part` (`model`, `transcription`, `carrier`) |
/// | `talkpath_calls_unpriced_total` | counter | ended calls of whose cost a part is unknown |
/// | `talkpath_sockets_overrun_total` | counter | sockets closed because the peer exceeded its budget: by `leg` (`telephony`, `agent`) and `cause` |
///
/// Nothing is reported per frame: the pipelines count in plain integers on their loop, and the differences are reported
/// here once a second. The handlers of swift-metrics may be used from any thread; ours are lock-free.
public final class CallInstruments: Sendable {
    private let active: Meter
    private let duration: Timer
    private let teardown: Timer
    private let turnLatency: Timer
    private let clearLatency: Timer
    private let tickLateness: Timer
    private let missedTicks: Counter
    private let framesUp: Counter
    private let framesDown: Counter
    private let uplinkWaiting: Meter
    private let backlog: Meter
    private let gaps: Counter
    private let duplicates: Counter
    private let outliers: Counter
    private let resynchronisations: Counter
    private let underruns: Counter
    private let failedResponses: Counter
    private let interruptions: Counter
    private let badMessages: Counter
    private let dropped: Counter
    private let agentsLost: Counter
    private let agentsReopened: Counter
    private let connectsRefused: Counter
    private let connectsFailed: Counter
    private let hangUpsFailed: Counter
    private let mediaRefusals: [MediaRefusal: Counter]
    private let costs: [CallCost.Part: FloatingPointCounter]
    private let unpriced: Counter
    private let tokens: [(count: TokenCount, counter: Counter)]
    private let carrierErrors: [CarrierFault.Source: Counter]
    private let started: [CallDirection: Counter]
    private let ended: [EndReason: Counter]
    private let makeCounter: @Sendable (String, [(String, String)]) -> Counter
    private let makeMeter: @Sendable (String, [(String, String)]) -> Meter

    /// - Parameter factory: the receiver of the metrics; the process's own by default.
    public init(factory: any MetricsFactory = MetricsSystem.factory) {
        func counter(_ name: String, _ dimensions: [(String, String)] = []) -> Counter {
            Counter(label: "talkpath_\(name)", dimensions: dimensions, factory: factory)
        }
        func timer(_ name: String) -> Timer { Timer(label: "talkpath_\(name)", factory: factory) }
        func meter(_ name: String) -> Meter { Meter(label: "talkpath_\(name)", factory: factory) }
        makeCounter = { Counter(label: "talkpath_\($0)", dimensions: $1, factory: factory) }
        makeMeter = { Meter(label: "talkpath_\($0)", dimensions: $1, factory: factory) }
        active = meter("calls_active")
        duration = timer("call_duration_seconds")
        teardown = timer("call_teardown_seconds")
        turnLatency = timer("turn_latency_seconds")
        clearLatency = timer("barge_in_clear_seconds")
        tickLateness = timer("tick_lateness_seconds")
        missedTicks = counter("ticks_missed_total")
        framesUp = counter("frames_total", [("direction", "uplink")])
        framesDown = counter("frames_total", [("direction", "downlink")])
        uplinkWaiting = meter("uplink_waiting_milliseconds")
        backlog = meter("downlink_backlog_milliseconds")
        gaps = counter("gaps_total")
        duplicates = counter("duplicate_frames_total")
        outliers = counter("outliers_total")
        resynchronisations = counter("resynchronisations_total")
        underruns = counter("underruns_total")
        failedResponses = counter("failed_responses_total")
        interruptions = counter("interruptions_total")
        badMessages = counter("bad_messages_total")
        dropped = counter("dropped_milliseconds_total")
        agentsLost = counter("agents_lost_total")
        agentsReopened = counter("agents_reopened_total")
        connectsRefused = counter("agent_connects_failed_total", [("kind", "refused")])
        connectsFailed = counter("agent_connects_failed_total", [("kind", "failed")])
        hangUpsFailed = counter("hang_ups_failed_total")
        mediaRefusals = Dictionary(
            uniqueKeysWithValues: MediaRefusal.allCases.map {
                ($0, counter("media_sockets_refused_total", [("reason", $0.rawValue)]))
            }
        )
        costs = Dictionary(
            uniqueKeysWithValues: CallCost.Part.allCases.map {
                (
                    $0,
                    FloatingPointCounter(
                        label: "talkpath_cost_usd_total",
                        dimensions: [("part", $0.rawValue)],
                        factory: factory
                    )
                )
            }
        )
        unpriced = counter("calls_unpriced_total")
        tokens = Self.tokens.map { one in
            (one.count, counter("model_tokens_total", [("direction", one.direction), ("kind", one.kind)]))
        }
        carrierErrors = Dictionary(
            uniqueKeysWithValues: CarrierFault.Source.allCases.map {
                ($0, counter("carrier_errors_total", [("source", $0.rawValue)]))
            }
        )
        started = Dictionary(
            uniqueKeysWithValues: CallDirection.allCases.map {
                ($0, counter("calls_started_total", [("direction", $0.rawValue)]))
            }
        )
        ended = Dictionary(
            uniqueKeysWithValues: EndReason.allCases.map {
                ($0, counter("calls_ended_total", [("reason", $0.rawValue)]))
            }
        )
    }

    private typealias TokenCount = @Sendable (AgentUsage) -> Int

    private static let tokens: [(direction: String, kind: String, count: TokenCount)] = [
        ("input", "all", { $0.inputTokens }), ("input", "audio", { $0.inputAudioTokens }),
        ("input", "text", { $0.inputTextTokens }), ("input", "cached", { $0.inputCachedTokens }),
        ("output", "all", { $0.outputTokens }), ("output", "audio", { $0.outputAudioTokens }),
        ("output", "text", { $0.outputTextTokens }), ("output", "thinking", { $0.outputThinkingTokens }),
    ]

    /// Records the lateness of a tick. Called by the ticker, on its loop.
    package func ticked(late lateness: Duration) {
        tickLateness.recordNanoseconds(lateness.wholeNanoseconds)
    }

    package func missed(ticks: Int) {
        missedTicks.increment(by: ticks)
    }

    /// Counts a leg's socket that was closed because its peer exceeded its budget. Rare, so each call makes its
    /// counter.
    package func overran(leg: String, cause: String) {
        makeCounter("sockets_overrun_total", [("leg", leg), ("cause", cause)]).increment()
    }

    /// Counts a media socket that got no call.
    package func refused(_ reason: MediaRefusal) { mediaRefusals[reason]?.increment() }

    /// The model's session is ready again.
    func agentReopened() { agentsReopened.increment() }

    /// The model has called a function again that it had called already. Rare, so each call makes its counter.
    func repeatedTool() { makeCounter("repeated_tool_calls_total", []).increment() }

    /// A socket to a model could not be opened.
    func note(_ error: any Error) {
        guard let error = error as? AgentConnectError else { return }
        if error.isFinal { connectsRefused.increment() } else { connectsFailed.increment() }
    }

    /// The instruments of one lane.
    func lane(_ number: Int) -> LaneInstruments {
        let dimensions = [("lane", "\(number)")]
        return LaneInstruments(
            calls: makeMeter("lane_calls", dimensions),
            lag: makeMeter("lane_lag_seconds", dimensions),
            busy: makeMeter("lane_busy_ratio", dimensions)
        )
    }

    func active(calls: Int) {
        active.set(calls)
    }

    /// The sums over all calls.
    func waiting(uplinkMilliseconds: Int, backlogMilliseconds: Int) {
        uplinkWaiting.set(uplinkMilliseconds)
        backlog.set(backlogMilliseconds)
    }

    func answered(after latency: Duration) {
        turnLatency.recordNanoseconds(latency.wholeNanoseconds)
    }

    func cleared(after latency: Duration) {
        clearLatency.recordNanoseconds(latency.wholeNanoseconds)
    }

    func note(_ kind: CallEvent.Kind, _ direction: CallDirection) {
        switch kind {
        case .started:
            started[direction]?.increment()
        case .ended(let receipt):
            ended[receipt.reason]?.increment()
            duration.recordNanoseconds(receipt.duration.wholeNanoseconds)
            teardown.recordNanoseconds(receipt.teardown.wholeNanoseconds)
            if !receipt.isSuccess { hangUpsFailed.increment() }
            note(receipt.cost)
        case .agentLost:
            agentsLost.increment()
        case .agentFailedOver(let failover):
            // Rare, so each makes its counter.
            let dimensions = [("from", failover.from.provider.rawValue), ("to", failover.to.provider.rawValue)]
            makeCounter("agent_failovers_total", dimensions).increment()
        case .transferAnswered:
            transferred(TransferOutcome.answered.rawValue)
        case .transferFailed(let outcome, _):
            transferred(outcome?.rawValue ?? "refused")
        default:
            break
        }
    }

    private func note(_ cost: CallCost?) {
        guard let cost else { return }
        for part in CallCost.Part.allCases { costs[part]?.increment(by: cost.known(part).dollars) }
        if cost.total == nil { unpriced.increment() }
    }

    /// Rare, so each call makes its counter.
    private func transferred(_ outcome: String) {
        makeCounter("transfers_total", [("outcome", outcome)]).increment()
    }

    func note(_ fault: CarrierFault) {
        carrierErrors[fault.source]?.increment()
    }

    /// Adds the counts of a call since the last report.
    func add(_ now: CallMetrics, since before: CallMetrics) {
        framesUp.increment(by: now.framesFromCaller - before.framesFromCaller)
        framesDown.increment(by: now.framesToCaller - before.framesToCaller)
        gaps.increment(by: now.gaps - before.gaps)
        duplicates.increment(by: now.duplicateFrames - before.duplicateFrames)
        outliers.increment(by: now.outliers - before.outliers)
        resynchronisations.increment(by: now.resynchronisations - before.resynchronisations)
        underruns.increment(by: now.underruns - before.underruns)
        failedResponses.increment(by: now.failedResponses - before.failedResponses)
        interruptions.increment(by: now.interruptions - before.interruptions)
        badMessages.increment(by: now.badMessages - before.badMessages)
        dropped.increment(by: now.droppedMilliseconds - before.droppedMilliseconds)
        for one in tokens {
            // Each saturates, and never shrinks.
            let more = one.count(now.usage) - one.count(before.usage)
            if more > 0 { one.counter.increment(by: more) }
        }
    }
}

/// The figures of one lane.
struct LaneInstruments: Sendable {
    fileprivate let calls: Meter
    fileprivate let lag: Meter
    fileprivate let busy: Meter

    func active(calls: Int) { self.calls.set(calls) }

    func load(lag: Duration, busy: Double) {
        self.lag.set(Double(lag.wholeNanoseconds) / 1e9)
        self.busy.set(busy)
    }
}
