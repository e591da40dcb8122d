import HTTPTypes

enum TalkoverOperations {
    static let all: [Operation] = [
        operation(
            .post,
            "/api/v1/agents/{agent_id}/end-call",
            "talkoverEndCall",
            "Ends a call of an agent's",
            parameters: [.agentID],
            body: .init(schema: .named("TalkoverEnd")),
            [
                .json(200, "Ended.", .named("TalkoverEnded")),
                .json(404, "No such call, or another agent's.", .named("TalkoverProblem")),
                .json(409, "It has ended before: `CALL_NOT_ACTIVE`.", .named("TalkoverProblem")),
            ]
        ),
        operation(
            .post,
            "/api/v1/agents/{agent_id}/call",
            "talkoverCall",
            "Lets an agent call a number",
            parameters: [.agentID],
            body: .init(schema: .named("TalkoverCall")),
            [.json(200, "Ordered.", .named("TalkoverPlaced"))]
        ),
        operation(
            .get,
            "/api/v1/agents/{agent_id}/calls",
            "talkoverAgentCalls",
            "Lists the calls of an agent",
            parameters: [.agentID] + paging,
            [.json(200, "A page of calls.", .named("TalkoverCalls"))]
        ),
        operation(
            .get,
            "/api/v1/calls",
            "talkoverCalls",
            "Lists calls",
            parameters: paging,
            [.json(200, "A page of calls.", .named("TalkoverCalls"))]
        ),
    ]

    private static let paging: [Operation.Parameter] = [
        .query("page", .text.meaning("From 1.")), .query("per_page", .text.meaning("15; at most 100.")),
    ]

    private static func operation(
        _ method: HTTPRequest.Method,
        _ path: String,
        _ id: String,
        _ summary: String,
        parameters: [Operation.Parameter],
        body: Operation.Body? = nil,
        _ answers: [Operation.Answer]
    ) -> Operation {
        Operation(
            method: method,
            path: path,
            id: id,
            area: "Talkover",
            summary: summary,
            parameters: parameters,
            body: body,
            answers: answers,
            problem: ("application/json", .named("TalkoverProblem"))
        )
    }
}
