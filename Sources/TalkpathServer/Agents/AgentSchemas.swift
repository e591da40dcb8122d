import TalkpathAudio
import TalkpathCore
import TalkpathWire

enum AgentSchemas {
    /// The fields of an agent that its tenant sets.
    static let fields: [Schema.Member] = [
        .optional("name", .text(1...200)),
        .optional("provider", .named("AgentProvider")),
        .optional("model", .text(1...200)),
        .optional("api_key", .text(1...1000).meaning("The provider's key, if not the server's. Never shown again.")),
        .optional("voice", .text(1...200)),
        .optional(
            "format",
            .named("AgentFormat").meaning("`pcmu` passes the telephone's audio through; not for gemini.")
        ),
        .optional("instructions", .text(0...100_000).meaning("`{{name}}` is filled in from the variables.")),
        .optional("variables", variables.meaning("Values for placeholders that a call brings none for.")),
        .optional("first_message", .text(0...10_000).meaning("An instruction for the agent's first words.")),
        .optional(
            "greeting_policy",
            .named("GreetingPolicy").meaning(
                "The side that speaks first where both would. `greeting_first`: the agent greets before it hears the caller."
            )
        ),
        .optional("tools", .array(.named("AgentTool"), count: 0...64)),
        .optional("may_end_call", .boolean.meaning("Offers the agent a function `end_call`.")),
        .optional(
            "caller_may_keep_call",
            .boolean.meaning(
                "Whether a caller who speaks into the goodbye before an `end_call` keeps the call. Default true."
            )
        ),
        .optional("connect", .named("ConnectPolicy").meaning("When the model's socket is opened.")),
        .optional("may_send_dtmf", .boolean.meaning("Offers the agent a function `send_dtmf`.")),
        .optional("hears_dtmf", .boolean.meaning("Whether the agent is told which keys the caller presses.")),
        .optional(
            "dtmf_interrupts",
            .boolean.meaning("Whether a key that the caller presses silences the agent. Default false.")
        ),
        .optional(
            "transfer_targets",
            .array(.named("TransferTarget"), count: 0...50).meaning(
                "Targets to which the agent may transfer the call. The agent sees their names, not their numbers."
            )
        ),
        .optional("barge_in", .named("BargeIn").meaning("Whose word silences the agent.")),
        .optional(
            "failover",
            .array(.oneOf(.text(1...200), .named("FailoverAgent")), count: 0...AgentProfile.mostFailovers).meaning(
                "The agents that take a call over, in this order, when the one before is refused or lost for good: ids of "
                    + "stored agents, or agents of their own. A list of theirs is not followed."
            )
        ),
        .optional("fallback", .named("Fallback")),
        .optional(
            "resampler",
            .named("Resampler").meaning(
                "The resampler between telephone and model; `polyphase` is `polyphase-telephone`."
            )
        ),
        .optional("capture", CapturePolicy.schema),
        .optional("openai", .named("OpenAIOptions")),
        .optional("gemini", .named("GeminiOptions")),
        .optional("openai_live", .named("OpenAILiveOptions")),
        .optional("socket", .named("SocketOptions")),
        .optional(
            "raw",
            .anyObject.atMost(bytes: 64 << 10).meaning(
                "Laid over the session's set-up at last, in the provider's own words: `session` of OpenAI's "
                    + "`session.update` and GPT-Live's `session.start`, Gemini's `setup`. For what has no field here yet."
            )
        ),
        .optional("limits", .named("CallLimits")),
        .optional("webhook", .named("AgentWebhook")),
        .optional(
            "numbers",
            .array(.e164, count: 0...100).meaning("Your numbers whose inbound calls the agent takes.")
        ),
    ]

    /// The body of `POST` and `PUT`. It may hold the members that only answers have, so that a client can change an
    /// answer and send it back.
    static let definition = Schema.object(
        fields + [
            .optional("agent_id", .text(1...200)), .optional("created_at", .text(0...40)),
            .optional("updated_at", .text(0...40)),
        ]
    )

    /// An agent for a single call.
    static let inline = Schema.object(fields.filter { $0.name != "numbers" })

    /// An agent of a `failover` list that is not stored.
    private static let successor = Schema.object(fields.filter { !AgentDefinition.fieldsOfCall.contains($0.name) })
        .meaning(
            "An agent with the fields of the one whose list it stands in, but for those given here. Of another provider, it "
                + "takes no `model`, `api_key`, `voice`, `format`, `barge_in`, `raw` and no provider's options from there."
        )

    static let variables = Schema.anyObject.atMost(bytes: 64 << 10)

    private static let tool = Schema.object(
        .required("name", .text(1...64)),
        .optional("description", .text(0...10_000)),
        .optional("parameters", .anyObject.atMost(bytes: 64 << 10).meaning("A JSON Schema object.")),
        .optional(
            "url",
            Schema(.text(length: 1...2000, form: .url))
                .meaning("Carries it out: a POST of `{\"call_id\",\"tool_call_id\",\"name\",\"arguments\"}`.")
        ),
        .optional("headers", .dictionary(of: .text(0...2000)).meaning("Sent along. Never shown again.")),
        .optional("timeout_ms", .integer(100...60_000)),
        .optional(
            "behavior",
            .named("ToolBehavior").meaning("Whether the model waits for the result; gemini only, by model.")
        ),
        .optional(
            "scheduling",
            .named("ToolScheduling").meaning("How the result of a background function reaches the model.")
        )
    )

    private static let socket = Schema.object(
        .optional(
            "url",
            Schema(.text(length: 1...2000, form: .url)).meaning(
                "Where Talkpath opens the agent's WebSocket: `wss://…`; or `in-process:NAME`, an agent of the server's "
                    + "own program."
            )
        ),
        .optional(
            "header",
            .text(1...100).meaning("The header that carries `api_key` as it is; otherwise `Authorization: Bearer`.")
        ),
        .optional("sample_rate", .integer(8000...24_000).meaning("Of linear audio, both ways: 8000, 16000 or 24000."))
    ).meaning("An agent of your own that speaks Talkpath's protocol for agents; provider `socket` only.")

    private static let transferTarget = Schema.object(
        [.required("name", .text(1...100)), .required("number", .e164)] + TransferFailurePlan.members
    )

    private static let fallback = Schema.object(
        .optional("words", .text(1...1000).meaning("Spoken in the carrier's own voice.")),
        .optional("language", .text(1...20)),
        .optional("transfer_to", .e164)
    ).meaning("Played to the caller when the model is lost for good.")

    private static let webhook = Schema.object(
        .required("url", Schema(.text(length: 1...2000, form: .url))),
        .optional(
            "secret",
            .text(1...500).meaning(
                "`whsec_` and base64 of 24 to 64 bytes; the default tenant may leave it out for the server's own. "
                    + "Never shown again."
            )
        ),
        .optional("events", .array(.named("EventType"), count: 0...20).meaning("Empty: all.")),
        .optional("format", NotificationSchemas.format)
    ).meaning("Receives the events of this agent's calls.")

    /// The members of answers.
    private static let agent = Schema.object(
        [.required("agent_id", .text)]
            + fields.map { Schema.Member(name: $0.name, schema: $0.schema, isRequired: true) }
            + [.required("created_at", .time.orNull), .required("updated_at", .time.orNull)]
    )

    static let all: [(name: String, schema: Schema)] =
        [
            ("Agent", agent),
            ("AgentDefinition", definition),
            ("InlineAgent", inline),
            ("FailoverAgent", successor),
            ("AgentTool", tool),
            ("SocketOptions", socket),
            ("TransferTarget", transferTarget),
            ("Fallback", fallback),
            ("AgentWebhook", webhook),
        ] + OptionSchemas.all + [
            ("CallLimits", LimitSchemas.limits),
            ("IdlePrompt", LimitSchemas.idlePrompt),
            ("LoopGuard", LimitSchemas.loopGuard),
            (
                "AgentList",
                .object(.required("agents", .array(.named("Agent"))), .required("count", .integer))
            ),
        ]
}

extension Schema {
    static func word(_ words: [String]) -> Schema { Schema(.word(words)) }
}
