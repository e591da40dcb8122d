import TalkpathAudio
import TalkpathCore

/// Some nodes, their network and their database on virtual time, with faults that one seed decides.
///
/// Used by one thread.
final class SimulatedCluster {
    /// The states of the database that the nodes meet.
    enum Database {
        case up, slow
        /// The server is away, and connections are refused.
        case down
        /// The server answers nothing.
        case frozen
    }

    private(set) var now: Int64 = 1_000_000
    private var random: SplitMix64
    private var agenda = Agenda()
    private(set) var tables = NodeTables()
    private(set) var nodes: [SimulatedNode] = []

    private(set) var database = Database.up
    /// The last times at which the database was slow, and at which it was not up.
    private(set) var lastSlow: Int64 = 0
    private(set) var lastDown: Int64 = 0
    /// Nodes that are cut off from the database.
    private(set) var isCut: [Bool]
    private(set) var lastCut: [Int64]
    /// Pairs of nodes that cannot reach each other, by ``pair(_:_:)``.
    private var isParted: [Bool]
    private var lastParted: [Int64]

    private var judge = NodeJudge()
    /// The broken promises.
    private(set) var violations: [String] = []
    private let isTraced: Bool
    private(set) var trace: [String] = []
    private(set) var counts = NodeSimulationCounts()

    init(seed: UInt64, isTraced: Bool) {
        random = SplitMix64(seed: seed)
        self.isTraced = isTraced
        let count = 2 + Int(random.next() % 3)
        isCut = Array(repeating: false, count: count)
        lastCut = Array(repeating: 0, count: count)
        isParted = Array(repeating: false, count: count * count)
        lastParted = Array(repeating: 0, count: count * count)
        nodes = (0..<count).map { SimulatedNode(slot: $0, cluster: self) }
    }

    // MARK: Time and chance

    var instant: MonotonicInstant { MonotonicInstant(nanoseconds: now * 1_000_000) }

    func number(in range: ClosedRange<Int64>) -> Int64 {
        range.lowerBound + Int64(random.next() % UInt64(range.upperBound - range.lowerBound + 1))
    }

    func chance(_ percent: Int64) -> Bool { number(in: 0...99) < percent }

    func after(_ milliseconds: Int64, _ body: @escaping () -> Void) {
        agenda.enter(at: now + max(0, milliseconds), body)
    }

    /// Does what is due until that time.
    func run(until end: Int64) {
        var isOver = false
        agenda.enter(at: end) { isOver = true }
        while !isOver, let entry = agenda.next() {
            now = entry.at
            entry.body()
        }
    }

    /// Forgets what is still due, which holds this cluster.
    func close() { agenda = Agenda() }

    // MARK: Trace

    func note(_ line: @autoclosure () -> String) {
        if isTraced { trace.append("\(now - 1_000_000)  \(line())") }
    }

    func count(_ event: NodeSimulationCounts.Event) { counts[event] += 1 }

    func count(_ news: NodeNews) {
        switch news {
        case .died: counts[.reaping] += 1
        case .answers: counts[.sparing] += 1
        case .lostLife: counts[.lettingGo] += 1
        case .newLife: counts[.newLife] += 1
        case .cutOff, .reachable: break
        }
    }

    func violation(_ text: String) {
        note("VIOLATION \(text)")
        violations.append(text)
    }

    // MARK: The database

    private var isReachable: Bool { database == .up || database == .slow }

    private func canReachDatabase(_ node: SimulatedNode) -> Bool { isReachable && !isCut[node.slot] }

    /// The time for one way to the database.
    private func way() -> Int64 { database == .slow ? number(in: 20...700) : number(in: 0...4) }

    /// Runs one transaction, as `PostgresClient` does: if its answer is lost, the client asks for the outcome until it
    /// gets an answer.
    ///
    /// - Parameters:
    ///   - patience: the time until a request without an answer fails, in milliseconds.
    ///   - body: receives the process's present life, as the transaction reads it.
    ///   - done: receives `nil` if it is certain that nothing was done. Called if the process lives then.
    func transact<Value>(
        _ node: SimulatedNode,
        patience: Int64,
        isRead: Bool = false,
        _ body: @escaping (inout NodeTables, _ now: Int64, _ epoch: Int64) -> Value,
        done: @escaping (Value?) -> Void
    ) {
        let begun = now
        let (number, own) = (node.incarnation, node.epoch)
        guard database != .down || isCut[node.slot] else { return node.after(self.number(in: 1...3)) { done(nil) } }
        let reply = way()
        after(way()) { [self] in
            // A process that has died meanwhile has sent its request, or has not.
            guard number == node.incarnation else {
                if chance(50), canReachDatabase(node) { _ = body(&tables, now, own) }
                return
            }
            guard canReachDatabase(node) else {
                let isRefused = database == .down && !isCut[node.slot]
                return node.after(isRefused ? 1 : max(0, begun + patience - now)) { done(nil) }
            }
            let value = body(&tables, now, node.epoch)
            node.after(reply) { [self] in
                if canReachDatabase(node) { return done(value) }
                if isRead { return node.after(max(0, begun + patience - now)) { done(nil) } }
                waitForOutcome(node) { done(value) }
            }
        }
    }

    private func waitForOutcome(_ node: SimulatedNode, _ done: @escaping () -> Void) {
        if canReachDatabase(node) { return done() }
        node.after(100) { [self] in waitForOutcome(node, done) }
    }

    func set(_ state: Database) {
        guard state != database else { return }
        note("the database is \(state)")
        if database == .slow { lastSlow = now }
        if !isReachable { lastDown = now }
        database = state
        if state == .slow { lastSlow = now }
        if !isReachable { lastDown = now }
    }

    func cut(_ slot: Int, _ isOff: Bool) {
        note("node \(slot) \(isOff ? "is cut off from the database" : "reaches the database again")")
        isCut[slot] = isOff
        lastCut[slot] = now
    }

    // MARK: From node to node

    private func pair(_ one: Int, _ other: Int) -> Int { min(one, other) * nodes.count + max(one, other) }

    func part(_ one: Int, _ other: Int, _ isOff: Bool) {
        guard one != other else { return }
        note("nodes \(one) and \(other) \(isOff ? "are parted" : "reach each other again")")
        isParted[pair(one, other)] = isOff
        lastParted[pair(one, other)] = now
    }

    func arePartedNow(_ one: Int, _ other: Int) -> Bool { one != other && isParted[pair(one, other)] }

    /// True if a node could have answered another one all the time since then.
    func couldAnswer(_ node: SimulatedNode, to other: SimulatedNode, since time: Int64) -> Bool {
        node.isServing && node.lastAway < time && !arePartedNow(node.slot, other.slot)
            && (node.slot == other.slot || lastParted[pair(node.slot, other.slot)] < time)
    }

    /// True if nothing but the database itself has kept a node from renewing its lease since then.
    func wasUnhindered(_ node: SimulatedNode, since time: Int64) -> Bool {
        node.isServing && node.lastHindered < time && !isCut[node.slot] && lastCut[node.slot] < time
            && database != .slow && lastSlow < time
    }

    /// `NodeClient.isAlive`: `GET /api/nodes/life`, with the real ``SignPatience``.
    func ask(_ life: Int64, at slot: Int, by asker: SimulatedNode, _ done: @escaping (Bool) -> Void) {
        let begun = now
        let node = nodes[slot]
        var isAnswered = false
        let end: (Bool) -> Void = { [self] isAlive in
            guard !isAnswered else { return }
            isAnswered = true
            let couldAnswer = node.epoch == life && couldAnswer(node, to: asker, since: begun)
            judge.asked(asker, life, couldAnswer: couldAnswer)
            done(isAlive)
        }
        var patience = SignPatience(at: instant)
        func wait() {
            asker.after(Int64(SignPatience.tick.wholeMilliseconds)) { [self] in
                guard !isAnswered else { return }
                if patience.isOver(at: instant) { end(false) } else { wait() }
            }
        }
        wait()
        guard !arePartedNow(asker.slot, slot) else { return }
        guard node.process != .dead else { return asker.after(1) { end(false) } }
        node.after(number(in: 0...100)) { [self] in
            // The signature holds for five minutes. A process that starts has no port yet, or no life.
            let isAlive =
                node.process == .running && node.epoch == life && !node.machine.isFenced
                && abs(node.clockError - asker.clockError) <= 300_000
            guard !arePartedNow(asker.slot, slot) else { return }
            asker.after(number(in: 0...100)) { end(isAlive) }
        }
    }

    // MARK: Calls

    /// Ends a call by a request that comes to any node: `Nodes.route`.
    func end(_ call: Int, through node: SimulatedNode) {
        guard node.isServing, node.sessions[call] == nil else { return node.end(call) }
        transact(node, patience: 10_000, isRead: true) { tables, _, _ in
            tables.owner(of: call)
        } done: { [self] owner in
            guard let owner, let owner, owner != node.epoch else { return }
            if node.machine.isOver(owner), !tables.isOver(owner) {
                violation("\(node) holds life \(owner) for over, which goes on")
            }
            guard let other = nodes.first(where: { $0.epoch == owner && $0.isServing }),
                !arePartedNow(node.slot, other.slot)
            else { return }
            count(.forwarded)
            other.after(number(in: 0...5)) { if other.epoch == owner { other.end(call) } }
        }
    }

    // MARK: The judge

    func judge(_ taken: TakenCalls, of life: Int64, _ before: NodeTables.Life, by taker: SimulatedNode) {
        judge.took(taken, of: life, before, by: taker, in: self)
    }

    func ordered(hangUpOf call: Int, by node: SimulatedNode) {
        judge.ordered(hangUpOf: call, by: node, in: self)
    }

    func mayRepeat(hangUpOf call: Int) { judge.mayRepeat(hangUpOf: call) }

    func look() { judge.look(at: self) }
    var isSettled: Bool { judge.isSettled(self) }
    func judgeTheEnd() { judge.judgeTheEnd(of: self) }
}
