internal import Synchronization
internal import TalkpathAudio
internal import TalkpathWire

/// The handles that resume a session, shared by all sessions of a server.
final class GeminiHandles: Sendable {
    /// A session's position in its script, and the answer that it owes.
    struct Place: Sendable {
        var cursor: ScriptCursor
        var owed: AgentScript.Turn.Trigger?
    }

    private let places = Mutex<[String: Place]>([:])

    func store(_ place: Place, under handle: String) {
        places.withLock { $0[handle] = place }
    }

    func place(for handle: String) -> Place? {
        places.withLock { $0[handle] }
    }
}

/// The behaviour of a Gemini Live model (BidiGenerateContent, Developer API) on one WebSocket. Does no I/O; shares only
/// the handles.
struct GeminiLiveModel: AgentModel {
    static let source = SimulatorEvent.Source.gemini

    enum Phase: Sendable, Equatable { case awaitingSetup, ready }

    enum Timed: Sendable {
        case startAnswer(AgentScript.Turn.Trigger)
        case transcribe(String)
        case goAway
        /// Reports an interruption of an answer that has already ended.
        case staleInterrupted
        /// Reports that the model is still at work.
        case progress
    }

    /// A turn of the model, from its first audio until `turnComplete`.
    struct ActiveTurn: Sendable {
        var recordIndex: Int
        var turn: AgentScript.Turn
        var stream: AnswerStream
        var number: Int
        var isGenerated = false
        /// A function was called. The turn goes on when the client has answered.
        var awaitsTool = false
        /// The function was called before all words were said.
        var hasCalled = false
        /// The model breaks the turn off in the middle.
        var endsEarly = false
        /// The turn is reported as interrupted after it has ended.
        var isCalledInterrupted = false
    }

    var core: AgentCore
    var phase = Phase.awaitingSetup
    var timed: [(instant: MonotonicInstant, what: Timed)] = []
    var turn: ActiveTurn?
    var answers = 0
    var detectsActivity = true
    var interrupts = true
    var transcribesInput = false
    var transcribesOutput = false
    var givesHandles = false
    var outstandingCalls: Set<String> = []
    /// The caller said something during a turn that may not be interrupted.
    var owesAnswer = false
    /// The result of a function came while the model was speaking.
    var owesToolAnswer = false
    /// The request that the model left unanswered. The next text counts as the same request.
    var owed: AgentScript.Turn.Trigger?
    /// A call that was malformed. The model repeats it when it is asked to go on.
    var brokenCall: AgentScript.ToolCall?
    /// True if the caller is in an activity that the client has marked.
    var isInActivity = false
    var handleCount = 0
    var echo: (index: Int, changer: LinearRateChanger)?
    /// True if the client has announced a history and not finished sending it.
    var awaitsHistory = false
    /// True if the model closes the socket on turns that were not announced.
    var refusesTurns = false
    /// True if the model writes instead of speaking.
    var writes = false
    private var silence = 500
    private let handles: GeminiHandles

    init(
        session number: Int,
        script: AgentScript,
        faults: [AgentFault],
        behaviours: Set<ModelBehaviour> = [],
        keepsAudio: Bool,
        handles: GeminiHandles,
        at now: MonotonicInstant
    ) {
        self.handles = handles
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
                outputFormat: .pcm24k
            )
        )
    }

    var record: AgentRecord { core.record }

    mutating func takeOutputs() -> [AgentOutput] { core.takeOutputs() }

    mutating func opened(at now: MonotonicInstant) {
        core.report(.connected(session: core.record.session))
        perform(core.takeFaults { $0 == .opened || $0 == .greeted }, at: now)
    }

    mutating func received(_ message: RawSpan, isText: Bool, at now: MonotonicInstant) {
        advance(to: now)
        guard !core.isOver, !core.holds(message, isText: isText) else { return }
        // The service reads JSON from text and binary frames alike.
        do throws(WireError) {
            handle(GeminiRules.camelCased(try JSONValue(parsing: message)), at: now)
        } catch {
            reject("Invalid JSON payload received. Unexpected token.", at: now)
        }
    }

    mutating func closed(code: Int, at now: MonotonicInstant) {
        core.record.closeCode = code
        core.report(.disconnected(code: code))
    }

    var nextDeadline: MonotonicInstant? {
        guard !core.isOver, !core.isMute else { return nil }
        if let pause = core.pausedUntil { return pause }
        let turnDeadline = turn.flatMap { turn in
            turn.awaitsTool ? nil : turn.isGenerated ? turn.stream.assumedEnd : turn.stream.nextInstant
        }
        return [timed.map(\.instant).min(), turnDeadline, core.nextElapsedFault()].compactMap(\.self).min()
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
            case .goAway: core.close(code: 1001, reason: "The session has reached its time limit.")
            case .staleInterrupted: send(["serverContent": ["interrupted": true]])
            case .progress: send(["serverContent": ["interactionStatus": "IN_PROGRESS"]])
            }
            return
        }
        continueAnswer(at: now)
    }

    mutating func perform(_ faults: [AgentFault.Action], at now: MonotonicInstant) {
        for fault in faults where !core.perform(fault, at: now) {
            switch fault {
            case .error(_, let message): core.close(code: 1011, reason: message)
            case .goAway(let timeLeft):
                send(["goAway": ["timeLeft": .string("\(timeLeft.milliseconds / 1000)s")]])
                timed.append((now + timeLeft, .goAway))
            case .refuse, .fallSilent, .pause, .close, .vanish, .endStream: break
            }
        }
    }

    // MARK: Sending

    /// The service sends its JSON in binary frames.
    mutating func send(_ message: JSONValue) {
        core.send(message.serialized(), binary: true)
    }

    /// Closes the socket because of the client's mistake, and gives the reason.
    mutating func reject(_ reason: String, code: Int = 1007, at now: MonotonicInstant) {
        core.violate("\(code): \(reason)", at: now)
        core.close(code: code, reason: reason)
    }

    // MARK: Setup

    private mutating func handle(_ message: JSONValue, at now: MonotonicInstant) {
        let kinds = (message.object ?? []).map(\.key)
        guard kinds.count == 1, let kind = kinds.first, let body = message[kind] else {
            return reject("Request contains an invalid argument: exactly one message kind is expected.", at: now)
        }
        guard let rule = GeminiRules.messages[kind] else {
            return reject("Invalid JSON payload received. Unknown name \"\(kind)\": Cannot find field.", at: now)
        }
        do throws(JSONRule.Fault) {
            try rule.check(body, at: kind)
        } catch {
            return reject(Self.words(for: error), at: now)
        }
        let isAudio = body["audio"] != nil
        if !isAudio { core.record.messages.append(kind) }
        switch (phase, kind) {
        case (.awaitingSetup, "setup"): setUp(body, at: now)
        case (.awaitingSetup, _): reject("setup must be the first message and be sent once.", at: now)
        case (.ready, "setup"): reject("setup must be the first message and be sent once.", at: now)
        case (.ready, "realtimeInput"): receive(realtimeInput: body, at: now)
        case (.ready, "clientContent"): receive(clientContent: body, at: now)
        case (.ready, "toolResponse"): receive(toolResponse: body, at: now)
        case (.ready, _): break
        }
    }

    private static func words(for fault: JSONRule.Fault) -> String {
        guard fault.code == "unknown_parameter" else { return "Request contains an invalid argument. \(fault.message)" }
        let parts = fault.parameter.split(separator: ".")
        let place = parts.dropLast().joined(separator: ".")
        return "Invalid JSON payload received. Unknown name \"\(parts.last ?? "")\" at '\(place)': Cannot find field."
    }

    private mutating func setUp(_ setup: JSONValue, at now: MonotonicInstant) {
        perform(core.takeFaults { $0 == .setup }, at: now)
        let model = setup["model"]?.string ?? ""
        guard model.hasPrefix("models/") else {
            return reject(
                "\(model) is not found for API version v1beta, or is not supported for bidiGenerateContent.",
                code: 1008,
                at: now
            )
        }
        if core.plan.has(.refusedSettings), setup["inputAudioTranscription"] != nil {
            // No violation: the client could not know.
            core.report(.fault(ModelBehaviour.refusedSettings.rawValue))
            let reason =
                "Invalid JSON payload received. Unknown name \"inputAudioTranscription\" at 'setup': Cannot find field."
            return core.close(code: 1007, reason: reason)
        }
        if let refusal = Self.refusal(of: setup, model: model) { return reject(refusal, at: now) }
        core.record.model = model
        core.record.configuration = setup.serializedText()
        let input = setup["realtimeInputConfig"]
        let detection = input?["automaticActivityDetection"]
        detectsActivity = detection?["disabled"]?.bool != true
        silence = detection?["silenceDurationMs"]?.int ?? 500
        interrupts = input?["activityHandling"]?.string != "NO_INTERRUPTION"
        awaitsHistory = setup["historyConfig"]?["initialHistoryInClientContent"]?.bool == true
        refusesTurns = model.contains("gemini-3.1-")
        writes = setup["generationConfig"]?["responseModalities"]?[0]?.string == "TEXT"
        transcribesInput = setup["inputAudioTranscription"] != nil
        transcribesOutput = setup["outputAudioTranscription"] != nil
        core.listen(to: core.record.inputFormat, silence: .milliseconds(silence))
        guard resume(setup["sessionResumption"], at: now) else { return }
        phase = .ready
        core.record.readyAt = now
        send(["setupComplete": [:]])
        core.report(.sessionReady)
        giveHandle()
        perform(core.takeFaults { $0 == .ready }, at: now)
    }

    /// Refuses settings that models of that name do not accept, although others do.
    private static func refusal(of setup: JSONValue, model: String) -> String? {
        let behaviors = (setup["tools"]?.array ?? []).flatMap { $0["functionDeclarations"]?.array ?? [] }
            .compactMap { $0["behavior"]?.string }
        if model.contains("extended-thinking") {
            if behaviors.contains("BLOCKING") {
                return "Function calling behavior BLOCKING is not supported for this model."
            }
            guard setup["generationConfig"]?["thinkingConfig"]?["thinkingLevel"] != nil else {
                return "generationConfig.thinkingConfig.thinkingLevel is required for this model."
            }
        }
        if model.contains("gemini-3.1-"), behaviors.contains("NON_BLOCKING") {
            return "Function calling behavior NON_BLOCKING is not supported for this model."
        }
        return refusalOfOptions(setup, model: model)
    }

    private static func refusalOfOptions(_ setup: JSONValue, model: String) -> String? {
        let generation = setup["generationConfig"]
        let isOld = model.contains("2.5-")
        if isOld, generation?["thinkingConfig"]?["thinkingLevel"] != nil {
            return "Thinking level is not supported for this model."
        }
        let isProactive = setup["proactivity"]?["proactiveAudio"]?.bool
        if model.contains("gemini-3.1-"), isProactive == true {
            return "Proactive audio is not supported for this model."
        }
        if model.contains("gemini-3.8-"), isProactive == false {
            return "Proactive audio cannot be disabled for this model."
        }
        if model.contains("gemini-3.1-"), generation?["enableAffectiveDialog"]?.bool == true {
            return "Affective dialog is not supported for this model."
        }
        let compression = setup["contextWindowCompression"]
        if let trigger = number(compression?["triggerTokens"]),
            let target = number(compression?["slidingWindow"]?["targetTokens"]), target >= trigger
        {
            return "contextWindowCompression.slidingWindow.targetTokens must be less than triggerTokens."
        }
        return nil
    }

    private static func number(_ value: JSONValue?) -> Int? { value?.int ?? value?.string.flatMap { Int($0) } }

    private mutating func resume(_ resumption: JSONValue?, at now: MonotonicInstant) -> Bool {
        givesHandles = resumption != nil
        guard let handle = resumption?["handle"]?.string, !handle.isEmpty else { return true }
        guard let place = handles.place(for: handle) else {
            reject("BidiGenerateContent session not found", code: 1008, at: now)
            return false
        }
        core.cursor = place.cursor
        owed = place.owed
        core.record.resumedHandle = handle
        return true
    }

    mutating func giveHandle() {
        guard givesHandles else { return }
        handleCount += 1
        let handle = "handle-\(core.record.session)-\(handleCount)"
        handles.store(.init(cursor: core.cursor, owed: owed), under: handle)
        send(["sessionResumptionUpdate": ["newHandle": .string(handle), "resumable": true]])
    }

    /// Stores what the model owes under the session's latest handle, for the session that resumes this one.
    func keepDebt() {
        guard givesHandles, handleCount > 0 else { return }
        let handle = "handle-\(core.record.session)-\(handleCount)"
        handles.store(.init(cursor: core.cursor, owed: owed), under: handle)
    }

    /// Sets the ear to the declared sample rate.
    mutating func listen(at rate: Int) {
        guard core.record.inputFormat.sampleRate != rate else { return }
        core.record.inputFormat = AudioFormat(encoding: .pcm16, sampleRate: rate)
        core.listen(to: core.record.inputFormat, silence: .milliseconds(silence))
    }
}
