internal import TalkpathAudio
internal import TalkpathWire

/// Responses.
extension OpenAIRealtimeModel {
    mutating func createResponse(_ options: JSONValue, _ id: String?, at now: MonotonicInstant) {
        let isBeside = options["conversation"]?.string == "none"
        // Only one response at a time may write to the conversation.
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

    /// Reads the input of a response that replaces the conversation: items, or references to items of it.
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

    /// The trigger for a request to speak.
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
        let behaviour = request.isBeside ? nil : core.nextBehaviour()
        if let behaviour, prevents(request, behaviour, at: now) { return }
        let unscripted = request.trigger == .request ? core.unscriptedTurn(.request) : nil
        var turn = core.nextTurn(request.trigger) ?? unscripted ?? AgentScript.Turn(request.trigger, audio: [])
        let modalities = request.options["output_modalities"] ?? session["output_modalities"]
        let writes = modalities?.array?.contains("audio") == false
        if writes { turn = turn.written }
        guard !turn.audio.isEmpty || turn.toolCall != nil else { return sendEmptyResponse(request, at: now) }
        let number = answers
        answers += 1
        guard !turn.audio.isEmpty else { return sendToolResponse(turn, request, at: now) }
        let (id, item, index, call) = openResponse(
            request,
            writes: writes,
            first: core.plan.has(.toolCallFirst) ? turn.toolCall : nil,
            at: now
        )
        let start = behaviour == .longReasoning ? now + Self.reasoningTime : now
        let active = ActiveResponse(
            id: id,
            item: item,
            recordIndex: index,
            turn: turn,
            stream: AnswerStream(turn, script: core.script, format: core.record.outputFormat, start: start),
            request: request,
            writes: writes,
            index: call == nil ? 0 : 1,
            call: call,
            endsEarly: behaviour == .incompleteResponse,
            number: number
        )
        if request.isBeside { beside.append(active) } else { response = active }
    }

    /// Sends the events before the first audio.
    /// - Parameter call: a call that comes before the audio.
    mutating func openResponse(
        _ request: ResponseRequest,
        writes: Bool,
        first call: AgentScript.ToolCall? = nil,
        at now: MonotonicInstant
    ) -> (id: String, item: String, index: Int, call: JSONValue?) {
        let id = core.identifier("resp")
        let item = core.identifier("item")
        core.record.items.append(.init(id: item, transcript: ""))
        let spoken = core.record.items.count - 1
        timed.removeAll { if case .idle = $0.what { true } else { false } }
        send("response.created", ["response": responseObject(id, "in_progress", output: [], request)])
        let called = call.map { sendToolCall($0, response: id, index: 0, isBeside: request.isBeside, at: now) }
        let added = itemObject(item, status: "in_progress", text: nil, writes: writes)
        let index = called == nil ? 0 : 1
        send(
            "response.output_item.added",
            ["response_id": .string(id), "output_index": JSONValue(index), "item": added]
        )
        if !request.isBeside { addToConversation(item, spoken: writes ? nil : spoken, item: added) }
        let part: JSONValue = writes ? ["type": "text", "text": ""] : ["type": "audio", "transcript": ""]
        send("response.content_part.added", place(id, item, index, ["part": part]))
        core.report(.answerStarted(item: item))
        return (id, item, spoken, called)
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
        let isHalf = active.stream.sentMilliseconds * 2 >= active.stream.totalMilliseconds
        if active.endsEarly, isHalf { return endResponse(.incomplete, at: now) }
        if isHalf, active.call == nil, let call = active.turn.toolCall, core.plan.has(.toolCallBetween) {
            active.call = sendToolCall(call, response: active.id, index: 1, isBeside: false, at: now)
            response = active
        }
        guard let piece = active.stream.nextPiece() else { return endResponse(.completed, at: now) }
        response = active
        send(piece, of: active, at: now)
    }

    /// Sends the next piece of a response outside the conversation.
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
            send(type, place(active.id, active.item, active.index, ["delta": .string(piece.text)]))
        }
        guard !active.writes else { return }
        core.noteSent(piece.audio, ofItem: active.recordIndex, at: now)
        let audio = PlainBase64.encode(piece.audio)
        send("response.output_audio.delta", place(active.id, active.item, active.index, ["delta": .string(audio)]))
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
        send(
            "response.output_item.done",
            ["response_id": .string(active.id), "output_index": JSONValue(active.index), "item": item]
        )
        if !active.request.isBeside { sendDone(active.item, item: item) }
        let milliseconds = core.producedMilliseconds(ofItem: index)
        core.report(.answerEnded(item: active.item, milliseconds: milliseconds, interrupted: !outcome.isWhole))
        core.report(.agentTranscript(said))
        var output = [item]
        if let call = active.call {
            output.insert(call, at: active.index == 1 ? 0 : 1)
        } else if outcome.isWhole, let call = active.turn.toolCall {
            output.append(sendToolCall(call, response: active.id, index: 1, isBeside: active.request.isBeside, at: now))
        } else if case .cancelled = outcome, core.plan.has(.cutCall), let call = active.turn.toolCall {
            output.append(sendCutCall(call, response: active.id, isBeside: active.request.isBeside))
        }
        let rest = active.writes ? Duration.zero : max(.zero, active.stream.assumedEnd - now)
        finish(active.id, outcome, output, milliseconds: milliseconds, active.request, playedAt: now + rest)
    }

    private mutating func sendContentDone(_ active: ActiveResponse, _ said: String) {
        func sendDone(_ part: JSONValue) {
            send("response.content_part.done", place(active.id, active.item, active.index, ["part": part]))
        }
        guard !active.writes else {
            send("response.output_text.done", place(active.id, active.item, active.index, ["text": .string(said)]))
            return sendDone(["type": "text", "text": .string(said)])
        }
        send("response.output_audio.done", place(active.id, active.item, active.index, [:]))
        send(
            "response.output_audio_transcript.done",
            place(active.id, active.item, active.index, ["transcript": .string(said)])
        )
        sendDone(["type": "audio", "transcript": .string(said)])
    }

    /// Answers a turn of the caller that ended while the model was still answering.
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

    mutating func sendEmptyResponse(_ request: ResponseRequest, at now: MonotonicInstant) {
        let id = core.identifier("resp")
        send("response.created", ["response": responseObject(id, "in_progress", output: [], request)])
        finish(id, .completed, [], milliseconds: 0, request, playedAt: now)
    }

    /// - Returns: the item of the call.
    private mutating func sendToolCall(
        _ call: AgentScript.ToolCall,
        response id: String,
        index: Int,
        isBeside: Bool,
        at now: MonotonicInstant
    ) -> JSONValue {
        if let server = server(of: call) { return callServer(server, call, response: id, index: index, at: now) }
        let arguments = core.plan.breaksCall() ? String(call.arguments.dropLast()) : call.arguments
        core.report(.toolCalled(name: call.name))
        return send(call, arguments, "completed", response: id, index: index, isBeside: isBeside)
    }

    /// The caller has cut the response short while the model wrote the call's arguments, which may look whole.
    private mutating func sendCutCall(_ call: AgentScript.ToolCall, response id: String, isBeside: Bool) -> JSONValue {
        send(call, call.arguments, "incomplete", response: id, index: 1, isBeside: isBeside)
    }

    private mutating func send(
        _ call: AgentScript.ToolCall,
        _ arguments: String,
        _ status: String,
        response id: String,
        index: Int,
        isBeside: Bool
    ) -> JSONValue {
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
        delta.set("delta", .string(arguments))
        send("response.function_call_arguments.delta", delta)
        var done = place
        done.set("name", .string(call.name))
        done.set("arguments", .string(arguments))
        send("response.function_call_arguments.done", done)
        let whole = object(status, arguments)
        sendDone(whole, item, response: id, index: index, isBeside: isBeside)
        return whole
    }

    /// Sends the beginning of an item of a response.
    mutating func sendAdded(_ item: JSONValue, _ id: String, response: String, index: Int, isBeside: Bool) {
        let place = JSONValue(index)
        send("response.output_item.added", ["response_id": .string(response), "output_index": place, "item": item])
        if !isBeside { addToConversation(id, spoken: nil, item: item) }
    }

    /// Sends the end of an item of a response.
    mutating func sendDone(_ item: JSONValue, _ id: String, response: String, index: Int, isBeside: Bool) {
        let place = JSONValue(index)
        send("response.output_item.done", ["response_id": .string(response), "output_index": place, "item": item])
        if !isBeside { sendDone(id, item: item) }
    }
}
