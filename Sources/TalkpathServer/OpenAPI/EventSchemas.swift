import TalkpathCore
import TalkpathWire

/// The events that are sent out, in Standard Webhooks' envelope.
enum EventSchemas {
    private static let kinds: [(type: String, meaning: String, data: Schema)] = [
        ("call.started", "A call has begun: ordered, or announced.", .named("CallEventData")),
        ("call.ringing", "The callee's phone rings.", .named("CallEventData")),
        ("call.answered", "The call was answered.", .named("CallEventData")),
        ("call.ended", "The call has ended. Comes once, with the receipt.", .named("CallEndedData")),
        ("call.transcript", "Somebody has said something.", .named("CallEventData")),
        ("call.recording", "The recording can be fetched.", .named("CallEventData")),
        ("call.analyzed", "The analysis of an ended call is there.", .named("CallEventData")),
        ("call.dtmf", "The caller has pressed a key; which one is not said.", .named("CallEventData")),
        ("agent.tool_called", "The agent has called a function.", .named("CallEventData")),
        ("call.failed", "The call could not be placed, or has failed.", .named("CallEventData")),
    ]

    static let types = kinds.map(\.type)

    static let all: [(name: String, schema: Schema)] = [
        ("CallEventData", .openObject(.required("call_id", .text))),
        ("CallEndedData", .openObject(.required("call_id", .text), .required("receipt", .named("Receipt")))),
    ]

    /// By type, as OpenAPI describes what is sent rather than received.
    static let webhooks: [(key: String, value: JSONValue)] = kinds.map { kind in
        let envelope = Schema.object(
            .required("type", .word([kind.type])),
            .required("timestamp", .time),
            .required("data", kind.data)
        )
        return (
            key: kind.type,
            value: [
                "post": [
                    "summary": .string(kind.meaning),
                    "parameters": .array(
                        ["webhook-id", "webhook-timestamp", "webhook-signature"].map { name -> JSONValue in
                            ["name": .string(name), "in": "header", "required": true, "schema": ["type": "string"]]
                        }
                    ),
                    "requestBody": ["required": true, "content": ["application/json": ["schema": envelope.json]]],
                    "responses": [
                        "2XX": ["description": "Taken. Anything else, or no answer in time, is tried again."],
                        "410": ["description": "Send no more."],
                    ],
                ]
            ]
        )
    }
}
