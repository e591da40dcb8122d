import TalkpathCore
import TalkpathWire

enum VocodeSchemas {
    static let create = Schema.openObject(
        .required("from_number", .text(1...100)),
        .required("to_number", .text(1...100)),
        .required("agent", .oneOf(.text(1...200), agentOrder)),
        .optional("context", AgentSchemas.variables),
        .optional("on_no_human_answer", .named("MachinePolicy"))
    )

    private static let agentOrder = Schema.openObject(
        .optional("name", .text(0...200)),
        .optional(
            "prompt",
            .oneOf(.text(0...100_000), .openObject(.optional("content", .text(0...100_000))))
        ),
        .optional("initial_message", .text(0...10_000))
    )

    private static let agent = Schema.object(
        .required("id", .text),
        .required("user_id", .text),
        .required("name", .text.orNull),
        .required("prompt", .anyObject),
        .required("language", .text.orNull),
        .required("actions", .array(.any)),
        .required("voice", .anyObject.orNull),
        .required("initial_message", .text.orNull),
        .required("webhook", .anyObject.orNull),
        .required("vector_database", .anyObject.orNull),
        .required("openai_account_connection", .anyObject.orNull),
        .required("openai_model_name_override", .text.orNull)
    )

    private static func call(agent: Schema) -> Schema {
        .object(
            .required("id", .text),
            .required("user_id", .text),
            .required("status", .named("VocodeStatus")),
            .required("error_message", .text.orNull),
            .required("recording_available", .boolean),
            .required("transcript", .text.orNull),
            .required("human_detection_result", .named("VocodeListener").orNull),
            .required("do_not_call_result", .boolean.orNull),
            .required("telephony_id", .text.orNull),
            .required("stage", .named("VocodeStage").orNull),
            .required("stage_outcome", .named("VocodeStageOutcome").orNull),
            .required("telephony_metadata", .anyObject.orNull),
            .required("to_number", .text),
            .required("from_number", .text),
            .required("agent", agent),
            .required("telephony_provider", .named("VocodeProvider")),
            .required("agent_phone_number", .text),
            .required("start_time", .time.orNull),
            .required("end_time", .time.orNull),
            .required("hipaa_compliant", .boolean),
            .required("on_no_human_answer", .named("MachinePolicy").orNull),
            .required("context", .anyObject.orNull),
            .required("run_do_not_call_detection", .boolean.orNull),
            .required("telephony_account_connection", .anyObject.orNull),
            .required("telephony_params", .anyObject.orNull)
        )
    }

    private static let outcome = Schema.word(
        "human_unanswered",
        "call_did_not_connect",
        "human_disconnected",
        "bot_disconnected",
        "transfer_unanswered",
        "transfer_disconnected"
    )

    private static let fieldProblem = Schema.object(
        .required("loc", .array(.text)),
        .required("msg", .text),
        .required("type", .text)
    )

    static let all: [(name: String, schema: Schema)] = [
        ("VocodeCall", call(agent: .named("VocodeAgent"))),
        ("VocodeListedCall", call(agent: .text)),
        ("VocodeAgent", agent),
        ("VocodeStageOutcome", outcome),
        ("VocodeStatus", .word("not_started", "in_progress", "error", "ended")),
        ("VocodeStage", .word("created", "picked_up", "transfer_started", "transfer_successful")),
        ("VocodeListener", .word("human", "no_human")),
        ("VocodeProvider", .word("twilio", "vonage")),
        ("VocodeCreate", create),
        (
            "VocodeCalls",
            .object(
                .required("items", .array(.named("VocodeListedCall"))),
                .required("page", .integer),
                .required("size", .integer),
                .required("has_more", .boolean),
                .required("total", .integer),
                .required("total_is_estimated", .boolean)
            )
        ),
        (
            "VocodeEvent",
            .object(
                .required("type", .word("event_phone_call_connected", "event_phone_call_ended")),
                .required("call_id", .text),
                .required(
                    "payload",
                    .object(
                        .optional("to_phone_number", .text),
                        .optional("from_phone_number", .text),
                        .optional("conversation_minutes", .number)
                    )
                )
            )
        ),
        ("VocodeFieldProblem", .object(.required("detail", .array(fieldProblem)))),
        ("VocodeProblem", .object(.required("detail", .text))),
    ]
}
