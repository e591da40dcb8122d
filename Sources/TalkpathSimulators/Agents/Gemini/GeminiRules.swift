internal import TalkpathWire

/// The messages that Gemini Live (BidiGenerateContent, Developer API) accepts from clients, in camelCase.
enum GeminiRules {
    /// The kinds of client messages. A message holds exactly one.
    static let messages: [String: JSONRule] = [
        "setup": setup,
        "realtimeInput": .members([
            "audio": blob, "audioStreamEnd": .truth, "text": .text, "video": blob, "activityStart": .members([:]),
            "activityEnd": .members([:]), "mediaChunks": .list(blob),
        ]),
        "clientContent": .members(["turns": .list(content), "turnComplete": .truth]),
        "toolResponse": .members([
            "functionResponses": .list(
                .members(
                    [
                        "id": .text, "name": .text, "response": .any, "willContinue": .truth,
                        "scheduling": .word(["SILENT", "WHEN_IDLE", "INTERRUPT"]),
                    ],
                    required: ["name", "response"]
                )
            )
        ]),
        "contextUpdate": .members(["systemInstruction": content, "tools": .any]),
    ]

    private static let blob = JSONRule.members(["mimeType": .text, "data": .text], required: ["mimeType", "data"])

    private static let content = JSONRule.members([
        "role": .text,
        "parts": .list(
            .members([
                "text": .text, "inlineData": blob, "thought": .truth, "functionCall": .any, "functionResponse": .any,
            ])
        ),
    ])

    private static let speech = JSONRule.members([
        "voiceConfig": .members([
            "prebuiltVoiceConfig": .members(["voiceName": .text]),
            "replicatedVoiceConfig": .members([
                "mimeType": .word(["audio/wav"]), "voiceSampleAudio": .text, "consentAudio": .text,
                "voiceConsentSignature": .members(["signature": .text]),
            ]),
        ]), "languageCode": .text,
        "multiSpeakerVoiceConfig": .any,
    ])

    private static let thinking = JSONRule.members([
        "includeThoughts": .truth, "thinkingBudget": .integer(-1...Int.max),
        "thinkingLevel": .word(["MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"]),
    ])

    private static let transcription = JSONRule.members([
        "languageCodes": .list(.text), "languageAuto": .any, "languageHints": .any, "customVocabulary": .list(.text),
        "adaptationPhrases": .list(.text), "wordTimestamp": .truth, "diarization": .truth,
        "mode": .word(["VERBATIM", "SMART"]), "sourceText": .text,
    ])

    /// Protobuf's JSON writes 64-bit integers as text, and also accepts numbers.
    private static let long = JSONRule.either([.text, .integer(0...Int.max)])

    private static let generation = JSONRule.members([
        "responseModalities": .list(.word(["AUDIO", "TEXT"])), "speechConfig": speech, "temperature": .decimal(0...2),
        "topP": .decimal(0...1), "topK": .decimal(0...1000), "maxOutputTokens": .integer(1...Int.max), "seed": .any,
        "mediaResolution": .text, "thinkingConfig": thinking, "enableAffectiveDialog": .truth, "candidateCount": .any,
        "translationConfig": .members(["echoTargetLanguage": .truth, "targetLanguageCode": .text]),
        "presencePenalty": .any, "frequencyPenalty": .any, "stopSequences": .list(.text), "responseMimeType": .text,
        "responseSchema": .any, "responseJsonSchema": .any,
    ])

    private static let tool = JSONRule.members([
        "functionDeclarations": .list(
            .members(
                [
                    "name": .text, "description": .text, "behavior": .word(["BLOCKING", "NON_BLOCKING"]),
                    "parameters": .any, "parametersJsonSchema": .any, "response": .any, "responseJsonSchema": .any,
                ],
                required: ["name"]
            )
        ),
        "googleSearch": .any, "codeExecution": .any, "urlContext": .any,
    ])

    private static let detection = JSONRule.members([
        "disabled": .truth,
        "startOfSpeechSensitivity": .word(["START_SENSITIVITY_HIGH", "START_SENSITIVITY_LOW"]),
        "endOfSpeechSensitivity": .word(["END_SENSITIVITY_HIGH", "END_SENSITIVITY_LOW"]),
        "prefixPaddingMs": .integer(0...60_000), "silenceDurationMs": .integer(0...60_000),
    ])

    private static let setup = JSONRule.members(
        [
            "model": .text, "generationConfig": generation, "systemInstruction": content, "tools": .list(tool),
            "realtimeInputConfig": .members([
                "automaticActivityDetection": detection,
                "activityHandling": .word(["START_OF_ACTIVITY_INTERRUPTS", "NO_INTERRUPTION"]),
                "turnCoverage": .word(["TURN_INCLUDES_ONLY_ACTIVITY", "TURN_INCLUDES_ALL_INPUT"]),
            ]),
            "inputAudioTranscription": transcription, "outputAudioTranscription": transcription,
            "sessionResumption": .members(["handle": .null(or: .text)]),
            "contextWindowCompression": .members([
                "triggerTokens": long, "slidingWindow": .members(["targetTokens": long]),
            ]),
            "proactivity": .members(["proactiveAudio": .truth, "proactiveVideo": .truth]),
            "historyConfig": .members(["initialHistoryInClientContent": .truth]), "safetySettings": .any,
            "labels": .any, "avatarConfig": .any,
        ],
        required: ["model"]
    )

    /// Members with content of the client's own, whose keys stay as they are.
    private static let opaque: Set<String> = [
        "args", "response", "parameters", "parametersJsonSchema", "responseJsonSchema", "labels",
    ]

    /// Converts keys to camelCase and removes `null` members. Protobuf's JSON accepts `snake_case` everywhere, and
    /// treats `null` as absent.
    static func camelCased(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members):
            .object(
                members.filter { !$0.value.isNull }.map { member in
                    let key = camelCased(member.key)
                    return (key, opaque.contains(key) ? member.value : camelCased(member.value))
                }
            )
        case .array(let elements): .array(elements.map { camelCased($0) })
        case .null, .bool, .number, .string: value
        }
    }

    private static func camelCased(_ key: String) -> String {
        let words = key.split(separator: "_")
        return words.dropFirst().reduce(words.first.map(String.init) ?? key) {
            $0 + $1.prefix(1).uppercased() + $1.dropFirst()
        }
    }
}
