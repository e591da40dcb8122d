import TalkpathAudio

extension OpenAIRealtimeCodec {
    /// The ID of the event with our configuration. An error that refuses the configuration names it.
    static let configurationEventID = "talkpath-configuration"

    /// Writes the messages for a command. Writes nothing for an item that the codec does not know.
    public mutating func write(_ command: AgentCommand, to outbox: inout MessageOutbox) {
        switch command {
        case .configure(let configuration):
            outputFormat = Self.nearest(configuration.outputFormat)
            if !configuration.instructions.isEmpty { instructions = configuration.instructions }
            Self.write(Self.sessionUpdate(configuration.reduced), to: &outbox)
        case .change(let change, let configuration):
            if !configuration.instructions.isEmpty { instructions = configuration.instructions }
            Self.write(Self.sessionChange(change, configuration), to: &outbox)
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
            // A response's instructions replace the session's, so send both.
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
            let item: JSONValue =
                approvals.remove(id) != nil
                ? Self.approval(id, output)
                : ["type": "function_call_output", "call_id": .string(id), "output": .string(output)]
            Self.write(["type": "conversation.item.create", "item": item], to: &outbox)
        case .callerLeft(let isSpeaking):
            // Words that the model has heard to their end are committed already.
            if isSpeaking { Self.write(["type": "input_audio_buffer.commit"], to: &outbox) }
        case .callerVoice, .markPlayed, .key, .fault, .ended:
            return
        }
    }

    private static func write(_ json: JSONValue, to outbox: inout MessageOutbox) {
        outbox.beginMessage()
        outbox.append(json: json)
        outbox.endMessage()
    }

    /// Refuses a call unless the result clearly approves it.
    private static func approval(_ id: String, _ output: String) -> JSONValue {
        let answer = try? JSONValue(parsing: output)
        var item: JSONValue = [
            "type": "mcp_approval_response", "approval_request_id": .string(id),
            "approve": .bool(answer?["approve"]?.bool == true),
        ]
        item.set("reason", answer?["reason"]?.string.map(JSONValue.string))
        return item
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
        let options = configuration.openAI
        var output: JSONValue = ["format": json(configuration.outputFormat)]
        if let voice = configuration.voice, !omitted.contains(.voice) { output.set("voice", .string(voice)) }
        output.set("speed", options.speed.map(JSONValue.decimal))
        var session: JSONValue = ["type": "realtime"]
        if !omitted.contains(.modalities) { session.set("output_modalities", ["audio"]) }
        if !configuration.instructions.isEmpty { session.set("instructions", .string(configuration.instructions)) }
        session.set("audio", ["input": input(configuration), "output": output])
        let tools = configuration.tools.map(json) + options.mcpServers.map(\.wire)
        if !tools.isEmpty {
            session.set("tools", .array(tools))
            session.set("tool_choice", "auto")
        }
        for member in options.sessionMembers { session.set(member.key, member.value) }
        if let raw = configuration.raw { session.overlay(raw) }
        return ["type": "session.update", "event_id": .string(configurationEventID), "session": session]
    }

    private static func input(_ configuration: AgentSessionConfiguration) -> JSONValue {
        let omitted = configuration.omitted
        let options = configuration.openAI
        var input: JSONValue = ["format": json(configuration.inputFormat)]
        if configuration.transcribes, !omitted.contains(.transcription) {
            let model = omitted.contains(.transcriptionModel) ? olderTranscriptionModel : transcriptionModel
            var transcription = options.transcription ?? OpenAIOptions.Transcription()
            if omitted.contains(.transcriptionModel) { transcription.model = nil }
            input.set("transcription", transcription.wire(defaultModel: model, language: configuration.language))
        }
        input.set("noise_reduction", options.noiseReduction?.json)
        guard !omitted.contains(.turnDetection) else { return input }
        input.set(
            "turn_detection",
            turnDetection(options.turnDetection, isInterrupted: configuration.isInterrupted)
        )
        return input
    }

    package static let transcriptionModel = "gpt-transcribe"
    /// For accounts without access to a newer model. The provider has announced its end for 2027-02-26.
    private static let olderTranscriptionModel = "gpt-4o-mini-transcribe"

    private static func json(_ tool: AgentTool) -> JSONValue {
        [
            "type": "function", "name": .string(tool.name), "description": .string(tool.description),
            "parameters": tool.schema,
        ]
    }

    /// Replaces a format that the provider does not support by one that it always supports.
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
