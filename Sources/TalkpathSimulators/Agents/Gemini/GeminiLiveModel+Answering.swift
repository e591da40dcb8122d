internal import TalkpathAudio
internal import TalkpathWire

/// The model's turns.
extension GeminiLiveModel {
    mutating func startAnswer(_ trigger: AgentScript.Turn.Trigger, at now: MonotonicInstant) {
        guard core.script.behavior == .script else { return endUnscripted(trigger) }
        if trigger == .toolResult, let turn, !turn.awaitsTool {
            // The function was called early: finish the words first.
            owesToolAnswer = true
            return
        }
        let behaviour = core.nextBehaviour()
        if let behaviour, prevents(trigger, behaviour, at: now) { return }
        owed = nil
        let again = brokenCall.map { AgentScript.Turn(trigger, audio: [], toolCall: $0) }
        brokenCall = nil
        guard let next = again ?? core.nextTurn(trigger) else { return endUnscripted(trigger) }
        let start = behaviour == .longReasoning ? now + Self.reasoningTime : now
        if behaviour == .longReasoning { showProgress(until: start, from: now) }
        if givesHandles { send(["sessionResumptionUpdate": ["resumable": false]]) }
        let number = answers
        answers += 1
        let id = core.identifier("turn")
        core.record.items.append(.init(id: id, transcript: ""))
        turn = ActiveTurn(
            recordIndex: core.record.items.count - 1,
            turn: next,
            stream: AnswerStream(
                writes ? next.written : next,
                script: core.script,
                format: core.record.outputFormat,
                start: start
            ),
            number: number,
            endsEarly: behaviour == .incompleteResponse,
            isCalledInterrupted: behaviour == .staleInterrupted
        )
        core.report(.answerStarted(item: id))
        if core.plan.has(.toolCallFirst), let call = next.toolCall { callEarly(call) }
    }

    /// Sends the pieces that are ready. Ends the turn when all of it may have been played.
    mutating func continueAnswer(at now: MonotonicInstant) {
        guard var active = turn else { return }
        if active.isGenerated { return complete(active, at: now) }
        if let place = core.faultPlace(inAnswer: active.number),
            .milliseconds(active.stream.sentMilliseconds) >= place
        {
            let number = active.number
            perform(core.takeFaults { if case .answer(number, _) = $0 { true } else { false } }, at: now)
            if core.isOver || core.isMute || core.pausedUntil != nil { return }
        }
        let isHalf = active.stream.sentMilliseconds * 2 >= active.stream.totalMilliseconds
        if active.endsEarly, isHalf { return breakOff(active) }
        if isHalf, !active.hasCalled, core.plan.has(.toolCallBetween), let call = active.turn.toolCall {
            callEarly(call)
            guard let changed = turn else { return }
            active = changed
        }
        guard let piece = active.stream.nextPiece() else { return finishAudio(active) }
        turn = active
        core.record.items[active.recordIndex].transcript = active.stream.saidText
        if writes {
            guard !piece.text.isEmpty else { return }
            let parts: JSONValue = [["text": .string(piece.text)]]
            return send(["serverContent": ["modelTurn": ["role": "model", "parts": parts]]])
        }
        core.noteSent(piece.audio, ofItem: active.recordIndex, at: now)
        sendAudio(piece.audio)
        if transcribesOutput, !piece.text.isEmpty {
            send(["serverContent": ["outputTranscription": ["text": .string(piece.text)]]])
        }
    }

    mutating func sendAudio(_ audio: [UInt8]) {
        var message = Array(
            #"{"serverContent":{"modelTurn":{"role":"model","parts":[{"inlineData":{"mimeType":"audio/pcm;rate=24000","data":""#
                .utf8
        )
        message.append(contentsOf: PlainBase64.encoded(audio))
        message.append(contentsOf: #""}}]}}}"#.utf8)
        core.send(message, binary: true)
    }

    /// All audio of a turn is generated: calls its function, or ends it.
    private mutating func finishAudio(_ active: ActiveTurn) {
        var active = active
        core.record.items[active.recordIndex].isComplete = true
        let item = core.record.items[active.recordIndex]
        core.report(
            .answerEnded(
                item: item.id,
                milliseconds: core.producedMilliseconds(ofItem: active.recordIndex),
                interrupted: false
            )
        )
        core.report(.agentTranscript(item.transcript))
        let isAnswered = active.hasCalled && outstandingCalls.isEmpty
        guard let call = active.turn.toolCall, !isAnswered else {
            active.isGenerated = true
            turn = active
            return send(["serverContent": ["generationComplete": true]])
        }
        active.awaitsTool = true
        turn = active
        if active.hasCalled { return }
        if core.plan.breaksCall() {
            brokenCall = call
            turn = nil
            return sendEnd(ofTurn: core.producedMilliseconds(ofItem: active.recordIndex), "MALFORMED_FUNCTION_CALL")
        }
        send(call)
    }

    /// Calls a function before all words are said.
    private mutating func callEarly(_ call: AgentScript.ToolCall) {
        // A malformed call ends the turn, and so must come last.
        guard !core.plan.has(.brokenArguments) else { return }
        turn?.hasCalled = true
        send(call)
    }

    private mutating func send(_ call: AgentScript.ToolCall) {
        sendHeardWords()
        let id = core.identifier("function-call")
        outstandingCalls.insert(id)
        let arguments = (try? JSONValue(parsing: call.arguments)) ?? [:]
        send(["toolCall": ["functionCalls": [["id": .string(id), "name": .string(call.name), "args": arguments]]]])
        core.report(.toolCalled(name: call.name))
    }

    /// Ends the turn after the function's result, if the script has no answer to it.
    private mutating func finishAfterTool() {
        guard turn?.awaitsTool == true else { return }
        turn?.awaitsTool = false
        turn?.isGenerated = true
        send(["serverContent": ["generationComplete": true]])
    }

    /// Ends a turn for which the script has no answer. A text gets an empty turn, as from the service.
    private mutating func endUnscripted(_ trigger: AgentScript.Turn.Trigger) {
        if turn == nil, core.script.behavior == .script, trigger == .request || trigger == .connect {
            send(["serverContent": ["generationComplete": true]])
            return sendEnd(ofTurn: 0)
        }
        finishAfterTool()
    }

    /// Sends the end of a turn, with its usage.
    /// - Parameter reason: why the turn ended, if it did not end normally.
    mutating func sendEnd(ofTurn milliseconds: Int, _ reason: String? = nil) {
        let said = milliseconds / 40
        let heard = core.turnDetector.receivedMilliseconds / 40
        let modality: JSONValue = writes ? "TEXT" : "AUDIO"
        var content: JSONValue = ["turnComplete": true]
        content.set("turnCompleteReason", reason.map { .string($0) })
        send([
            "serverContent": content,
            "usageMetadata": [
                "promptTokenCount": JSONValue(heard), "responseTokenCount": JSONValue(said),
                "totalTokenCount": JSONValue(heard + said),
                // Half of the caller's audio counts as cached, as if an earlier answer had used it.
                "cachedContentTokenCount": JSONValue(heard / 2),
                "promptTokensDetails": [["modality": "AUDIO", "tokenCount": JSONValue(heard)]],
                "responseTokensDetails": [["modality": modality, "tokenCount": JSONValue(said)]],
            ],
        ])
    }

    private mutating func complete(_ active: ActiveTurn, at now: MonotonicInstant) {
        turn = nil
        sendEnd(ofTurn: core.producedMilliseconds(ofItem: active.recordIndex))
        giveHandle()
        if active.isCalledInterrupted { timed.append((now + .milliseconds(100), .staleInterrupted)) }
        if owesToolAnswer {
            owesToolAnswer = false
            timed.append((now + core.script.thinkingTime, .startAnswer(.toolResult)))
        }
        guard owesAnswer else { return }
        owesAnswer = false
        timed.append((now + core.script.thinkingTime, .startAnswer(.callerTurn)))
    }

    /// Interrupts the model's turn, because of the caller or a text. Does nothing if there is none.
    mutating func interrupt(at now: MonotonicInstant) {
        guard let active = turn else { return }
        turn = nil
        owesToolAnswer = false
        let index = active.recordIndex
        core.record.items[index].wasInterrupted = true
        core.record.items[index].heardMilliseconds = min(
            core.producedMilliseconds(ofItem: index),
            max(0, (now - active.stream.start).wholeMilliseconds)
        )
        send(["serverContent": ["interrupted": true]])
        if !outstandingCalls.isEmpty {
            send(["toolCallCancellation": ["ids": .array(outstandingCalls.sorted().map { .string($0) })]])
            outstandingCalls = []
        }
        sendEnd(ofTurn: core.producedMilliseconds(ofItem: index))
        if !active.isGenerated {
            core.report(
                .answerEnded(
                    item: core.record.items[index].id,
                    milliseconds: core.producedMilliseconds(ofItem: index),
                    interrupted: true
                )
            )
            core.report(.agentTranscript(core.record.items[index].transcript))
        }
        giveHandle()
    }
}
