import HTTPTypes
import TalkpathCore
import TalkpathWire

/// The schemas of webhooks and deliveries, for the API document.
enum NotificationSchemas {
    static let order = Schema.object(
        .required("url", Schema(.text(length: 1...2048, form: .url))),
        .optional("secret", .text(1...200).meaning("`whsec_` and base64 of 24 to 64 bytes; made up without it.")),
        .optional("events", .array(.named("EventType"), count: 1...20).meaning("All without it.")),
        .optional("agent_id", .text(0...200).meaning("Of this agent's calls only.")),
        .optional("format", format)
    )

    static let format = Schema.named("WebhookFormat").meaning(
        """
        In whose words: `standard` is ours; `talkover` has `event_phone_call_started` and `…_ended`, `vocode` \
        `event_phone_call_connected` and `…_ended`. All are signed alike.
        """
    )

    static let replay = Schema.object(
        .optional("delivery_id", .integer(1...Int.max)),
        .optional("all", .boolean)
    )

    private static let webhook: [Schema.Member] = [
        .required("webhook_id", .text), .required("url", .text), .required("events", .array(.text).orNull),
        .required("agent_id", .text.orNull), .required("format", .named("WebhookFormat")),
        .required("active", .boolean), .required("stopped_because", .text.orNull),
        .required("earlier_secret_until", .time.orNull.meaning("Until then events bear two signatures.")),
        .required("created_at", .time),
        .required("delivered", .integer.meaning("Events that it has taken since the server started.")),
        .required("failed_attempts", .integer.meaning("Since the server started.")),
        .required("failing_since", .time.orNull.meaning("No event has been taken since then.")),
        .required("last_failure", .text.orNull),
    ]

    /// In seconds: a day.
    static let usualOverlap = 86_400

    static let rotation = Schema.object(
        .optional("secret", .text(1...200).meaning("`whsec_` and base64 of 24 to 64 bytes; made up without it.")),
        .optional(
            "overlap_s",
            .integer(0...604_800).meaning("How long events are signed with the secret before it as well: a day.")
        )
    )

    private static let delivery = Schema.object(
        .required("delivery_id", .integer),
        .required("webhook_id", .text),
        .required("attempts", .integer),
        .required("failed_at", .time.orNull),
        .required("failure", .text.orNull),
        .required("event_id", .text),
        .required("event", Schema(.oneOf(EventType.allCases.map(EventSchemas.envelope))))
    )

    static let all: [(name: String, schema: Schema)] = [
        ("WebhookRequest", order),
        ("SecretRotation", rotation),
        ("ReplayRequest", replay),
        ("Webhook", .object(webhook)),
        ("NewWebhook", .object(webhook + [.required("secret", .text.orNull)])),
        ("WebhookList", .object(.required("webhooks", .array(.named("Webhook"))), .required("count", .integer))),
        ("DeliveryList", .object(.required("deliveries", .array(delivery)), .required("count", .integer))),
        ("Replayed", .object(.required("success", .boolean), .required("count", .integer))),
    ]
}

/// The operations on events, for the API document.
enum NotificationOperations {
    static let all: [Operation] = [
        follow, listWebhooks, addWebhook, showWebhook, deleteWebhook, rotateSecret, listDead, replay,
    ]

    private static let webhookID = Operation.Parameter.path("webhook_id", .text(1...200))
    private static let unknown = Operation.Answer.problem(404, "`not_found`.")
    private static let refusals: [Operation.Answer] = [
        .problem(400, "`malformed_json`, `missing_field`."), .problem(413, "`body_too_large`."),
        .problem(422, "`unknown_field`, `invalid_field`."),
    ]

    private static let follow = Operation(
        method: .get,
        path: "/api/calls/{call_id}/events",
        id: "followCall",
        area: "Events",
        summary: "A call's events as they happen, as Server-Sent Events",
        parameters: [.callID, .header("Last-Event-ID", .text(0...30).meaning("Go on behind this one."))],
        answers: [
            .init(status: 200, meaning: "Goes on until the call has ended.", contents: [("text/event-stream", .text)]),
            .problem(400, "`invalid_field`."), .problem(404, "`call_not_found`."),
            .problem(429, "`too_many_followers`: the limit of event streams that one tenant follows is reached."),
        ]
    )

    private static let listWebhooks = Operation(
        method: .get,
        path: "/api/webhooks",
        id: "listWebhooks",
        area: "Events",
        summary: "Lists the webhooks",
        answers: [.json(200, "The webhooks, without their secrets.", .named("WebhookList"))]
    )

    private static let addWebhook = Operation(
        method: .post,
        path: "/api/webhooks",
        id: "addWebhook",
        area: "Events",
        summary: "Adds a webhook",
        body: .init(schema: .named("WebhookRequest")),
        answers: [
            .init(
                status: 201,
                meaning: "The webhook, with its secret this once.",
                contents: [("application/json", .named("NewWebhook"))],
                headers: [("Location", .text)]
            ),
            .problem(409, "The limit of webhooks is reached."),
        ] + refusals
    )

    private static let showWebhook = Operation(
        method: .get,
        path: "/api/webhooks/{webhook_id}",
        id: "getWebhook",
        area: "Events",
        summary: "One webhook",
        parameters: [webhookID],
        answers: [.json(200, "The webhook.", .named("Webhook")), unknown]
    )

    private static let deleteWebhook = Operation(
        method: .delete,
        path: "/api/webhooks/{webhook_id}",
        id: "deleteWebhook",
        area: "Events",
        summary: "Takes a webhook away",
        parameters: [webhookID],
        answers: [.empty(204, "Gone."), unknown]
    )

    private static let rotateSecret = Operation(
        method: .post,
        path: "/api/webhooks/{webhook_id}/rotate",
        id: "rotateWebhookSecret",
        area: "Events",
        summary: "Gives a webhook a new secret",
        meaning: """
            For a while every event bears two signatures, of the new secret and of the one before it, so that the \
            receiver can change over whenever it likes. A secret that was replaced before is not used any more.
            """,
        parameters: [webhookID],
        body: .init(schema: .named("SecretRotation"), isRequired: false),
        answers: [.json(200, "The webhook, with its new secret this once.", .named("NewWebhook")), unknown] + refusals
    )

    private static let listDead = Operation(
        method: .get,
        path: "/api/events/dead",
        id: "listDeadDeliveries",
        area: "Events",
        summary: "List deliveries that were given up",
        parameters: [.query("limit", .integer(1...1000)), .query("before", .integer)],
        answers: [.json(200, "Deliveries, newest first.", .named("DeliveryList")), .problem(422, "`invalid_field`.")]
    )

    private static let replay = Operation(
        method: .post,
        path: "/api/events/dead/replay",
        id: "replayDeadDeliveries",
        area: "Events",
        summary: "Repeats deliveries that have failed for good",
        body: .init(schema: .named("ReplayRequest")),
        answers: [.json(200, "They are under way.", .named("Replayed")), unknown] + refusals
    )
}
