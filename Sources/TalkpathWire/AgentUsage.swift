/// The usage of a provider's model, and of the model that transcribes the caller's words. The counts come from
/// the provider, so sums of them saturate.
///
/// Audio, text, cached and thinking tokens are parts of the input or of the output. Tokens whose kind the provider does
/// not report (such as those of pictures, or all of them for some models) belong to no part. What the transcription
/// counts is no part of the model's tokens.
public struct AgentUsage: Equatable, Sendable {
    public var inputTokens: Int
    public var outputTokens: Int
    public var totalTokens: Int
    public var inputAudioTokens = 0
    public var inputTextTokens = 0
    /// Input tokens that the model had processed before, and that cost less.
    public var inputCachedTokens = 0
    /// The parts of the cached tokens whose kind the provider tells.
    public var inputCachedAudioTokens = 0
    public var inputCachedTextTokens = 0
    public var outputAudioTokens = 0
    public var outputTextTokens = 0
    /// Output tokens that the model used for thinking, if it counts them separately.
    public var outputThinkingTokens = 0
    /// The usage of the transcription model: tokens or, if its provider counts time, audio.
    public var transcriptionInputTokens = 0
    public var transcriptionOutputTokens = 0
    public var transcriptionMilliseconds = 0

    public init(inputTokens: Int = 0, outputTokens: Int = 0, totalTokens: Int = 0) {
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.totalTokens = totalTokens
    }

    /// Each count and its name in the API, in events and in metrics.
    public static var counts: [(name: String, path: WritableKeyPath<AgentUsage, Int>)] {
        [
            ("input_tokens", \.inputTokens), ("output_tokens", \.outputTokens), ("total_tokens", \.totalTokens),
            ("input_audio_tokens", \.inputAudioTokens), ("input_text_tokens", \.inputTextTokens),
            ("input_cached_tokens", \.inputCachedTokens), ("output_audio_tokens", \.outputAudioTokens),
            ("output_text_tokens", \.outputTextTokens), ("output_thinking_tokens", \.outputThinkingTokens),
            ("input_cached_audio_tokens", \.inputCachedAudioTokens),
            ("input_cached_text_tokens", \.inputCachedTextTokens),
            ("transcription_input_tokens", \.transcriptionInputTokens),
            ("transcription_output_tokens", \.transcriptionOutputTokens),
            ("transcription_ms", \.transcriptionMilliseconds),
        ]
    }

    /// Adds later counts. Sums saturate.
    public mutating func add(_ more: AgentUsage) {
        for count in Self.counts { self[keyPath: count.path].addSaturated(more[keyPath: count.path]) }
    }
}

extension AgentUsage {
    /// Reads a count of OpenAI's Realtime interface.
    init(openAI json: JSONValue) {
        self.init(inputTokens: json["input_tokens"]?.count ?? 0, outputTokens: json["output_tokens"]?.count ?? 0)
        totalTokens = json["total_tokens"]?.count ?? inputTokens.addingSaturated(outputTokens)
        let (input, output) = (json["input_token_details"], json["output_token_details"])
        inputAudioTokens = input?["audio_tokens"]?.count ?? 0
        inputTextTokens = input?["text_tokens"]?.count ?? 0
        inputCachedTokens = input?["cached_tokens"]?.count ?? 0
        inputCachedAudioTokens = input?["cached_tokens_details"]?["audio_tokens"]?.count ?? 0
        inputCachedTextTokens = input?["cached_tokens_details"]?["text_tokens"]?.count ?? 0
        outputAudioTokens = output?["audio_tokens"]?.count ?? 0
        outputTextTokens = output?["text_tokens"]?.count ?? 0
    }

    /// Reads a count of a transcript of OpenAI's Realtime interface: tokens, or seconds of audio.
    init(openAITranscription json: JSONValue) {
        self.init()
        transcriptionInputTokens = json["input_tokens"]?.count ?? 0
        transcriptionOutputTokens = json["output_tokens"]?.count ?? 0
        if let seconds = json["seconds"]?.double, seconds > 0 {
            transcriptionMilliseconds = Int((min(seconds, 1e9) * 1000).rounded())
        }
    }

    /// Reads a count of Gemini Live. Tokens of function results are added to the input, and thinking tokens to the
    /// output, so that the total is the sum of both.
    init(gemini json: JSONValue) {
        self.init()
        outputThinkingTokens = json["thoughtsTokenCount"]?.count ?? 0
        inputTokens = (json["promptTokenCount"]?.count ?? 0)
            .addingSaturated(json["toolUsePromptTokenCount"]?.count ?? 0)
        outputTokens = (json["responseTokenCount"]?.count ?? 0).addingSaturated(outputThinkingTokens)
        totalTokens = json["totalTokenCount"]?.count ?? inputTokens.addingSaturated(outputTokens)
        inputCachedTokens = json["cachedContentTokenCount"]?.count ?? 0
        for name in ["promptTokensDetails", "toolUsePromptTokensDetails"] {
            inputAudioTokens.addSaturated(Self.count("AUDIO", json[name]))
            inputTextTokens.addSaturated(Self.count("TEXT", json[name]))
        }
        inputCachedAudioTokens = Self.count("AUDIO", json["cacheTokensDetails"])
        inputCachedTextTokens = Self.count("TEXT", json["cacheTokensDetails"])
        outputAudioTokens = Self.count("AUDIO", json["responseTokensDetails"])
        outputTextTokens = Self.count("TEXT", json["responseTokensDetails"])
    }

    private static func count(_ modality: String, _ details: JSONValue?) -> Int {
        (details?.array ?? []).reduce(0) { sum, one in
            one["modality"]?.string == modality ? sum.addingSaturated(one["tokenCount"]?.count ?? 0) : sum
        }
    }
}

extension Int {
    fileprivate func addingSaturated(_ other: Int) -> Int {
        let (sum, isTooLarge) = addingReportingOverflow(other)
        return isTooLarge ? (other < 0 ? .min : .max) : sum
    }

    fileprivate mutating func addSaturated(_ other: Int) { self = addingSaturated(other) }
}
