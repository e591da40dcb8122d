internal import Foundation
internal import TalkpathWire

extension Conversation {
    /// Reads a conversation's folder: `manifest.json` and the audio it names (WAV; the caller's at 8 kHz, the agent's
    /// at 24 kHz; other rates of the product are converted).
    public init(directory: String) throws {
        let reader = ManifestReader(directory: directory)
        let manifest = try reader.manifest()
        let caller = try (manifest["caller"]?.array ?? []).map { try reader.callerTurn($0) }
        let agent = try (manifest["agent"]?.array ?? []).map { try reader.agentTurn($0) }
        var background: [Int16] = []
        if let path = manifest["background"]?.string { background = try reader.audio(path, rate: 8000) }
        let expected = manifest["expected"] ?? [:]
        self.init(
            name: manifest["name"]?.string ?? directory,
            phone: PhoneScript(
                turns: caller,
                ending: .hangsUpWhenAgentEnds(after: .milliseconds(700)),
                background: background
            ),
            agent: AgentScript(turns: agent, callerTexts: caller.map(\.text)),
            expected: Expectation(
                callerTurns: expected["caller_turns"]?.int ?? caller.count,
                agentAnswers: expected["agent_answers"]?.int ?? agent.count,
                interruptions: expected["interruptions"]?.int ?? 0,
                callerSpeechMilliseconds: expected["caller_speech_ms"]?.int ?? 0,
                agentAudioMilliseconds: expected["agent_audio_ms"]?.int ?? 0,
                agentHeardMilliseconds: expected["agent_heard_ms"]?.int,
                durationMilliseconds: expected["duration_ms"]?.int
            )
        )
    }
}

private struct ManifestReader {
    let directory: String
    private var file: String { directory + "/manifest.json" }

    init(directory: String) {
        self.directory = directory
    }

    func manifest() throws -> JSONValue {
        try JSONValue(parsing: try bytes(of: file))
    }

    func callerTurn(_ turn: JSONValue) throws -> PhoneScript.Turn {
        let delay = Duration.milliseconds(turn["delay_ms"]?.int ?? 0)
        let moment: PhoneScript.Turn.Moment =
            switch turn["after"]?.string {
            case "start": .start(after: delay)
            case "agent_starts": .agentStarts(after: delay)
            case "agent_ends": .agentEnds(after: delay)
            case let other: throw ConversationError(file: file, detail: "a caller's turn after \(other ?? "nothing")")
            }
        return PhoneScript.Turn(
            moment,
            .speech(try audio(of: turn, rate: 8000)),
            text: turn["text"]?.string ?? ""
        )
    }

    func agentTurn(_ turn: JSONValue) throws -> AgentScript.Turn {
        let trigger: AgentScript.Turn.Trigger =
            switch turn["on"]?.string {
            case "connect": .connect
            case "caller_turn": .callerTurn
            case "request": .request
            case "tool_result": .toolResult
            case let other: throw ConversationError(file: file, detail: "an agent's answer on \(other ?? "nothing")")
            }
        let call = turn["tool"].map { tool in
            AgentScript.ToolCall(
                name: tool["name"]?.string ?? "",
                arguments: (tool["arguments"] ?? [:]).serializedText()
            )
        }
        return AgentScript.Turn(
            trigger,
            audio: try audio(of: turn, rate: 24000),
            transcript: turn["text"]?.string ?? "",
            toolCall: call
        )
    }

    func audio(_ path: String, rate: Int) throws -> [Int16] {
        try RecordedSpeech.samples(of: directory + "/" + path, rate: rate)
    }

    private func audio(of turn: JSONValue, rate: Int) throws -> [Int16] {
        guard let path = turn["audio"]?.string else { return [] }
        return try audio(path, rate: rate)
    }

    private func bytes(of path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ConversationError(file: path, detail: "cannot be read")
        }
        return Array(data)
    }
}
