internal import Synchronization
internal import TalkpathAudio
internal import TalkpathWire

/// The places at which sessions are resumed, shared by all sessions of a server.
final class SocketAgentPlaces: Sendable {
    struct Place: Sendable {
        var cursor: ScriptCursor
        var owed: AgentScript.Turn.Trigger?
    }

    private let places = Mutex<[String: Place]>([:])

    func store(_ place: Place, under token: String) { places.withLock { $0[token] = place } }

    func place(for token: String) -> Place? { places.withLock { $0[token] } }
}

/// The behaviour of a socket agent on one WebSocket. No I/O, except the places it shares.
struct SocketAgentModel: AgentModel {
    static let source = SimulatorEvent.Source.socket

    enum Timed: Sendable {
        case startAnswer(AgentScript.Turn.Trigger)
        case transcribe(String)
        case leave
    }

    /// A response, from its `response_start` until its `response_end`.
    struct ActiveResponse: Sendable {
        var recordIndex: Int
        var turn: AgentScript.Turn
        var stream: AnswerStream
        var number: Int
        /// The model breaks it off in the middle.
        var endsEarly = false
    }

    var core: AgentCore
    var isReady = false
    private var hasStarted = false
    private var hasEnded = false
    var timed: [(instant: MonotonicInstant, what: Timed)] = []
    var response: ActiveResponse?
    var answers = 0
    var outstandingCalls: Set<String> = []
    var outstandingMarks: Set<String> = []
    /// The caller spoke, or a result came, during a response that went on.
    var owedLater: AgentScript.Turn.Trigger?
    /// A trigger that the model has not answered.
    var owed: AgentScript.Turn.Trigger?
    /// The bridge has told that the caller is speaking.
    private var isCallerTold = false
    var echo: (index: Int, changer: LinearRateChanger)?
    let misbehaviors: Set<FakeAgentSocket.Misbehavior>
    private let format: AudioFormat?
    private let places: SocketAgentPlaces
    private var token = ""

    init(
        session number: Int,
        script: AgentScript,
        faults: [AgentFault],
        behaviours: Set<ModelBehaviour>,
        keepsAudio: Bool,
        format: AudioFormat?,
        misbehaviors: Set<FakeAgentSocket.Misbehavior>,
        places: SocketAgentPlaces,
        at now: MonotonicInstant
    ) {
        self.format = format
        self.misbehaviors = misbehaviors
        self.places = places
        core = AgentCore(
            script: script,
            faults: faults,
            behaviours: behaviours,
            keepsAudio: keepsAudio,
            record: AgentRecord(
                session: number,
                model: "",
                openedAt: now,
                inputFormat: .pcm16k,
                outputFormat: .pcm16k
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
        if hasEnded { core.violate("a message after ended", at: now) }
        guard isText else { return hear(message.withUnsafeBytes { Array($0) }, at: now) }
        guard let json = try? JSONValue(parsing: message) else { return core.violate("text that is no JSON", at: now) }
        do throws(JSONRule.Fault) {
            try SocketAgentRules.message.check(json, at: "message")
        } catch {
            return core.violate("\(error.parameter): \(error.message)", at: now)
        }
        handle(json["type"]?.string ?? "", json, at: now)
    }

    // MARK: Time

    var nextDeadline: MonotonicInstant? {
        guard !core.isOver, !core.isMute else { return nil }
        if let pause = core.pausedUntil { return pause }
        return [timed.map(\.instant).min(), response?.stream.nextInstant, core.nextElapsedFault()]
            .compactMap(\.self).min()
    }

    mutating func advance(to now: MonotonicInstant) {
        if core.pausedUntil != nil {
            let held = core.resume(at: now)
            guard core.pausedUntil == nil else { return }
            for message in held { received(message.message.span.bytes, isText: message.isText, at: now) }
        }
        while let deadline = nextDeadline, deadline <= now, core.pausedUntil == nil {
            step(at: deadline, now: now)
        }
    }

    private mutating func step(at deadline: MonotonicInstant, now: MonotonicInstant) {
        let opened = core.record.openedAt
        let faults = core.takeFaults {
            if case .elapsed(let after) = $0 { opened + after <= deadline } else { false }
        }
        guard faults.isEmpty else { return perform(faults, at: now) }
        if let place = timed.firstIndex(where: { $0.instant <= deadline }) {
            let due = timed.remove(at: place)
            switch due.what {
            case .startAnswer(let trigger): startAnswer(trigger, at: due.instant)
            case .transcribe(let text): sendTranscription(text)
            case .leave: core.close(code: 1001, reason: "the agent restarts")
            }
            return
        }
        continueAnswer(at: now)
    }

    mutating func perform(_ faults: [AgentFault.Action], at now: MonotonicInstant) {
        for fault in faults where !core.perform(fault, at: now) {
            switch fault {
            case .error(let code, let message):
                send(["type": "error", "code": .string(code), "message": .string(message), "fatal": true])
            case .goAway(let timeLeft):
                send(["type": "going_away", "time_left_ms": JSONValue(timeLeft.wholeMilliseconds)])
                timed.append((now + timeLeft, .leave))
            case .refuse, .fallSilent, .pause, .close, .vanish, .endStream: break
            }
        }
    }

    mutating func send(_ message: JSONValue) { core.send(message.serialized(), binary: false) }

    // MARK: Messages

    private mutating func handle(_ type: String, _ json: JSONValue, at now: MonotonicInstant) {
        core.record.messages.append(type)
        if type == "start" {
            guard !hasStarted else { return core.violate("start twice", at: now) }
            return start(json, at: now)
        }
        guard hasStarted else { return core.violate("\(type) before start", at: now) }
        switch type {
        case "caller_started", "caller_stopped":
            let isSpeaking = type == "caller_started"
            if isSpeaking == isCallerTold { core.violate("\(type) twice in a row", at: now) }
            isCallerTold = isSpeaking
        case "interrupted": interrupted(json, at: now)
        case "cancel": cancel(json, at: now)
        case "mark_played":
            let name = json["name"]?.string ?? ""
            if outstandingMarks.remove(name) == nil { core.violate("mark_played of '\(name)'", at: now) }
        case "tool_result": receive(result: json, at: now)
        case "dtmf": core.record.textsReceived.append("key \(json["digit"]?.string ?? "")")
        case "say", "message":
            core.record.textsReceived.append(json["text"]?.string ?? "")
            if type == "say" || json["respond"]?.bool == true { prompt(at: now) }
        case "error": if misbehaviors.isEmpty { core.violate("an error: \(json["code"]?.string ?? "")", at: now) }
        case "ended": hasEnded = true
        default: break
        }
    }

    private mutating func start(_ json: JSONValue, at now: MonotonicInstant) {
        hasStarted = true
        core.record.configuration = json.serializedText()
        core.record.model = json["model"]?.string ?? ""
        perform(core.takeFaults { $0 == .setup }, at: now)
        guard !core.isOver, !core.isMute else { return }
        if let handle = json["resume"]?.string {
            guard let place = places.place(for: handle) else {
                send(["type": "error", "code": "unknown_session", "message": "No such session.", "fatal": true])
                return
            }
            core.cursor = place.cursor
            owed = place.owed
            core.record.resumedHandle = handle
        }
        let input = format ?? Self.format(json["input_format"])
        core.record.inputFormat = input
        core.record.outputFormat = format ?? Self.format(json["output_format"])
        core.listen(to: input, silence: .milliseconds(500))
        if misbehaviors.contains(.earlyAudio) { core.send([0, 0, 0, 0], binary: true) }
        token = "token-\(core.record.session)-\(core.identifier("t"))"
        keepPlace()
        var ready: JSONValue = ["type": "ready", "resume": .string(token), "caller_turns": true]
        if let format {
            ready.set("input_format", Self.json(format))
            ready.set("output_format", Self.json(format))
        }
        send(ready)
        isReady = true
        core.record.readyAt = now
        core.report(.sessionReady)
        perform(core.takeFaults { $0 == .ready }, at: now)
    }

    private static func format(_ json: JSONValue?) -> AudioFormat {
        AudioFormat(
            encoding: json?["encoding"]?.string == "mulaw" ? .mulaw : .pcm16,
            sampleRate: json?["sample_rate"]?.int ?? 16_000
        )
    }

    private static func json(_ format: AudioFormat) -> JSONValue {
        ["encoding": .string(format.encoding.rawValue), "sample_rate": JSONValue(format.sampleRate)]
    }

    /// Notes where a resumed session goes on.
    mutating func keepPlace() { places.store(.init(cursor: core.cursor, owed: owed), under: token) }

    // MARK: Hearing

    private mutating func hear(_ audio: [UInt8], at now: MonotonicInstant) {
        guard isReady else { return core.violate("audio before ready", at: now) }
        guard !audio.isEmpty, audio.count % core.record.inputFormat.bytesPerSample == 0 else {
            return core.violate("audio that is no whole number of samples", at: now)
        }
        var turns: [InputTurnDetector.Turn] = []
        core.hear(audio, at: now) { turns.append($0) }
        if core.script.behavior == .echo { return sendEcho(of: audio, at: now) }
        for turn in turns {
            switch turn {
            case .started(let milliseconds):
                core.record.callerTurns.append(.init(startMilliseconds: milliseconds, startedAt: now))
                core.report(.callerSpeechStarted(inputMilliseconds: milliseconds))
                timed.removeAll { if case .startAnswer = $0.what { true } else { false } }
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
        timed.append((now + core.plan.transcriptionTime, .transcribe(text)))
        guard response == nil else {
            owedLater = .callerTurn
            return
        }
        owed = .callerTurn
        keepPlace()
        timed.append((now + core.script.thinkingTime, .startAnswer(.callerTurn)))
    }

    private mutating func sendTranscription(_ text: String) {
        send(["type": "transcript", "speaker": "caller", "text": .string(text), "final": true])
        core.report(.callerTranscript(text))
    }

    /// A text asks the model to speak.
    private mutating func prompt(at now: MonotonicInstant) {
        guard response == nil else {
            owedLater = .request
            return
        }
        let isFirst = core.record.items.isEmpty && core.record.callerTurns.isEmpty && core.record.resumedHandle == nil
        timed.append((now + core.script.thinkingTime, .startAnswer(owed ?? (isFirst ? .connect : .request))))
    }

    private mutating func receive(result json: JSONValue, at now: MonotonicInstant) {
        let id = json["id"]?.string ?? ""
        guard outstandingCalls.remove(id) != nil else {
            return core.violate("a result of a function that was not called: \(id)", at: now)
        }
        core.record.toolResults.append(.init(callID: id, output: json["output"]?.string ?? ""))
        core.report(.toolAnswered(callID: id))
        guard outstandingCalls.isEmpty else { return }
        guard response == nil else {
            owedLater = .toolResult
            return
        }
        timed.append((now + core.script.thinkingTime, .startAnswer(.toolResult)))
    }
}
