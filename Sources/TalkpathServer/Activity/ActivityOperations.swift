import HTTPTypes
import TalkpathCore
import TalkpathWire

/// The operations that watch live calls, for the API document.
enum ActivityOperations {
    static let all: [Operation] = [list, show, listen]

    fileprivate static let tooMany = Operation.Answer.problem(429, "`too_many_followers`, with `Retry-After`.")
    private static let notAcceptable = Operation.Answer.problem(406, "Neither of the two is wanted.")

    private static let list = Operation(
        method: .get,
        path: "/api/activity",
        id: "watchCalls",
        area: "Calls",
        summary: "The live calls and the side that speaks on each, once or as a stream",
        meaning: """
            With `Accept: text/event-stream`, Server-Sent Events: `calls` first, as the JSON answer; then `call`, a \
            `WatchedCall`, whenever one has changed or begun, and `ended`, a `ListedCall`. Each connection begins with \
            all of them, so that nothing is missed by coming back.
            """,
        answers: [
            .init(
                status: 200,
                meaning: "The calls.",
                contents: [
                    ("application/json", .named("WatchedCalls")), (ActivityRoutes.streamType, .text),
                ]
            ),
            notAcceptable, tooMany,
        ]
    )

    private static let show = Operation(
        method: .get,
        path: "/api/calls/{call_id}/activity",
        id: "watchCall",
        area: "Calls",
        summary: "A call with every moment of it, once or as a stream",
        meaning: """
            With `Accept: text/event-stream`, Server-Sent Events: `call` first, a `Call`; then each `moment` from the \
            beginning on, `turn`, a `TranscriptEntry`, whenever more of its words are known, and `now`, a `CallActivity`, whenever \
            that changes; after the end `call` once more, and \
            `end`. Each connection begins with the whole. Moments are kept in memory: of live calls and of those that \
            ended last.
            """,
        parameters: [.callID],
        answers: [
            .init(
                status: 200,
                meaning: "The call.",
                contents: [
                    ("application/json", .named("WatchedCallDetails")), (ActivityRoutes.streamType, .text),
                ]
            ),
            .problem(404, "`call_not_found`."), notAcceptable, tooMany,
        ]
    )
}

extension ActivityOperations {
    fileprivate static let listen = Operation(
        method: .get,
        path: "/api/calls/{call_id}/listen",
        id: "listenToCall",
        area: "Calls",
        summary: "Both sides of a live call, as they are on the line",
        meaning: """
            Server-Sent Events named `audio`, some 25 a second: `{"caller": [], "agent": [], "cleared"?: true}`, each \
            element µ-law at 8 kHz in base64. `cleared` comes where the caller cut the agent short: audio of the agent's \
            that was not played yet never will be, and `agent` holds what came after. `missing_bytes` tells what a \
            listener who reads too slowly has lost. The call's events tell `call.listened`.
            """,
        parameters: [.callID],
        answers: [
            .init(status: 200, meaning: "Until the call ends.", contents: [(ActivityRoutes.streamType, .text)]),
            .problem(404, "`call_not_found`."),
            .problem(409, "`call_already_ended`; `busy`: the limit of listeners is reached."),
            tooMany,
        ]
    )
}

/// The schemas of watched calls.
enum ActivitySchemas {
    private static let activity = Schema.object(
        .required("caller_speaks", .boolean),
        .required("agent_is_heard", .boolean.meaning("Audio of the agent's is on its way to the caller's ear.")),
        .required("muted", .array(.named("CallLeg"))),
        .required(
            "under_way",
            .array(.word(CallActivity.allCases.filter { $0 != .callerMuted && $0 != .agentMuted }.map(\.word)))
        )
    )

    private static let moment = Schema.object(
        .required("kind", .word(CallEvent.MomentKind.self)),
        .required("at_ms", .integer.meaning("Since the call began.")),
        .optional("latency_ms", .integer.meaning("`agent_answered`: since the caller's last sound.")),
        .optional("heard_ms", .integer.meaning("`interrupted`: how long the agent had been heard.")),
        .optional("turn", Schema.named("TranscriptEntry").meaning("Takes the place of one of the same `turn_id`.")),
        .optional("name", .text.meaning("`tool_called`: of the function.")),
        .optional("reason", .text),
        .optional("source", .named("CarrierErrorSource")),
        .optional("message", .text),
        .optional("status", .named("FailedResponseStatus")),
        .optional(
            "code",
            Schema.oneOf(.integer, .text).orNull.meaning("The carrier's number, or the provider's word.")
        ),
        .optional("answered_by", .named("AnsweredBy")),
        .optional("score", .number),
        .optional("receipt", .named("Receipt"))
    )

    static let all: [(name: String, schema: Schema)] = [
        ("CallActivity", activity),
        ("CallMoment", moment),
        ("WatchedCall", .object(CallSchemas.listed + watched)),
        ("WatchedCalls", .object(.required("calls", .array(.named("WatchedCall"))))),
        (
            "WatchedCallDetails",
            .object(
                .required("call", .named("Call")),
                .required("moments", .array(.named("CallMoment"))),
                .required("now", Schema.named("CallActivity").orNull.meaning("null: the call is over."))
            )
        ),
    ]

    private static let watched: [Schema.Member] = [
        .required("activity", .named("CallActivity")),
        .required("turn_latency", .named("LatencySummary")),
        .required("interruptions", .integer),
        .required("last_turn", Schema.named("TranscriptEntry").orNull),
    ]
}
