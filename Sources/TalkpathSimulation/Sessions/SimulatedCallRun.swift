import Logging
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// The origin of a call.
enum SimulatedCallKind: CaseIterable {
    /// Placed by us.
    case outbound
    /// Announced by the carrier.
    case inbound
    /// A media socket without an announcement and without a carrier behind it.
    case open
    /// Rings of an embedder's own audio thread.
    case ring
}

/// One call from its start until nothing of it is left.
final class SimulatedCallRun: @unchecked Sendable {
    // Unchecked: everything runs on the scheduler's one thread.
    let world: SimulatedWorld
    let scheduler: SimulationScheduler
    let kind: SimulatedCallKind
    let limits: CallLimits
    let tickInterval: Duration
    /// All lanes. The call's is the one that the timers run on; the other one has no calls.
    let front: CallManager
    /// The call's lane.
    let manager: CallLane
    let connector: SimulatedConnector
    /// The receipts that the askers got.
    var receipts: [EndReceipt] = []
    /// The number of askers that still wait.
    var asked = 0
    let ring = SimulatedAudioThread()
    /// True if no party ends the call early, so that slow timers fire.
    let isPatient: Bool
    /// True if the task of `run()` is cancelled: the server stops without waiting.
    let isAbandoned: Bool
    private let talkers: Int
    private let seed: UInt64
    var hasReturned = false
    var hasShutDown = false

    init(_ call: SimulatedCall, coverage: CoverageCounter?) {
        let world = SimulatedWorld(seed: call.seed, coverage: coverage)
        self.world = world
        seed = call.seed
        scheduler = world.scheduler
        let isUnlucky = scheduler.chance(12)
        isAbandoned = call.isAbandoned ?? isUnlucky
        world.isTracing = call.isTraced
        world.isGivenUp = isAbandoned
        world.isAbandoned = isAbandoned
        world.carrier = SimulatedCarrier(world)
        world.store = SimulatedStore(world)
        connector = SimulatedConnector(world)
        let anyKind = scheduler.pick(SimulatedCallKind.allCases + [.outbound, .inbound, .outbound, .inbound])
        kind = world.theme.kind ?? anyKind
        tickInterval = scheduler.pick([.milliseconds(20), .milliseconds(50), .milliseconds(100)])
        isPatient = scheduler.chance(world.theme.patience)
        let fewTalkers = scheduler.number(below: 5) + (world.theme.isAboutTransfers ? 2 : 0)
        talkers = call.talkers ?? fewTalkers
        limits = Self.limits(scheduler, world.theme, isPatient: isPatient)
        let hasCarrier = kind == .outbound || kind == .inbound
        let ports = CallSession.Ports(
            carrier: hasCarrier ? world.carrier : nil,
            connector: connector,
            store: world.store,
            events: world,
            tools: scheduler.chance(80) ? SimulatedTools(world) : nil,
            clock: scheduler,
            logger: Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() },
            observer: world,
            captures: call.captures
        )
        let own = scheduler.number(below: 2)
        front = CallManager(
            lanes: own == 0 ? [scheduler.lane, scheduler.otherLane] : [scheduler.otherLane, scheduler.lane],
            identifiers: world
        ) { _ in ports }
        manager = front.lanes[own]
    }

    private static func limits(
        _ scheduler: SimulationScheduler,
        _ theme: SimulationTheme,
        isPatient: Bool
    ) -> CallLimits {
        var limits = CallLimits()
        limits.maxDuration = isPatient ? scheduler.milliseconds(15_000...60_000) : scheduler.milliseconds(500...9000)
        limits.queueTimeout = scheduler.milliseconds(500...(scheduler.chance(20) ? 3000 : 20_000))
        limits.ringTimeout = scheduler.milliseconds(500...4000)
        limits.mediaTimeout = scheduler.milliseconds(300...3000)
        limits.agentSetupTimeout = scheduler.milliseconds(300...scheduler.pick([1000, 8000]))
        limits.goodbye = scheduler.milliseconds(0...(scheduler.chance(10) ? 9000 : 300))
        limits.drainTimeout = scheduler.milliseconds(100...3000)
        limits.idleTimeout = scheduler.chance(20) ? scheduler.milliseconds(500...9000) : nil
        limits.idlePrompt = scheduler.chance(50) ? IdlePrompt("ask", times: 1, patience: .seconds(1)) : nil
        limits.silenceTimeout = scheduler.chance(20) ? scheduler.milliseconds(500...9000) : nil
        limits.agentSilenceTimeout = scheduler.chance(40) ? scheduler.milliseconds(300...9000) : nil
        limits.machineDetection = scheduler.pick([.off, .enable])
        if theme == .longRinging {
            limits.agentSetupTimeout = scheduler.milliseconds(1000...9000)
            limits.agentAttempts = 20
        } else if theme == .silentAgent {
            limits.agentSilenceTimeout = scheduler.milliseconds(300...1500)
        } else if theme == .lostAgent {
            limits.agentAttempts = 1
        }
        limits.loopGuard = scheduler.chance(30) ? LoopGuardPolicy(endScore: 0.6, minimumTurns: 3) : LoopGuardPolicy()
        return limits
    }

    // MARK: Course

    func play() {
        scheduler.after(.zero) { [self] in
            begin()
            tick()
        }
        scheduler.after(scheduler.chance(20) ? scheduler.milliseconds(0...600) : .zero) { [self] in
            let life = spawn { [self] in
                await front.run()
                hasReturned = true
                world.note("run returned")
            }
            if isAbandoned { abandon(life) }
        }
        if scheduler.chance(8) { hurry() }
        for _ in 0..<(1 + scheduler.number(below: 8)) {
            let latest = isPatient ? 60_000 : scheduler.chance(30) ? 500 : 6000
            scheduler.after(scheduler.milliseconds(0...latest)) { [self] in endSomehow() }
        }
        for _ in 0..<talkers {
            let latest = world.theme.isAboutTransfers ? 4000 : isPatient ? 30_000 : 6000
            scheduler.after(scheduler.milliseconds(0...latest)) { [self] in talkSomehow() }
        }
        scheduler.run(atMost: Self.stepLimit)
        judge()
    }

    /// The process is leaving: at any moment, or in the middle of the end.
    private func hurry() {
        let leave: () -> Void = { [world, scheduler] in
            guard let session = world.session else { return }
            let bound = scheduler.milliseconds(100...2000)
            if world.hurryEnds == nil { world.hurryEnds = scheduler.now + bound }
            world.note("hurry within \(bound)")
            let wasLive = session.assumeIsolated { $0.state.life } == .live
            session.assumeIsolated { $0.hurry(within: bound) }
            if wasLive { world.expectedReason = .shutdown }
            world.watchEnd()
        }
        if scheduler.chance(60) {
            scheduler.after(scheduler.milliseconds(0...6000), leave)
        } else {
            let onEnd = world.onEnd
            world.onEnd = { [scheduler] in
                onEnd()
                scheduler.after(scheduler.milliseconds(0...scheduler.pick([10, 300, 6000])), leave)
            }
        }
    }

    /// Cancels the task of `run()`, at any moment or in the middle of the end.
    private func abandon(_ life: Task<Void, Never>) {
        let cancel: () -> Void = { [world, scheduler] in
            world.abandonedAt = world.abandonedAt ?? scheduler.now
            life.cancel()
        }
        if scheduler.chance(50) {
            scheduler.after(scheduler.milliseconds(0...6000), cancel)
        } else {
            world.onEnd = { [scheduler] in
                scheduler.after(scheduler.milliseconds(0...scheduler.pick([10, 300, 6000])), cancel)
            }
            scheduler.after(.seconds(70), cancel)
        }
    }

    func dismantle() {
        connector.forget()
        ring.call = nil
        world.dismantle()
    }

    static let stepLimit = 1_000_000

    /// Starts a task in the pool.
    @discardableResult
    func spawn(_ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        Task(executorPreference: scheduler.pool) { await body() }
    }

    private func begin() {
        var agent = AgentProfile(
            provider: scheduler.chance(65) ? .openai : .gemini,
            model: "m",
            apiKey: "k",
            format: scheduler.pick([.pcm, .pcmu]),
            firstMessage: scheduler.chance(50) ? "hello" : nil,
            connectPolicy: world.theme == .longRinging ? .onRinging : scheduler.pick([.onRinging, .onAnswer])
        )
        if scheduler.chance(50) { agent.transferTargets = [TransferTarget(name: "sales", number: "+15550100125")] }
        // The end comes when it is requested; the simulated conversations cover callers who keep the call.
        agent.callerMayKeepCall = false
        agent.bargeIn = scheduler.pick([.model, .model, .both])
        if scheduler.chance(30) {
            let age = scheduler.milliseconds(300...4000)
            agent.renewal = AgentRenewal(quietAfter: age, atLatest: age + scheduler.milliseconds(0...3000))
        }
        agent.failover = failover(of: agent)
        if world.theme == .lostAgent || scheduler.chance(20) {
            agent.fallback = AgentFallback(
                clip: scheduler.chance(50) ? Self.silence : nil,
                words: scheduler.chance(50) ? "sorry" : nil,
                transferTo: scheduler.chance(50) ? "+15550100124" : nil
            )
        }
        let carrier: SimulatedCarrier = world.carrier
        carrier.report = { [self] progress, id in
            manager.assumeIsolated {
                $0.carrierProgressed(progress, carrierCallID: id, call: world.session?.id)
            }
        }
        carrier.reportMore = { [self] report, id in
            manager.assumeIsolated { _ = $0.carrierReported(report, carrierCallID: id, call: world.session?.id) }
        }
        carrier.tellTransfer = { [self] news, transfer in
            guard let call = world.session?.id else { return .hangUp }
            let name = SimulatedCarrier.callID
            return manager.assumeIsolated {
                $0.transferTold(news, transfer: transfer, carrierCallID: name, call: call)
            }
        }
        carrier.onAnswer = { [self] in attachMedia() }
        carrier.onReturn = { [self] in
            attachMedia(isReturn: true)
            endAfterReturn()
        }
        carrier.onOver = { [self] in world.media?.goodbye() }
        manager.assumeIsolated { start(agent, $0) }
        if kind == .inbound {
            carrier.ring()
            if scheduler.chance(90) { scheduler.after(scheduler.milliseconds(0...800)) { carrier.answer() } }
        } else if kind == .open {
            attachMedia()
        }
        caller()
    }

    /// In every third call, one to three agents that take over.
    ///
    /// The seed decides by a source of its own: the rest of the call is that of a call without them until one is needed.
    /// GPT-Live is not among them: its model falls silent by itself, on a continuous track, which the model of these calls
    /// does not play.
    private func failover(of agent: AgentProfile) -> [AgentProfile] {
        let providers: [AgentProvider] = [.openai, .gemini, .socket]
        var random = SplitMix64(seed: seed ^ 0xFA11_07E4)
        guard random.next() % 3 == 0 else { return [] }
        return (0...random.next() % 3).map { place in
            let provider = providers[Int(random.next() % UInt64(providers.count))]
            var next = agent
            next.provider = provider
            next.model = "next \(place)"
            next.format = provider == .gemini || random.next() % 2 == 0 ? .pcm : .pcmu
            next.baseURL = provider == .socket ? "wss://agent.test" : nil
            if random.next() % 2 == 0 { next.renewal = nil }
            return next
        }
    }

    private func start(_ agent: AgentProfile, _ manager: isolated CallLane) {
        switch kind {
        case .outbound:
            let call = OutboundCall(from: "a", to: "b", agent: agent, limits: limits)
            world.session = try? manager.session(manager.place(call).id)
        case .inbound, .open:
            let call = InboundCall(
                from: "a",
                to: "b",
                carrierCallID: kind == .open ? nil : SimulatedCarrier.callID,
                agent: agent,
                limits: limits
            )
            world.session = try? manager.session(manager.accept(call))
            // A carrier repeats a webhook if it did not receive the answer.
            if kind == .inbound, scheduler.chance(10), (try? manager.accept(call)) != world.session?.id {
                world.violation("a repeated webhook began another call")
            }
        case .ring:
            guard let call = try? manager.startRingCall(agent: agent, limits: limits) else { return }
            world.session = call.session
            ring.call = consume call
        }
    }

    /// Answers the carrier with a token; the carrier opens its socket after a random delay.
    ///
    /// - Parameter isReturn: the caller is back from a transfer. The call often ends before its next stream begins.
    private func attachMedia(isReturn: Bool = false) {
        guard let call = world.session?.id else { return }
        guard !scheduler.chance(isReturn ? (world.theme == .lastWords ? 50 : 25) : 5) else {
            // The carrier says that its stream has begun, and the stream does not reach us.
            if kind != .open { world.carrier.streamBegan() }
            return
        }
        guard let token = manager.assumeIsolated({ $0.makeStreamToken(for: call) }) else { return }
        if scheduler.chance(3), manager.assumeIsolated({ $0.makeStreamToken(for: call) }) != token {
            world.violation("a repeated webhook got another token")
        }
        scheduler.after(scheduler.milliseconds(0...(scheduler.chance(10) ? 4000 : 200))) { [self] in
            guard kind == .open || world.carrier.isUp else { return }
            if scheduler.chance(3), SimulatedMediaSocket.attach("another", of: manager, in: world) != nil {
                world.violation("a socket with a token that was never given was taken")
            }
            if scheduler.chance(3) { spendForAnotherCall(token) }
            guard let socket = SimulatedMediaSocket.attach(token, of: manager, in: world) else { return }
            if kind != .open { streamBegan() }
            let name = SimulatedCarrier.callID
            if scheduler.chance(3),
                manager.assumeIsolated({ try? $0.spendStreamToken(token, carrierCallID: name) }) != nil
            {
                world.violation("a token was good for two sockets")
            }
            if scheduler.chance(3), manager.assumeIsolated({ $0.makeStreamToken(for: call) }) != nil {
                world.violation("a call that has had its media got another token")
            }
            if scheduler.chance(10) {
                scheduler.after(scheduler.milliseconds(0...4000)) { socket.vanish() }
            }
        }
    }

    private func streamBegan() {
        let carrier: SimulatedCarrier = world.carrier
        carrier.streamBegan()
        if scheduler.chance(4) { scheduler.after(scheduler.milliseconds(0...4000)) { carrier.breakStream() } }
    }

    /// A socket that presents another call's ID must be refused, and must not spend the token.
    private func spendForAnotherCall(_ token: String) {
        guard let session = world.session, session.assumeIsolated({ $0.carrierCallID }) != nil else { return }
        if manager.assumeIsolated({ try? $0.spendStreamToken(token, carrierCallID: "CA99") }) != nil {
            world.violation("a socket with another call's name was taken")
        }
    }

    /// The caller speaks now and then.
    private func caller() {
        if world.endedAt != nil, world.media?.isOpen != true { return }
        world.media?.speak()
        if scheduler.chance(2) { world.media?.press(scheduler.pick(["5", "#"])) }
        let isLive = world.session.map { $0.assumeIsolated { $0.isLive } } ?? false
        if ring.exchange() > 0, !isLive { world.violation("audio to the ring leg after the end") }
        scheduler.after(.milliseconds(150)) { [self] in caller() }
    }

    private func tick() {
        let activities = world.activities
        manager.assumeIsolated { $0.tick(at: scheduler.now) }
        if world.takeDeadlineFired() { world.note(.deadline, during: activities) }
        world.watchEnd()
        let isOver = world.endedAt != nil
        if let ended = world.endedAt, !hasShutDown {
            let isLeft = manager.assumeIsolated { $0.activeCalls } == 0
            if isLeft || scheduler.now - ended > .seconds(3 * 3600) {
                if !isLeft { world.violation("the session stays for ever") }
                shutDown(mode: .now)
            }
        }
        if hasReturned { return }
        scheduler.after(isOver ? .milliseconds(1000) : tickInterval) { [self] in tick() }
    }
}
