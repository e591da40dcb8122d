import HTTPTypes

/// The operations on agents, for the API document.
enum AgentOperations {
    static let all: [Operation] = [list, create, show, replace, delete]

    private static let body = Operation.Body(schema: .named("AgentDefinition"))

    private static let refusals: [Operation.Answer] = [
        .problem(
            400,
            "`malformed_json`, `missing_field`; `unsupported_option`: its model does not take the option named in `field`."
        ),
        .problem(
            403,
            """
            `forbidden`: `default` is the server's own; `emergency_number`, `premium_number`, \
            `number_type_not_allowed`, `destination_not_allowed`: callers may not be handed over there.
            """
        ),
        .problem(409, "`number_taken`: another agent has one of the numbers."),
        .problem(413, "`body_too_large`."),
        .problem(422, "`unknown_field`, `invalid_field`, `invalid_number`."),
        .problem(429, "`too_many_agents`: the limit of stored agents is reached; delete one first."),
    ]

    private static let created = Operation.Answer(
        status: 201,
        meaning: "The new agent, without its secrets.",
        contents: [("application/json", .named("Agent"))],
        headers: [("Location", .text)]
    )

    private static let list = Operation(
        method: .get,
        path: "/api/agents",
        id: "listAgents",
        area: "Agents",
        summary: "Lists the agents, oldest first",
        answers: [.json(200, "The agents.", .named("AgentList"))]
    )

    private static let create = Operation(
        method: .post,
        path: "/api/agents",
        id: "createAgent",
        area: "Agents",
        summary: "Keeps a new agent",
        meaning: "Omitted members are those of the server's own agent.",
        body: body,
        answers: [created] + refusals
    )

    private static let show = Operation(
        method: .get,
        path: "/api/agents/{agent_id}",
        id: "getAgent",
        area: "Agents",
        summary: "One agent; `default` is the server's own",
        parameters: [.agentID],
        answers: [.json(200, "The agent, without its secrets.", .named("Agent")), .problem(404, "`agent_not_found`.")]
    )

    private static let replace = Operation(
        method: .put,
        path: "/api/agents/{agent_id}",
        id: "putAgent",
        area: "Agents",
        summary: "Replaces an agent, or keeps a new one under this id",
        meaning: "Where it says `[redacted]`, the secret stays as it was. Calls that are going on are not changed.",
        parameters: [.agentID],
        body: body,
        answers: [
            created, .json(200, "The changed agent.", .named("Agent")),
        ] + refusals
    )

    private static let delete = Operation(
        method: .delete,
        path: "/api/agents/{agent_id}",
        id: "deleteAgent",
        area: "Agents",
        summary: "Takes an agent away; its calls go on",
        parameters: [.agentID],
        answers: [
            .empty(204, "Gone."), .problem(403, "`forbidden`: `default` is the server's own."),
            .problem(404, "`agent_not_found`."), .problem(422, "`invalid_field`."),
        ]
    )
}
