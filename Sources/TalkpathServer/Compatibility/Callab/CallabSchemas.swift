import TalkpathCore
import TalkpathWire

enum CallabSchemas {
    static let end = Schema.openObject(
        .required("call_id", .text(1...200)),
        .optional("disconnect_reason", .text(0...1000))
    )

    static let makeCall = Schema.openObject(
        .optional("ai_agent_id", .text(1...200)),
        .optional("call_from", .text(0...100)),
        .required("call_to", .text(1...100)),
        .optional(
            "dynamic_variables",
            .array(.openObject(.required("name", .text(1...200)), .optional("value", .any)), count: 0...1000)
        )
    )

    private static let call = Schema.object(
        .required("id", .text),
        .required("call_sid", .text.orNull),
        .required("company_id", .text.orNull),
        .required("campaign_id", .text.orNull),
        .required("ai_agent_id", .text.orNull),
        .required("contact_id", .text.orNull),
        .required("call_provider", .text),
        .required("call_from", .text),
        .required("call_to", .text),
        .required("call_duration", .integer.meaning("Seconds from the answer to the end.")),
        .required("call_status", .named("CallStatus")),
        .required("call_direction", .named("CallDirection")),
        .required("is_test", .boolean),
        .required("call_rating", .integer.orNull),
        .required("call_feedback", .text.orNull),
        .required("record_url", .text.orNull),
        .required("transcript", .text.orNull),
        .required("transcript_object", .anyObject.orNull),
        .required("transcript_language", .text.orNull),
        .required("cost", .number.orNull),
        .required("price_unit", .text.orNull),
        .required("latency", .number.orNull),
        .required("disconnect_reason", .text.orNull),
        .required("analysis_sentiment", .text.orNull),
        .required("agent_task_status", .text.orNull),
        .required("agent_task_feedback", .text.orNull),
        .required("metadata", .anyObject.orNull),
        .required("agent_dynamic_variables", .anyObject.orNull),
        .required("agent_post_call_outcomes", .anyObject.orNull),
        .required("notes", .text.orNull),
        .required("created_at", .time),
        .required("updated_at", .time),
        .required("deleted_at", .time.orNull),
        .required("started_at", .time.orNull),
        .required("ended_at", .time.orNull),
        .required("retry_at", .time.orNull),
        .required("workspace_id", .text.orNull)
    )

    static func envelope(_ data: Schema) -> Schema {
        .object(.required("status", .word("ok")), .required("message", .text), .required("data", data))
    }

    static let all: [(name: String, schema: Schema)] = [
        ("CallabCall", call),
        ("CallabEnd", end),
        ("CallabMakeCall", makeCall),
        ("CallabEnded", envelope(.word("Call Ended"))),
        (
            "CallabProblem",
            .object(.required("status", .word("error")), .required("message", .text), .required("data", .text.orNull))
        ),
    ]
}
