import Logging
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// Several lanes behind one front on virtual time: calls that begin at the same time under a small limit, webhooks that
/// come twice, ends, look-ups, listings and media sockets that come to the wrong lane, and a stop in the middle of it.
///
/// The calls have no carrier and a model that does not answer: what happens inside one call, ``SimulatedCall`` plays.
package struct SimulatedLanes {
    private let seed: UInt64

    package init(seed: UInt64) {
        self.seed = seed
    }

    /// Played for one seed in eight.
    init?(besidesCall seed: UInt64) {
        guard seed % 8 == 0 else { return nil }
        self.seed = seed
    }

    /// - Returns: the rules that were broken.
    package func run() -> [String] {
        let run = SimulatedLanesRun(seed: seed)
        run.play()
        return run.violations.map { "lanes: \($0)" }
    }
}

private final class SimulatedLanesRun: @unchecked Sendable {
    // Unchecked: everything runs on the scheduler's one thread.
    let scheduler: SimulationScheduler
    var violations: [String] = []

    private let limit: Int
    private var front: CallManager!
    private var calls: [CallID] = []
    private var started: [CallID: Int] = [:]
    private var ended: [CallID: Int] = [:]
    private var identifiers = 0
    private var waiting = 0
    private var hasReturned = false
    private var hasBeenTold = false
    private var hasShutDown = false

    private static let names = ["CA0", "CA1", "CA2"]
    private static let stepLimit = 200_000

    init(seed: UInt64) {
        let count = 2 + Int(SimulationScheduler(seed: seed).number(below: 3))
        scheduler = SimulationScheduler(seed: seed, lanes: count)
        limit = 1 + scheduler.number(below: 6)
        let ports = CallSession.Ports(
            carrier: nil,
            connector: AbsentModel(scheduler: scheduler),
            store: ForgetfulStore(),
            events: self,
            clock: scheduler,
            logger: Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
        )
        front = CallManager(lanes: scheduler.lanes, identifiers: self, maximumCalls: limit) { _ in ports }
    }

    func play() {
        for lane in scheduler.lanes.indices { tick(on: lane) }
        spawn(after: .zero) { [self] in
            await front.run()
            hasReturned = true
        }
        for _ in 0..<(4 + scheduler.number(below: 16)) { spawn(after: soon) { [self] in await create() } }
        for _ in 0..<(4 + scheduler.number(below: 16)) { spawn(after: soon) { [self] in await meddle() } }
        let stop = scheduler.milliseconds(0...4000)
        if scheduler.chance(30) {
            spawn(after: max(.zero, stop - .milliseconds(200))) { [self] in
                hasBeenTold = true
                await front.beginDraining()
            }
        }
        spawn(after: stop) { [self] in
            await front.shutDown(mode: scheduler.chance(30) ? .drain(timeout: .milliseconds(300)) : .now)
            hasShutDown = true
        }
        scheduler.run(atMost: Self.stepLimit)
        judge()
        front = nil
    }

    private var soon: Duration { scheduler.milliseconds(0...(scheduler.chance(40) ? 5 : 3000)) }

    private func spawn(after delay: Duration, _ body: @escaping @Sendable () async -> Void) {
        waiting += 1
        scheduler.after(delay) { [self] in
            Task(executorPreference: scheduler.pool) { [self] in
                await body()
                waiting -= 1
            }
        }
    }

    private func tick(on lane: Int) {
        scheduler.after(.milliseconds(100), on: lane) { [self] in
            guard !hasReturned else { return }
            front.lanes[lane].assumeIsolated { $0.tick(at: scheduler.now) }
            tick(on: lane)
        }
    }

    // MARK: Roles

    private func create() async {
        var limits = CallLimits()
        limits.mediaTimeout = scheduler.milliseconds(100...3000)
        limits.agentSetupTimeout = .milliseconds(500)
        let name = scheduler.chance(60) ? scheduler.pick(Self.names) : nil
        let agent = AgentProfile(provider: .openai, model: "m", apiKey: "k")
        let call = InboundCall(from: "a", to: "b", carrierCallID: name, agent: agent, limits: limits)
        let (wasTold, known) = (hasShutDown || hasBeenTold, Set(started.keys))
        do throws(CallManager.Refusal) {
            let id = try await front.accept(call)
            // A repeated webhook is answered with its call, which may end meanwhile.
            if wasTold, front.directory.session(id) == nil, !known.contains(id) {
                violations.append("a call began after the stop")
            }
            if !calls.contains(id) { calls.append(id) }
        } catch {
            let isExpected = error == .full || error == .draining
            if !isExpected { violations.append("a call was refused as \(error)") }
        }
        checkLimit()
    }

    private func meddle() async {
        guard !calls.isEmpty else { return await list() }
        let id = scheduler.pick(calls)
        switch scheduler.number(below: 6) {
        case 0, 1: await end(id)
        case 2: await list()
        case 3:
            let isThere = front.directory.contains(id)
            let call = try? await front.find(id)
            if call == nil, isThere, front.directory.contains(id) { violations.append("a call is not found") }
            if let call, call.id != id { violations.append("another call is found") }
        case 4: await bringMedia(to: id)
        default:
            guard let name = await front.session(id)?.carrierCallID else { return }
            await front.carrierProgressed(.over(.completed), carrierCallID: name, call: scheduler.chance(50) ? id : nil)
        }
    }

    private func end(_ id: CallID) async {
        switch try? await front.end(id, EndRequest(.endedByAPI)) {
        case .ended(let receipt), .endedBefore(let receipt):
            if receipt.callID != id { violations.append("another call's receipt") }
            if ended[id] != 1 { violations.append("a receipt before the end was told") }
        case .unknown, nil:
            if front.directory.contains(id) { violations.append("a call that is there is unknown") }
        }
    }

    private func list() async {
        let listed = await front.active()
        if listed.count > limit { violations.append("\(listed.count) calls are listed, and the limit is \(limit)") }
        if Set(listed.map(\.id)).count != listed.count { violations.append("a call is listed twice") }
        if listed.contains(where: { $0.receipt != nil }) { violations.append("an ended call is listed") }
        let names = listed.compactMap(\.carrierCallID)
        if Set(names).count != names.count { violations.append("two calls have one name at the carrier") }
    }

    /// The socket comes to any lane, and is led to the call's.
    private func bringMedia(to id: CallID) async {
        guard let token = await front.makeStreamToken(for: id) else { return }
        guard let seat = front.directory.seat(token: token, at: scheduler.now) else { return }
        if seat.call != id { violations.append("a token leads to another call") }
        let name = await front.session(id)?.carrierCallID ?? ""
        scheduler.after(scheduler.milliseconds(0...200), on: seat.lane) { [self] in
            front.lanes[seat.lane].assumeIsolated { lane in
                guard let session = try? lane.spendStreamToken(token, carrierCallID: name) else { return }
                if session.id != id { violations.append("a token is good for another call") }
                if (try? lane.spendStreamToken(token, carrierCallID: name)) != nil {
                    violations.append("a token was good for two sockets")
                }
            }
        }
    }

    // MARK: Verdict

    private func checkLimit() {
        let live = started.count - ended.count
        if live > limit { violations.append("\(live) calls at once, and the limit is \(limit)") }
    }

    private func judge() {
        if scheduler.steps >= Self.stepLimit { violations.append("it does not come to rest") }
        if !hasReturned || !hasShutDown { violations.append("the stop does not end") }
        if waiting > 0 { violations.append("\(waiting) still wait") }
        if front.directory.count != 0 || front.directory.live != 0 { violations.append("the directory holds calls") }
        for lane in scheduler.lanes.indices {
            let left = scheduler.asLane(lane) { front.lanes[lane].assumeIsolated { $0.activeCalls } }
            if left > 0 || front.directory.count(on: lane) != 0 { violations.append("lane \(lane) holds calls") }
        }
        if started != ended { violations.append("\(started.count) calls began, \(ended.count) ended, each once") }
    }
}

extension SimulatedLanesRun: CallEventSink, IdentifierSource {
    func publish(_ event: CallEvent) {
        switch event.kind {
        case .started: started[event.callID, default: 0] += 1
        case .ended: ended[event.callID, default: 0] += 1
        default: break
        }
        checkLimit()
    }

    func makeCallID() -> CallID {
        identifiers += 1
        return CallID("call-\(identifiers)")
    }

    func makeToken() -> String {
        identifiers += 1
        return "token-\(identifiers)"
    }
}

/// A model that cannot be reached.
private struct AbsentModel: AgentConnector {
    let scheduler: SimulationScheduler

    func connect(
        _ target: WebSocketTarget,
        socket: AgentSocketID,
        timeout: Duration,
        session: CallSession
    ) async throws(AgentConnectError) -> any LegConnection {
        _ = await scheduler.sleep(min(timeout, scheduler.milliseconds(0...2000)))
        throw AgentConnectError("absent")
    }
}

/// Keeps nothing.
private struct ForgetfulStore: CallStore {
    func save(_ call: CallSnapshot) async throws {}
    func update(_ call: CallSnapshot) async throws {}
    func find(_ id: CallID) async throws -> CallSnapshot? { nil }
    func journal(_ call: CallSnapshot) async throws {}
    func calls(matching query: CallQuery) async throws -> CallPage { CallPage(calls: [], next: nil) }
    func count(matching query: CallQuery) async throws -> Int { 0 }
}
