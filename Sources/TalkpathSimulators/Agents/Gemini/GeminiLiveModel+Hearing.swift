internal import TalkpathAudio
internal import TalkpathWire

/// The client's messages after the setup.
extension GeminiLiveModel {
    mutating func receive(realtimeInput input: JSONValue, at now: MonotonicInstant) {
        guard let members = input.object, members.count == 1, let kind = members.first?.key else {
            return reject("Request contains an invalid argument: one kind of input at a time.", at: now)
        }
        switch kind {
        case "audio": receive(audio: input["audio"] ?? [:], at: now)
        case "mediaChunks":
            for chunk in input["mediaChunks"]?.array ?? [] { receive(audio: chunk, at: now) }
        case "text":
            core.record.textsReceived.append(input["text"]?.string ?? "")
            prompt(at: now)
        case "activityStart": mark(start: true, at: now)
        case "activityEnd": mark(start: false, at: now)
        case "audioStreamEnd":
            guard detectsActivity else {
                return reject("audioStreamEnd needs automatic activity detection.", at: now)
            }
        default: break
        }
    }

    private mutating func receive(audio: JSONValue, at now: MonotonicInstant) {
        guard let type = audio["mimeType"]?.string, let rate = Self.rate(of: type) else {
            return reject("Unsupported mime type: \(audio["mimeType"]?.string ?? "").", at: now)
        }
        guard let bytes = PlainBase64.decode(audio["data"]?.string ?? "", .either), bytes.count % 2 == 0 else {
            return reject("Request contains an invalid argument: the audio is no whole 16-bit samples.", at: now)
        }
        listen(at: rate)
        var turns: [InputTurnDetector.Turn] = []
        core.hear(bytes, at: now) { turns.append($0) }
        if core.script.behavior == .echo { return sendEcho(of: bytes, rate: rate, at: now) }
        guard detectsActivity else { return }
        for turn in turns {
            switch turn {
            case .started(let milliseconds): callerStarted(milliseconds, at: now)
            case .ended(let milliseconds): callerEnded(milliseconds, at: now)
            }
        }
    }

    /// The sample rate in `audio/pcm;rate=16000`; 16 kHz if none is given; `nil` for another kind of audio.
    private static func rate(of type: String) -> Int? {
        let parts = type.split(separator: ";").map { $0.filter { $0 != " " }.lowercased() }
        guard parts.first == "audio/pcm" else { return nil }
        guard let rate = parts.dropFirst().first(where: { $0.hasPrefix("rate=") }) else { return 16000 }
        return Int(rate.dropFirst(5)).flatMap { (8000...48000).contains($0) ? $0 : nil }
    }

    private mutating func mark(start: Bool, at now: MonotonicInstant) {
        guard !detectsActivity else {
            return reject(
                "Explicit activity control is not supported when automatic activity detection is enabled.",
                at: now
            )
        }
        guard start != isInActivity else {
            return core.violate("activity\(start ? "Start" : "End") twice in a row", at: now)
        }
        isInActivity = start
        let position = core.turnDetector.receivedMilliseconds
        if start { callerStarted(position, at: now) } else { callerEnded(position, at: now) }
    }

    private mutating func callerStarted(_ milliseconds: Int, at now: MonotonicInstant) {
        core.record.callerTurns.append(.init(startMilliseconds: milliseconds, startedAt: now))
        core.report(.callerSpeechStarted(inputMilliseconds: milliseconds))
        guard interrupts else { return }
        timed.removeAll { if case .startAnswer = $0.what { true } else { false } }
        interrupt(at: now)
    }

    private mutating func callerEnded(_ milliseconds: Int, at now: MonotonicInstant) {
        core.report(.callerSpeechEnded(inputMilliseconds: milliseconds))
        let text = core.cursor.nextCallerText()
        if !core.record.callerTurns.isEmpty {
            let last = core.record.callerTurns.count - 1
            core.record.callerTurns[last].endMilliseconds = milliseconds
            core.record.callerTurns[last].endedAt = now
            core.record.callerTurns[last].text = text
        }
        if transcribesInput { timed.append((now + core.plan.transcriptionTime, .transcribe(text))) }
        guard turn == nil else {
            owesAnswer = true
            return
        }
        timed.append((now + core.script.thinkingTime, .startAnswer(.callerTurn)))
    }

    /// Sends the caller's transcript before a function call, as the service does. Clients take a transcript after the
    /// call for that of a new turn, and drop the function's work.
    mutating func sendHeardWords() {
        guard !core.plan.has(.lateTranscript) else { return }
        while let place = timed.firstIndex(where: { if case .transcribe = $0.what { true } else { false } }) {
            guard case .transcribe(let text) = timed.remove(at: place).what else { return }
            sendTranscription(text)
        }
    }

    mutating func sendTranscription(_ text: String) {
        send(["serverContent": ["inputTranscription": ["text": .string(text)]]])
        core.report(.callerTranscript(text))
    }

    mutating func receive(clientContent content: JSONValue, at now: MonotonicInstant) {
        guard awaitsHistory || !refusesTurns else { return reject("Request contains an invalid argument.", at: now) }
        for turn in content["turns"]?.array ?? [] {
            let role = turn["role"]?.string ?? "user"
            guard role == "user" || role == "model" else {
                return reject("Please use a valid role: user, model.", at: now)
            }
            core.record.textsReceived.append(contentsOf: (turn["parts"]?.array ?? []).compactMap { $0["text"]?.string })
        }
        if awaitsHistory {
            // The history is not answered.
            awaitsHistory = content["turnComplete"]?.bool != true
            return
        }
        interrupt(at: now)
        // Without `turnComplete` the service waits for more.
        if content["turnComplete"]?.bool == true { prompt(at: now) }
    }

    /// Schedules an answer to a text.
    private mutating func prompt(at now: MonotonicInstant) {
        guard turn == nil else { return }
        let isFirst = core.record.items.isEmpty && core.record.callerTurns.isEmpty && core.record.resumedHandle == nil
        timed.append((now + core.script.thinkingTime, .startAnswer(owed ?? (isFirst ? .connect : .request))))
    }

    mutating func receive(toolResponse response: JSONValue, at now: MonotonicInstant) {
        for result in response["functionResponses"]?.array ?? [] {
            guard let id = result["id"]?.string, !id.isEmpty else {
                return reject("Request contains an invalid argument: functionResponse.id is required.", at: now)
            }
            guard outstandingCalls.remove(id) != nil else {
                core.violate("a response to a function call that was not made: \(id)", at: now)
                continue
            }
            core.record.toolResults.append(.init(callID: id, output: (result["response"] ?? nil).serializedText()))
            core.report(.toolAnswered(callID: id))
            guard outstandingCalls.isEmpty else { continue }
            timed.append((now + core.script.thinkingTime, .startAnswer(.toolResult)))
        }
    }

    // MARK: Echo

    private mutating func sendEcho(of audio: [UInt8], rate: Int, at now: MonotonicInstant) {
        if echo == nil {
            core.record.items.append(.init(id: "echo", transcript: ""))
            echo = (core.record.items.count - 1, LinearRateChanger(from: rate, to: 24000))
        }
        guard var current = echo else { return }
        let converted = Samples.encode(current.changer.process(Samples.decode(audio, core.record.inputFormat)), .pcm16)
        echo = current
        guard !converted.isEmpty else { return }
        core.noteSent(converted, ofItem: current.index, at: now)
        sendAudio(converted)
    }
}
