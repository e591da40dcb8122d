internal import TalkpathAudio
internal import TalkpathWire

/// Responses.
extension OpenAIRealtimeModel {
    mutating func createResponse(_ options: JSONValue, _ id: String?, at now: MonotonicInstant) {
        let isBeside = options["conversation"]?.string == "none"
        // Only one at a time writes to the conversation.
        if !isBeside, let refusal = refusalOfSecond() {
            return sendError("conversation_already_has_active_response", refusal, nil, id, at: now)
        }
        do throws(JSONRule.Fault) {
            try takeInput(options["input"]?.array ?? [])
        } catch {
            return sendError(error.code, error.message, error.parameter, id, at: now)
        }
        if let text = options["instructions"]?.string { core.record.textsReceived.append(text) }
        let request = ResponseRequest(
            trigger: isBeside ? .request : nextTrigger(),
            metadata: options["metadata"] ?? nil,
            isBeside: isBeside,
            options: options
        )
        if !isBeside {
            owesToolAnswer = false
            owesCallerAnswer = false
            restoredResult = nil
        }
        timed.append((now + core.script.thinkingTime, .startResponse(request)))
    }

    private func refusalOfSecond() -> String? {
        if let response {
            return
                "Conversation already has an active response in progress: \(response.id). Wait until the response is "
                + "finished before creating a new one."
        }
        let isPending = timed.contains {
            if case .startResponse(let request) = $0.what { !request.isBeside } else { false }
        }
        return isPending ? "Conversation already has an active response in progress." : nil
    }

    /// What a response is to be about instead of the conversation: items, or references to some of it.
    private mutating func takeInput(_ input: [JSONValue]) throws(JSONRule.Fault) {
        for (index, item) in input.enumerated() {
            let place = "response.input[\(index)]"
            if item["type"]?.string == "item_reference" {
                let id = item["id"]?.string ?? ""
                guard items[id] != nil else {
                    let message = "Item with id '\(id)' not found."
                    throw JSONRule.Fault(code: "invalid_value", message: message, parameter: place + ".id")
                }
                continue
            }
            try JSONRule.typed(OpenAIRules.items).check(item, at: place)
            let texts = (item["content"]?.array ?? []).compactMap { $0["text"]?.string }
            core.record.textsReceived.append(contentsOf: texts)
        }
    }

    /// What a request to speak is an answer to.
    private func nextTrigger() -> AgentScript.Turn.Trigger {
        if owesToolAnswer { return .toolResult }
        if let restoredResult, conversation.last?.id == restoredResult { return .toolResult }
        if owesCallerAnswer { return .callerTurn }
        return core.record.items.isEmpty && core.record.callerTurns.isEmpty ? .connect : .request
    }

    mutating func cancelResponse(_ responseID: String?, _ id: String?, at now: MonotonicInstant) {
        if let place = beside.firstIndex(where: { $0.id == responseID }) {
            return end(beside.remove(at: place), .cancelled("client_cancelled"), at: now)
        }
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
        endResponse(.cancelled("client_cancelled"), at: now)
    }

    mutating func startResponse(_ request: ResponseRequest, at now: MonotonicInstant) {
        guard core.script.behavior == .script else { return }
        var turn = core.cursor.next(request.trigger) ?? AgentScript.Turn(request.trigger, audio: [])
        let modalities = request.options["output_modalities"] ?? session["output_modalities"]
        let writes = modalities?.array?.contains("audio") == false
        if writes { turn = turn.written }
        guard !turn.audio.isEmpty || turn.toolCall != nil else { return sendEmptyResponse(request, at: now) }
        let number = answers
        answers += 1
        guard !turn.audio.isEmpty else { return sendToolResponse(turn, request, at: now) }
        let (id, item, index) = openResponse(request, writes: writes)
        let active = ActiveResponse(
            id: id,
            item: item,
            recordIndex: index,
            turn: turn,
            stream: AnswerStream(turn, script: core.script, format: core.record.outputFormat, start: now),
            request: request,
            writes: writes,
            number: number
        )
        if request.isBeside { beside.append(active) } else { response = active }
    }

    /// Sends what stands before the first audio.
    mutating func openResponse(_ request: ResponseRequest, writes: Bool) -> (id: String, item: String, index: Int) {
        let id = core.identifier("resp")
        let item = core.identifier("item")
        core.record.items.append(.init(id: item, transcript: ""))
        let index = core.record.items.count - 1
        timed.removeAll { if case .idle = $0.what { true } else { false } }
        send("response.created", ["response": responseObject(id, "in_progress", output: [], request)])
        let added = itemObject(item, status: "in_progress", text: nil, writes: writes)
        send("response.output_item.added", ["response_id": .string(id), "output_index": 0, "item": added])
        if !request.isBeside { addToConversation(item, spoken: writes ? nil : index, item: added) }
        let part: JSONValue = writes ? ["type": "text", "text": ""] : ["type": "audio", "transcript": ""]
        send("response.content_part.added", place(id, item, ["part": part]))
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
        guard let piece = active.stream.nextPiece() else { return endResponse(.completed, at: now) }
        response = active
        send(piece, of: active, at: now)
    }

    /// Sends the next piece of a response beside the conversation.
    mutating func continueBeside(until deadline: MonotonicInstant, at now: MonotonicInstant) {
        guard let place = beside.firstIndex(where: { $0.stream.nextInstant <= deadline }) else { return }
        guard let piece = beside[place].stream.nextPiece() else {
            return end(beside.remove(at: place), .completed, at: now)
        }
        send(piece, of: beside[place], at: now)
    }

    private mutating func send(_ piece: AnswerStream.Piece, of active: ActiveResponse, at now: MonotonicInstant) {
        core.record.items[active.recordIndex].transcript = active.stream.saidText
        if !piece.text.isEmpty {
            let type = active.writes ? "response.output_text.delta" : "response.output_audio_transcript.delta"
            send(type, place(active.id, active.item, ["delta": .string(piece.text)]))
        }
        guard !active.writes else { return }
        core.noteSent(piece.audio, ofItem: active.recordIndex, at: now)
        let audio = PlainBase64.encode(piece.audio)
        send("response.output_audio.delta", place(active.id, active.item, ["delta": .string(audio)]))
    }

    /// How a response ends.
    enum Outcome {
        case completed
        case cancelled(String)

        var status: String {
            switch self {
            case .completed: "completed"
            case .cancelled: "cancelled"
            }
        }

        var details: JSONValue {
            switch self {
            case .completed: .null
            case .cancelled(let reason): ["type": "cancelled", "reason": .string(reason)]
            }
        }

        var isWhole: Bool { if case .completed = self { true } else { false } }
    }

    /// Ends the active response, if there is one.
    mutating func endResponse(_ outcome: Outcome, at now: MonotonicInstant) {
        guard let active = response else { return }
        response = nil
        end(active, outcome, at: now)
        answerAfterwards(at: now)
    }

    private mutating func end(_ active: ActiveResponse, _ outcome: Outcome, at now: MonotonicInstant) {
        let index = active.recordIndex
        let said = active.stream.saidText
        core.record.items[index].isComplete = outcome.isWhole
        core.record.items[index].wasInterrupted = !outcome.isWhole
        sendContentDone(active, said)
        let status = outcome.isWhole ? "completed" : "incomplete"
        let item = itemObject(active.item, status: status, text: said, writes: active.writes)
        send("response.output_item.done", ["response_id": .string(active.id), "output_index": 0, "item": item])
        if !active.request.isBeside { sendDone(active.item, item: item) }
        let milliseconds = core.producedMilliseconds(ofItem: index)
        core.report(.answerEnded(item: active.item, milliseconds: milliseconds, interrupted: !outcome.isWhole))
        core.report(.agentTranscript(said))
        var output = [item]
        if outcome.isWhole, let call = active.turn.toolCall {
            output.append(sendToolCall(call, response: active.id, index: 1, isBeside: active.request.isBeside, at: now))
        }
        let rest = active.writes ? Duration.zero : max(.zero, active.stream.assumedEnd - now)
        finish(active.id, outcome, output, milliseconds: milliseconds, active.request, playedAt: now + rest)
    }

    private mutating func sendContentDone(_ active: ActiveResponse, _ said: String) {
        func sendDone(_ part: JSONValue) {
            send("response.content_part.done", place(active.id, active.item, ["part": part]))
        }
        guard !active.writes else {
            send("response.output_text.done", place(active.id, active.item, ["text": .string(said)]))
            return sendDone(["type": "text", "text": .string(said)])
        }
        send("response.output_audio.done", place(active.id, active.item, [:]))
        send("response.output_audio_transcript.done", place(active.id, active.item, ["transcript": .string(said)]))
        sendDone(["type": "audio", "transcript": .string(said)])
    }

    /// A turn of the caller that ended while the model was still answering.
    private mutating func answerAfterwards(at now: MonotonicInstant) {
        guard owesCallerAnswer, turnDetection?.createsResponse == true, callerItem == nil else { return }
        owesCallerAnswer = false
        timed.append((now + core.script.thinkingTime, .startResponse(.init(trigger: .callerTurn))))
    }

    private mutating func sendToolResponse(
        _ turn: AgentScript.Turn,
        _ request: ResponseRequest,
        at now: MonotonicInstant
    ) {
        guard let call = turn.toolCall else { return }
        let id = core.identifier("resp")
        send("response.created", ["response": responseObject(id, "in_progress", output: [], request)])
        let output = [sendToolCall(call, response: id, index: 0, isBeside: request.isBeside, at: now)]
        finish(id, .completed, output, milliseconds: 0, request, playedAt: now)
    }

    private mutating func sendEmptyResponse(_ request: ResponseRequest, at now: MonotonicInstant) {
        let id = core.identifier("resp")
        send("response.created", ["response": responseObject(id, "in_progress", output: [], request)])
        finish(id, .completed, [], milliseconds: 0, request, playedAt: now)
    }

    /// - Returns: the item that the call became.
    private mutating func sendToolCall(
        _ call: AgentScript.ToolCall,
        response id: String,
        index: Int,
        isBeside: Bool,
        at now: MonotonicInstant
    ) -> JSONValue {
        if let server = server(of: call) { return callServer(server, call, response: id, index: index, at: now) }
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
        sendAdded(object("in_progress", ""), item, response: id, index: index, isBeside: isBeside)
        var delta = place
        delta.set("delta", .string(call.arguments))
        send("response.function_call_arguments.delta", delta)
        var done = place
        done.set("name", .string(call.name))
        done.set("arguments", .string(call.arguments))
        send("response.function_call_arguments.done", done)
        let whole = object("completed", call.arguments)
        sendDone(whole, item, response: id, index: index, isBeside: isBeside)
        core.report(.toolCalled(name: call.name))
        return whole
    }

    /// Tells of an item that a response begins.
    mutating func sendAdded(_ item: JSONValue, _ id: String, response: String, index: Int, isBeside: Bool) {
        let place = JSONValue(index)
        send("response.output_item.added", ["response_id": .string(response), "output_index": place, "item": item])
        if !isBeside { addToConversation(id, spoken: nil, item: item) }
    }

    /// Tells that an item of a response is whole.
    mutating func sendDone(_ item: JSONValue, _ id: String, response: String, index: Int, isBeside: Bool) {
        let place = JSONValue(index)
        send("response.output_item.done", ["response_id": .string(response), "output_index": place, "item": item])
        if !isBeside { sendDone(id, item: item) }
    }

    // MARK: Shapes

    /// - Parameter end: when the caller has heard all of it, if it was played at once.
    mutating func finish(
        _ id: String,
        _ outcome: Outcome,
        _ output: [JSONValue],
        milliseconds: Int,
        _ request: ResponseRequest,
        playedAt end: MonotonicInstant
    ) {
        // About what the service counts: a token for 50 ms of speech said, one for 100 ms heard.
        let said = milliseconds / 50
        let heard = core.ear.receivedMilliseconds / 100
        var object = responseObject(id, outcome.status, output: output, request)
        object.set("status_details", outcome.details)
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
        if let timeout = turnDetection?.idleTimeout, !request.isBeside {
            timed.append((end + .milliseconds(timeout), .idle))
        }
    }

    func responseObject(
        _ id: String,
        _ status: String,
        output items: [JSONValue],
        _ request: ResponseRequest
    ) -> JSONValue {
        // As in the session, but without the speed; what the request asks for comes first.
        var output = session["audio"]?["output"] ?? [:]
        output.set("speed", nil)
        if let voice = request.options["audio"]?["output"]?["voice"], !voice.isNull { output.set("voice", voice) }
        func option(_ name: String, _ usual: JSONValue) -> JSONValue {
            let asked = request.options[name] ?? nil
            return asked.isNull ? session[name] ?? usual : asked
        }
        return [
            "object": "realtime.response", "id": .string(id), "status": .string(status), "status_details": nil,
            "output": .array(items),
            "conversation_id": request.isBeside ? nil : .string("conv_\(core.record.session)"),
            "output_modalities": option("output_modalities", ["audio"]),
            "max_output_tokens": option("max_output_tokens", "inf"),
            "audio": ["output": output], "usage": nil, "metadata": request.metadata,
        ]
    }

    private func itemObject(_ id: String, status: String, text: String?, writes: Bool) -> JSONValue {
        let content: JSONValue =
            text.map { text in
                let part: JSONValue =
                    writes
                    ? ["type": "output_text", "text": .string(text)]
                    : ["type": "output_audio", "transcript": .string(text)]
                return [part]
            } ?? []
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
