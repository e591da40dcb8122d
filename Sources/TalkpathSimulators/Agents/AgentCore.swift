internal import TalkpathAudio
internal import TalkpathWire

/// The parts that both fake models share: the record, the outputs, faults and pauses.
struct AgentCore: Sendable {
    let script: AgentScript
    let keepsAudio: Bool
    var record: AgentRecord
    var cursor: ScriptCursor
    var plan: HabitPlan
    private(set) var turnDetector: InputTurnDetector
    private var callerWords: CallerWords?
    /// True if the model has fallen silent for good.
    private(set) var isMute = false
    /// True if the socket is being closed.
    private(set) var isOver = false
    private(set) var pausedUntil: MonotonicInstant?
    /// The beginning of a sound that may prove too short for a turn, in milliseconds of input.
    private var soundStart: Int?
    private var held: [(message: [UInt8], isText: Bool)] = []
    private var faults: [AgentFault]
    private var outputs: [AgentOutput] = []
    private var counter = 0

    init(
        script: AgentScript,
        faults: [AgentFault],
        behaviours: Set<ModelBehaviour>,
        keepsAudio: Bool,
        record: AgentRecord
    ) {
        self.script = script
        self.keepsAudio = keepsAudio
        self.record = record
        self.faults = faults.filter { $0.concerns(session: record.session) }
        cursor = ScriptCursor(script)
        plan = HabitPlan(behaviours)
        turnDetector = InputTurnDetector(format: record.inputFormat, silence: .milliseconds(500))
        listen(to: record.inputFormat, silence: .milliseconds(500))
    }

    mutating func takeOutputs() -> [AgentOutput] {
        defer { outputs.removeAll(keepingCapacity: true) }
        return outputs
    }

    /// Makes an identifier that is unique in the session.
    mutating func identifier(_ prefix: String) -> String {
        counter += 1
        let digits = String(counter, radix: 36, uppercase: true)
        return "\(prefix)_\(record.session)x" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }

    mutating func send(_ message: [UInt8], binary: Bool) {
        guard !isMute, !isOver else { return }
        outputs.append(.send(message, binary: binary))
    }

    mutating func report(_ kind: SimulatorEvent.Kind) {
        outputs.append(.event(kind))
    }

    mutating func violate(_ detail: String, at now: MonotonicInstant) {
        record.violations.append(.init(instant: now, detail: detail))
        report(.violation(detail))
    }

    mutating func close(code: Int, reason: String) {
        guard !isOver else { return }
        outputs.append(.close(code: code, reason: reason))
        isOver = true
    }

    // MARK: Audio

    /// Listens anew: in another format, or with another silence that ends a turn.
    mutating func listen(to format: AudioFormat, silence: Duration) {
        turnDetector = InputTurnDetector(format: format, silence: silence)
        callerWords = script.repeatsCaller ? CallerWords(format: format) : nil
    }

    /// Records the audio and lets the ear hear it.
    mutating func hear(_ audio: [UInt8], at now: MonotonicInstant, _ report: (InputTurnDetector.Turn) -> Void) {
        if keepsAudio { record.audioReceived.append(contentsOf: audio) }
        var turns: [InputTurnDetector.Turn] = []
        turnDetector.hear(audio) { turns.append($0) }
        if plan.has(.ignoredNoise) { turns = withoutNoise(turns) }
        callerWords?.hear(audio)
        for turn in turns {
            callerWords?.note(turn)
            report(turn)
        }
        record.arrivals.append(.init(instant: now, cumulativeMilliseconds: turnDetector.receivedMilliseconds))
    }

    /// The next thing to say; nil for nothing.
    mutating func nextTurn(_ trigger: AgentScript.Turn.Trigger) -> AgentScript.Turn? {
        if let turn = cursor.next(trigger) { return turn }
        guard trigger == .callerTurn, let words = callerWords?.lastTurn, !words.isEmpty else { return nil }
        return AgentScript.Turn(.callerTurn, audio: words, transcript: "(your words)")
    }

    /// The thing to say when asked to speak outside the script, as a model would: what it said first, in other words.
    /// Nil for a script in which the agent never speaks.
    func unscriptedTurn(_ trigger: AgentScript.Turn.Trigger) -> AgentScript.Turn? {
        guard let spoken = script.turns.first(where: { !$0.audio.isEmpty }) else { return nil }
        return AgentScript.Turn(trigger, audio: spoken.audio, transcript: "(words outside the script)")
    }

    /// Returns the caller's turns, without sounds that are too short.
    private mutating func withoutNoise(_ turns: [InputTurnDetector.Turn]) -> [InputTurnDetector.Turn] {
        var meant: [InputTurnDetector.Turn] = []
        for turn in turns {
            switch turn {
            case .started(let milliseconds): soundStart = milliseconds
            case .ended(let milliseconds):
                if let start = soundStart, milliseconds - start >= Self.shortestTurn {
                    meant.append(.started(milliseconds: start))
                    soundStart = nil
                }
                if soundStart == nil {
                    meant.append(turn)
                } else {
                    report(.fault(ModelBehaviour.ignoredNoise.rawValue))
                }
                soundStart = nil
            }
        }
        // A sound that goes on counts once it is longer than the shortest turn. The hangover is added, because silence
        // after the sound also lengthens it.
        if let start = soundStart,
            turnDetector.receivedMilliseconds - start >= Self.shortestTurn + turnDetector.hangover
        {
            soundStart = nil
            meant.append(.started(milliseconds: start))
        }
        return meant
    }

    private static let shortestTurn = 700

    /// Returns the behaviour for the answer that is about to begin, and reports it on the timeline.
    mutating func nextBehaviour() -> ModelBehaviour? {
        let behaviour = plan.nextAnswer()
        if let behaviour { report(.fault(behaviour.rawValue)) }
        return behaviour
    }

    /// Notes a piece of audio that is being sent.
    mutating func noteSent(_ audio: [UInt8], ofItem item: Int, at now: MonotonicInstant) {
        if keepsAudio { record.items[item].audio.append(contentsOf: audio) }
        record.items[item].producedBytes += audio.count
        let milliseconds = record.items[item].producedBytes / record.outputFormat.bytesPerMillisecond
        record.items[item].sent.append(.init(instant: now, cumulativeMilliseconds: milliseconds))
    }

    /// Corrects the times of the audio made since `began`, which left only now. The delay was the simulator's own, from
    /// putting the audio into messages.
    mutating func noteFlushed(since began: MonotonicInstant, at now: MonotonicInstant) {
        guard let item = record.items.indices.last else { return }
        for index in record.items[item].sent.indices.reversed() {
            guard record.items[item].sent[index].instant >= began else { return }
            record.items[item].sent[index].instant = now
        }
    }

    func producedMilliseconds(ofItem item: Int) -> Int {
        record.items[item].producedBytes / record.outputFormat.bytesPerMillisecond
    }

    // MARK: Pauses

    /// Keeps a message during a pause.
    /// - Returns: true if it was kept.
    mutating func holds(_ message: RawSpan, isText: Bool) -> Bool {
        guard pausedUntil != nil else { return false }
        held.append((message.withUnsafeBytes { Array($0) }, isText))
        return true
    }

    /// Ends the pause if its time is over.
    /// - Returns: the messages that arrived during it.
    mutating func resume(at now: MonotonicInstant) -> [(message: [UInt8], isText: Bool)] {
        guard let end = pausedUntil, end <= now else { return [] }
        pausedUntil = nil
        defer { held = [] }
        return held
    }

    // MARK: Faults

    /// The time when the next fault with an elapsed time is due.
    func nextElapsedFault() -> MonotonicInstant? {
        faults.compactMap { fault in
            if case .elapsed(let after) = fault.moment { record.openedAt + after } else { nil }
        }.min()
    }

    /// The length of audio after which the numbered answer meets a fault; `nil` if it meets none.
    func faultPlace(inAnswer answer: Int) -> Duration? {
        faults.compactMap { fault in
            if case .answer(answer, let after) = fault.moment { after } else { nil }
        }.min()
    }

    /// Returns the faults that are due, and removes them: each happens once.
    mutating func takeFaults(_ isDue: (AgentFault.Moment) -> Bool) -> [AgentFault.Action] {
        let due = faults.filter { isDue($0.moment) }
        faults.removeAll { isDue($0.moment) }
        return due.map(\.action)
    }

    /// Performs an action that is the same for both models.
    /// - Returns: `false` for an action that the model must carry out itself.
    mutating func perform(_ action: AgentFault.Action, at now: MonotonicInstant) -> Bool {
        report(.fault("\(action)"))
        switch action {
        case .fallSilent: isMute = true
        case .pause(let duration): pausedUntil = now + duration
        case .close(let code, let reason): close(code: code, reason: reason)
        case .vanish:
            outputs.append(.vanish)
            isOver = true
        case .endStream:
            outputs.append(.endStream)
            isOver = true
        case .refuse, .error, .goAway: return false
        }
        return true
    }
}

/// Changes the sample rate by linear interpolation. Good enough for an echo, and cheap.
struct LinearRateChanger: Sendable {
    private let step: Double
    private var place = 0.0
    private var last: Int16 = 0

    init(from: Int, to: Int) {
        step = Double(from) / Double(to)
    }

    mutating func process(_ samples: [Int16]) -> [Int16] {
        guard step != 1 else { return samples }
        var result: [Int16] = []
        result.reserveCapacity(Int(Double(samples.count) / step) + 1)
        // `place` counts from the last sample of the previous piece.
        while place < Double(samples.count) {
            let index = Int(place)
            let left = index == 0 ? last : samples[index - 1]
            let fraction = place - Double(index)
            result.append(Int16((Double(left) + (Double(samples[index]) - Double(left)) * fraction).rounded()))
            place += step
        }
        place -= Double(samples.count)
        last = samples.last ?? last
        return result
    }
}
