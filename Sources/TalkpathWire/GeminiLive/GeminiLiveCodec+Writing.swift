import TalkpathAudio

extension GeminiLiveCodec {
    /// Writes what a command needs. The provider trims its own context after an interruption and cannot be told to
    /// stop, and answers by itself: `truncate`, `delete`, `cancelResponse` and `respond` write nothing.
    public mutating func write(_ command: AgentCommand, to outbox: inout MessageOutbox) {
        switch command {
        case .configure(let configuration):
            setInputRate(configuration.inputFormat.sampleRate)
            Self.write(["setup": Self.setup(configuration)], to: &outbox)
        case .truncate, .delete, .cancelResponse, .respond:
            return
        case .say(let text), .prompt(let text):
            Self.write(["realtimeInput": ["text": .string(text)]], to: &outbox)
        case .addMessage(let role, let text):
            // There are two roles only; what a system message says reaches the model as the user's.
            let turn = Self.content(role: role == .assistant ? "model" : "user", text)
            Self.write(["clientContent": ["turns": [turn], "turnComplete": false]], to: &outbox)
        case .toolResult(let id, let name, let output):
            let response: JSONValue = [
                "id": .string(id), "name": .string(name), "response": ["output": .string(output)],
            ]
            Self.write(["toolResponse": ["functionResponses": [response]]], to: &outbox)
        }
    }

    private static func write(_ json: JSONValue, to outbox: inout MessageOutbox) {
        outbox.beginMessage()
        outbox.append(json: json)
        outbox.endMessage()
    }

    private static func content(role: JSONValue, _ text: String) -> JSONValue {
        ["role": role, "parts": [["text": .string(text)]]]
    }

    private static func setup(_ configuration: AgentSessionConfiguration) -> JSONValue {
        var speech: JSONValue = [:]
        if let voice = configuration.voice {
            speech.set("voiceConfig", ["prebuiltVoiceConfig": ["voiceName": .string(voice)]])
        }
        if let language = configuration.language { speech.set("languageCode", .string(language)) }
        var generation: JSONValue = ["responseModalities": ["AUDIO"]]
        if speech != [:] { generation.set("speechConfig", speech) }

        var setup: JSONValue = ["model": .string(resourceName(configuration.model)), "generationConfig": generation]
        if !configuration.instructions.isEmpty {
            setup.set("systemInstruction", content(role: "user", configuration.instructions))
        }
        if !configuration.tools.isEmpty {
            setup.set("tools", [["functionDeclarations": .array(configuration.tools.map(declaration))]])
        }
        let handling: JSONValue = configuration.isInterrupted ? "START_OF_ACTIVITY_INTERRUPTS" : "NO_INTERRUPTION"
        setup.set("realtimeInputConfig", ["activityHandling": handling])
        if configuration.transcribes {
            setup.set("inputAudioTranscription", [:])
            setup.set("outputAudioTranscription", [:])
        }
        setup.set("sessionResumption", configuration.resumptionHandle.map { ["handle": .string($0)] } ?? [:])
        setup.set("contextWindowCompression", ["slidingWindow": [:]])
        return setup
    }

    private static func resourceName(_ model: String) -> String {
        model.utf8.contains(UInt8(ascii: "/")) ? model : "models/\(model)"
    }

    private static func declaration(_ tool: AgentTool) -> JSONValue {
        // Some models go on talking while a function runs unless told otherwise; the others wait anyway.
        var declaration: JSONValue = [
            "name": .string(tool.name), "description": .string(tool.description), "behavior": "BLOCKING",
        ]
        let schema = GeminiSchema.schema(of: tool.schema)
        // An object without properties is refused; a function without parameters has no schema.
        if let properties = schema["properties"]?.object, !properties.isEmpty { declaration.set("parameters", schema) }
        return declaration
    }
}
