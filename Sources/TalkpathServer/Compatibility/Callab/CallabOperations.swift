import HTTPTypes
import TalkpathCore

enum CallabOperations {
    static let all: [Operation] = [
        operation(
            .post,
            "/calls/end",
            "callabEndCall",
            "Ends a call",
            body: .init(schema: .named("CallabEnd")),
            .named("CallabEnded")
        ),
        operation(
            .get,
            "/v1/calls/{id}",
            "callabGetCall",
            "One call",
            parameters: [.path("id", .text(1...200))],
            CallabSchemas.envelope(.named("CallabCall"))
        ),
        operation(
            .get,
            "/v1/calls/query",
            "callabQueryCalls",
            "Lists calls",
            parameters: [
                .query("ai_agent_id", .text), .query("status", .text), .query("search", .text),
                .query("start_date", .text), .query("end_date", .text),
                .query("page", .text.meaning("From 0.")), .query("per_page", .text.meaning("10.")),
                .query("sort_column", .text), .query("order", .text.meaning("`asc` or `desc`.")),
            ],
            CallabSchemas.envelope(.array(.named("CallabCall")))
        ),
        operation(
            .post,
            "/v1/calls/make-call",
            "callabMakeCall",
            "Places a call",
            body: .init(schema: .named("CallabMakeCall")),
            CallabSchemas.envelope(.named("CallabCall"))
        ),
    ]

    private static func operation(
        _ method: HTTPRequest.Method,
        _ path: String,
        _ id: String,
        _ summary: String,
        parameters: [Operation.Parameter] = [],
        body: Operation.Body? = nil,
        _ schema: Schema
    ) -> Operation {
        Operation(
            method: method,
            path: path,
            id: id,
            area: "Callab",
            summary: summary,
            parameters: parameters,
            body: body,
            answers: [.done(schema)],
            problem: ("application/json", .named("CallabProblem"))
        )
    }
}

extension Operation.Answer {
    /// Callab's answer to every request with a valid key.
    static func done(_ schema: Schema) -> Self {
        var answer = json(200, "Done. An empty body says that it was not done.", schema)
        answer.mayBeEmpty = true
        return answer
    }
}
