internal import TalkpathAudio
internal import TalkpathWire

/// The caller's audio.
extension OpenAIRealtimeModel {
    private static let maximumAppendBytes = 15 << 20

    mutating func append(_ text: String, _ id: String?, at now: MonotonicInstant) {
        guard let audio = PlainBase64.decode(text, .standard) else {
            return sendError(
                "invalid_value",
                "Invalid 'audio'. Expected base64-encoded audio bytes but got an invalid value.",
                "audio",
                id,
                at: now
            )
        }
        guard audio.count <= Self.maximumAppendBytes, audio.count % core.record.inputFormat.bytesPerSample == 0 else {
            return sendError(
                "invalid_value",
                "Invalid 'audio'. \(audio.count) bytes are not whole samples, or too many.",
                "audio",
                id,
                at: now
            )
        }
        if core.record.readyAt == nil, core.record.arrivals.isEmpty {
            // Allowed, but the service then takes the audio for 24 kHz PCM.
            core.record.messages.append("(audio before session.update)")
        }
        uncommittedBytes += audio.count
        var turns: [InputTurnDetector.Turn] = []
        core.hear(audio, at: now) { turns.append($0) }
        if core.script.behavior == .echo { return sendEcho(of: audio, at: now) }
        guard let detection = turnDetection else { return }
        for turn in turns {
            switch turn {
            case .started(let milliseconds): callerStarted(milliseconds, detection, at: now)
            case .ended(let milliseconds): callerEnded(milliseconds, detection, at: now)
            }
        }
    }

    private mutating func callerStarted(_ milliseconds: Int, _ detection: TurnDetection, at now: MonotonicInstant) {
        let item = core.identifier("item")
        callerItem = item
        let start = max(0, milliseconds - detection.prefixPadding)
        core.record.callerTurns.append(.init(startMilliseconds: milliseconds, startedAt: now))
        timed.removeAll { if case .idle = $0.what { true } else { false } }
        send("input_audio_buffer.speech_started", ["audio_start_ms": JSONValue(start), "item_id": .string(item)])
        core.report(.callerSpeechStarted(inputMilliseconds: start))
        guard detection.interruptsResponse else { return }
        timed.removeAll { if case .startResponse(let request) = $0.what { !request.isBeside } else { false } }
        endResponse(.cancelled("turn_detected"), at: now)
    }

    private mutating func callerEnded(_ milliseconds: Int, _ detection: TurnDetection, at now: MonotonicInstant) {
        let item = callerItem ?? core.identifier("item")
        callerItem = nil
        let end = milliseconds + detection.silence
        send("input_audio_buffer.speech_stopped", ["audio_end_ms": JSONValue(end), "item_id": .string(item)])
        core.report(.callerSpeechEnded(inputMilliseconds: end))
        if !core.record.callerTurns.isEmpty {
            core.record.callerTurns[core.record.callerTurns.count - 1].endMilliseconds = milliseconds
            core.record.callerTurns[core.record.callerTurns.count - 1].endedAt = now
        }
        commit(item: item, at: now)
        owesCallerAnswer = true
        guard detection.createsResponse, response == nil, !isTranscription else { return }
        owesCallerAnswer = false
        timed.append((now + core.script.thinkingTime, .startResponse(.init(trigger: .callerTurn))))
    }

    /// Ends the caller's turn at the client's request.
    mutating func commit(_ id: String?, at now: MonotonicInstant) {
        let milliseconds = uncommittedBytes / core.record.inputFormat.bytesPerMillisecond
        guard milliseconds >= 100 else {
            return sendError(
                "input_audio_buffer_commit_empty",
                "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only "
                    + "has \(milliseconds).00ms of audio.",
                nil,
                id,
                at: now
            )
        }
        let end = core.turnDetector.receivedMilliseconds
        core.record.callerTurns.append(
            .init(
                startMilliseconds: end - milliseconds,
                endMilliseconds: end,
                startedAt: now,
                endedAt: now
            )
        )
        commit(item: core.identifier("item"), at: now)
        owesCallerAnswer = true
    }

    private mutating func commit(item: String, at now: MonotonicInstant) {
        put(spoken: item)
        let text = core.cursor.nextCallerText()
        if !core.record.callerTurns.isEmpty { core.record.callerTurns[core.record.callerTurns.count - 1].text = text }
        guard let transcription = session["audio"]?["input"]?["transcription"], !transcription.isNull else { return }
        // Transcription is another model. Its text is ready some time later, perhaps after the answer began.
        timed.append((now + core.plan.transcriptionTime, .transcribe(item: item, text: text)))
    }

    /// Reacts to the caller's silence after the model's words were played: the silence becomes a turn, and the model
    /// answers it.
    mutating func noticeIdleness(at now: MonotonicInstant) {
        guard let timeout = turnDetection?.idleTimeout, response == nil, callerItem == nil else { return }
        let item = core.identifier("item")
        let end = core.turnDetector.receivedMilliseconds
        send(
            "input_audio_buffer.timeout_triggered",
            [
                "item_id": .string(item), "audio_start_ms": JSONValue(max(0, end - timeout)),
                "audio_end_ms": JSONValue(end),
            ]
        )
        put(spoken: item)
        timed.append((now + core.script.thinkingTime, .startResponse(.init(trigger: .request))))
    }

    private mutating func put(spoken item: String) {
        uncommittedBytes = 0
        let previous: JSONValue = conversation.last.map { .string($0.id) } ?? .null
        send("input_audio_buffer.committed", ["previous_item_id": previous, "item_id": .string(item)])
        let spoken = Self.spokenItem(item)
        addToConversation(item, spoken: nil, item: spoken)
        sendDone(item, item: spoken)
    }

    private static func spokenItem(_ id: String) -> JSONValue {
        [
            "id": .string(id), "object": "realtime.item", "type": "message", "status": "completed", "role": "user",
            "content": [["type": "input_audio", "transcript": nil]],
        ]
    }

    mutating func sendTranscription(item: String, text: String) {
        let type = "conversation.item.input_audio_transcription"
        send("\(type).delta", ["item_id": .string(item), "content_index": 0, "delta": .string(text)])
        send(
            "\(type).completed",
            [
                "item_id": .string(item), "content_index": 0, "transcript": .string(text),
                "usage": ["type": "duration", "seconds": 1],
            ]
        )
        core.report(.callerTranscript(text))
    }

    // MARK: Echo

    private mutating func sendEcho(of audio: [UInt8], at now: MonotonicInstant) {
        let input = core.record.inputFormat
        let output = core.record.outputFormat
        if echo == nil { startEcho(from: input, to: output, at: now) }
        guard var current = echo else { return }
        var converted = audio
        if input != output {
            converted = Samples.encode(current.changer.process(Samples.decode(audio, input)), output.encoding)
            echo = current
        }
        core.noteSent(converted, ofItem: current.index, at: now)
        var message = Array(
            (#"{"type":"response.output_audio.delta","event_id":"\#(core.identifier("event"))","#
                + #""response_id":"\#(current.response)","item_id":"\#(current.item)","output_index":0,"#
                + #""content_index":0,"delta":""#).utf8
        )
        message.append(contentsOf: PlainBase64.encoded(converted))
        message.append(contentsOf: #""}"#.utf8)
        core.send(message, binary: false)
    }

    private mutating func startEcho(from input: AudioFormat, to output: AudioFormat, at now: MonotonicInstant) {
        let (id, item, index, _) = openResponse(ResponseRequest(trigger: .connect), writes: false, at: now)
        echo = (id, item, index, LinearRateChanger(from: input.sampleRate, to: output.sampleRate))
    }
}
