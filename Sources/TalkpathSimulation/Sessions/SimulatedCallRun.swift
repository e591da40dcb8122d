import Logging
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// How a call comes about.
enum SimulatedCallKind: CaseIterable {
    /// Placed by us.
    case outbound
    /// Announced by the carrier.
    case inbound
    /// A media socket that nobody announced, without a carrier behind it.
    case open
    /// Rings of an embedder's own audio thread.
    case ring
}

/// One call from its beginning until nothing of it is left.
final class SimulatedCallRun: @unchecked Sendable {
    // Unchecked: all of it happens on the scheduler's one thread.
    let world: SimulatedWorld
    let scheduler: SimulationScheduler
    let kind: SimulatedCallKind
    let limits: CallLimits
    let tickInterval: Duration
    let manager: CallManager
    let connector: SimulatedConnector
    var receipts: [EndReceipt] = []
    var asked = 0
    var media: SimulatedMediaSocket?
    let ring = SimulatedAudioThread()
    let isAbandoned: Bool
    var hasReturned = false
    var hasShutDown = false
    var ends = 0

    init(seed: UInt64, isTraced: Bool, isAbandoned: Bool, captures: (any CaptureSink)? = nil) {
        self.isAbandoned = isAbandoned
        let world = SimulatedWorld(seed: seed)
        world.isTracing = isTraced
        world.isGivenUp = isAbandoned
        self.world = world
        scheduler = world.scheduler
        world.carrier = SimulatedCarrier(world)
        connector = SimulatedConnector(world)
        kind = scheduler.pick(SimulatedCallKind.allCases + [.outbound, .inbound])
        tickInterval = scheduler.pick([.milliseconds(20), .milliseconds(50), .milliseconds(100)])
        var limits = CallLimits()
        limits.maxDuration = scheduler.milliseconds(500...9000)
        limits.ringTimeout = scheduler.milliseconds(500...4000)
        limits.mediaTimeout = scheduler.milliseconds(300...3000)
        limits.agentSetupTimeout = scheduler.milliseconds(300...8000)
        limits.farewell = scheduler.milliseconds(0...(scheduler.chance(10) ? 9000 : 300))
        limits.drainTimeout = scheduler.milliseconds(100...3000)
        self.limits = limits
        let hasCarrier = kind == .outbound || kind == .inbound
        manager = CallManager(
            ports: CallSession.Ports(
                carrier: hasCarrier ? world.carrier : nil,
                connector: connector,
                store: SimulatedStore(world),
                events: world,
                tools: scheduler.chance(80) ? SimulatedTools(world) : nil,
                clock: world,
                logger: Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() },
                captures: captures
            ),
            identifiers: world,
            executor: scheduler.lane
        )
    }

    // MARK: Course

    func play() {
        scheduler.after(.zero) { [self] in
            begin()
            tick()
        }
        scheduler.after(scheduler.chance(20) ? scheduler.milliseconds(0...600) : .zero) { [self] in
            let life = spawn { [self] in
                await manager.run()
                hasReturned = true
                world.note("run returned")
            }
            if isAbandoned { scheduler.after(scheduler.milliseconds(0...4000)) { life.cancel() } }
        }
        for _ in 0..<(1 + scheduler.number(below: 8)) {
            scheduler.after(scheduler.milliseconds(0...(scheduler.chance(30) ? 500 : 6000))) { [self] in endSomehow() }
        }
        scheduler.run(atMost: 1_000_000)
        judge()
    }

    /// A task of the pool.
    @discardableResult
    func spawn(_ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        Task(executorPreference: scheduler.pool) { await body() }
    }

    private func begin() {
        let agent = AgentProfile(
            provider: .openai,
            model: "m",
            apiKey: "k",
            format: scheduler.pick([.pcm, .pcmu]),
            firstMessage: scheduler.chance(50) ? "hello" : nil,
            connectPolicy: scheduler.pick([.onRinging, .onAnswer])
        )
        let carrier: SimulatedCarrier = world.carrier
        carrier.report = { [manager, world] progress in
            manager.assumeIsolated {
                $0.carrierProgressed(progress, carrierCallID: SimulatedCarrier.callID, call: world.session?.id)
            }
        }
        carrier.onAnswer = { [self] in attachMedia() }
        carrier.onOver = { [self] in media?.farewell() }
        manager.assumeIsolated { manager in
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
            case .ring:
                guard let call = try? manager.startRingCall(agent: agent, limits: limits) else { return }
                world.session = call.session
                ring.call = consume call
            }
        }
        if kind == .inbound {
            carrier.ring()
            if scheduler.chance(90) { scheduler.after(scheduler.milliseconds(0...800)) { carrier.answer() } }
        } else if kind == .open {
            attachMedia()
        }
        caller()
    }

    private func attachMedia() {
        guard !scheduler.chance(5) else { return }
        scheduler.after(scheduler.milliseconds(0...(scheduler.chance(10) ? 4000 : 200))) { [self] in
            guard let session = world.session, kind == .open || world.carrier.isUp else { return }
            guard let socket = SimulatedMediaSocket.attach(to: session, in: world) else { return }
            media = socket
            if scheduler.chance(10) {
                scheduler.after(scheduler.milliseconds(0...4000)) { socket.vanish() }
            }
        }
    }

    /// The caller says something now and then.
    private func caller() {
        guard world.endedAt == nil else { return }
        media?.speak()
        ring.exchange()
        scheduler.after(.milliseconds(150)) { [self] in caller() }
    }

    private func tick() {
        manager.assumeIsolated { $0.tick(at: scheduler.now) }
        world.watchEnd()
        let isOver = world.endedAt != nil
        if let ended = world.endedAt, !hasShutDown {
            let isLeft = manager.assumeIsolated { $0.activeCalls } == 0
            if isLeft || scheduler.now - ended > .seconds(3 * 3600) {
                if !isLeft { world.violation("the session stays for ever") }
                shutDown()
            }
        }
        if hasReturned { return }
        scheduler.after(isOver ? .milliseconds(1000) : tickInterval) { [self] in tick() }
    }
}
