internal import TalkpathAudio
internal import TalkpathWire

extension OpenAIRealtimeModel {
    /// Checks a client's event against the rules, then handles it.
    mutating func handle(_ event: JSONValue, at now: MonotonicInstant) {
        let id = event["event_id"]?.string
        guard let type = event["type"]?.string else {
            return sendError("missing_required_parameter", "Missing required parameter: 'type'.", "type", id, at: now)
        }
        guard let rule = OpenAIRules.events[type] else {
            let known = OpenAIRules.events.keys.sorted().map { "'\($0)'" }.joined(separator: ", ")
            let message = "Invalid value: '\(type)'. Supported values are: \(known)."
            return sendError("invalid_value", message, "type", id, at: now)
        }
        if type != "input_audio_buffer.append" { core.record.messages.append(type) }
        do throws(JSONRule.Fault) {
            try rule.check(event, at: "")
        } catch {
            return sendError(error.code, error.message, error.parameter, id, at: now)
        }
        dispatch(type, event, id, at: now)
    }

    private mutating func dispatch(_ type: String, _ event: JSONValue, _ id: String?, at now: MonotonicInstant) {
        switch type {
        case "input_audio_buffer.append": append(event["audio"]?.string ?? "", id, at: now)
        case "session.update": update(event["session"] ?? [:], id, at: now)
        case "input_audio_buffer.commit": commit(id, at: now)
        case "input_audio_buffer.clear":
            uncommittedBytes = 0
            send("input_audio_buffer.cleared", [:])
        case "response.create" where isTranscription:
            sendError("invalid_value", "A transcription session has no responses.", "type", id, at: now)
        case "response.create": createResponse(event["response"] ?? [:], id, at: now)
        case "response.cancel": cancelResponse(event["response_id"]?.string, id, at: now)
        case "conversation.item.create":
            createItem(event["item"] ?? [:], event["previous_item_id"]?.string, id, at: now)
        case "conversation.item.truncate": truncate(event, id, at: now)
        case "conversation.item.delete": deleteItem(event["item_id"]?.string ?? "", id, at: now)
        case "conversation.item.retrieve": retrieveItem(event["item_id"]?.string ?? "", id, at: now)
        default: core.violate("\(type) has no effect on a WebSocket", at: now)
        }
    }

    // MARK: Configuration

    private mutating func update(_ changes: JSONValue, _ id: String?, at now: MonotonicInstant) {
        perform(core.takeFaults { $0 == .setup }, at: now)
        let voice = changes["audio"]?["output"]?["voice"]
        if let voice, voice != session["audio"]?["output"]?["voice"], !core.record.items.isEmpty {
            let message = "Cannot update a conversation's voice if assistant audio is present."
            return sendError("cannot_update_voice", message, "session.audio.output.voice", id, at: now)
        }
        for side in ["input", "output"] {
            guard let format = changes["audio"]?[side]?["format"], format["type"]?.string == "audio/pcm",
                format["rate"] == nil
            else { continue }
            let name = "session.audio.\(side).format.rate"
            let message = "Missing required parameter: '\(name)'."
            return sendError("missing_required_parameter", message, name, id, at: now)
        }
        let kind = session["type"]?.string ?? ""
        guard changes["type"]?.string == kind else {
            let message = "Invalid value: '\(changes["type"]?.string ?? "")'. This is a session of type '\(kind)'."
            return sendError("invalid_value", message, "session.type", id, at: now)
        }
        if let refusal = OpenAICombinations.refusal(of: changes, in: session) {
            return sendError(refusal.code, refusal.message, refusal.parameter, id, at: now)
        }
        if core.plan.has(.refusedSettings), refuses(changes, id) { return }
        session = Self.merged(session, changes)
        applySession()
        core.record.configuration = session.serializedText()
        if core.record.readyAt == nil { core.record.readyAt = now }
        // During a pause, this answer waits like all others.
        send("session.updated", ["session": session])
        core.report(.sessionReady)
        if changes["tools"]?.array != nil { listTools(at: now) }
        perform(core.takeFaults { $0 == .ready }, at: now)
    }

    /// Refuses a transcription model that this model does not know. The client could not know, so it is no violation.
    private mutating func refuses(_ changes: JSONValue, _ id: String?) -> Bool {
        let transcription = changes["audio"]?["input"]?["transcription"] ?? nil
        guard !hasRefusedSettings, let model = transcription["model"]?.string else { return false }
        hasRefusedSettings = true
        core.report(.fault(ModelBehaviour.refusedSettings.rawValue))
        let message = "Invalid value: '\(model)'. This model is not available for your account."
        sendError("invalid_value", message, "session.audio.input.transcription.model", id, at: nil)
        return true
    }

    private static let nullable: Set<String> = [
        "turn_detection", "transcription", "noise_reduction", "tracing", "prompt", "include", "idle_timeout_ms",
    ]

    /// Changes only the members that are given; inside `audio` at every depth.
    private static func merged(_ old: JSONValue, _ new: JSONValue) -> JSONValue {
        guard let members = new.object, old.object != nil else { return new }
        var result = old
        for member in members {
            let isNested = ["audio", "input", "output"].contains(member.key)
            // `null` turns these members off. For all others it counts as absent.
            if member.value.isNull, !nullable.contains(member.key) { continue }
            result.set(member.key, isNested ? merged(old[member.key] ?? [:], member.value) : member.value)
        }
        return result
    }

    private mutating func applySession() {
        let audio = session["audio"]
        core.record.outputFormat = Self.format(audio?["output"]?["format"])
        let input = Self.format(audio?["input"]?["format"])
        turnDetection = Self.turnDetection(audio?["input"]?["turn_detection"])
        timed.removeAll { if case .idle = $0.what { true } else { false } }
        let silence = Duration.milliseconds(turnDetection?.silence ?? 500)
        if input != core.record.inputFormat || core.turnDetector.receivedBytes == 0 {
            core.record.inputFormat = input
            core.listen(to: input, silence: silence)
        }
    }

    private static func format(_ value: JSONValue?) -> AudioFormat {
        switch value?["type"]?.string {
        case "audio/pcmu": .telephony
        case "audio/pcma": .alaw8k
        default: .pcm24k
        }
    }

    private static func turnDetection(_ value: JSONValue?) -> TurnDetection? {
        guard let value, !value.isNull else { return nil }
        var result = TurnDetection()
        result.prefixPadding = value["prefix_padding_ms"]?.int ?? 300
        result.silence = value["silence_duration_ms"]?.int ?? 500
        if value["type"]?.string == "semantic_vad" {
            result.silence = ["low": 1500, "medium": 600, "high": 300][value["eagerness"]?.string ?? ""] ?? 600
        }
        result.idleTimeout = value["idle_timeout_ms"]?.int
        result.createsResponse = value["create_response"]?.bool ?? true
        result.interruptsResponse = value["interrupt_response"]?.bool ?? true
        return result
    }
}
