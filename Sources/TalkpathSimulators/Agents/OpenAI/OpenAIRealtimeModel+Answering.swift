internal import TalkpathAudio
internal import TalkpathWire

/// Responses.
extension OpenAIRealtimeModel {
    mutating func createResponse(_ options: JSONValue, _ id: String?, at now: MonotonicInstant) {
        if let active = response {
            return sendError(
                "conversation_already_has_active_response",
                "Conversation already has an active response in progress: \(active.id). Wait until the response is "
                    + "finished before creating a new one.",
                nil,
                id,
                at: now
            )
        }
        let isPending = timed.contains { if case .startResponse = $0.what { true } else { false } }
        guard !isPending else {
            return sendError(
                "conversation_already_has_active_response",
                "Conversation already has an active response in progress.",
                nil,
                id,
                at: now
            )
        }
        if let text = options["instructions"]?.string { core.record.textsReceived.append(text) }
        let trigger = nextTrigger()
        owesToolAnswer = false
        owesCallerAnswer = false
        let request = ResponseRequest(trigger: trigger, metadata: options["metadata"] ?? nil)
        timed.append((now + core.script.thinkingTime, .startResponse(request)))
    }

    /// What a request to speak is an answer to.
    private func nextTrigger() -> AgentScript.Turn.Trigger {
        if owesToolAnswer { return .toolResult }
        if owesCallerAnswer { return .callerTurn }
        return core.record.items.isEmpty && core.record.callerTurns.isEmpty ? .connect : .request
    }

    mutating func cancelResponse(_ responseID: String?, _ id: String?, at now: MonotonicInstant) {
        guard let active = response, responseID == nil || responseID == active.id else {
            // Harmless, and so no violation.
            return sendError(
                "response_cancel_not_active",
                "Cancellation failed: no active response found",
                nil,
                id,
                at: nil
            )
        }
        endResponse(status: "cancelled", reason: "client_cancelled", at: now)
    }

    mutating func startResponse(_ request: ResponseRequest, at now: MonotonicInstant) {
        guard core.script.behavior == .script else { return }
        let turn = core.cursor.next(request.trigger) ?? AgentScript.Turn(request.trigger, audio: [])
        guard !turn.audio.isEmpty || turn.toolCall != nil else { return sendEmptyResponse(request) }
        let number = answers
        answers += 1
        guard !turn.audio.isEmpty else { return sendToolResponse(turn, request) }
        let (id, item, index) = openResponse(metadata: request.metadata)
        response = ActiveResponse(
            id: id,
            item: item,
            recordIndex: index,
            turn: turn,
            stream: AnswerStream(turn, script: core.script, format: core.record.outputFormat, start: now),
            metadata: request.metadata,
            number: number
        )
    }

    /// Sends what stands before the first audio.
    mutating func openResponse(metadata: JSONValue?) -> (id: String, item: String, index: Int) {
        let id = core.identifier("resp")
        let item = core.identifier("item")
        core.record.items.append(.init(id: item, transcript: ""))
        let index = core.record.items.count - 1
        send("response.created", ["response": responseObject(id, "in_progress", output: [], metadata: metadata ?? nil)])
        let added = itemObject(item, status: "in_progress", transcript: nil)
        send("response.output_item.added", ["response_id": .string(id), "output_index": 0, "item": added])
        addToConversation(item, spoken: index, item: added)
        send(
            "response.content_part.added",
            place(id, item, ["part": ["type": "audio", "transcript": ""]])
        )
        core.report(.answerStarted(item: item))
        return (id, item, index)
    }

    /// Sends the pieces that are ready.
    mutating func continueResponse(at now: MonotonicInstant) {
        guard var active = response else { return }
        let faultPlace = core.faultPlace(inAnswer: active.number)
        if let faultPlace, .milliseconds(active.stream.sentMilliseconds) >= faultPlace {
            let number = active.number
            perform(
                core.takeFaults { if case .answer(number, _) = $0 { true } else { false } },
                at: now
            )
            if core.isOver || core.isMute || core.pausedUntil != nil { return }
        }
        guard let piece = active.stream.nextPiece() else {
            return endResponse(status: "completed", reason: nil, at: now)
        }
        response = active
        if !piece.text.isEmpty {
            send(
                "response.output_audio_transcript.delta",
                place(active.id, active.item, ["delta": .string(piece.text)])
            )
        }
        core.noteSent(piece.audio, ofItem: active.recordIndex, at: now)
        core.record.items[active.recordIndex].transcript = active.stream.saidText
        let audio = PlainBase64.encode(piece.audio)
        send("response.output_audio.delta", place(active.id, active.item, ["delta": .string(audio)]))
    }

    /// Ends the active response, if there is one.
    /// - Parameter reason: why it was cancelled; nil if it was not.
    mutating func endResponse(status: String, reason: String?, at now: MonotonicInstant) {
        guard let active = response else { return }
        response = nil
        let index = active.recordIndex
        let said = active.stream.saidText
        core.record.items[index].isComplete = reason == nil
        core.record.items[index].wasInterrupted = reason != nil
        send("response.output_audio.done", place(active.id, active.item, [:]))
        send("response.output_audio_transcript.done", place(active.id, active.item, ["transcript": .string(said)]))
        send(
            "response.content_part.done",
            place(active.id, active.item, ["part": ["type": "audio", "transcript": .string(said)]])
        )
        let item = itemObject(active.item, status: reason == nil ? "completed" : "incomplete", transcript: said)
        send("response.output_item.done", ["response_id": .string(active.id), "output_index": 0, "item": item])
        sendDone(active.item, item: item)
        core.report(
            .answerEnded(
                item: active.item,
                milliseconds: core.producedMilliseconds(ofItem: index),
                interrupted: reason != nil
            )
        )
        core.report(.agentTranscript(said))
        var output = [item]
        if reason == nil, let call = active.turn.toolCall {
            output.append(sendToolCall(call, response: active.id, index: 1))
        }
        let details: JSONValue =
            reason.map { ["type": .string(status), "reason": .string($0)] } ?? .null
        let milliseconds = core.producedMilliseconds(ofItem: index)
        finish(active.id, status, details, output, milliseconds: milliseconds, metadata: active.metadata)
        answerAfterwards(at: now)
    }

    /// A turn of the caller that ended while the model was still answering.
    private mutating func answerAfterwards(at now: MonotonicInstant) {
        guard owesCallerAnswer, turnDetection?.createsResponse == true, callerItem == nil else { return }
        owesCallerAnswer = false
        timed.append((now + core.script.thinkingTime, .startResponse(.init(trigger: .callerTurn))))
    }

    private mutating func sendToolResponse(_ turn: AgentScript.Turn, _ request: ResponseRequest) {
        guard let call = turn.toolCall else { return }
        let id = core.identifier("resp")
        send(
            "response.created",
            ["response": responseObject(id, "in_progress", output: [], metadata: request.metadata)]
        )
        let output = [sendToolCall(call, response: id, index: 0)]
        finish(id, "completed", nil, output, milliseconds: 0, metadata: request.metadata)
    }

    private mutating func sendEmptyResponse(_ request: ResponseRequest) {
        let id = core.identifier("resp")
        send(
            "response.created",
            ["response": responseObject(id, "in_progress", output: [], metadata: request.metadata)]
        )
        finish(id, "completed", nil, [], milliseconds: 0, metadata: request.metadata)
    }

    private mutating func sendToolCall(_ call: AgentScript.ToolCall, response id: String, index: Int) -> JSONValue {
        let item = core.identifier("item")
        let callID = core.identifier("call")
        toolCallIDs.insert(callID)
        func object(_ status: String, _ arguments: String) -> JSONValue {
            [
                "id": .string(item), "object": "realtime.item", "type": "function_call", "status": .string(status),
                "call_id": .string(callID), "name": .string(call.name), "arguments": .string(arguments),
            ]
        }
        let place: JSONValue = [
            "response_id": .string(id), "item_id": .string(item), "output_index": JSONValue(index),
            "call_id": .string(callID),
        ]
        let added = object("in_progress", "")
        send(
            "response.output_item.added",
            ["response_id": .string(id), "output_index": JSONValue(index), "item": added]
        )
        addToConversation(item, spoken: nil, item: added)
        var delta = place
        delta.set("delta", .string(call.arguments))
        send("response.function_call_arguments.delta", delta)
        var done = place
        done.set("name", .string(call.name))
        done.set("arguments", .string(call.arguments))
        send("response.function_call_arguments.done", done)
        let item2 = object("completed", call.arguments)
        send(
            "response.output_item.done",
            ["response_id": .string(id), "output_index": JSONValue(index), "item": item2]
        )
        sendDone(item, item: item2)
        core.report(.toolCalled(name: call.name))
        return item2
    }

    // MARK: Shapes

    private mutating func finish(
        _ id: String,
        _ status: String,
        _ details: JSONValue,
        _ output: [JSONValue],
        milliseconds: Int,
        metadata: JSONValue
    ) {
        // About what the service counts: a token for 50 ms of speech said, one for 100 ms heard.
        let said = milliseconds / 50
        let heard = core.ear.receivedMilliseconds / 100
        var object = responseObject(id, status, output: output, metadata: metadata)
        object.set("status_details", details)
        object.set(
            "usage",
            [
                "total_tokens": JSONValue(said + heard), "input_tokens": JSONValue(heard),
                "output_tokens": JSONValue(said),
                "input_token_details": ["text_tokens": 0, "audio_tokens": JSONValue(heard), "cached_tokens": 0],
                "output_token_details": ["text_tokens": 0, "audio_tokens": JSONValue(said)],
            ]
        )
        send("response.done", ["response": object])
        send(
            "rate_limits.updated",
            [
                "rate_limits": [
                    ["name": "requests", "limit": 1000, "remaining": 999, "reset_seconds": 1],
                    ["name": "tokens", "limit": 50000, "remaining": 49000, "reset_seconds": 1],
                ]
            ]
        )
    }

    private func responseObject(
        _ id: String,
        _ status: String,
        output items: [JSONValue],
        metadata: JSONValue
    ) -> JSONValue {
        // As in the session, but without the speed.
        var output = session["audio"]?["output"] ?? [:]
        output.set("speed", nil)
        return [
            "object": "realtime.response", "id": .string(id), "status": .string(status), "status_details": nil,
            "output": .array(items), "conversation_id": .string("conv_\(core.record.session)"),
            "output_modalities": session["output_modalities"] ?? ["audio"],
            "max_output_tokens": session["max_output_tokens"] ?? "inf",
            "audio": ["output": output], "usage": nil, "metadata": metadata,
        ]
    }

    private func itemObject(_ id: String, status: String, transcript: String?) -> JSONValue {
        let content: JSONValue =
            transcript.map { [["type": "output_audio", "transcript": .string($0)]] } ?? []
        return [
            "id": .string(id), "object": "realtime.item", "type": "message", "status": .string(status),
            "role": "assistant", "content": content,
        ]
    }

    private func place(_ response: String, _ item: String, _ more: JSONValue) -> JSONValue {
        .object(
            [
                ("response_id", .string(response)), ("item_id", .string(item)), ("output_index", 0),
                ("content_index", 0),
            ] + (more.object ?? [])
        )
    }
}
