internal import TalkpathAudio
internal import TalkpathWire

/// The model's speech, and its calls of functions.
extension OpenAILiveModel {
    /// Plans an answer, or keeps it for the end of what is being said.
    mutating func answer(_ trigger: AgentScript.Turn.Trigger) {
        guard speech == nil else {
            owedLater = trigger
            return
        }
        timed.append((track + core.script.thinkingTime.wholeMilliseconds, .startAnswer(trigger)))
    }

    mutating func startAnswer(_ trigger: AgentScript.Turn.Trigger, at now: MonotonicInstant) {
        guard core.script.behavior == .script, speech == nil, let turn = core.nextTurn(trigger) else { return }
        let id = core.identifier("utterance")
        core.record.items.append(.init(id: id, transcript: ""))
        let format = core.record.outputFormat
        speech = Speech(
            recordIndex: core.record.items.count - 1,
            turn: turn,
            audio: Samples.encode(Samples.resample(turn.audio, from: 24_000, to: format.sampleRate), format.encoding),
            words: turn.transcript.split(separator: " ")
        )
        core.report(.answerStarted(item: id))
        if turn.audio.isEmpty { finish(isInterrupted: false, at: now) }
    }

    /// Sends the next piece of the track: speech, or silence.
    mutating func sendPiece(at now: MonotonicInstant) {
        let format = core.record.outputFormat
        let count = Self.pieceMilliseconds * format.bytesPerMillisecond
        guard var active = speech else {
            send(track: [UInt8](repeating: format.silenceByte, count: count))
            return
        }
        if let stopsAt = active.stopsAt, track >= stopsAt {
            send(track: [UInt8](repeating: format.silenceByte, count: count))
            finish(isInterrupted: true, at: now)
            return
        }
        let end = min(active.audio.count, active.sent + count)
        var piece = Array(active.audio[active.sent..<end])
        core.noteSent(piece, ofItem: active.recordIndex, at: now)
        piece += [UInt8](repeating: format.silenceByte, count: count - piece.count)
        active.sent = end
        let due = active.words.count * end / max(1, active.audio.count)
        if due > active.said {
            let text = active.words[active.said..<due].map { $0 + " " }.joined()
            active.said = due
            send([
                "type": "session.output_transcript.delta", "delta": .string(text), "start_ms": JSONValue(track),
                "end_ms": JSONValue(track + Self.pieceMilliseconds),
            ])
        }
        core.record.items[active.recordIndex].transcript = active.words[..<active.said].joined(separator: " ")
        speech = active
        send(track: piece)
        if end == active.audio.count { finish(isInterrupted: false, at: now) }
    }

    private mutating func finish(isInterrupted: Bool, at now: MonotonicInstant) {
        guard let active = speech else { return }
        speech = nil
        core.record.items[active.recordIndex].wasInterrupted = isInterrupted
        core.record.items[active.recordIndex].isComplete = !isInterrupted
        let item = core.record.items[active.recordIndex]
        core.report(
            .answerEnded(
                item: item.id,
                milliseconds: core.producedMilliseconds(ofItem: active.recordIndex),
                interrupted: isInterrupted
            )
        )
        core.report(.agentTranscript(item.transcript))
        // An interruption does not cancel delegated work.
        if let call = active.turn.toolCall { delegate(call) }
        guard let trigger = owedLater else { return }
        owedLater = nil
        answer(trigger)
    }

    // MARK: Functions

    private mutating func delegate(_ call: AgentScript.ToolCall) {
        let delegation = core.identifier("dlg")
        let target: JSONValue = hasResponses ? "responses" : "client"
        send([
            "type": "session.delegation.created", "offset_ms": JSONValue(track),
            "delegation": ["id": .string(delegation), "type": "delegation", "target": target],
        ])
        core.report(.toolCalled(name: call.name))
        guard hasResponses else {
            delegations.insert(delegation)
            return
        }
        let id = core.identifier("call")
        let response = core.identifier("resp")
        outstandingCalls.insert(id)
        let arguments = core.plan.breaksCall() ? #"{"unfinished"# : call.arguments
        backend(delegation, ["type": "response.created", "response": ["id": .string(response)]])
        backend(
            delegation,
            [
                "type": "response.output_item.done", "output_index": 0,
                "item": [
                    "type": "function_call", "id": .string(core.identifier("fc")), "call_id": .string(id),
                    "name": .string(call.name), "arguments": .string(arguments), "status": "completed",
                ],
            ]
        )
        backend(
            delegation,
            [
                "type": "response.completed",
                "response": [
                    "id": .string(response), "status": "completed",
                    "usage": ["input_tokens": 30, "output_tokens": 8, "total_tokens": 38],
                ],
            ]
        )
    }

    private mutating func backend(_ delegation: String, _ event: JSONValue) {
        send(["type": "response.event", "delegation_id": .string(delegation), "event": event])
    }

    mutating func receive(result item: JSONValue, at now: MonotonicInstant) {
        let id = item["call_id"]?.string ?? ""
        guard hasResponses, outstandingCalls.remove(id) != nil else {
            return core.violate("a result of a function that was not called: \(id)", at: now)
        }
        givenResults += 1
        core.record.toolResults.append(.init(callID: id, output: item["output"]?.string ?? ""))
        core.report(.toolAnswered(callID: id))
    }

    /// The client asks the backend to go on: once, and with all results.
    mutating func continueBackend(at now: MonotonicInstant) {
        guard outstandingCalls.isEmpty, givenResults > 0 else {
            return core.violate("response.create without the results of all calls", at: now)
        }
        givenResults = 0
        answer(.toolResult)
    }
}
