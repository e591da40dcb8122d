#if os(Linux)
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

// Inside the types, this name means their own method.
private let closeDescriptor = close

/// A fleet of callers and the model that echoes them, on one thread.
///
/// ```swift
/// let model = try LoadModelPort(port: 0)              // the port to configure the server with
/// let run = try LoadRun(plan, model: model)
/// try run.open(calls: 100)
/// let figures = try run.measure(seconds: 10)
/// run.close()
/// ```
///
/// Every caller sends 20 ms of its own voice every 20 ms on absolute deadlines. The callers are spread over those 20 ms
/// in steps of one. Calls are opened one after another, each when the model of the one before is ready: that shows
/// which caller a model's socket belongs to. For one thread, and for Linux only.
package final class LoadRun {
    package struct Plan: Sendable {
        package var target: LoadTarget
        package var shape: LoadShape
        /// From a call's first packet until its model is ready, in nanoseconds.
        package var setUpTimeout: Int64 = 10_000_000_000

        package init(target: LoadTarget, shape: LoadShape) {
            self.target = target
            self.shape = shape
        }
    }

    /// The number of open calls.
    package var callCount: Int { callers.count }
    /// The delay that the filters add to a returning voice, in samples at the telephone's rate.
    package private(set) var delay = 0.0
    private var knowsDelay = false

    private let plan: Plan
    private let listener: LoadModelPort
    private let poll: EventPoll
    private var callers: [LoadCaller] = []
    /// By number.
    private var models: [Int: LoadModel] = [:]
    /// The caller that waits for its model.
    private var expecting: LoadCaller?
    private let table: [Float]

    private var beatsSince: Int64 = 0
    private var beats = 0
    private var lost: [String] = []
    private var isMeasuring = false
    private var up = LoadSamples()
    private var down = LoadSamples()
    private var roundTrip = LoadSamples()
    private var lateness = LoadSamples()
    /// The first caller's voice as it comes back, until the filters' delay is known.
    private var rehearsal: [Float]?

    private static let beat: Int64 = 1_000_000
    private static let slots = 20
    private static let listenerToken = 0
    private static let modelTokens = 1 << 20
    private static let rehearsalName = 1 << 30

    package init(_ plan: Plan, model: LoadModelPort) throws(LoadError) {
        self.plan = plan
        listener = model
        poll = try EventPoll()
        table = LoadVoice.decodingTable
        poll.add(model.descriptor, token: Self.listenerToken)
        beatsSince = LoadClock.now
        poll.beat(from: beatsSince + Self.beat, every: Self.beat)
    }

    // MARK: Steps

    /// Opens more calls.
    /// - Parameter progress: receives the number of open calls.
    package func open(calls: Int, progress: (Int) -> Void = { _ in }) throws(LoadError) {
        if !knowsDelay { try rehearse() }
        let first = callers.count
        for number in first..<first + calls {
            try openOne(number)
            progress(number + 1)
        }
    }

    /// Lets the calls go on, without measuring.
    package func warmUp(seconds: Double) throws(LoadError) {
        try turn(until: LoadClock.now + Int64(seconds * 1e9)) { false }
        try failIfLost()
    }

    /// Measures for that time. Ends early, without an error, if all calls are gone.
    ///
    /// - Parameters:
    ///   - window: called when the measured time begins and when it ends.
    ///   - progress: called about every second, with the elapsed seconds and the longest round trip so far, in
    ///     milliseconds.
    package func measure(
        seconds: Double,
        window: (Bool) -> Void = { _ in },
        progress: (Double, Double) -> Void = { _, _ in }
    ) throws(LoadError) -> LoadMetrics {
        let expected = Int(seconds * 50 + 50) * max(1, callers.count)
        for keyPath in [\LoadRun.up, \.down, \.roundTrip, \.lateness] {
            self[keyPath: keyPath].removeAll()
            self[keyPath: keyPath].reserve(expected)
        }
        for caller in callers { caller.beginJudging() }
        lost = []
        isMeasuring = true
        window(true)
        let (begin, worked) = (LoadClock.now, LoadClock.ofThisThread)
        let end = begin + Int64(seconds * 1e9)
        while LoadClock.now < end {
            try turn(until: min(end, LoadClock.now + 1_000_000_000)) { false }
            progress(Double(LoadClock.now - begin) / 1e9, roundTrip.longest)
        }
        isMeasuring = false
        let (took, work) = (LoadClock.now - begin, LoadClock.ofThisThread - worked)
        window(false)
        for caller in callers { caller.endJudging() }
        try drain()
        return metrics(seconds: Double(took) / 1e9, share: Double(work) / Double(took))
    }

    /// Keeps the calls open until `isDone` returns `true`, so that something else can be measured beside them.
    package func hold(until isDone: () -> Bool) throws(LoadError) {
        try turn(until: .max, isDone)
        try failIfLost()
    }

    /// Hangs up all calls, and closes everything.
    package func close() {
        for caller in callers {
            caller.hangUp()
        }
        try? turn(until: LoadClock.now + 1_000_000_000) { [unowned self] in
            callers.allSatisfy { $0.socket.state == .closed } && models.isEmpty
        }
        for caller in callers { caller.socket.end("done") }
        for model in models.values { model.socket.end("done") }
        callers = []
        models = [:]
    }

    // MARK: Opening

    private func openOne(_ number: Int, name: Int? = nil) throws(LoadError) {
        let reference = CallCode(call: number).samples(delayedBy: delay)
        let caller = LoadCaller(
            number: number,
            name: name ?? number,
            socket: try plan.target.connect(),
            reference: reference
        )
        poll.add(caller.socket.descriptor, token: 1 + callers.count)
        callers.append(caller)
        expecting = caller
        caller.open(plan.target)
        try turn(until: LoadClock.now + plan.setUpTimeout) { caller.progress == .speaking || !self.lost.isEmpty }
        try failIfLost()
        guard caller.progress == .speaking else {
            let place =
                caller.socket.state == .handshaking
                ? "its media socket was not opened" : "no model's socket came, or none was set up"
            throw LoadError(.notReady, "call \(number + 1) did not come up: \(place)")
        }
    }

    private func failIfLost() throws(LoadError) {
        if let first = lost.first { throw LoadError(.lost, first) }
    }

    /// Listens to one caller for a second, to learn the filters' effect on a voice. That caller is not measured: it
    /// sends nothing while this thread computes, so its audio has a gap.
    private func rehearse() throws(LoadError) {
        rehearsal = []
        try openOne(0, name: Self.rehearsalName)
        let skipped = 20
        let wanted = (skipped + CallCode.framesPerPeriod) * CallCode.frameSamples
        try turn(until: LoadClock.now + 5_000_000_000) { (self.rehearsal?.count ?? 0) >= wanted || !self.lost.isEmpty }
        try failIfLost()
        let heard = rehearsal ?? []
        rehearsal = nil
        guard heard.count >= wanted else {
            throw LoadError(
                .notReady,
                "the first caller does not hear its own voice: does the model beside us serve it?"
            )
        }
        // Start at a multiple of the period, as `delay(of:)` requires.
        var second = [Float](repeating: 0, count: CallCode.period)
        let from = skipped * CallCode.frameSamples
        for index in from..<from + CallCode.period { second[index % CallCode.period] = heard[index] }
        guard let delay = CallCode(call: 0).delay(of: second) else {
            throw LoadError(.notReady, "the first caller does not hear its own voice come back")
        }
        self.delay = delay
        knowsDelay = true
        let caller = callers[0]
        caller.hangUp()
        try turn(until: LoadClock.now + 1_000_000_000) { caller.socket.state == .closed && self.models.isEmpty }
        caller.socket.end("done")
        callers = []
    }

    // MARK: The loop

    private func turn(until end: Int64, _ isDone: () -> Bool) throws(LoadError) {
        var failure: LoadError?
        while failure == nil, !isDone(), LoadClock.now < end {
            poll.wait { ready in
                guard failure == nil else { return }
                do throws(LoadError) {
                    try handle(ready)
                } catch {
                    failure = error
                }
            }
            beat()
        }
        if let failure { throw failure }
    }

    private func handle(_ ready: EventPoll.Ready) throws(LoadError) {
        if ready.token == Self.listenerToken {
            acceptModels()
        } else if ready.token >= Self.modelTokens {
            try serve(ready)
        } else if callers.indices.contains(ready.token - 1) {
            try hear(callers[ready.token - 1], ready)
        }
    }

    private func acceptModels() {
        while true {
            let descriptor = accept(listener.descriptor, nil, nil)
            guard descriptor >= 0 else { return }
            let number = listener.takeNumber()
            let model = LoadModel(LoadSocket(descriptor, role: .server), shape: plan.shape, number: number)
            models[number] = model
            if let caller = expecting {
                model.caller = caller
                expecting = nil
            }
            poll.add(descriptor, token: Self.modelTokens + number)
        }
    }

    private func serve(_ ready: EventPoll.Ready) throws(LoadError) {
        guard let model = models[ready.token - Self.modelTokens] else { return }
        if ready.canRead { model.socket.fill() }
        model.readHandshake()
        let caller = model.caller
        let wasReady = model.isReady
        model.receive { frame in
            guard let caller else { return }
            let now = LoadClock.now
            caller.echoedAt[frame] = now
            if isMeasuring { up.record(nanoseconds: now - caller.sentAt[frame]) }
        }
        if model.isReady, !wasReady { listener.noteReady() }
        if model.isReady, !wasReady, let caller, caller.progress == .waiting { caller.progress = .speaking }
        settle(model.socket, ready)
        if model.socket.state == .closed {
            models[ready.token - Self.modelTokens] = nil
            if let caller, caller.progress != .gone { lost.append("the server closed a model's socket") }
        }
    }

    private func hear(_ caller: LoadCaller, _ ready: EventPoll.Ready) throws(LoadError) {
        if ready.canRead { caller.socket.fill() }
        try caller.readHandshake()
        let now = LoadClock.now
        caller.receive(at: now, table: table, rehearsal: &rehearsal) { frame in
            guard isMeasuring else { return }
            // After lost audio, a frame is older than its number, by the number of lost frames.
            let sent =
                frame
                + (caller.listener.shift < CallCode.period / 2 ? caller.listener.shift / CallCode.frameSamples : 0)
            guard sent < caller.framesSent else { return }
            roundTrip.record(nanoseconds: now - caller.sentAt[sent])
            down.record(nanoseconds: now - caller.echoedAt[sent])
        }
        settle(caller.socket, ready)
        if caller.socket.state == .closed, caller.progress != .gone {
            lost.append("the server closed the media socket of call \(caller.number + 1): \(caller.socket.ending)")
            caller.progress = .gone
        }
    }

    private func settle(_ socket: LoadSocket, _ ready: EventPoll.Ready) {
        let wasBlocked = socket.isBlocked
        if ready.canWrite { socket.flush() }
        guard socket.state != .closed, wasBlocked || socket.isBlocked else { return }
        poll.awaitRoom(socket.descriptor, token: ready.token, socket.isBlocked)
    }

    /// Sends the frames that are due. A late wake-up sends for all milliseconds that it missed.
    private func beat() {
        let now = LoadClock.now
        while beatsSince + Int64(beats + 1) * Self.beat <= now {
            beats += 1
            let due = beatsSince + Int64(beats) * Self.beat
            var index = beats % Self.slots
            while index < callers.count {
                let caller = callers[index]
                if caller.progress == .speaking {
                    let sent = LoadClock.now
                    caller.speak(at: sent)
                    if isMeasuring { lateness.record(nanoseconds: sent - due) }
                }
                index += Self.slots
            }
        }
    }

    // MARK: Results

    /// Stops sending, and waits up to two seconds for the audio that is still on its way.
    private func drain() throws(LoadError) {
        for caller in callers where caller.progress == .speaking { caller.progress = .waiting }
        let wanted = callers.filter { $0.progress == .waiting }
        try turn(until: LoadClock.now + 2_000_000_000) {
            wanted.allSatisfy { $0.bytesHeard >= $0.framesSent * CallCode.frameSamples }
        }
    }

    private func metrics(seconds: Double, share: Double) -> LoadMetrics {
        let findings = callers.map(\.listener.findings)
        // Audio that had not come back at the end counts as lost.
        let missing = callers.map { max(0, $0.framesSent * CallCode.frameSamples - $0.bytesHeard) }
        let lostSamples = zip(findings, missing).reduce(0) { $0 + max($1.0.lostSamples, $1.1) }
        let filter = delay < 400 ? delay / 8 : 0
        return LoadMetrics(
            calls: callers.count,
            seconds: seconds,
            frames: findings.reduce(0) { $0 + $1.frames },
            up: up.spread(),
            down: down.spread(),
            roundTrip: roundTrip.spread()?.shifted(by: filter),
            filterMilliseconds: filter,
            lostMilliseconds: Double(lostSamples) / 8,
            repeatedMilliseconds: Double(findings.reduce(0) { $0 + $1.repeatedSamples }) / 8,
            damagedFrames: findings.reduce(0) { $0 + $1.damagedFrames },
            foreignFrames: LoadVoice.foreignFrames(in: findings.map(\.evidence), delay: delay),
            lostCalls: lost.count,
            fleetShare: share,
            fleetLateness: lateness.spread()
        )
    }
}

/// The port of the echoing model.
package final class LoadModelPort: @unchecked Sendable {
    // Unchecked because of `number`, which only the thread of the one run with this port uses.

    package let port: Int
    let descriptor: Int32
    private var number = 0
    private let ready = Atomic(0)

    /// The number of sessions set up so far. From any thread.
    package var sessionsReady: Int { ready.load(ordering: .relaxed) }

    /// - Parameter port: 0 chooses a free one.
    package init(port: Int = 0) throws(LoadError) {
        (descriptor, self.port) = try LoadTarget.listen(port: port)
    }

    deinit { _ = closeDescriptor(descriptor) }

    func noteReady() { ready.add(1, ordering: .relaxed) }

    func takeNumber() -> Int {
        number += 1
        return number
    }
}
#endif
