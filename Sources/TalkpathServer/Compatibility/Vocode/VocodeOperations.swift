import HTTPTypes

enum VocodeOperations {
    static let all: [Operation] = [end, show, list, create, recording]

    private static let problem = (
        type: "application/json", schema: Schema.oneOf(.named("VocodeFieldProblem"), .named("VocodeProblem"))
    )
    private static let id = Operation.Parameter.requiredQuery("id", .text(1...200))
    private static let unprocessable = Operation.Answer.json(
        422,
        "The request lacks something, or has it wrong.",
        problem.schema
    )
    private static let notFound = Operation.Answer.json(404, "No such call.", .named("VocodeProblem"))

    /// Shared with Callab, whose clients send a body instead of `id`.
    private static let end = Operation(
        method: .post,
        path: "/v1/calls/end",
        id: "endCallByQueryOrBody",
        area: "Callab",
        summary: "Ends a call: Vocode's, by `id` in the query, or Callab's, by a body",
        meaning: "A Callab client's mistakes are answered with 200 and an empty body.",
        parameters: [.query("id", .text(1...200))],
        body: .init(schema: .named("CallabEnd"), isRequired: false),
        answers: [
            .done(.oneOf(.named("VocodeCall"), .named("CallabEnded"))), notFound, unprocessable,
        ],
        problem: (
            "application/json",
            .oneOf(.named("VocodeFieldProblem"), .named("VocodeProblem"), .named("CallabProblem"))
        )
    )

    private static let show = Operation(
        method: .get,
        path: "/v1/calls",
        id: "vocodeGetCall",
        area: "Vocode",
        summary: "One call",
        parameters: [id],
        answers: [.json(200, "The call.", .named("VocodeCall")), notFound, unprocessable],
        problem: problem
    )

    private static let list = Operation(
        method: .get,
        path: "/v1/calls/list",
        id: "vocodeListCalls",
        area: "Vocode",
        summary: "Lists calls",
        parameters: [
            .query("page", .integer(1...1_000_000)), .query("size", .integer(1...1000)), .query("sort_column", .text),
            .query("sort_desc", .boolean),
        ],
        answers: [.json(200, "A page of calls.", .named("VocodeCalls")), unprocessable],
        problem: problem
    )

    private static let recording = Operation(
        method: .get,
        path: "/v1/calls/recording",
        id: "vocodeGetRecording",
        area: "Vocode",
        summary: "A call's recording",
        parameters: [id],
        answers: [
            .init(status: 200, meaning: "Stereo audio.", contents: Recordings.contents),
            notFound, unprocessable,
        ],
        problem: problem
    )

    private static let create = Operation(
        method: .post,
        path: "/v1/calls/create",
        id: "vocodeCreateCall",
        area: "Vocode",
        summary: "Places a call",
        body: .init(schema: .named("VocodeCreate")),
        answers: [.json(200, "The call.", .named("VocodeCall")), notFound, unprocessable],
        problem: problem
    )
}
