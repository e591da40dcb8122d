import TalkpathAudio

extension GeminiLiveCodec {
    /// Writes the messages for a command.
    ///
    /// `truncate`, `delete`, `cancelResponse`, `respond` and `change` write nothing: the provider trims its own context
    /// after an interruption, cannot be told to stop, answers by itself, and takes its set-up only once.
    public mutating func write(_ command: AgentCommand, to outbox: inout MessageOutbox) {
        switch command {
        case .configure(let configuration):
            setInputRate(configuration.inputFormat.sampleRate)
            traits = AgentModelTraits(.gemini, model: configuration.model)
            turns.mayDecline = Self.mayDecline(configuration.reduced, traits)
            let isAnnounced =
                configuration.hasHistory && traits.takesHistory && !configuration.omitted.contains(.history)
            takesHistory = isAnnounced
            schedulings = Dictionary(
                configuration.tools.compactMap { tool in tool.scheduling.map { (tool.name, $0) } },
                uniquingKeysWith: { first, _ in first }
            )
            Self.write(["setup": Self.setup(configuration.reduced, traits, announcesHistory: isAnnounced)], to: &outbox)
        case .callerLeft(let isSpeaking):
            if isSpeaking { Self.write(["realtimeInput": ["audioStreamEnd": true]], to: &outbox) }
        case .truncate, .delete, .cancelResponse, .respond, .change, .callerVoice, .markPlayed, .key, .fault, .ended:
            return
        case .say(let text), .prompt(let text):
            turns.answerFallsDue()
            Self.write(["realtimeInput": ["text": .string(text)]], to: &outbox)
        case .addMessage(let role, let text):
            write(note: [AgentCommand.Turn(role, text)], to: &outbox)
        case .history(let turns):
            guard takesHistory else {
                write(note: turns, to: &outbox)
                return
            }
            // The model waits for the history, and does not answer it.
            takesHistory = false
            let content: JSONValue = ["turns": .array(turns.map(Self.content)), "turnComplete": true]
            Self.write(["clientContent": content], to: &outbox)
        case .toolResult(let id, let name, let output):
            var response: JSONValue = [
                "id": .string(id), "name": .string(name), "response": ["output": .string(output)],
            ]
            if let scheduling = schedulings[name] {
                response.set("scheduling", .string(scheduling.rawValue.uppercased()))
                // No further result of this call follows.
                response.set("willContinue", false)
            }
            if schedulings[name] != .silent { turns.answerFallsDue() }
            Self.write(["toolResponse": ["functionResponses": [response]]], to: &outbox)
        }
    }

    /// True if the model has proactive audio, or may have it.
    private static func mayDecline(_ configuration: AgentSessionConfiguration, _ traits: AgentModelTraits) -> Bool {
        switch traits.proactiveAudio {
        case .always, .unknown: true
        case .lacking: false
        case .asked: configuration.gemini.proactiveAudio == true || configuration.raw?["proactivity"] != nil
        }
    }

    /// Writes turns that the model must not answer.
    private func write(note turns: [AgentCommand.Turn], to outbox: inout MessageOutbox) {
        guard !turns.isEmpty else { return }
        switch traits.notes {
        case .turns:
            for turn in turns {
                let content: JSONValue = ["turns": [Self.content(turn)], "turnComplete": false]
                Self.write(["clientContent": content], to: &outbox)
            }
        case .text:
            let lines = turns.map(Self.line).joined(separator: "\n")
            let note = "(For you to know, and not to be answered now:\n\(lines))"
            Self.write(["realtimeInput": ["text": .string(note)]], to: &outbox)
        }
    }

    private static func line(_ turn: AgentCommand.Turn) -> String {
        switch turn.role {
        case .user: "The caller: \(turn.text)"
        case .assistant: "You: \(turn.text)"
        case .system: turn.text
        }
    }

    /// The provider knows two roles only. A system message reaches the model as the user's.
    private static func content(_ turn: AgentCommand.Turn) -> JSONValue {
        content(role: turn.role == .assistant ? "model" : "user", turn.text)
    }

    private static func write(_ json: JSONValue, to outbox: inout MessageOutbox) {
        outbox.beginMessage()
        outbox.append(json: json)
        outbox.endMessage()
    }

    private static func content(role: JSONValue, _ text: String) -> JSONValue {
        ["role": role, "parts": [["text": .string(text)]]]
    }

    private static func setup(
        _ configuration: AgentSessionConfiguration,
        _ traits: AgentModelTraits,
        announcesHistory: Bool
    ) -> JSONValue {
        let omitted = configuration.omitted
        let options = configuration.gemini
        var setup: JSONValue = [
            "model": .string(resourceName(configuration.model)), "generationConfig": generation(configuration, traits),
        ]
        if !configuration.instructions.isEmpty {
            setup.set("systemInstruction", content(role: "user", configuration.instructions))
        }
        if !configuration.tools.isEmpty {
            let declarations = configuration.tools.map { tool in
                declaration(tool, omitted.contains(.functionBehavior) ? nil : traits.behavior(of: tool))
            }
            setup.set("tools", [["functionDeclarations": .array(declarations)]])
        }
        if !omitted.contains(.turnDetection) {
            let handling: JSONValue = configuration.isInterrupted ? "START_OF_ACTIVITY_INTERRUPTS" : "NO_INTERRUPTION"
            var input: JSONValue = ["activityHandling": handling]
            input.set("automaticActivityDetection", options.wireDetection)
            input.set("turnCoverage", options.turnCoverage?.wire)
            setup.set("realtimeInputConfig", input)
        }
        if configuration.transcribes, !omitted.contains(.transcription) {
            setup.set("inputAudioTranscription", options.wireTranscription)
            setup.set("outputAudioTranscription", [:])
        }
        setup.set("sessionResumption", configuration.resumptionHandle.map { ["handle": .string($0)] } ?? [:])
        if !omitted.contains(.compression) {
            let compression = options.contextCompression ?? .slidingWindow(triggerTokens: nil, targetTokens: nil)
            setup.set("contextWindowCompression", compression.wire)
        }
        setup.set("proactivity", options.proactiveAudio.map { ["proactiveAudio": .bool($0)] })
        if announcesHistory { setup.set("historyConfig", ["initialHistoryInClientContent": true]) }
        if let raw = configuration.raw { setup.overlay(raw) }
        return setup
    }

    private static func generation(
        _ configuration: AgentSessionConfiguration,
        _ traits: AgentModelTraits
    ) -> JSONValue {
        let omitted = configuration.omitted
        let options = configuration.gemini
        var speech: JSONValue = [:]
        if let voice = configuration.voice, !omitted.contains(.voice) {
            speech.set("voiceConfig", ["prebuiltVoiceConfig": ["voiceName": .string(voice)]])
        }
        if let language = options.language ?? configuration.language, !omitted.contains(.language) {
            speech.set("languageCode", .string(language))
        }
        var generation: JSONValue = ["responseModalities": ["AUDIO"]]
        if speech != [:] { generation.set("speechConfig", speech) }
        let level = options.thinkingLevel.map { $0.rawValue.uppercased() } ?? traits.thinkingLevel
        if let level, !omitted.contains(.thinkingLevel) {
            generation.set("thinkingConfig", ["thinkingLevel": .string(level)])
        }
        generation.set("enableAffectiveDialog", options.affectiveDialog.map(JSONValue.bool))
        return generation
    }

    private static func resourceName(_ model: String) -> String {
        model.utf8.contains(UInt8(ascii: "/")) ? model : "models/\(model)"
    }

    private static func declaration(_ tool: AgentTool, _ behavior: AgentTool.Behavior?) -> JSONValue {
        var declaration: JSONValue = ["name": .string(tool.name), "description": .string(tool.description)]
        switch behavior {
        case nil: break
        case .blocking: declaration.set("behavior", "BLOCKING")
        case .background: declaration.set("behavior", "NON_BLOCKING")
        }
        let schema = GeminiSchema.schema(of: tool.schema)
        // The provider refuses an object without properties. A function without parameters therefore has no schema.
        if let properties = schema["properties"]?.object, !properties.isEmpty { declaration.set("parameters", schema) }
        return declaration
    }
}

extension AgentModelTraits {
    /// The behaviour to declare for a function: the one that the agent sets, otherwise the one that the model needs;
    /// `nil` to declare none.
    func behavior(of tool: AgentTool) -> AgentTool.Behavior? {
        if let behavior = tool.behavior { return behavior }
        return switch functions {
        case .plain: nil
        case .blocking: .blocking
        case .nonBlocking: .background
        }
    }
}
