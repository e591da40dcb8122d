import TalkpathCore
import TalkpathWire

enum TalkoverSchemas {
    static let end = Schema.openObject(.required("call_sid", .text(1...200)))

    static let call = Schema.openObject(
        .required("to", .text(1...100)),
        .optional("payload", AgentSchemas.variables.meaning("For the agent's placeholders.")),
        .optional("context", .anyObject.atMost(bytes: 16 << 10).meaning("Comes back in events.")),
        .optional("delay_seconds", .integer(0...3600)),
        .optional("is_testing", .boolean)
    )

    private static let statuses = Schema.word(Set(CallStatus.allCases.map(\.talkoverWord)).sorted())

    private static let listed: [Schema.Member] = [
        .required("id", .text),
        .required("sid", .text.orNull),
        .required("to", .text),
        .required("from", .text),
        .required("direction", .named("CallDirection")),
        .required("status", .named("TalkoverStatus")),
        .required("duration", .integer),
        .required("agent", .object(.required("id", .text.orNull), .required("name", .text.orNull))),
        .required("created_at", .time),
        .required("updated_at", .time),
    ]

    private static func success(_ data: Schema) -> Schema {
        .object(.required("success", .boolean), .required("data", data))
    }

    static let all: [(name: String, schema: Schema)] = [
        ("TalkoverEnd", end),
        ("TalkoverStatus", statuses),
        ("TalkoverListedCall", .object(listed)),
        ("TalkoverCall", call),
        (
            "TalkoverEnded",
            success(
                .object(
                    .required("id", .text),
                    .required("status", .word("completed")),
                    .required("ended_at", .time),
                    .required("ended_reason", .named("EndReason"))
                )
            )
        ),
        (
            "TalkoverPlaced",
            success(
                .object(
                    .required("id", .text),
                    .required("agent_id", .text),
                    .required("to", .text),
                    .required("status", .word("initiated")),
                    .required("created_at", .time)
                )
            )
        ),
        (
            "TalkoverCalls",
            .object(
                .required("success", .boolean),
                .required("data", .array(.named("TalkoverListedCall"))),
                .required(
                    "pagination",
                    .object(
                        .required("current_page", .integer),
                        .required("last_page", .integer),
                        .required("per_page", .integer),
                        .required("total", .integer)
                    )
                )
            )
        ),
        (
            "TalkoverEvent",
            .object(
                .required("event", .word("event_phone_call_started", "event_phone_call_ended")),
                .required(
                    "data",
                    .object(
                        listed + [
                            .required("ended_at", .time.orNull),
                            .required("ended_reason", .named("EndReason").orNull),
                        ]
                    )
                )
            )
        ),
        (
            "TalkoverProblem",
            .object(.required("success", .boolean), .required("message", .text), .optional("code", .text))
        ),
    ]
}
