import TalkpathAudio

/// Talkpath's text messages.
extension AgentSocketCodec {
    /// Writes the message of a command. The agent answers messages by itself, and gets the earlier conversation with
    /// `start`: `respond` and `history` write nothing.
    public mutating func write(_ command: AgentCommand, to outbox: inout MessageOutbox) {
        switch command {
        case .configure(let configuration):
            inputFormat = configuration.inputFormat
            outputFormat = configuration.outputFormat
            Self.write(Self.start(configuration), to: &outbox)
        case .change(let change, _):
            guard let instructions = change.instructions else { return }
            Self.write(["type": "update", "instructions": .string(instructions)], to: &outbox)
        case .truncate(let item, let milliseconds):
            writeInterrupted(item, heard: max(0, milliseconds), to: &outbox)
        case .delete(let item):
            writeInterrupted(item, heard: 0, to: &outbox)
        case .cancelResponse:
            guard let item = responses.open, let name = responses.name(of: item) else { return }
            responses.cancel()
            Self.write(["type": "cancel", "response": .string(name)], to: &outbox)
        case .say(let text):
            Self.write(["type": "say", "text": .string(text)], to: &outbox)
        case .addMessage(let role, let text):
            Self.write(Self.message(role, text, isAnswered: false), to: &outbox)
        case .prompt(let text):
            Self.write(Self.message(.user, text, isAnswered: true), to: &outbox)
        case .toolResult(let id, let name, let output):
            Self.write(
                ["type": "tool_result", "id": .string(id), "name": .string(name), "output": .string(output)],
                to: &outbox
            )
        case .callerVoice(let isSpeaking):
            guard wantsCallerTurns else { return }
            Self.write(["type": isSpeaking ? "caller_started" : "caller_stopped"], to: &outbox)
        case .markPlayed(let name, let wasCut):
            Self.write(["type": "mark_played", "name": .string(name), "cut": .bool(wasCut)], to: &outbox)
        case .key(let key):
            let digit = String(decoding: CollectionOfOne(key), as: UTF8.self)
            Self.write(["type": "dtmf", "digit": .string(digit)], to: &outbox)
        case .fault(let error):
            guard faultsTold < Self.mostFaultsTold else { return }
            faultsTold += 1
            Self.write(Self.fault(error), to: &outbox)
        case .ended(let end):
            Self.write(Self.ended(end), to: &outbox)
        case .respond, .history, .callerLeft:
            return
        }
    }

    private static func write(_ json: JSONValue, to outbox: inout MessageOutbox) {
        outbox.beginMessage()
        outbox.append(json: json)
        outbox.endMessage()
    }

    private func writeInterrupted(_ item: AgentItem, heard milliseconds: Int, to outbox: inout MessageOutbox) {
        guard let name = responses.name(of: item) else { return }
        Self.write(
            ["type": "interrupted", "response": .string(name), "heard_ms": JSONValue(milliseconds)],
            to: &outbox
        )
    }

    private static func message(_ role: AgentCommand.MessageRole, _ text: String, isAnswered: Bool) -> JSONValue {
        [
            "type": "message", "role": .string(role.rawValue), "text": .string(text), "respond": .bool(isAnswered),
        ]
    }

    // MARK: The session

    private static func start(_ configuration: AgentSessionConfiguration) -> JSONValue {
        var json: JSONValue = ["type": "start", "protocol": JSONValue(version)]
        if let call = configuration.call {
            json.set("call_id", .string(call.id))
            json.set("direction", .string(call.direction))
            json.set("from", .string(call.from))
            json.set("to", .string(call.to))
            json.set("metadata", call.metadata)
            json.set("variables", call.variables)
        }
        json.set("model", .string(configuration.model))
        json.set("voice", configuration.voice.map(JSONValue.string))
        json.set("language", configuration.language.map(JSONValue.string))
        json.set("instructions", .string(configuration.instructions))
        json.set("tools", .array(configuration.tools.map(tool)))
        json.set("input_format", configuration.inputFormat.agentSocketJSON)
        json.set("output_format", configuration.outputFormat.agentSocketJSON)
        json.set("resume", configuration.resumptionHandle.map(JSONValue.string))
        if !configuration.conversation.isEmpty {
            json.set(
                "conversation",
                .array(
                    configuration.conversation.map { ["role": .string($0.role.rawValue), "text": .string($0.text)] }
                )
            )
        }
        return json
    }

    private static func tool(_ tool: AgentTool) -> JSONValue {
        [
            "name": .string(tool.name), "description": .string(tool.description),
            "parameters": (try? JSONValue(parsing: tool.parameters)) ?? [:],
        ]
    }

    private static func ended(_ end: AgentCallEnd) -> JSONValue {
        var json: JSONValue = [
            "type": "ended", "reason": .string(end.reason), "duration_ms": JSONValue(end.durationMilliseconds),
            "talking_ms": JSONValue(end.talkingMilliseconds),
        ]
        json.set("note", end.note.map(JSONValue.string))
        return json
    }

    private static func fault(_ error: WireError) -> JSONValue {
        let (code, sentence) =
            switch error.code {
            case .malformedJSON: ("malformed_json", "The message is not JSON, and was dropped")
            case .unsupportedFormat: ("unsupported_format", "This protocol does not have the format")
            case .malformedMessage, .malformedBase64, .wrongStream:
                ("malformed_message", "The message cannot be used, and was dropped")
            }
        let detail = error.detail.isEmpty ? "." : ": \(error.detail)."
        return ["type": "error", "code": .string(code), "message": .string(sentence + detail)]
    }
}
