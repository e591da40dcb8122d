import TalkpathWire
import TalkpathCore

/// The schemas of requests to live calls.
enum CommandSchemas {
    static let say = Schema.object(
        .optional("text", .text(1...10_000).meaning("The agent says this in its own words and voice.")),
        .optional("audio", .text(1...1_000_000).meaning("A WAV file in base64, played exactly as it is."))
    )

    static let message = Schema.object(
        .required("text", .text(1...100_000)),
        .optional("role", .named("MessageAuthor").meaning("Whose words they are to the model: `user`.")),
        .optional("respond", .boolean.meaning("Whether the agent is to speak about it now."))
    )

    static let digits = Schema.object(
        .required(
            "digits",
            .text(1...50).meaning("0–9, *, #, A–D; w or a comma waits half a second, W a whole one.").example("1w23#")
        )
    )

    static let leg = Schema.object(.required("leg", .named("CallLeg")))

    private static let transferFields: [Schema.Member] = [
        .required("to", .e164.meaning("Must be a destination that may be called.")),
        .optional("from", .e164.meaning("The number shown there; the call's own without it.")),
        .optional("ring_timeout_s", .integer(5...600)),
        .optional(
            "mode",
            .named("EndMode").meaning("`drain`, the default, plays out the agent's words first.")
        ),
        .optional("drain_timeout_ms", .integer(0...60_000)),
    ]

    static let transfer = Schema.object(transferFields + TransferFailurePlan.members)

    private static let changeFields: [Schema.Member] = [
        .optional("instructions", .text(1...100_000)),
        .optional("voice", .text(1...200).meaning("No provider lets it be changed; the answer says so.")),
        .optional("openai", .named("OpenAIOptions").meaning("Those that are there take the place of the call's own.")),
        .optional("gemini", .named("GeminiOptions").meaning("Cannot be changed on a live call; the answer says so.")),
        .optional("raw", .anyObject.atMost(bytes: 64 << 10).meaning("Laid over the `session.update`, at last.")),
    ]

    static let change = Schema.object(changeFields)
    static let changeNames = changeFields.map(\.name).joined(separator: ", ")

    static let done: [Schema.Member] = [.required("success", .boolean), .required("call_id", .text)]

    static let all: [(name: String, schema: Schema)] = [
        ("SayRequest", say),
        ("MessageRequest", message),
        ("DigitsRequest", digits),
        ("LegRequest", leg),
        ("CallChange", change),
        ("Changed", .object(done + [.required("changed", .array(.text).meaning("The fields that change."))])),
        ("TransferRequest", transfer),
        ("Done", .object(done)),
        (
            "Transferred",
            .object(
                done + [
                    .required(
                        "outcome",
                        .named("TransferOutcome").meaning(
                            "`answered`, or `unknown` if the carrier has told nothing within the time that it may ring."
                        )
                    )
                ]
            )
        ),
        (
            "Said",
            .object(
                done + [
                    .optional("text", .text.meaning("The agent's words.")),
                    .optional("heard_ms", .integer.meaning("How much of the audio was heard.")),
                    .required("cut", .boolean.meaning("It was not heard to its end.")),
                ]
            )
        ),
        ("Muted", .object(done + [.required("leg", .named("CallLeg")), .required("muted", .boolean)])),
    ]
}
