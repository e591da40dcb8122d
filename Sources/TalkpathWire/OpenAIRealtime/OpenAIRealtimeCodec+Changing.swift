/// Changes of a session while it lasts. The message holds only the changed members.
extension OpenAIRealtimeCodec {
    /// The ID of the event with a change. An error that refuses the change names it.
    static let changeEventID = "talkpath-change"

    /// - Parameter configuration: the complete configuration after the change.
    static func sessionChange(_ change: AgentChange, _ configuration: AgentSessionConfiguration) -> JSONValue {
        let options = change.openAI
        var session: JSONValue = ["type": "realtime"]
        session.set("instructions", change.instructions.map(JSONValue.string))
        var input: JSONValue = [:]
        input.set("noise_reduction", options.noiseReduction?.json)
        input.set(
            "transcription",
            options.transcription?.wire(defaultModel: transcriptionModel, language: configuration.language)
        )
        if let detection = options.turnDetection {
            input.set("turn_detection", turnDetection(detection, isInterrupted: configuration.isInterrupted))
        }
        var audio: JSONValue = [:]
        if input != [:] { audio.set("input", input) }
        if let speed = options.speed { audio.set("output", ["speed": .decimal(speed)]) }
        if audio != [:] { session.set("audio", audio) }
        for member in options.sessionMembers { session.set(member.key, member.value) }
        if let raw = change.raw { session.overlay(raw) }
        return ["type": "session.update", "event_id": .string(changeEventID), "session": session]
    }

    static func turnDetection(_ detection: OpenAIOptions.TurnDetection?, isInterrupted: Bool) -> JSONValue {
        var json = detection?.json ?? ["type": "server_vad"]
        json.set("create_response", true)
        json.set("interrupt_response", .bool(isInterrupted))
        return json
    }
}
