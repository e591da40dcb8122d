internal import TalkpathAudio
internal import TalkpathWire

/// Items of the conversation.
extension OpenAIRealtimeModel {
    mutating func createItem(_ item: JSONValue, _ previous: String?, _ id: String?, at now: MonotonicInstant) {
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
        if let own = item["id"]?.string, items[own] != nil {
            let message = "Error adding item: an item with id '\(own)' already exists."
            return sendError("item_create_duplicate_id", message, "item.id", id, at: now)
        }
        let itemID = item["id"]?.string ?? core.identifier("item")
        switch type {
        case "function_call_output":
            guard takeToolResult(item, itemID, id, at: now) else { return }
        case "mcp_approval_response":
            guard takeApproval(item, id, at: now) else { return }
        default: break
        }
        let texts = (item["content"]?.array ?? []).compactMap { $0["text"]?.string }
        core.record.textsReceived.append(contentsOf: texts)
        var added = item
        added.set("id", .string(itemID))
        if !type.hasPrefix("mcp_") {
            added.set("object", "realtime.item")
            added.set("status", "completed")
        }
        if type == "function_call" {
            // A client that rebuilds a conversation also sends the calls of the earlier session.
            let call = item["call_id"]?.string ?? core.identifier("call")
            added.set("call_id", .string(call))
            restoredCallIDs.insert(call)
        }
        addToConversation(itemID, spoken: nil, item: added, after: previous)
        sendDone(itemID, item: added)
    }

    /// Checks the kind of a message's content, which depends on the role.
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

    private mutating func takeToolResult(
        _ item: JSONValue,
        _ itemID: String,
        _ id: String?,
        at now: MonotonicInstant
    ) -> Bool {
        let call = item["call_id"]?.string ?? ""
        if restoredCallIDs.contains(call) {
            restoredResult = itemID
            return true
        }
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

    /// Adds an item to the conversation and reports it.
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

    /// Reports that an item of the conversation is complete.
    mutating func sendDone(_ id: String, item: JSONValue) {
        items[id] = item
        send("conversation.item.done", ["previous_item_id": previousID(of: id), "item": item])
    }

    func previousID(of id: String) -> JSONValue {
        guard let place = conversation.firstIndex(where: { $0.id == id }), place > 0 else { return .null }
        return .string(conversation[place - 1].id)
    }

    mutating func truncate(_ event: JSONValue, _ id: String?, at now: MonotonicInstant) {
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

    mutating func deleteItem(_ item: String, _ id: String?, at now: MonotonicInstant) {
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

    mutating func retrieveItem(_ item: String, _ id: String?, at now: MonotonicInstant) {
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
