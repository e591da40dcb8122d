import HTTPTypes
import TalkpathCore
import TalkpathWire

/// The control API's operations on calls, for the API document.
enum CallOperations {
    static let all: [Operation] = [
        place(path: "/api/calls", id: "placeCall"),
        place(path: "/api/call", id: "placeCallAlias", summary: "Places a call: the first clients' address"),
        list, endMany, show, delete, end, transcript, recording, capture,
    ]

    private static func place(path: String, id: String, summary: String = "Places a call") -> Operation {
        Operation(
            method: .post,
            path: path,
            id: id,
            area: "Calls",
            summary: summary,
            parameters: [
                .header(
                    "Idempotency-Key",
                    .text(1...255).meaning(
                        "The same key and body get the same call, as it is by then, for a day; also after a restart."
                    )
                )
            ],
            body: .init(schema: .named("CreateCallRequest")),
            answers: [
                .init(
                    status: 201,
                    meaning: "The carrier has taken the request.",
                    contents: [("application/json", .named("PlacedCall"))],
                    headers: [("Location", .text)]
                ),
                .problem(
                    400,
                    "`malformed_json`, `missing_field`; `unsupported_option`: the model "
                        + "does not take the option named in `field`."
                ),
                .problem(
                    403,
                    """
                    `emergency_number`, `premium_number`, `number_type_not_allowed`, `destination_not_allowed`; \
                    `caller_not_allowed`: `from` is not the tenant's; `origin_not_allowed`: `webhook_url` is no origin \
                    of this server.
                    """
                ),
                .problem(404, "`agent_not_found`."),
                .problem(409, "`idempotency_conflict`: the key came with another body, or its call was deleted."),
                .problem(413, "`body_too_large`."),
                .problem(422, "`unknown_field`, `invalid_field`, `invalid_number`."),
                .problem(429, "`rate_limited`, `too_many_calls`, `quota_exceeded`, with `Retry-After`."),
                .problem(502, "`carrier_error`: the carrier refused the call."),
                .problem(
                    503,
                    "`draining`, `carrier_not_configured`, `too_many_connections`, `store_unavailable`: "
                        + "the call was not placed."
                ),
            ]
        )
    }

    private static let list = Operation(
        method: .get,
        path: "/api/calls",
        id: "listCalls",
        area: "Calls",
        summary: "Lists calls, newest first; those that are going on, if not asked for others",
        parameters: [
            .query("state", .word(ListCallsQuery.State.self)),
            .query("agent_id", .text),
            .query("status", .named("CallStatus")),
            .query("direction", .named("DirectionWord")),
            .query("from", .text),
            .query("to", .text),
            .query("search", .text(1...200).meaning("In numbers, ids and what was said.")),
            .query("since", Schema(.text(length: 0...40, form: .time)).meaning("Begun then or later.")),
            .query("until", Schema(.text(length: 0...40, form: .time)).meaning("Begun before.")),
            .query("limit", .integer(1...1000)),
            .query("cursor", .text.meaning("`next_cursor` of the page before.")),
        ],
        answers: [
            .json(200, "A page of calls.", .named("CallList")),
            .problem(422, "`unknown_field`, `invalid_field`."),
        ]
    )

    private static let show = Operation(
        method: .get,
        path: "/api/calls/{call_id}",
        id: "getCall",
        area: "Calls",
        summary: "One call, live or ended, with its transcript, metrics and receipt",
        parameters: [.callID],
        answers: [.json(200, "The call.", .named("Call")), .problem(404, "`call_not_found`.")]
    )

    private static let delete = Operation(
        method: .delete,
        path: "/api/calls/{call_id}",
        id: "deleteCall",
        area: "Calls",
        summary: "Deletes an ended call, and every copy there is of it",
        meaning: """
            Record, transcript, analysis, events (also those that are still to be delivered, and dead ones), the \
            recording and the capture. What others were told before is theirs.
            """,
        parameters: [.callID],
        answers: [
            .empty(204, "Gone."),
            .problem(404, "`call_not_found`."),
            .problem(409, "`call_active`: it is going on, or its hang-up is still to be confirmed by the carrier."),
        ]
    )

    private static let transcript = Operation(
        method: .get,
        path: "/api/calls/{call_id}/transcript",
        id: "getTranscript",
        area: "Calls",
        summary: "The transcript, as JSON or text",
        parameters: [.callID],
        answers: [
            .init(
                status: 200,
                meaning: "The transcript so far.",
                contents: [("application/json", .named("Transcript")), ("text/plain", .text)]
            ),
            .problem(404, "`call_not_found`."),
            .problem(406, "Neither JSON nor text is wanted."),
        ]
    )

    private static let recording = Operation(
        method: .get,
        path: "/api/calls/{call_id}/recording",
        id: "getRecording",
        area: "Calls",
        summary: "The recording in stereo: the caller left, the agent right",
        parameters: [.callID],
        answers: [
            .init(status: 200, meaning: "As it was kept.", contents: Recordings.contents),
            .problem(404, "`call_not_found`, `recording_not_found`."),
            .problem(406, "It was kept in another format than is wanted."),
        ]
    )

    private static let capture = Operation(
        method: .get,
        path: "/api/calls/{call_id}/capture",
        id: "getCapture",
        area: "Calls",
        summary: "Both sockets' messages, for `talkpath replay` and `talkpath report`",
        parameters: [.callID],
        answers: [
            .init(status: 200, meaning: "As it was kept.", contents: [(Recordings.plainType, .file)]),
            .problem(404, "`call_not_found`; `recording_not_found`: nothing was captured."),
        ]
    )

    private static let end = Operation(
        method: .post,
        path: "/api/calls/{call_id}/end",
        id: "endCall",
        area: "Calls",
        summary: "Ends a call and tells how it ended",
        meaning: """
            Answers when the bridge has stopped, the carrier has been told, both sockets are closed and the record is \
            saved, or when the bound has passed, which the receipt then says. However many ask at once get the same \
            receipt.
            """,
        parameters: [.callID],
        body: .init(schema: .named("EndCallRequest"), isRequired: false),
        answers: [
            .json(200, "Ended now, or joined an end in progress.", .named("Receipt")),
            .problem(400, "`malformed_json`."),
            .problem(404, "`call_not_found`."),
            .problem(409, "`call_already_ended`, with the receipt."),
            .problem(413, "`body_too_large`."),
            .problem(422, "`unknown_field`, `invalid_field`."),
            .problem(502, "`carrier_error`: the carrier did not confirm the hang-up; with the receipt."),
        ]
    )

    private static let endMany = Operation(
        method: .post,
        path: "/api/calls/end",
        id: "endCalls",
        area: "Calls",
        summary: "Ends all calls, or those of a kind, at once",
        body: .init(schema: .named("EndCallsRequest")),
        answers: [
            .json(200, "The receipts.", .named("Receipts")),
            .problem(400, "`malformed_json`."),
            .problem(413, "`body_too_large`."),
            .problem(422, "`unknown_field`, `invalid_field`."),
        ]
    )
}
