import TalkpathCore
import TalkpathWire

/// The options that agents may set for the sessions of their provider.
enum OptionSchemas {
    private static let milliseconds = Schema.integer(0...10_000)

    private static let serverVAD = Schema.object(
        .required("type", .word("server_vad")),
        .optional("threshold", .number(0...1).meaning("Higher for a loud line. The provider's default: 0.5.")),
        .optional("prefix_padding_ms", milliseconds.meaning("Audio before the first word. Default 300.")),
        .optional("silence_duration_ms", .integer(1...10_000).meaning("Silence that ends the turn. Default 500.")),
        .optional(
            "idle_timeout_ms",
            .integer(5000...30_000).meaning(
                "The silence after which the model speaks by itself. Not with `limits.idle_prompt`."
            )
        )
    ).meaning("The caller's turn ends by silence.")

    private static let semanticVAD = Schema.object(
        .required("type", .word("semantic_vad")),
        .optional("eagerness", .word(OpenAIOptions.Eagerness.self))
    ).meaning("The model ends the caller's turn by its words (semantic VAD).")

    private static let noiseReduction = Schema.oneOf(
        .word("off"),
        .object(
            .required("type", .word(OpenAIOptions.Microphone.self)),
            .optional("strength", .number(0...1).meaning("Default 1."))
        )
    )

    private static let language = Schema.text(2...20)
    private static let languages = Schema.array(language, count: 0...50)
    private static let words = Schema.array(.text(1...200), count: 0...500)

    private static let transcription = Schema.object(
        .optional("model", .text(1...200).meaning("Default `gpt-transcribe`.")),
        .optional("languages", languages.meaning("ISO 639-1. More than one: gpt-transcribe, gpt-live-transcribe.")),
        .optional("prompt", .text(0...10_000)),
        .optional("keywords", words.meaning("Names and words to expect: gpt-transcribe, gpt-live-transcribe."))
    ).meaning("How the caller's words are written down.")

    private static let toolChoice = Schema.oneOf(
        .word("auto", "none", "required"),
        .object(.required("type", .word("function")), .required("name", .text(1...64))),
        .object(
            .required("type", .word("mcp")),
            .required("server_label", .text(1...200)),
            .optional("name", .text(1...200))
        )
    )

    private static let truncation = Schema.oneOf(.word("auto", "disabled"), .named("TruncationRatio"))
        .meaning("The handling of a conversation that is too long for the model.")

    // A schema of its own: generators of clients fail on objects inside an alternative.
    private static let truncationRatio = Schema.object(
        .required("type", .word("retention_ratio")),
        .required("retention_ratio", .number(0...1)),
        .optional("token_limits", .object(.required("post_instructions", .integer(1...1_000_000))))
    )

    private static let tracing = Schema.oneOf(.word("auto"), .named("TracingNames"))

    private static let tracingNames = Schema.object(
        .optional("workflow_name", .text(1...200)),
        .optional("group_id", .text(1...200)),
        .optional("metadata", .anyObject.atMost(bytes: 16 << 10))
    )

    private static let server = Schema.object(
        .required("server_label", .text(1...200)),
        .optional("server_url", Schema(.text(length: 1...2000, form: .url))),
        .optional("connector_id", .text(1...200)),
        .optional("tunnel_id", .text(1...200)),
        .optional("server_description", .text(0...10_000)),
        .optional("authorization", .text(1...10_000).meaning("An access token. Never shown again.")),
        .optional("headers", .dictionary(of: .text(0...2000)).meaning("Sent along. Never shown again.")),
        .optional("allowed_tools", .array(.text(1...200), count: 0...200).meaning("Left out: all.")),
        .optional(
            "require_approval",
            .word("always", "never").meaning("`always` asks `mcp_approval` before each call. Default `never`.")
        )
    ).meaning("A server whose tools the provider calls itself. One of `server_url`, `connector_id`, `tunnel_id`.")

    private static let approval = Schema.object(
        .required(
            "url",
            Schema(.text(length: 1...2000, form: .url)).meaning(
                "A POST as for tools, with `name` \"mcp_approval\" and `arguments` `{\"server_label\",\"name\","
                    + "\"arguments\"}`. `{\"approve\":true}` allows the call; anything else refuses it."
            )
        ),
        .optional("headers", .dictionary(of: .text(0...2000)).meaning("Sent along. Never shown again.")),
        .optional("timeout_ms", .integer(100...60_000))
    )

    private static let openAIFields: [Schema.Member] = [
        .optional("turn_detection", .named("TurnDetection")),
        .optional("noise_reduction", .named("NoiseReduction")),
        .optional("transcription", .named("Transcription")),
        .optional("speed", .number(0.25...1.5)),
        .optional(
            "reasoning",
            .object(.required("effort", .named("ThinkingLevel"))).meaning(
                "Models from gpt-realtime-2 on."
            )
        ),
        .optional("parallel_tool_calls", .boolean.meaning("Models from gpt-realtime-2 on.")),
        .optional("tool_choice", .named("ToolChoice")),
        .optional("max_output_tokens", .oneOf(.word("inf"), .integer(1...4096)).meaning("For one answer.")),
        .optional("truncation", .named("Truncation")),
        .optional("tracing", .named("Tracing")),
        .optional("mcp_servers", .array(.named("MCPServer"), count: 0...20)),
        .optional("mcp_approval", .named("MCPApproval")),
    ]

    private static let detection = Schema.object(
        .optional("start_sensitivity", .named("Sensitivity")),
        .optional("end_sensitivity", .named("Sensitivity")),
        .optional("prefix_padding_ms", milliseconds.meaning("Speech that is long enough to count.")),
        .optional("silence_duration_ms", milliseconds.meaning("Silence that ends the turn."))
    ).meaning("How the model finds the caller's turns.")

    private static let geminiFields: [Schema.Member] = [
        .optional("activity_detection", .named("ActivityDetection")),
        .optional("turn_coverage", .word(GeminiOptions.TurnCoverage.self)),
        .optional("thinking_level", .named("ThinkingLevel").meaning("Models from gemini-3 on.")),
        .optional("language", language.meaning("In which the agent speaks: `de-DE`.")),
        .optional(
            "transcription",
            .object(
                .optional("languages", languages.meaning("In which the caller may speak: `de-DE`.")),
                .optional("vocabulary", words.meaning("Names and words to expect.")),
                .optional("mode", .word(GeminiOptions.TranscriptionMode.self))
            )
        ),
        .optional(
            "proactive_audio",
            .boolean.meaning("The model may ignore speech that is not meant for it. Always so with gemini-3.8.")
        ),
        .optional("affective_dialog", .boolean.meaning("The model goes by the tone of the caller's voice.")),
        .optional(
            "context_compression",
            .oneOf(
                .word("off"),
                .object(
                    .optional("trigger_tokens", .integer(1...10_000_000)),
                    .optional("target_tokens", .integer(1...10_000_000))
                )
            ).meaning("On without it; `off` ends the session after some 15 minutes.")
        ),
    ]

    private static let liveDelegation = Schema.oneOf(.named("ResponsesDelegation"), .named("ClientDelegation"))

    private static let responsesDelegation = Schema.object(
        .required("type", .word("responses")),
        .optional("model", .text(1...200).meaning("Default `\(OpenAILiveOptions.defaultBackend)`.")),
        .optional("instructions", .text(0...100_000).meaning("For this model only.")),
        .optional("reasoning", .object(.required("effort", .named("ThinkingLevel")))),
        .optional("max_output_tokens", .integer(1...1_000_000)),
        .optional("parallel_tool_calls", .boolean)
    ).meaning("A model of OpenAI's Responses interface calls the agent's functions. The default.")

    private static let clientDelegation = Schema.object(
        .required("type", .word("client")),
        .required("tool", .text(1...64).meaning("The function that gets each task, and whose result is said."))
    ).meaning("One function of the agent's carries out all tasks. The model can call no other.")

    private static let live = Schema.object(
        .optional("delegation", .named("LiveDelegation")),
        .optional(
            "acknowledgement_delay_ms",
            .integer(0...60_000).meaning("How long the model waits before it says that it works on a task.")
        ),
        .optional("store", .boolean.meaning("Whether OpenAI keeps the session. Default false."))
    ).meaning("For provider `openai_live` only.")

    static let all: [(name: String, schema: Schema)] = [
        ("OpenAILiveOptions", live),
        ("LiveDelegation", liveDelegation),
        ("ResponsesDelegation", responsesDelegation),
        ("ClientDelegation", clientDelegation),
        ("OpenAIOptions", Schema.object(openAIFields).meaning("For provider `openai` only.")),
        ("GeminiOptions", Schema.object(geminiFields).meaning("For provider `gemini` only.")),
        ("TurnDetection", .oneOf(semanticVAD, serverVAD)),
        ("NoiseReduction", noiseReduction),
        ("Transcription", transcription),
        ("ToolChoice", toolChoice),
        ("Truncation", truncation),
        ("TruncationRatio", truncationRatio),
        ("Tracing", tracing),
        ("TracingNames", tracingNames),
        ("MCPServer", server),
        ("MCPApproval", approval),
        ("ActivityDetection", detection),
    ]
}
