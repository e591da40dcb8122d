import TalkpathAudio

extension OpenAIRealtimeCodec {
    /// Names our configuration in the error that refuses it.
    static let configurationEventID = "talkpath-configuration"

    /// Writes what a command needs, which is nothing for an item the codec does not know.
    public mutating func write(_ command: AgentCommand, to outbox: inout MessageOutbox) {
        switch command {
        case .configure(let configuration):
            outputFormat = Self.nearest(configuration.outputFormat)
            if !configuration.instructions.isEmpty { instructions = configuration.instructions }
            Self.write(Self.sessionUpdate(configuration), to: &outbox)
        case .truncate(let item, let milliseconds):
            guard let record = items[item] else { return }
            Self.write(
                [
                    "type": "conversation.item.truncate", "item_id": .string(record.name),
                    "content_index": JSONValue(record.contentIndex), "audio_end_ms": JSONValue(max(0, milliseconds)),
                ],
                to: &outbox
            )
        case .delete(let item):
            guard let record = items[item] else { return }
            Self.write(["type": "conversation.item.delete", "item_id": .string(record.name)], to: &outbox)
        case .cancelResponse:
            Self.write(["type": "response.cancel"], to: &outbox)
        case .say(let text):
            // A response's instructions take the place of the session's: those go along.
            let all = instructions.isEmpty ? text : instructions + "\n\n" + text
            Self.write(["type": "response.create", "response": ["instructions": .string(all)]], to: &outbox)
        case .respond:
            Self.write(["type": "response.create"], to: &outbox)
        case .addMessage(let role, let text):
            Self.write(Self.message(role, text), to: &outbox)
        case .history(let turns):
            for turn in turns { Self.write(Self.message(turn.role, turn.text), to: &outbox) }
        case .prompt(let text):
            Self.write(Self.message(.user, text), to: &outbox)
        case .toolResult(let id, _, let output):
            let item: JSONValue = ["type": "function_call_output", "call_id": .string(id), "output": .string(output)]
            Self.write(["type": "conversation.item.create", "item": item], to: &outbox)
        }
    }

    private static func write(_ json: JSONValue, to outbox: inout MessageOutbox) {
        outbox.beginMessage()
        outbox.append(json: json)
        outbox.endMessage()
    }

    private static func message(_ role: AgentCommand.MessageRole, _ text: String) -> JSONValue {
        let kind: JSONValue = role == .assistant ? "output_text" : "input_text"
        let item: JSONValue = [
            "type": "message", "role": .string(role.rawValue), "content": [["type": kind, "text": .string(text)]],
        ]
        return ["type": "conversation.item.create", "item": item]
    }

    private static func sessionUpdate(_ configuration: AgentSessionConfiguration) -> JSONValue {
        let omitted = configuration.omitted
        var input: JSONValue = ["format": json(configuration.inputFormat)]
        if configuration.transcribes, !omitted.contains(.transcription) {
            let model = omitted.contains(.transcriptionModel) ? olderTranscriptionModel : transcriptionModel
            var transcription: JSONValue = ["model": .string(model)]
            if let language = configuration.language { transcription.set("language", .string(language)) }
            input.set("transcription", transcription)
        }
        if !omitted.contains(.turnDetection) {
            input.set(
                "turn_detection",
                [
                    "type": "server_vad", "create_response": true,
                    "interrupt_response": .bool(configuration.isInterrupted),
                ]
            )
        }
        var output: JSONValue = ["format": json(configuration.outputFormat)]
        if let voice = configuration.voice, !omitted.contains(.voice) { output.set("voice", .string(voice)) }
        var session: JSONValue = ["type": "realtime"]
        if !omitted.contains(.modalities) { session.set("output_modalities", ["audio"]) }
        if !configuration.instructions.isEmpty { session.set("instructions", .string(configuration.instructions)) }
        session.set("audio", ["input": input, "output": output])
        if !configuration.tools.isEmpty {
            session.set("tools", .array(configuration.tools.map(json)))
            session.set("tool_choice", "auto")
        }
        return ["type": "session.update", "event_id": .string(configurationEventID), "session": session]
    }

    private static let transcriptionModel = "gpt-transcribe"
    /// Announced to be shut down on 2027-02-26; for an account that has no other yet.
    private static let olderTranscriptionModel = "gpt-4o-mini-transcribe"

    private static func json(_ tool: AgentTool) -> JSONValue {
        [
            "type": "function", "name": .string(tool.name), "description": .string(tool.description),
            "parameters": tool.schema,
        ]
    }

    /// A format the provider lacks is asked for as what it always has, rather than as something it would refuse.
    private static func nearest(_ format: AudioFormat) -> AudioFormat {
        supports(format) ? format : .pcm24k
    }

    private static func json(_ format: AudioFormat) -> JSONValue {
        switch nearest(format).encoding {
        case .mulaw: ["type": "audio/pcmu"]
        case .alaw: ["type": "audio/pcma"]
        case .pcm16: ["type": "audio/pcm", "rate": 24000]
        }
    }
}

extension AgentTool {
    /// The parameters as JSON; an object without properties if they are not a JSON object.
    var schema: JSONValue {
        if let schema = try? JSONValue(parsing: parameters), schema.object != nil { return schema }
        return ["type": "object", "properties": [:]]
    }
}
