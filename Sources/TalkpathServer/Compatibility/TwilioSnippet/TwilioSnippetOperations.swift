import HTTPTypes

enum TwilioSnippetOperations {
    static let all: [Operation] = [
        Operation(
            method: .post,
            path: HangUpRoute.path,
            id: "hangup",
            area: "Twilio snippet",
            summary: "Hangs up a call by the carrier's name of it",
            meaning: "Also one that this server did not place. `accountSid` and `authToken` are not looked at.",
            body: .init(schema: .openObject(.optional("callSid", .text(0...200)))),
            answers: [
                .json(200, "Hung up.", .object(.required("message", .word("Succesfully hangup outbound call")))),
                .problem(401, "No key, or a wrong one."),
                .init(status: 405, meaning: "Any other method.", contents: [("text/plain", .text)]),
            ],
            problem: (
                "application/json",
                .object(.required("message", .word("Failed to hangup outbound call")), .required("error", .text))
            )
        )
    ]
}
