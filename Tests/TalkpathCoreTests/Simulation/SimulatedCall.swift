import Logging
import TalkpathAudio
import TalkpathWire

@testable import TalkpathCore

/// One call with everything that can befall it, all of it decided by the seed.
struct SimulatedCall {
    let seed: UInt64
    var isTraced = false
    /// The server stops without waiting: the task of `run()` is cancelled.
    var isAbandoned = false

    struct Outcome {
        var violations: [String]
        var trace: [String]
        var reason: EndReason?
        var steps: Int
    }

    func run() -> Outcome {
        let run = SimulatedCallRun(seed: seed, isTraced: isTraced, isAbandoned: isAbandoned)
        run.play()
        return Outcome(
            violations: run.world.violations,
            trace: run.world.trace,
            reason: run.receipts.first?.reason,
            steps: run.world.scheduler.steps
        )
    }
}

private enum Kind: CaseIterable {
    case outbound, inbound, open, ring
}

private final class SimulatedCallRun: @unchecked Sendable {
    // Unchecked: all of it happens on the scheduler's one thread.
    let world: SimulatedWorld
    let scheduler: SimulationScheduler
    let kind: Kind
    let limits: CallLimits
    let tickInterval: Duration
    let manager: CallManager
    let connector: SimulatedConnector
    private(set) var receipts: [EndReceipt] = []
    private var asked = 0
    private var media: SimulatedMediaSocket?
    private let ring = RingHolder()
    private let isAbandoned: Bool
    private var hasReturned = false
    private var hasShutDown = false
    private var ends = 0

    init(seed: UInt64, isTraced: Bool, isAbandoned: Bool) {
        self.isAbandoned = isAbandoned
        let world = SimulatedWorld(seed: seed)
        world.isTracing = isTraced
        world.isGivenUp = isAbandoned
        self.world = world
        scheduler = world.scheduler
        world.carrier = SimulatedCarrier(world)
        connector = SimulatedConnector(world)
        kind = scheduler.pick(Kind.allCases + [.outbound, .inbound])
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
                logger: Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
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
    private func spawn(_ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
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

    // MARK: Endings

    private func endSomehow() {
        ends += 1
        guard let session = world.session else { return }
        let ender = scheduler.number(below: 9)
        world.note("ender \(ender)")
        switch ender {
        case 0, 1: ask { await session.end(EndRequest(.endedByAPI)) }
        case 2:
            let timeout = scheduler.milliseconds(0...3000)
            ask { await session.end(EndRequest(.endedByAPI, mode: .drain(timeout: timeout))) }
        case 3:
            let manager = manager
            ask {
                switch try? await manager.end(session.id, EndRequest(.endedByAPI)) {
                case .ended(let receipt), .endedBefore(let receipt): receipt
                case .unknown, nil: nil
                }
            }
        case 4: ask { await session.waitForEnd() }
        case 5:
            if kind == .open { media?.farewell() } else { world.carrier.over(.completed) }
        case 6: connector.sockets.last?.useTool("end_call")
        case 7: connector.sockets.last?.vanish()
        default:
            if scheduler.chance(30) { shutDown() }
        }
        world.watchEnd()
    }

    private func ask(_ body: @escaping @Sendable () async -> EndReceipt?) {
        asked += 1
        world.note("asked")
        spawn { [self] in
            let receipt = await body()
            asked -= 1
            world.note("answered")
            if let receipt { receipts.append(receipt) }
        }
    }

    private func shutDown() {
        hasShutDown = true
        if manager.assumeIsolated({ $0.activeCalls }) > 0 { world.isGivenUp = true }
        world.note("shut down")
        let manager = manager
        spawn { await manager.shutDown() }
    }
}

/// Holds the audio thread's end of a ring leg.
private final class RingHolder {
    var call: RingCall?

    func exchange() {
        var audio = [UInt8](repeating: 0, count: 1200)
        audio.withUnsafeMutableBytes { memory in
            _ = call?.leg.agentAudio.read(into: memory)
            _ = call?.leg.callerAudio.write(UnsafeRawBufferPointer(memory))
        }
    }
}

// MARK: - Judgement

extension SimulatedCallRun {
    /// Whether everything a caller of `end` may rely on was kept.
    fileprivate func judge() {
        let ended = world.events.compactMap { event -> EndReceipt? in
            if case .ended(let receipt) = event.kind { receipt } else { nil }
        }
        check(ended.count == 1, "\(ended.count) events `ended`")
        check(hasReturned, "run() has not returned")
        check(asked == 0, "\(asked) askers still wait")
        check(world.open.isEmpty, "still open: \(world.open.sorted { $0.key < $1.key })")
        guard let receipt = ended.first, let session = world.session else { return }
        for other in receipts {
            var other = other
            // What became known after the end is in later receipts.
            if other.carrierConfirmed { other.carrierConfirmed = receipt.carrierConfirmed }
            check(other == receipt, "another receipt")
        }
        check(scheduler.asLane { session.media.value.isStopped }, "the bridge was not stopped")
        check(receipt.steps.first?.name == .stopBridge, "the bridge was not stopped first")
        check(receipt.steps.count == EndReceipt.Step.Name.allCases.count, "\(receipt.steps.count) steps")
        for step in receipt.steps where step.outcome == .timedOut || step.outcome == .failed {
            check(step.error != nil, "\(step.name.rawValue) was not waited for")
        }
        guard !isAbandoned else { return }
        judgeTime(receipt)
        judgeCarrier(receipt)
    }

    private func judgeTime(_ receipt: EndReceipt) {
        let slack = tickInterval + .milliseconds(2)
        let jobs = limits.endBound + slack
        check(receipt.teardown <= jobs, "teardown took \(receipt.teardown)")
        check(receipt.duration <= limits.maxDuration + slack, "lasted \(receipt.duration)")
        check(receipt.duration >= .zero && receipt.talking >= .zero && receipt.ringing >= .zero, "negative durations")
        check(receipt.ringing + receipt.talking == receipt.duration, "durations do not add up")
    }

    /// The carrier's call is over, or everything has been done about it.
    private func judgeCarrier(_ receipt: EndReceipt) {
        let carrier: SimulatedCarrier = world.carrier
        guard kind == .outbound || kind == .inbound else { return }
        if carrier.isUp {
            check(!receipt.carrierConfirmed, "a live call was reported as over")
            let isGivenUp = world.isGivenUp || carrier.hangUps >= 20
            check(!carrier.hasToldName || isGivenUp, "a known call is still up after \(carrier.hangUps) hang-ups")
        }
    }

    private func check(_ condition: Bool, _ what: @autoclosure () -> String) {
        if !condition { world.violation(what()) }
    }
}
