/// The options of a Gemini Live session, beyond those that all providers share. `nil` keeps the provider's default.
public struct GeminiOptions: Equatable, Sendable {
    /// The readiness with which the model detects speech, or its end.
    public enum Sensitivity: String, Sendable, CaseIterable {
        case low, high
    }

    public enum TurnCoverage: String, Sendable, CaseIterable {
        case onlyActivity = "only_activity"
        case allInput = "all_input"
    }

    public enum ThinkingLevel: String, Sendable, CaseIterable {
        case minimal, low, medium, high, xhigh
    }

    public enum TranscriptionMode: String, Sendable, CaseIterable {
        case verbatim
        /// Without slips of the tongue.
        case smart
    }

    /// The treatment of a conversation that is too long for the model.
    public enum ContextCompression: Equatable, Sendable {
        /// The session ends after about 15 minutes.
        case off
        /// Beyond `triggerTokens`, the oldest tokens are dropped until `targetTokens` are left.
        case slidingWindow(triggerTokens: Int?, targetTokens: Int?)
    }

    public var startSensitivity: Sensitivity?
    public var endSensitivity: Sensitivity?
    /// The length of speech that counts as speech.
    public var prefixPaddingMilliseconds: Int?
    /// The silence that ends the caller's turn.
    public var silenceMilliseconds: Int?
    public var turnCoverage: TurnCoverage?
    public var thinkingLevel: ThinkingLevel?
    /// The agent's language by BCP 47: `de-DE`.
    public var language: String?
    /// The languages that the caller may speak.
    public var transcriptionLanguages: [String] = []
    /// Names and words to expect.
    public var vocabulary: [String] = []
    public var transcriptionMode: TranscriptionMode?
    /// True if the model may ignore speech that is not meant for it.
    public var proactiveAudio: Bool?
    /// True if the model reacts to the tone of the caller's voice.
    public var affectiveDialog: Bool?
    public var contextCompression: ContextCompression?

    public init() {}

    package var isEmpty: Bool { self == GeminiOptions() }
}

extension GeminiOptions {
    /// All options that are set, under their names in the control API.
    package var json: JSONValue {
        var detection: JSONValue = [:]
        detection.set("start_sensitivity", startSensitivity.map { .string($0.rawValue) })
        detection.set("end_sensitivity", endSensitivity.map { .string($0.rawValue) })
        detection.set("prefix_padding_ms", prefixPaddingMilliseconds.map { JSONValue($0) })
        detection.set("silence_duration_ms", silenceMilliseconds.map { JSONValue($0) })
        var transcription: JSONValue = [:]
        if !transcriptionLanguages.isEmpty {
            transcription.set("languages", .array(transcriptionLanguages.map(JSONValue.string)))
        }
        if !vocabulary.isEmpty { transcription.set("vocabulary", .array(vocabulary.map(JSONValue.string))) }
        transcription.set("mode", transcriptionMode.map { .string($0.rawValue) })
        var json: JSONValue = [:]
        if detection != [:] { json.set("activity_detection", detection) }
        json.set("turn_coverage", turnCoverage.map { .string($0.rawValue) })
        json.set("thinking_level", thinkingLevel.map { .string($0.rawValue) })
        json.set("language", language.map(JSONValue.string))
        if transcription != [:] { json.set("transcription", transcription) }
        json.set("proactive_audio", proactiveAudio.map(JSONValue.bool))
        json.set("affective_dialog", affectiveDialog.map(JSONValue.bool))
        json.set("context_compression", contextCompression?.json)
        return json
    }

    /// Reads JSON that matches the control API's schema.
    package init(json: JSONValue) {
        self.init()
        let detection = json["activity_detection"]
        startSensitivity = detection?["start_sensitivity"]?.string.flatMap(Sensitivity.init)
        endSensitivity = detection?["end_sensitivity"]?.string.flatMap(Sensitivity.init)
        prefixPaddingMilliseconds = detection?["prefix_padding_ms"]?.int
        silenceMilliseconds = detection?["silence_duration_ms"]?.int
        turnCoverage = json["turn_coverage"]?.string.flatMap(TurnCoverage.init)
        thinkingLevel = json["thinking_level"]?.string.flatMap(ThinkingLevel.init)
        language = json["language"]?.string
        let transcription = json["transcription"]
        transcriptionLanguages = transcription?["languages"]?.array?.compactMap(\.string) ?? []
        vocabulary = transcription?["vocabulary"]?.array?.compactMap(\.string) ?? []
        transcriptionMode = transcription?["mode"]?.string.flatMap(TranscriptionMode.init)
        proactiveAudio = json["proactive_audio"]?.bool
        affectiveDialog = json["affective_dialog"]?.bool
        contextCompression = json["context_compression"].flatMap(ContextCompression.init(json:))
    }

    // MARK: On the wire

    /// The detection of the caller's turns; `nil` if no option sets it.
    var wireDetection: JSONValue? {
        var json: JSONValue = [:]
        json.set(
            "startOfSpeechSensitivity",
            startSensitivity.map { .string("START_SENSITIVITY_\($0.rawValue.uppercased())") }
        )
        json.set(
            "endOfSpeechSensitivity",
            endSensitivity.map { .string("END_SENSITIVITY_\($0.rawValue.uppercased())") }
        )
        json.set("prefixPaddingMs", prefixPaddingMilliseconds.map { JSONValue($0) })
        json.set("silenceDurationMs", silenceMilliseconds.map { JSONValue($0) })
        // Written out, because a bare `nil` would be a JSON null.
        return json == [:] ? JSONValue?.none : json
    }

    /// The transcription of the caller's words.
    var wireTranscription: JSONValue {
        var json: JSONValue = [:]
        if !transcriptionLanguages.isEmpty {
            json.set("languageCodes", .array(transcriptionLanguages.map(JSONValue.string)))
        }
        if !vocabulary.isEmpty { json.set("customVocabulary", .array(vocabulary.map(JSONValue.string))) }
        json.set("mode", transcriptionMode.map { .string($0.rawValue.uppercased()) })
        return json
    }
}

extension GeminiOptions.TurnCoverage {
    var wire: JSONValue {
        switch self {
        case .onlyActivity: "TURN_INCLUDES_ONLY_ACTIVITY"
        case .allInput: "TURN_INCLUDES_ALL_INPUT"
        }
    }
}

extension GeminiOptions.ContextCompression {
    var json: JSONValue {
        guard case .slidingWindow(let trigger, let target) = self else { return "off" }
        var json: JSONValue = [:]
        json.set("trigger_tokens", trigger.map { JSONValue($0) })
        json.set("target_tokens", target.map { JSONValue($0) })
        return json
    }

    init?(json: JSONValue) {
        if json.string == "off" {
            self = .off
        } else if json.object != nil {
            self = .slidingWindow(triggerTokens: json["trigger_tokens"]?.int, targetTokens: json["target_tokens"]?.int)
        } else {
            return nil
        }
    }

    /// `nil` if compression is off.
    var wire: JSONValue? {
        guard case .slidingWindow(let trigger, let target) = self else { return JSONValue?.none }
        var window: JSONValue = [:]
        // This JSON writes a 64-bit count as text.
        window.set("targetTokens", target.map { .string(String($0)) })
        var json: JSONValue = ["slidingWindow": window]
        json.set("triggerTokens", trigger.map { .string(String($0)) })
        return json
    }
}
