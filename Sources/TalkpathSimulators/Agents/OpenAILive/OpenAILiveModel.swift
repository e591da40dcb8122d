internal import TalkpathAudio
internal import TalkpathWire

/// The behaviour of GPT-Live on one WebSocket. No I/O.
///
/// The session's clock is the caller's audio, and never ahead of real time. The model's track follows that clock in
/// pieces of 20 ms; what is not said is silence.
struct OpenAILiveModel: AgentModel {
    static let source = SimulatorEvent.Source.openAILive

    enum Timed: Sendable {
        case startAnswer(AgentScript.Turn.Trigger)
        case transcribe(String)
    }

    /// One utterance of the model, from its first sound to its last.
    struct Speech: Sendable {
        var recordIndex: Int
        var turn: AgentScript.Turn
        var audio: [UInt8]
        var sent = 0
        var words: [Substring]
        var said = 0
        /// The track's position at which it falls silent, once it is interrupted.
        var stopsAt: Int?
    }

    var core: AgentCore
    /// The track's length so far, in milliseconds.
    var track = 0
    var timed: [(at: Int, what: Timed)] = []
    var speech: Speech?
    var outstandingCalls: Set<String> = []
    var givenResults = 0
    var delegations: Set<String> = []
    var owedLater: AgentScript.Turn.Trigger?
    var hasResponses = false
    private var startedAt: MonotonicInstant?
    private var lastAppend: MonotonicInstant?
    private var toldUsage = 0
    private let longestHole: Duration
    private let lifetime: Duration
    private var session: JSONValue = [:]
    private var echo: [UInt8] = []

    static let pieceMilliseconds = 20
    /// The most tokens that may be appended at once, as bytes of text.
    private static let longestAppend = 2000

    init(
        session number: Int,
        script: AgentScript,
        faults: [AgentFault],
        behaviours: Set<ModelBehaviour>,
        keepsAudio: Bool,
        longestHole: Duration,
        lifetime: Duration,
        at now: MonotonicInstant
    ) {
        self.longestHole = longestHole
        self.lifetime = lifetime
        core = AgentCore(
            script: script,
            faults: faults,
            behaviours: behaviours,
            keepsAudio: keepsAudio,
            record: AgentRecord(
                session: number,
                model: "",
                openedAt: now,
                inputFormat: .telephony,
                outputFormat: .telephony
            )
        )
    }

    var record: AgentRecord { core.record }

    mutating func takeOutputs() -> [AgentOutput] { core.takeOutputs() }

    mutating func opened(at now: MonotonicInstant) {
        core.report(.connected(session: core.record.session))
        perform(core.takeFaults { $0 == .opened || $0 == .greeted }, at: now)
    }

    mutating func closed(code: Int, at now: MonotonicInstant) {
        core.record.closeCode = code
        core.report(.disconnected(code: code))
    }

    mutating func received(_ message: RawSpan, isText: Bool, at now: MonotonicInstant) {
        advance(to: now)
        guard !core.isOver, !core.holds(message, isText: isText) else { return }
        guard isText, let json = try? JSONValue(parsing: message) else {
            return core.violate("a message that is no JSON text", at: now)
        }
        do throws(JSONRule.Fault) {
            try OpenAILiveRules.client.check(json, at: "")
        } catch {
            refuse(error.code, error.message, error.parameter, at: now)
            return
        }
        handle(json["type"]?.string ?? "", json, at: now)
        advance(to: now)
    }

    // MARK: Time

    /// The session's clock, in milliseconds: the audio heard, and no more than the time passed.
    private func clock(at now: MonotonicInstant) -> Int {
        guard let startedAt else { return 0 }
        return min(core.turnDetector.receivedMilliseconds, max(0, (now - startedAt).wholeMilliseconds))
    }

    var nextDeadline: MonotonicInstant? {
        guard !core.isOver, !core.isMute else { return nil }
        if let pause = core.pausedUntil { return pause }
        var next = core.nextElapsedFault()
        if let startedAt, core.turnDetector.receivedMilliseconds >= track + Self.pieceMilliseconds {
            let piece = startedAt + .milliseconds(track + Self.pieceMilliseconds)
            next = min(next ?? piece, piece)
        }
        return next
    }

    mutating func advance(to now: MonotonicInstant) {
        if core.pausedUntil != nil {
            let held = core.resume(at: now)
            guard core.pausedUntil == nil else { return }
            for message in held { received(message.message.span.bytes, isText: message.isText, at: now) }
        }
        let opened = core.record.openedAt
        perform(
            core.takeFaults { if case .elapsed(let after) = $0 { opened + after <= now } else { false } },
            at: now
        )
        while core.pausedUntil == nil, !core.isOver, !core.isMute,
            clock(at: now) >= track + Self.pieceMilliseconds
        {
            step(at: now)
        }
    }

    private mutating func step(at now: MonotonicInstant) {
        while let place = timed.firstIndex(where: { $0.at <= track }) {
            switch timed.remove(at: place).what {
            case .startAnswer(let trigger): startAnswer(trigger, at: now)
            case .transcribe(let text): sendTranscription(text)
            }
        }
        if core.script.behavior == .echo { sendEcho(at: now) } else { sendPiece(at: now) }
        track += Self.pieceMilliseconds
        if track - toldUsage >= 15_000 {
            toldUsage = track
            send(["type": "session.usage.updated", "usage": usage])
        }
        if .milliseconds(track) >= lifetime { close("expired") }
    }

    private var usage: JSONValue { ["seconds": JSONValue((track + 999) / 1000)] }

    private mutating func close(_ reason: String) {
        send(["type": "session.closed", "reason": .string(reason), "session": session, "usage": usage])
        core.close(code: 1000, reason: "")
    }

    mutating func perform(_ faults: [AgentFault.Action], at now: MonotonicInstant) {
        for fault in faults where !core.perform(fault, at: now) {
            switch fault {
            case .error(let code, let message): sendError(code, message, nil)
            case .goAway: close("expired")
            case .refuse, .fallSilent, .pause, .close, .vanish, .endStream: break
            }
        }
    }

    mutating func send(_ message: JSONValue) {
        var message = message
        message.set("event_id", .string(core.identifier("event")))
        core.send(message.serialized(), binary: false)
    }

    private mutating func sendError(_ code: String, _ message: String, _ parameter: String?) {
        var error: JSONValue = [
            "type": "invalid_request_error", "code": .string(code), "message": .string(message),
        ]
        error.set("param", parameter.map(JSONValue.string))
        send(["type": "error", "error": error])
    }

    private mutating func refuse(
        _ code: String,
        _ message: String,
        _ parameter: String?,
        at now: MonotonicInstant
    ) {
        core.violate("\(parameter ?? code): \(message)", at: now)
        sendError(code, message, parameter)
    }

    // MARK: Messages

    private mutating func handle(_ type: String, _ json: JSONValue, at now: MonotonicInstant) {
        if type == "session.input_audio.append" { return hear(json["audio"]?.string ?? "", at: now) }
        core.record.messages.append(type)
        if type == "session.start" {
            guard startedAt == nil else { return refuse("session_started", "It has started.", "type", at: now) }
            return start(json["session"] ?? [:], at: now)
        }
        guard startedAt != nil else { return refuse("not_started", "Send session.start first.", "type", at: now) }
        switch type {
        case "session.close": close("close_requested")
        case "session.instructions.append", "session.thinking.append", "session.commentary.append":
            append(type, json, at: now)
        case "response.item.create": receive(result: json["item"] ?? [:], at: now)
        case "response.create": continueBackend(at: now)
        default: break
        }
    }

    private mutating func start(_ session: JSONValue, at now: MonotonicInstant) {
        core.record.configuration = session.serializedText()
        core.record.model = session["model"]?.string ?? ""
        perform(core.takeFaults { $0 == .setup }, at: now)
        guard !core.isOver, !core.isMute else { return }
        if (session["input"]?.array?.count ?? 0) > 128 {
            return refuse("invalid_value", "At most 128 messages.", "session.input", at: now)
        }
        let format = Self.format(session["audio"]?["format"])
        core.record.inputFormat = format
        core.record.outputFormat = format
        core.listen(to: format, silence: .milliseconds(500))
        hasResponses = session["delegation"]?["type"] == "responses"
        startedAt = now
        self.session = session
        self.session.set("id", .string("live_\(core.record.session)"))
        // Simulated sessions do not expire by the calendar.
        self.session.set("expires_at", 4_102_444_800)
        self.session.set("status", "active")
        send(["type": "session.started", "session": self.session])
        core.record.readyAt = now
        core.report(.sessionReady)
        perform(core.takeFaults { $0 == .ready }, at: now)
    }

    private static func format(_ json: JSONValue?) -> AudioFormat {
        switch json?["type"]?.string {
        case "audio/pcmu": .telephony
        case "audio/pcma": .alaw8k
        default: AudioFormat(encoding: .pcm16, sampleRate: json?["rate"]?.int ?? 24_000)
        }
    }

    private mutating func append(_ type: String, _ json: JSONValue, at now: MonotonicInstant) {
        let text = json["content"]?.string ?? ""
        guard text.utf8.count <= Self.longestAppend else {
            return refuse("invalid_value", "At most 500 tokens.", "content", at: now)
        }
        core.record.textsReceived.append(text)
        let name = type.dropFirst("session.".count).dropLast(".append".count)
        send([
            "type": .string("session.\(name).appended"), "start_ms": JSONValue(track), "end_ms": JSONValue(track),
        ])
        if let id = json["delegation_id"]?.string {
            guard delegations.contains(id) else {
                return refuse("invalid_value", "No such delegation.", "delegation_id", at: now)
            }
            guard type == "session.commentary.append" else { return }
            delegations.remove(id)
            core.record.toolResults.append(.init(callID: id, output: text))
            core.report(.toolAnswered(callID: id))
            return answer(.toolResult)
        }
        guard type == "session.commentary.append" else { return }
        let isFirst = core.record.items.isEmpty && core.record.callerTurns.isEmpty
        answer(isFirst ? .connect : .request)
    }

    // MARK: Hearing

    private mutating func hear(_ text: String, at now: MonotonicInstant) {
        guard startedAt != nil else { return refuse("not_started", "Send session.start first.", "type", at: now) }
        guard let audio = PlainBase64.decode(text), audio.count % core.record.inputFormat.bytesPerSample == 0 else {
            return refuse("invalid_value", "No audio.", "audio", at: now)
        }
        if let lastAppend, now - lastAppend > longestHole {
            core.violate("no audio for \((now - lastAppend).wholeMilliseconds) ms", at: now)
        }
        lastAppend = now
        if core.script.behavior == .echo { echo += audio }
        var turns: [InputTurnDetector.Turn] = []
        core.hear(audio, at: now) { turns.append($0) }
        for turn in turns {
            switch turn {
            case .started(let milliseconds):
                core.record.callerTurns.append(.init(startMilliseconds: milliseconds, startedAt: now))
                core.report(.callerSpeechStarted(inputMilliseconds: milliseconds))
                timed.removeAll { if case .startAnswer = $0.what { true } else { false } }
                // It finishes its syllable.
                if speech?.stopsAt == nil { speech?.stopsAt = track + 200 }
            case .ended(let milliseconds): callerEnded(milliseconds, at: now)
            }
        }
    }

    private mutating func callerEnded(_ milliseconds: Int, at now: MonotonicInstant) {
        core.report(.callerSpeechEnded(inputMilliseconds: milliseconds))
        let text = core.cursor.nextCallerText()
        if let last = core.record.callerTurns.indices.last {
            core.record.callerTurns[last].endMilliseconds = milliseconds
            core.record.callerTurns[last].endedAt = now
            core.record.callerTurns[last].text = text
        }
        timed.append((track + core.plan.transcriptionTime.wholeMilliseconds, .transcribe(text)))
        answer(.callerTurn)
    }

    private mutating func sendTranscription(_ text: String) {
        let turn = core.record.callerTurns.last
        send([
            "type": "session.input_transcript.delta", "delta": .string(text),
            "start_ms": JSONValue(turn?.startMilliseconds ?? track),
            "end_ms": JSONValue(turn?.endMilliseconds ?? track),
        ])
        core.report(.callerTranscript(text))
    }

    private mutating func sendEcho(at now: MonotonicInstant) {
        let count = Self.pieceMilliseconds * core.record.outputFormat.bytesPerMillisecond
        if core.record.items.isEmpty { core.record.items.append(.init(id: "echo", transcript: "")) }
        guard echo.count >= count else { return }
        let piece = Array(echo.prefix(count))
        echo.removeFirst(count)
        core.noteSent(piece, ofItem: 0, at: now)
        send(track: piece)
    }

    mutating func send(track piece: [UInt8]) {
        core.send(
            Array(#"{"type":"session.output_audio.delta","delta":"\#(PlainBase64.encode(piece))"}"#.utf8),
            binary: false
        )
    }
}
