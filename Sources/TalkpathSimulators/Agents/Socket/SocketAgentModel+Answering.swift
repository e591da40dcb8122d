internal import TalkpathAudio
internal import TalkpathWire

/// The agent's responses.
extension SocketAgentModel {
    mutating func startAnswer(_ trigger: AgentScript.Turn.Trigger, at now: MonotonicInstant) {
        guard core.script.behavior == .script, response == nil else { return }
        let behaviour = core.nextBehaviour()
        if let behaviour, prevents(trigger, behaviour, at: now) { return }
        guard let next = core.nextTurn(trigger) else { return }
        owed = nil
        keepPlace()
        misbehave(at: now)
        let id = core.identifier("response")
        core.record.items.append(.init(id: id, transcript: ""))
        response = ActiveResponse(
            recordIndex: core.record.items.count - 1,
            turn: next,
            stream: AnswerStream(
                next,
                script: core.script,
                format: core.record.outputFormat,
                start: behaviour == .longReasoning ? now + .seconds(9) : now
            ),
            number: answers,
            endsEarly: behaviour == .incompleteResponse
        )
        answers += 1
        send(["type": "response_start", "response": .string(id)])
        core.report(.answerStarted(item: id))
        if misbehaviors.contains(.oddAudio) { core.send([1], binary: true) }
        if core.plan.has(.toolCallFirst), let call = next.toolCall { send(call) }
    }

    /// - Returns: true if nothing comes of the answer; it is then still owed.
    private mutating func prevents(
        _ trigger: AgentScript.Turn.Trigger,
        _ behaviour: ModelBehaviour,
        at now: MonotonicInstant
    ) -> Bool {
        switch behaviour {
        case .failedResponse:
            owed = trigger
            keepPlace()
            let id = core.identifier("response")
            send(["type": "response_start", "response": .string(id)])
            send(["type": "response_end", "response": .string(id), "status": "failed", "reason": "no_answer"])
        case .rateLimit:
            owed = trigger
            keepPlace()
            core.close(code: 1011, reason: "too many requests")
        case .goAway:
            owed = trigger
            keepPlace()
            perform([.goAway(timeLeft: .seconds(1))], at: now)
        case .sideTalk: return trigger == .callerTurn
        case .slowPong, .lateTranscript, .ignoredNoise, .refusedSettings, .toolCallFirst, .toolCallBetween,
            .brokenArguments, .staleInterrupted, .incompleteResponse, .longReasoning, .writtenAnswer, .cutCall:
            return false
        }
        return true
    }

    /// Sends the pieces that are ready.
    mutating func continueAnswer(at now: MonotonicInstant) {
        guard var active = response else { return }
        if let place = core.faultPlace(inAnswer: active.number),
            .milliseconds(active.stream.sentMilliseconds) >= place
        {
            let number = active.number
            perform(core.takeFaults { if case .answer(number, _) = $0 { true } else { false } }, at: now)
            if core.isOver || core.isMute || core.pausedUntil != nil { return }
        }
        if active.endsEarly, active.stream.sentMilliseconds * 2 >= active.stream.totalMilliseconds {
            return end("failed", isInterrupted: true, at: now)
        }
        guard let piece = active.stream.nextPiece() else { return finish(active, at: now) }
        response = active
        core.record.items[active.recordIndex].transcript = active.stream.saidText
        core.noteSent(piece.audio, ofItem: active.recordIndex, at: now)
        core.send(piece.audio, binary: true)
        if !piece.text.isEmpty {
            send([
                "type": "transcript", "speaker": "agent", "text": .string(piece.text), "final": false,
                "response": .string(core.record.items[active.recordIndex].id),
            ])
        }
    }

    private mutating func finish(_ active: ActiveResponse, at now: MonotonicInstant) {
        core.record.items[active.recordIndex].isComplete = true
        let item = core.record.items[active.recordIndex]
        let mark = "end of \(item.id)"
        outstandingMarks.insert(mark)
        send(["type": "mark", "name": .string(mark)])
        send([
            "type": "transcript", "speaker": "agent", "text": .string(item.transcript),
            "response": .string(item.id),
        ])
        if let call = active.turn.toolCall, !core.plan.has(.toolCallFirst) { send(call) }
        end("completed", isInterrupted: false, at: now)
    }

    mutating func end(_ status: String, isInterrupted: Bool, at now: MonotonicInstant) {
        guard let active = response else { return }
        response = nil
        let item = core.record.items[active.recordIndex]
        core.record.items[active.recordIndex].wasInterrupted = isInterrupted
        send(["type": "response_end", "response": .string(item.id), "status": .string(status)])
        let milliseconds = core.producedMilliseconds(ofItem: active.recordIndex)
        core.report(.answerEnded(item: item.id, milliseconds: milliseconds, interrupted: isInterrupted))
        core.report(.agentTranscript(item.transcript))
        if misbehaviors.contains(.staleResponse) {
            core.send([0, 0, 0, 0], binary: true)
            send(["type": "response_end", "response": "never-was"])
        }
        guard let trigger = owedLater else { return }
        owedLater = nil
        timed.append((now + core.script.thinkingTime, .startAnswer(trigger)))
    }

    private mutating func send(_ call: AgentScript.ToolCall) {
        let id = core.identifier("call")
        outstandingCalls.insert(id)
        let isBroken = core.plan.breaksCall()
        let arguments = isBroken ? nil : try? JSONValue(parsing: call.arguments)
        send([
            "type": "tool_call", "id": .string(id), "name": .string(call.name),
            "arguments": arguments ?? .string("{\"unfinished"),
        ])
        core.report(.toolCalled(name: call.name))
    }

    private mutating func misbehave(at now: MonotonicInstant) {
        if misbehaviors.contains(.brokenJSON) { core.send(Array(#"{"type":"response_start","#.utf8), binary: false) }
        if misbehaviors.contains(.unknownKinds) { send(["type": "weather", "sky": "blue"]) }
        if misbehaviors.contains(.flood), answers == 0 {
            for _ in 0..<5000 { send(["type": "flood"]) }
        }
    }

    // MARK: Interruptions

    /// The bridge has silenced the response, and wants no more of it.
    mutating func cancel(_ json: JSONValue, at now: MonotonicInstant) {
        let name = json["response"]?.string ?? ""
        guard core.record.items.contains(where: { $0.id == name }) else {
            return core.violate("cancel of a response that never was", at: now)
        }
        guard let active = response, core.record.items[active.recordIndex].id == name else { return }
        guard !misbehaviors.contains(.deafToCancel) else { return }
        end("cancelled", isInterrupted: true, at: now)
    }

    mutating func interrupted(_ json: JSONValue, at now: MonotonicInstant) {
        let name = json["response"]?.string ?? ""
        guard let index = core.record.items.firstIndex(where: { $0.id == name }) else {
            return core.violate("interrupted of a response that never was", at: now)
        }
        let heard = json["heard_ms"]?.int ?? 0
        let produced = core.producedMilliseconds(ofItem: index)
        // The bridge counts the audio that it was sent; a piece may be on its way.
        if heard > produced { core.violate("\(heard) ms were heard of \(produced)", at: now) }
        core.record.items[index].heardMilliseconds = heard
        core.record.truncations.append(
            .init(instant: now, itemID: name, audioEndMilliseconds: heard, producedMilliseconds: produced)
        )
        core.report(.truncated(item: name, heardMilliseconds: heard))
    }

    // MARK: Echo

    mutating func sendEcho(of audio: [UInt8], at now: MonotonicInstant) {
        if echo == nil {
            core.record.items.append(.init(id: "echo", transcript: ""))
            echo = (
                core.record.items.count - 1,
                LinearRateChanger(from: core.record.inputFormat.sampleRate, to: core.record.outputFormat.sampleRate)
            )
            send(["type": "response_start", "response": "echo"])
        }
        guard var current = echo else { return }
        let samples = current.changer.process(Samples.decode(audio, core.record.inputFormat))
        let converted = Samples.encode(samples, core.record.outputFormat.encoding)
        echo = current
        guard !converted.isEmpty else { return }
        core.noteSent(converted, ofItem: current.index, at: now)
        core.send(converted, binary: true)
    }
}
