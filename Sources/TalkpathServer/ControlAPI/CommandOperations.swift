import HTTPTypes

/// The control API's operations on live calls, for the API document.
enum CommandOperations {
    static let all: [Operation] = [
        command(
            "say",
            "The agent says something, or audio is played; answers when it has been heard",
            "SayRequest",
            "Said",
            more: [.problem(502, "`agent_silent`: the model was asked to speak and did not.")]
        ),
        command("messages", "Puts a message into the model's conversation", "MessageRequest", "Done"),
        command("dtmf", "Dials digits on the line; answers when they have been heard", "DigitsRequest", "Done"),
        Operation(
            method: .patch,
            path: "/api/calls/{call_id}",
            id: "changeCall",
            area: "Calls",
            summary: "Changes a live call's session: instructions, turn detection, voice and the like",
            meaning: """
                At once, or when the answer under way has ended. Sessions opened later on this call begin with it. For \
                agents of `openai`; Gemini takes its set-up once, when a session begins.
                """,
            parameters: [.callID],
            body: .init(schema: .named("CallChange")),
            answers: [
                .json(200, "The session is being changed.", .named("Changed")),
                .problem(
                    400,
                    "`malformed_json`; `unsupported_option`: the provider does not let `field` be changed, or the model "
                        + "does not take it."
                ),
                .problem(404, "`call_not_found`."),
                .problem(409, "`call_already_ended`."),
                .problem(413, "`body_too_large`."),
                .problem(422, "`unknown_field`, `invalid_field`."),
            ]
        ),
        command("mute", "Silences one end of the call", "LegRequest", "Muted"),
        command("unmute", "Lets that end be heard again", "LegRequest", "Muted"),
        command(
            "transfer",
            "Connects the caller with another number; answers when that has answered, or has not",
            "TransferRequest",
            "Transferred",
            conflicts: """
                `transfer_failed`, with `outcome`: the number did not answer, and `on_failure` applies to the caller; \
                `call_already_ended`, `not_answered`, `busy`; `not_possible_now`: the call has no carrier.
                """,
            more: [
                .problem(
                    403,
                    """
                    `emergency_number`, `premium_number`, `number_type_not_allowed`, `destination_not_allowed`; \
                    `caller_not_allowed`: `from` is not the tenant's.
                    """
                ),
                .problem(502, "`carrier_error`: the carrier refused, and the call goes on."),
                .problem(503, "`store_unavailable`."),
            ]
        ),
    ]

    private static func command(
        _ name: String,
        _ summary: String,
        _ body: String,
        _ answer: String,
        conflicts: String = "`call_already_ended`, `not_answered`, `agent_not_ready`, `busy`.",
        more: [Operation.Answer] = []
    ) -> Operation {
        Operation(
            method: .post,
            path: "/api/calls/{call_id}/\(name)",
            id: "call_\(name)",
            area: "Calls",
            summary: summary,
            parameters: [.callID],
            body: .init(schema: .named(body)),
            answers: [
                .json(200, "Done.", .named(answer)),
                .problem(400, "`malformed_json`, `missing_field`."),
                .problem(404, "`call_not_found`."),
                .problem(409, conflicts),
                .problem(413, "`body_too_large`."),
                .problem(422, "`unknown_field`, `invalid_field`, `invalid_number`."),
            ] + more
        )
    }
}
