import HTTPTypes

/// The operations on the server itself (health, metrics, status) and the document, for the API document.
enum ServerOperations {
    static let all: [Operation] = [health, ready, metrics, status, document]

    private static let health = Operation(
        method: .get,
        path: "/health",
        id: "health",
        area: "Server",
        summary: "Whether the process is alive",
        access: .open,
        answers: [
            .json(
                200,
                "It is.",
                .object(
                    .required("status", .word("healthy")),
                    .required("active_calls", .integer(0...1_000_000)),
                    .required("version", .text)
                )
            )
        ]
    )

    private static let readiness = Schema.object(.required("status", .named("Readiness")))

    private static let ready = Operation(
        method: .get,
        path: "/ready",
        id: "ready",
        area: "Server",
        summary: "Whether new calls are taken",
        access: .open,
        answers: [
            .json(200, "They are.", readiness),
            .json(503, "The server is stopping, or its store cannot write.", readiness),
        ]
    )

    private static let metrics = Operation(
        method: .get,
        path: "/metrics",
        id: "metrics",
        area: "Server",
        summary: "Counters and histograms in Prometheus' text format",
        meaning: """
            They tell of all tenants: a key of `TALKPATH_METRICS_KEY` opens them, or where there is none, one of the \
            default tenant.
            """,
        answers: [
            .init(status: 200, meaning: "The exposition.", contents: [("text/plain", .text)]),
            .problem(403, "`forbidden`: the key is a tenant's."),
        ]
    )

    private static let status = Operation(
        method: .get,
        path: "/api/server",
        id: "server",
        area: "Server",
        summary: "How the server is, and for its operator how it is set",
        answers: [.json(200, "The server as it is now.", .named("ServerStatus"))]
    )

    static let schemas: [(name: String, schema: Schema)] = [
        (
            "ServerStatus",
            .object(
                .required("tenant", .text.meaning("Whose key it is.")),
                .required("version", .text),
                .required("readiness", .named("Readiness")),
                .required("started_at", .time),
                .required("time", .time.meaning("The server's own.")),
                .required("uptime_s", .integer),
                .required("development", .boolean),
                .required("active_calls", .integer.meaning("The tenant's.")),
                .required("loop_lag_ms", .number.meaning("How long the slowest media loop lets others wait, now.")),
                .required(
                    "active_calls_of_all",
                    .integer.orNull.meaning("For the default tenant, with the following members.")
                ),
                .required("open_connections", .integer.orNull),
                .required("refused_connections", .integer.orNull),
                .required("settings", Schema.array(.named("SettingInForce")).orNull)
            )
        ),
        (
            "SettingInForce",
            .object(
                .required("name", .text),
                .required("value", .text.meaning("Of a secret, `set` or `not set`."))
            )
        ),
    ]

    private static let document = Operation(
        method: .get,
        path: "/openapi.json",
        id: "openapi",
        area: "Server",
        summary: "This document",
        access: .open,
        answers: [.json(200, "OpenAPI 3.1.", .anyObject)]
    )
}
