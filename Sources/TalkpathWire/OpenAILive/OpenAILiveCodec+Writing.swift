import TalkpathAudio

extension OpenAILiveCodec {
    /// Writes the messages for a command.
    ///
    /// `truncate`, `delete` and `cancelResponse` write nothing: the model hears for itself that it was interrupted.
    /// `history` writes nothing: the earlier conversation is part of the set-up.
    public mutating func write(_ command: AgentCommand, to outbox: inout MessageOutbox) {
        switch command {
        case .configure(let configuration):
            format = Self.nearest(configuration.outputFormat)
            if case .client(let tool)? = configuration.live.delegation { delegate = tool }
            Self.write(["type": "session.start", "session": Self.session(configuration.reduced)], to: &outbox)
        case .change(let change, _):
            // The provider keeps the instructions of the start, and takes more.
            guard let instructions = change.instructions else { return }
            Self.append(.instructions, "From now on, follow these instructions instead: " + instructions, to: &outbox)
        case .say(let text):
            // The model speaks for an instruction only, not for bare words.
            Self.append(.commentary, "Speak to the caller now. " + text, to: &outbox)
        case .prompt(let text):
            Self.append(.commentary, "Answer this now, aloud. " + text, to: &outbox)
        case .addMessage(let role, let text):
            switch role {
            case .system: Self.append(.instructions, text, to: &outbox)
            case .user: Self.append(.thinking, "The caller: " + text, to: &outbox)
            case .assistant: Self.append(.thinking, "You: " + text, to: &outbox)
            }
        case .toolResult(let id, _, let output):
            give(output, for: id, to: &outbox)
        case .respond:
            requestIfDue(to: &outbox)
        case .ended:
            Self.write(["type": "session.close"], to: &outbox)
        case .truncate, .delete, .cancelResponse, .history, .callerVoice, .markPlayed, .key,
            .callerLeft, .fault:
            return
        }
    }

    private static func write(_ json: JSONValue, to outbox: inout MessageOutbox) {
        outbox.beginMessage()
        outbox.append(json: json)
        outbox.endMessage()
    }

    // MARK: Words

    private enum Channel: String {
        /// Makes the model speak.
        case commentary = "session.commentary.append"
        /// Instructions that the model must follow.
        case instructions = "session.instructions.append"
        /// Context that the model knows, and does not speak.
        case thinking = "session.thinking.append"
    }

    /// The provider takes 500 tokens at a time. No language has more than a token for every two bytes.
    private static let longestContent = 1000

    /// Appends a text to the conversation. A long one goes in several messages, of which only the last makes the model
    /// speak.
    private static func append(
        _ channel: Channel,
        _ text: String,
        for delegation: String? = nil,
        to outbox: inout MessageOutbox
    ) {
        var rest = text
        while !rest.isEmpty {
            let part = PeerWords.cut(rest, to: longestContent)
            rest = String(decoding: rest.utf8.dropFirst(part.utf8.count), as: UTF8.self)
            let earlier = channel == .commentary ? Channel.thinking : channel
            write(
                [
                    "type": .string((rest.isEmpty ? channel : earlier).rawValue), "content": .string(part),
                    "delegation_id": delegation.map(JSONValue.string) ?? .null,
                ],
                to: &outbox
            )
        }
    }

    // MARK: Functions

    private mutating func give(_ output: String, for id: String, to outbox: inout MessageOutbox) {
        if calls.takeDelegation(id) {
            Self.append(.commentary, output.isEmpty ? "Done." : output, for: id, to: &outbox)
            return
        }
        guard calls.answered(id) else { return }
        Self.write(
            [
                "type": "response.item.create",
                "item": ["type": "function_call_output", "call_id": .string(id), "output": .string(output)],
            ],
            to: &outbox
        )
        requestIfDue(to: &outbox)
    }

    private mutating func requestIfDue(to outbox: inout MessageOutbox) {
        if calls.takeRequest() { Self.write(["type": "response.create"], to: &outbox) }
    }

    // MARK: The session

    private static func session(_ configuration: AgentSessionConfiguration) -> JSONValue {
        let options = configuration.live
        var audio: JSONValue = ["format": json(configuration.outputFormat)]
        if let voice = configuration.voice, !configuration.omitted.contains(.voice) {
            audio.set("output", ["voice": .string(voice)])
        }
        var session: JSONValue = ["model": .string(configuration.model)]
        if !configuration.instructions.isEmpty { session.set("instructions", .string(configuration.instructions)) }
        session.set("audio", audio)
        session.set("delegation", delegation(options, tools: configuration.tools))
        let input = history(configuration.conversation)
        if !input.isEmpty { session.set("input", .array(input)) }
        session.set("store", options.store.map(JSONValue.bool))
        if let raw = configuration.raw { session.overlay(raw) }
        return session
    }

    private static func delegation(_ options: OpenAILiveOptions, tools: [AgentTool]) -> JSONValue {
        var json: JSONValue
        let named: OpenAILiveOptions.Responses? =
            if case .responses(let responses)? = options.delegation { responses } else { nil }
        if case .client? = options.delegation {
            json = ["type": "client"]
        } else if named != nil || !tools.isEmpty {
            let responses = named ?? OpenAILiveOptions.Responses()
            var backend: JSONValue = ["model": .string(responses.model ?? OpenAILiveOptions.defaultBackend)]
            backend.set("instructions", responses.instructions.map(JSONValue.string))
            backend.set("reasoning", responses.reasoningEffort.map { ["effort": .string($0.rawValue)] })
            backend.set("max_output_tokens", responses.maxOutputTokens.map { JSONValue($0) })
            backend.set("parallel_tool_calls", responses.parallelToolCalls.map(JSONValue.bool))
            if !tools.isEmpty { backend.set("tools", .array(tools.map(Self.json))) }
            json = ["type": "responses", "responses": backend]
        } else {
            json = ["type": "client"]
        }
        json.set("acknowledgement_delay_ms", options.acknowledgementDelayMilliseconds.map { JSONValue($0) })
        return json
    }

    private static func json(_ tool: AgentTool) -> JSONValue {
        [
            "type": "function", "name": .string(tool.name), "description": .string(tool.description),
            "parameters": tool.schema,
        ]
    }

    /// The provider takes at most so many messages, and refuses a longer history.
    private static let mostTurns = 128
    /// 8,192 tokens, of two bytes at least.
    private static let longestHistory = 16_000

    /// The newest turns that the provider takes, oldest first.
    private static func history(_ turns: [AgentCommand.Turn]) -> [JSONValue] {
        var left = longestHistory
        var kept: [JSONValue] = []
        for turn in turns.reversed() where !turn.text.isEmpty {
            let text = PeerWords.cut(turn.text, to: longestHistory / 4)
            left -= text.utf8.count
            guard left >= 0, kept.count < mostTurns else { break }
            kept.append(message(turn.role, text))
        }
        return kept.reversed()
    }

    private static func message(_ role: AgentCommand.MessageRole, _ text: String) -> JSONValue {
        let (author, kind): (JSONValue, JSONValue) =
            switch role {
            case .user: ("user", "input_text")
            case .assistant: ("assistant", "output_text")
            case .system: ("developer", "input_text")
            }
        return ["role": author, "content": [["type": kind, "text": .string(text)]]]
    }

    /// Replaces a format that the provider does not support by one that it always supports.
    private static func nearest(_ format: AudioFormat) -> AudioFormat { supports(format) ? format : .pcm24k }

    private static func json(_ format: AudioFormat) -> JSONValue {
        let format = nearest(format)
        let type: JSONValue =
            switch format.encoding {
            case .mulaw: "audio/pcmu"
            case .alaw: "audio/pcma"
            case .pcm16: "audio/pcm"
            }
        return ["type": type, "rate": JSONValue(format.sampleRate)]
    }
}
