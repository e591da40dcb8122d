import TalkpathCore
import TalkpathWire

/// The schemas of sent events, in Standard Webhooks' envelope and in the formats of other systems.
enum EventSchemas {
    private struct Kind {
        var type: EventType
        var meaning: String
        /// Members besides those that identify the call.
        var data: [Schema.Member] = []
    }

    private static let at = Schema.Member.required("at_ms", .integer.meaning("Since the call's beginning."))

    private static let kinds = [
        Kind(
            type: .started,
            meaning: "A call has begun: requested through the API, or announced by the carrier.",
            data: [at]
        ),
        Kind(type: .ringing, meaning: "The callee's phone rings.", data: [at]),
        Kind(type: .answered, meaning: "The call was answered.", data: [at]),
        Kind(
            type: .ended,
            meaning: "The call has ended. Comes once, with the receipt.",
            data: [
                .required("status", .named("CallStatus")), .required("ended_reason", .named("EndReason")),
                .required("duration", .number.meaning("Seconds from start to end.")),
                .required("duration_ms", .integer),
                .optional("agent", .object(.required("provider", .text), .required("model", .text))),
                .optional("carrier_call_id", .text), .optional("metadata", .anyObject),
                .required("receipt", .named("Receipt")),
            ]
        ),
        Kind(
            type: .transcript,
            meaning: "The caller or the agent has spoken. Comes again for a turn that was reported and then cut short.",
            data: [
                at, .required("role", .named("Speaker")), .required("text", .text),
                .required("turn_id", .text.meaning("Within the call; the same when the turn is corrected.")),
                .required("cut", .boolean.meaning("The agent was cut short: not all of the text was heard.")),
                .optional("heard_ms", .integer.meaning("The agent was cut short: how much of it was heard.")),
                .optional(
                    "heard_text",
                    .text.meaning("The agent was cut short: the words that the caller heard, estimated.")
                ),
                .optional("corrects", .boolean.meaning("Takes the place of the event of the same `turn_id`.")),
            ]
        ),
        Kind(
            type: .recording,
            meaning: "The recording can be fetched.",
            data: [.required("recording_url", .text.meaning("Below this server's address."))]
        ),
        Kind(
            type: .analyzed,
            meaning: "The analysis of an ended call is there.",
            data: [.required("analysis", .named("CallAnalysis"))]
        ),
        Kind(type: .dtmf, meaning: "The caller has pressed a key; which one is not said.", data: [at]),
        Kind(type: .listened, meaning: "A listener has joined the live call.", data: [at]),
        Kind(type: .transferStarted, meaning: "The carrier is asked to dial the number of a transfer.", data: [at]),
        Kind(
            type: .transferAnswered,
            meaning: "The other party of a transfer has answered; the call goes on without its agent.",
            data: [at]
        ),
        Kind(
            type: .transferFailed,
            meaning: "The other number did not answer a transfer, or the carrier refused it.",
            data: [
                at,
                .required("outcome", .named("TransferOutcome").orNull.meaning("Null: the carrier refused it.")),
                .required("reason", .text),
            ]
        ),
        Kind(
            type: .toolCalled,
            meaning: "The agent has called a function.",
            data: [at, .required("name", .text.meaning("Of the function."))]
        ),
        Kind(
            type: .agentLost,
            meaning: """
                The model's session was lost or could not be set up; it is opened again until the attempts are used up.
                """,
            data: [at, .required("reason", .text.meaning("The provider's or the socket's words."))]
        ),
        Kind(
            type: .agentFailedOver,
            meaning: "The agent was refused or is lost for good, and the next one of its `failover` takes over.",
            data: [
                at,
                .required("from", .named("AgentReference")),
                .required("to", .named("AgentReference")),
                .required("reason", .text.meaning("Why the agent before was left.")),
            ]
        ),
        Kind(
            type: .carrierError,
            meaning:
                "The carrier has reported an error: of the create, the dialling, the media stream or the hang-up.",
            data: [at] + CallSchemas.carrierErrorMembers
        ),
        Kind(
            type: .responseFailed,
            meaning:
                "The model did not complete an answer, or refused to give one; it is asked again where that may help.",
            data: [
                at,
                .required("status", .named("FailedResponseStatus")),
                .required("code", .text.meaning("The provider's code.")),
            ]
        ),
        Kind(
            type: .failed,
            meaning: "The call could not be placed, or has failed; `call.ended` follows.",
            data: [.required("ended_reason", .named("EndReason")), .required("reason", .text.orNull)]
        ),
    ]

    private static let call: [Schema.Member] = [
        .required("call_id", .text),
        .optional("direction", .named("CallDirection")),
        .optional("from_number", .text),
        .optional("to_number", .text),
        .optional("agent_id", .text),
    ]

    /// The schema of the message for an event.
    static func envelope(_ type: EventType) -> Schema { .named(name(type)) }

    /// The schema's name: `CallEndedEvent` for `call.ended`.
    private static func name(_ type: EventType) -> String {
        let words = type.rawValue.split { $0 == "." || $0 == "_" }.map { $0.prefix(1).uppercased() + $0.dropFirst() }
        return words.joined() + "Event"
    }

    static let all: [(name: String, schema: Schema)] =
        kinds.map { kind in
            let envelope = Schema.object(
                .required("type", .word([kind.type.rawValue])),
                .required("timestamp", .time),
                .required("data", .object(call + kind.data))
            )
            return (name: name(kind.type), schema: envelope)
        } + [("CallAnalysis", analysis)]

    private static let analysis = Schema.object(
        .required("summary", .text.orNull.meaning("A language model's, as are sentiment and outcome.")),
        .required("sentiment", .named("Sentiment").orNull.meaning("The caller's.")),
        .required("outcome", .text.orNull),
        .required("model", .text.orNull.meaning("Whose opinion it is; null if none was asked.")),
        .required("agent_talk_ratio", .number(0...1).orNull.meaning("The agent's share of what was said.")),
        .required("agent_talk_ms", .integer.orNull),
        .required("caller_talk_ms", .integer.orNull),
        .required("interruptions", .integer.meaning("How often the caller cut the agent short.")),
        .required("silences", .integer),
        .required("silence_ms", .integer.orNull),
        .required("longest_silence_ms", .integer.orNull),
        .required("turns", .integer),
        .required("mean_turn_latency_ms", .integer.orNull),
        .required("longest_turn_latency_ms", .integer.orNull),
        .required("loop_score", .number(0...1).orNull)
    )

    // MARK: In the document

    /// The events by type, in OpenAPI's description of sent messages.
    static let webhooks: [(key: String, value: JSONValue)] =
        kinds.map { (key: $0.type.rawValue, value: webhook($0.meaning, .named(name($0.type)))) }
        + [
            (
                key: "event_phone_call_started",
                value: webhook("`call.started` in Talkover's words.", .named("TalkoverEvent"))
            ),
            (
                key: "event_phone_call_connected",
                value: webhook("`call.answered` in Vocode's words.", .named("VocodeEvent"))
            ),
            (
                key: "event_phone_call_ended",
                value: webhook(
                    "`call.ended` in Talkover's or Vocode's words.",
                    .oneOf(.named("TalkoverEvent"), .named("VocodeEvent"))
                )
            ),
        ]

    private static func webhook(_ meaning: String, _ body: Schema) -> JSONValue {
        let headers = [
            ("webhook-id", "The same at every attempt."),
            ("webhook-timestamp", "Of the attempt, in seconds since 1970."),
            ("webhook-signature", "`v1,` and base64; two of them with a space between while a secret is replaced."),
        ]
        return [
            "post": [
                "summary": .string(meaning),
                "parameters": .array(
                    headers.map { name, meaning -> JSONValue in
                        [
                            "name": .string(name), "in": "header", "required": true, "description": .string(meaning),
                            "schema": ["type": "string"],
                        ]
                    }
                ),
                "requestBody": ["required": true, "content": ["application/json": ["schema": body.json]]],
                "responses": [
                    "2XX": ["description": "Taken. Anything else, or no answer in time, is tried again."],
                    "410": ["description": "Send no more."],
                    "429": ["description": "Not before `Retry-After`, seconds or a date; with 503, too."],
                ],
            ]
        ]
    }
}
