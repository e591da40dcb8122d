import TalkpathCore
import TalkpathWire

/// The schemas of requests about calls, and of calls in answers.
enum CallSchemas {
    // MARK: Requests

    static let request = Schema.object(
        [
            // A missing number has an error of its own, which the first clients know.
            .optional("to", .e164.meaning("The number to call.").example("+14155550100")),
            .optional("from", .e164.meaning("A number of the account's; the configured one without it.")),
            .optional(
                "webhook_url",
                .text(0...500).meaning(
                    """
                    The origin at which the carrier reaches this server for this call, one of those the operator has \
                    named; no event sink.
                    """
                )
            ),
        ] + agentAndLimits
    )

    /// The members of every request for a call: the agent, the kept data, and the limits.
    static let agentAndLimits: [Schema.Member] =
        [
            .optional("agent_id", .text(1...200).meaning("The stored agent; without it, the server's own.")),
            .optional("agent", .named("InlineAgent")),
            .optional("variables", AgentSchemas.variables.meaning("For the agent's `{{placeholders}}`.")),
            .optional("prompt", .text(0...100_000).meaning("The agent's instructions for this call.")),
            .optional("first_message", .text(0...10_000)),
            .optional("voice", .text(0...200)),
            .optional("capture", CapturePolicy.schema),
            .optional("metadata", .anyObject.atMost(bytes: 16 << 10).meaning("Kept with the call's record.")),
        ] + LimitSchemas.members

    private static let endFields: [Schema.Member] = [
        .optional("reason", .text(0...1000).meaning("In your own words; stands in the receipt.")),
        .optional("mode", .named("EndMode").meaning("`drain` plays out the agent's words first.")),
        .optional("drain_timeout_ms", .integer(0...60_000)),
    ]

    static let end = Schema.object(endFields)

    static let endFilters: [Schema.Member] = [
        .optional("agent_id", .text(1...200)),
        .optional("direction", .named("DirectionWord")),
        .optional("older_than_s", .integer(0...1_000_000)),
        .optional("metadata", .anyObject.atMost(bytes: 16 << 10).meaning("Calls whose metadata holds all of it.")),
    ]

    static let endMany = Schema.object([.optional("all", .boolean)] + endFilters + endFields)

    // MARK: Answers

    private static let agent = Schema.object(
        .required("name", .text.orNull),
        .required("provider", .named("AgentProvider")),
        .required("model", .text),
        .required("format", .named("AgentFormat"))
    )

    static let listed: [Schema.Member] = [
        .required("call_id", .text),
        .required("to_number", .text),
        .required("from_number", .text),
        .required("status", .named("CallStatus")),
        .required("direction", .named("ListedDirection").meaning("In lists, `incoming` for inbound.")),
        .required("started_at", .time),
        .required("answered_at", .time.orNull),
        .required("ended_at", .time.orNull),
        .required("duration", .number.meaning("Seconds since the start, until the end.")),
        .required("duration_ms", .integer),
        .required("ended_reason", .named("EndReason").orNull),
        .required("answered_by", .named("AnsweredBy").orNull),
        .required("loop_score", .number(0...1).orNull),
        .required("cost_usd", .number.orNull.meaning("So far, or in the end; null while a part of it is unknown.")),
        .required("carrier_call_id", .text.orNull),
        .required("agent_id", .text.orNull),
        .required("agent", .named("CallAgent")),
        .required("metadata", .anyObject),
    ]

    private static let details: [Schema.Member] = [
        .required("variables", .anyObject),
        .required("transcript", .array(.named("TranscriptEntry"))),
        .required("metrics", .named("CallMetrics")),
        .optional(
            "agents",
            .array(.named("AgentPart")).meaning("Of a call with a `failover` list: the agents so far, in their order.")
        ),
        .required("cost", .named("CallCost").orNull.meaning("null where no prices are kept.")),
        .required("receipt", .named("Receipt").orNull),
        .optional("analysis", .named("CallAnalysis")),
    ]

    private static let agentReference: [Schema.Member] = [
        .required("agent_id", .text.orNull), .required("name", .text.orNull),
        .required("provider", .named("AgentProvider")), .required("model", .text),
    ]

    private static let agentPart = Schema.object(
        agentReference + [
            .required("from_ms", .integer.meaning("The agent was the call's from then on.")),
            .required("ready_ms", .integer.orNull.meaning("Its first session was there; null if none ever was.")),
            .required("until_ms", .integer.orNull.meaning("It was left for the next one; null for the last.")),
            .required("left_reason", .text.orNull.meaning("Why it was left.")),
            .required("usage", .named("TokenUsage")),
        ]
    ).meaning("The part of one agent in a call with several. Times count from the call's beginning.")

    private static let placed = Schema.object(
        [
            .required("success", .boolean), .required("call_id", .text), .required("to", .text),
            .required("webhook_url", .text.orNull),
        ] + (listed + details).filter { $0.name != "call_id" }
    )

    private static let receipt = Schema.object(
        .required("success", .boolean.meaning("Whether the call is known to be over at the carrier.")),
        .required("message", .text),
        .required("call_id", .text),
        .required("status", .named("CallStatus")),
        .required("ended_reason", .named("EndReason")),
        .required("ended_by", .text),
        .required("reason", .text.orNull),
        .required("duration", .number.meaning("Seconds from start to end.")),
        .required("duration_ms", .integer),
        .required("ring_ms", .integer.meaning("From the first ring to the answer, or to the end.")),
        .required("talk_ms", .integer.meaning("From the answer to the end; 0 if it was never answered.")),
        .required("started_at", .time),
        .required("answered_at", .time.orNull),
        .required("ended_at", .time),
        .required("carrier_confirmed", .boolean),
        .required("teardown_ms", .integer),
        .required("steps", .array(.named("EndStep"))),
        .required("queue_ms", .integer.meaning("From the start to the first ring; 0 if the carrier told of none.")),
        .required("carrier_errors", .array(.named("CarrierError")).meaning("Errors that the carrier reported.")),
        .required("usage", .named("TokenUsage")),
        .required("cost", .named("CallCost").orNull.meaning("By the price table of the call's time.")),
        .required(
            "transfer_outcome",
            .named("TransferOutcome").orNull.meaning("The outcome of the newest transfer; null if there was none.")
        ),
        .required("agent_session", .named("AgentSession").orNull)
    )

    private static let agentSession = Schema.object(
        .required(
            "closing",
            .text.orNull.meaning("Why the provider closed the latest session, in its word; null if it did not say so.")
        ),
        .required("billed_seconds", .integer.meaning("Of all sessions of the call."))
    ).meaning("The model's session as its provider accounts for it; null for a provider that bills tokens.")

    /// The members of `carrier.error`.
    static let carrierErrorMembers: [Schema.Member] = [
        .required("source", .named("CarrierErrorSource")),
        .required("code", .integer.orNull.meaning("The carrier's number; for `dialling`, the SIP status.")),
        .required("message", .text),
    ]

    private static let carrierError = Schema.object(carrierErrorMembers)

    private static let step = Schema.object(
        .required("step", .word(EndReceipt.Step.Name.self)),
        .required("outcome", .word("done", "already_gone", "skipped", "failed", "timed_out")),
        .required("started_ms", .number),
        .required("ms", .number),
        .optional("error", .text)
    )

    private static let transcriptEntry = Schema.object(
        .required("role", .named("Speaker")),
        .required("text", .text),
        .required("at_ms", .integer),
        .optional("heard_ms", .integer.meaning("The agent was cut short: how much of it was heard.")),
        .optional(
            "heard_text",
            .text.meaning("The agent was cut short: the words that the caller heard, estimated.")
        ),
        .optional("turn_id", .text.meaning("As in `call.transcript`."))
    )

    private static let metrics = Schema.object(
        [
            "frames_from_caller", "bytes_from_caller", "bytes_to_agent", "bytes_from_agent", "frames_to_caller",
            "bytes_to_caller", "interruptions", "flushed_ms", "gaps", "filled_ms", "duplicate_frames", "outliers",
            "resynchronisations", "dropped_ms",
            "bad_messages", "underruns", "failed_responses", "longest_uplink_wait_ms", "longest_backlog_ms",
        ].map { .required($0, .integer) } + [
            .required(
                "turn_latency",
                Schema.named("LatencySummary").meaning("From the caller's last word to the agent's first.")
            ),
            .required(
                "barge_in_clear",
                Schema.named("LatencySummary").meaning("From the model's notice to a cleared line.")
            ),
        ] + usage.members
    )

    private static let usage = Schema.object(
        AgentUsage.counts.map { .required($0.name, .integer) }
    ).meaning(
        "Usage as the model counts it, in its own tokens. `…_audio_tokens`, `…_text_tokens`, `…_cached_tokens` and "
            + "`…_thinking_tokens` are parts of `input_tokens` and `output_tokens`, as far as the provider tells them; "
            + "`transcription_…` is the usage of the transcription model."
    )

    private static let cost = Schema.object(
        .required("currency", .word("USD")),
        .required("total", .number.orNull.meaning("null unless every item's amount is known.")),
        .required("model", .number.orNull),
        .required("transcription", .number.orNull),
        .required("carrier", .number.orNull),
        .required("items", .array(.named("CostItem")))
    ).meaning("In US dollars. An unknown price is null, never 0. The tokens of the items add up to `usage`.")

    private static let costItem = Schema.object(
        .required("part", .word(CallCost.Part.self)),
        .required(
            "kind",
            .text.meaning(
                "Such as `input_cached_audio`; `input_other` holds tokens whose kind the provider does not tell."
            )
        ),
        .optional("provider", .named("AgentProvider").meaning("In a call that several agents have had.")),
        .optional("model", .text.meaning("In a call that several agents have had.")),
        .required("quantity", .integer),
        .required("unit", .word("tokens", "ms", "minutes").meaning("Minutes are begun ones.")),
        .required("price", .number.orNull.meaning("For a million tokens, or for a minute.")),
        .required("amount", .number.orNull)
    )

    private static let latency = Schema.object(
        .required("count", .integer),
        .required("mean_ms", .number),
        .required("p50_ms", .number),
        .required("p95_ms", .number),
        .required("max_ms", .number)
    )

    static let all: [(name: String, schema: Schema)] = [
        ("Call", .object(listed + details)),
        ("PlacedCall", placed),
        ("ListedCall", .object(listed)),
        ("CallAgent", agent), ("AgentReference", .object(agentReference)), ("AgentPart", agentPart),
        (
            "CallList",
            .object(
                .required("calls", .array(.named("ListedCall"))),
                .required("count", .integer),
                .required("next_cursor", .text.orNull)
            )
        ),
        ("CreateCallRequest", request),
        ("EndCallRequest", end),
        ("EndCallsRequest", endMany),
        ("Receipt", receipt),
        ("TokenUsage", usage), ("AgentSession", agentSession), ("CallCost", cost), ("CostItem", costItem),
        ("EndStep", step), ("CarrierError", carrierError),
        (
            "Receipts",
            .object(
                .required("success", .boolean),
                .required("count", .integer),
                .required("results", .array(.named("Receipt")))
            )
        ),
        ("TranscriptEntry", transcriptEntry),
        (
            "Transcript",
            .object(.required("call_id", .text), .required("transcript", .array(.named("TranscriptEntry"))))
        ),
        ("CallMetrics", metrics),
        ("LatencySummary", latency),
    ]
}
