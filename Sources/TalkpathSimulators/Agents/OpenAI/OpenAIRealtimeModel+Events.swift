internal import TalkpathAudio
internal import TalkpathWire

extension OpenAIRealtimeModel {
    /// Takes a client's event, checked against the rules first.
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
        session = Self.merged(session, changes)
        applySession()
        core.record.configuration = session.serializedText()
        if core.record.readyAt == nil { core.record.readyAt = now }
        // While a pause lasts the answer waits with everything else.
        send("session.updated", ["session": session])
        core.report(.sessionReady)
        perform(core.takeFaults { $0 == .ready }, at: now)
    }

    /// Only the members that are there change; inside `audio` that holds at every depth.
    private static func merged(_ old: JSONValue, _ new: JSONValue) -> JSONValue {
        guard let members = new.object, old.object != nil else { return new }
        var result = old
        for member in members {
            let isNested = ["audio", "input", "output"].contains(member.key)
            result.set(member.key, isNested ? merged(old[member.key] ?? [:], member.value) : member.value)
        }
        return result
    }

    private mutating func applySession() {
        let audio = session["audio"]
        core.record.outputFormat = Self.format(audio?["output"]?["format"])
        let input = Self.format(audio?["input"]?["format"])
        turnDetection = Self.turnDetection(audio?["input"]?["turn_detection"])
        let silence = Duration.milliseconds(turnDetection?.silence ?? 500)
        if input != core.record.inputFormat || core.ear.receivedBytes == 0 {
            core.record.inputFormat = input
            core.ear = CallerEar(format: input, silence: silence)
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
        result.createsResponse = value["create_response"]?.bool ?? true
        result.interruptsResponse = value["interrupt_response"]?.bool ?? true
        return result
    }

    // MARK: Items

    private mutating func createItem(_ item: JSONValue, _ previous: String?, _ id: String?, at now: MonotonicInstant) {
        guard let type = item["type"]?.string, let rule = OpenAIRules.items[type] else {
            let known = OpenAIRules.items.keys.sorted().map { "'\($0)'" }.joined(separator: ", ")
            let message = "Invalid value: '\(item["type"]?.string ?? "")'. Supported values are: \(known)."
            return sendError("invalid_value", message, "item.type", id, at: now)
        }
        do throws(JSONRule.Fault) {
            try rule.check(item, at: "item")
            try Self.checkContent(of: item)
        } catch {
            return sendError(error.code, error.message, error.parameter, id, at: now)
        }
        if let previous, previous != "root", !conversation.contains(where: { $0.id == previous }) {
            return sendError(
                "invalid_value",
                "Previous item with id '\(previous)' not found.",
                "previous_item_id",
                id,
                at: now
            )
        }
        if type == "function_call_output", !takeToolResult(item, id, at: now) { return }
        let texts = (item["content"]?.array ?? []).compactMap { $0["text"]?.string }
        core.record.textsReceived.append(contentsOf: texts)
        var added = item
        let itemID = item["id"]?.string ?? core.identifier("item")
        added.set("id", .string(itemID))
        added.set("object", "realtime.item")
        added.set("status", "completed")
        addToConversation(itemID, spoken: nil, item: added, after: previous)
        sendDone(itemID, item: added)
    }

    /// The kind of a message's content depends on who speaks.
    private static func checkContent(of item: JSONValue) throws(JSONRule.Fault) {
        guard item["type"]?.string == "message" else { return }
        let words =
            switch item["role"]?.string {
            case "assistant": ["output_text", "output_audio"]
            case "system": ["input_text"]
            default: ["input_text", "input_audio", "input_image"]
            }
        for (index, part) in (item["content"]?.array ?? []).enumerated() {
            try JSONRule.word(words).check(part["type"] ?? "", at: "item.content[\(index)].type")
        }
    }

    private mutating func takeToolResult(_ item: JSONValue, _ id: String?, at now: MonotonicInstant) -> Bool {
        let call = item["call_id"]?.string ?? ""
        guard toolCallIDs.contains(call) else {
            sendError(
                "invalid_tool_call_id",
                "Tool call ID '\(call)' not found in conversation.",
                "item.call_id",
                id,
                at: now
            )
            return false
        }
        core.record.toolResults.append(.init(callID: call, output: item["output"]?.string ?? ""))
        core.report(.toolAnswered(callID: call))
        owesToolAnswer = true
        return true
    }

    /// Puts an item into the conversation and tells of it.
    mutating func addToConversation(_ id: String, spoken: Int?, item: JSONValue, after previous: String? = nil) {
        if previous == "root" {
            conversation.insert((id, spoken), at: 0)
        } else if let previous, let place = conversation.firstIndex(where: { $0.id == previous }) {
            conversation.insert((id, spoken), at: place + 1)
        } else {
            conversation.append((id, spoken))
        }
        if let spoken { spokenItems[id] = spoken }
        items[id] = item
        send("conversation.item.added", ["previous_item_id": previousID(of: id), "item": item])
    }

    /// Tells that an item of the conversation is whole.
    mutating func sendDone(_ id: String, item: JSONValue) {
        items[id] = item
        send("conversation.item.done", ["previous_item_id": previousID(of: id), "item": item])
    }

    func previousID(of id: String) -> JSONValue {
        guard let place = conversation.firstIndex(where: { $0.id == id }), place > 0 else { return .null }
        return .string(conversation[place - 1].id)
    }

    private mutating func truncate(_ event: JSONValue, _ id: String?, at now: MonotonicInstant) {
        let item = event["item_id"]?.string ?? ""
        guard let place = conversation.first(where: { $0.id == item }) else {
            return sendError(
                "item_truncate_invalid_item_id",
                "Item with item_id not found: \(item)",
                "item_id",
                id,
                at: now
            )
        }
        guard let spoken = place.spoken else {
            return sendError(
                "invalid_value",
                "Only model output audio messages can be truncated",
                "item_id",
                id,
                at: now
            )
        }
        guard event["content_index"]?.int == 0 else {
            return sendError(
                "invalid_value",
                "Content at index \(event["content_index"]?.int ?? 0) does not exist.",
                "content_index",
                id,
                at: now
            )
        }
        let end = event["audio_end_ms"]?.int ?? 0
        let produced = core.producedMilliseconds(ofItem: spoken)
        guard end <= produced else {
            return sendError(
                "invalid_value",
                "Audio content of \(produced)ms is already shorter than \(end)ms",
                "audio_end_ms",
                id,
                at: now
            )
        }
        core.record.items[spoken].heardMilliseconds = end
        core.record.truncations.append(
            .init(instant: now, itemID: item, audioEndMilliseconds: end, producedMilliseconds: produced)
        )
        core.report(.truncated(item: item, heardMilliseconds: end))
        send(
            "conversation.item.truncated",
            ["item_id": .string(item), "content_index": 0, "audio_end_ms": JSONValue(end)]
        )
    }

    private mutating func deleteItem(_ item: String, _ id: String?, at now: MonotonicInstant) {
        guard let place = conversation.firstIndex(where: { $0.id == item }) else {
            return sendError(
                "item_delete_invalid_item_id",
                "Error deleting item: the item with id '\(item)' does not exist.",
                "item_id",
                id,
                at: now
            )
        }
        if let spoken = conversation[place].spoken { core.record.items[spoken].heardMilliseconds = 0 }
        conversation.remove(at: place)
        items[item] = nil
        send("conversation.item.deleted", ["item_id": .string(item)])
    }

    private mutating func retrieveItem(_ item: String, _ id: String?, at now: MonotonicInstant) {
        guard let whole = items[item] else {
            return sendError(
                "item_retrieve_invalid_item_id",
                "Error retrieving item: the item with id '\(item)' does not exist.",
                "item_id",
                id,
                at: now
            )
        }
        send("conversation.item.retrieved", ["item": whole])
    }
}
