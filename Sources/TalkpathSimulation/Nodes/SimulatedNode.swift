import TalkpathAudio
import TalkpathCore

/// One node of a ``SimulatedCluster``: a machine's name and disk, on which one process after another runs.
///
/// It carries out the orders of the real ``NodeMachine`` as `NodeKeeper` does.
final class SimulatedNode {
    enum Process: Equatable {
        case dead, starting, running
    }

    let slot: Int
    private unowned let cluster: SimulatedCluster
    private(set) var process = Process.dead
    private(set) var isPaused = false
    /// The number of the process: what an earlier one has begun comes to nothing.
    private(set) var incarnation = 0
    private(set) var machine = NodeMachine()
    /// `SQLCallStore.epoch`; 0 before the first life.
    private(set) var epoch: Int64 = 0
    /// The calls that this process has. True if the store's journal has the call.
    private(set) var sessions: [Int: Bool] = [:]
    /// Calls that have ended here and are not saved yet.
    private(set) var unsaved: Set<Int> = []
    /// Their records on the disk, which outlive the process.
    private(set) var spool: Set<Int> = []
    /// The error of the machine's wall clock, in milliseconds.
    var clockError: Int64 = 0
    /// The last time at which this node was dead, or stood still.
    private(set) var lastAway: Int64 = 0
    /// The last time at which this node was not able to reach the database by its own fault.
    private(set) var lastHindered: Int64 = 0
    /// The steps that fell due while the process stood still.
    private var held: [() -> Void] = []
    private var inherited: [NodeAction] = []
    /// Calls whose hang-up is under way: `CallsUnderWay`.
    private var hangingUp: Set<Int> = []

    init(slot: Int, cluster: SimulatedCluster) {
        self.slot = slot
        self.cluster = cluster
    }

    var isAwake: Bool { process != .dead && !isPaused }
    var isServing: Bool { process == .running && !isPaused }

    // MARK: The process

    func start() {
        guard process == .dead else { return }
        incarnation += 1
        process = .starting
        machine = NodeMachine()
        epoch = 0
        inherited = []
        hangingUp = []
        cluster.note("\(self) starts")
        writeSpooled()
    }

    func kill() {
        guard process != .dead else { return }
        cluster.note("\(self) dies with \(sessions.count) calls")
        lastAway = cluster.now
        process = .dead
        isPaused = false
        incarnation += 1
        sessions = [:]
        unsaved = []
        held = []
    }

    func pause() {
        guard process != .dead, !isPaused else { return }
        cluster.note("\(self) stands still")
        isPaused = true
    }

    func wake() {
        guard isPaused else { return }
        cluster.note("\(self) wakes")
        isPaused = false
        (lastAway, lastHindered) = (cluster.now, cluster.now)
        let due = held
        held = []
        for body in due { cluster.after(cluster.number(in: 0...2)) { body() } }
    }

    func isHindered() { lastHindered = cluster.now }

    /// Does something after a time, if the process lives then. A process that stands still does it when it wakes.
    func after(_ milliseconds: Int64, _ body: @escaping () -> Void) {
        let number = incarnation
        cluster.after(milliseconds) { [self] in perform(number, body) }
    }

    private func perform(_ number: Int, _ body: @escaping () -> Void) {
        guard number == incarnation else { return }
        guard isPaused else { return body() }
        held.append { [self] in perform(number, body) }
    }

    /// The supervisor starts the process anew.
    private func exit(_ reason: String) {
        cluster.note("\(self) exits: \(reason)")
        cluster.count(.failedStart)
        kill()
        cluster.after(1000) { [self] in start() }
    }

    private func writeSpooled() {
        guard let number = spool.min() else { return begin(machine.handle(.started(.begin))) }
        cluster.transact(self, patience: 10_000) { tables, _, _ in
            tables.saveSpooled(number)
            return true
        } done: { [self] isDone in
            guard isDone != nil else { return exit("the spool cannot be written") }
            spool.remove(number)
            writeSpooled()
        }
    }

    /// `NodeKeeper.begin`.
    private func begin(_ actions: [NodeAction]) {
        var rest = actions
        while case .close? = rest.first { inherited.append(rest.removeFirst()) }
        guard let action = rest.first else { return beginToServe() }
        carryOut(action, .begin) { [self] isDone, input in
            guard isDone else { return exit("\(action)") }
            begin(Array(rest.dropFirst()) + (input.map { machine.handle($0) } ?? []))
        }
    }

    private func beginToServe() {
        process = .running
        cluster.note("\(self) serves as life \(epoch)")
        lastAway = cluster.now
        lastHindered = max(lastHindered, cluster.now)
        beat()
        go(on: inherited, .begin)
        lookForHangUps()
    }

    // MARK: The heartbeat

    private func beat() {
        let (begun, own) = (cluster.instant, epoch)
        cluster.transact(self, patience: 2000) { tables, now, _ in
            tables.beat(own, at: now)
        } done: { [self] answer in
            let actions: [NodeAction]
            if let answer {
                actions = machine.handle(
                    .beatAnswered(of: own, nodes: answer, begun: begun, ended: cluster.instant)
                )
            } else {
                actions = machine.handle(.beatFailed)
            }
            for action in actions {
                if case .start(let errand) = action { run(errand) } else { carryOut(action, .begin) { _, _ in } }
            }
            after(Int64(NodeMachine.beat.wholeMilliseconds)) { [self] in beat() }
        }
    }

    // MARK: Errands

    private func run(_ errand: NodeErrand) { go(on: machine.handle(.started(errand)), errand, isWhole: true) }

    private func go(on rest: [NodeAction], _ errand: NodeErrand, isWhole: Bool = false) {
        guard let action = rest.first else {
            if isWhole { _ = machine.handle(.finished(errand)) }
            return
        }
        carryOut(action, errand) { [self] isDone, input in
            let more = isDone ? input.map { machine.handle($0) } : machine.handle(.failed(action, errand))
            go(on: Array(rest.dropFirst()) + (more ?? []), errand, isWhole: isWhole)
        }
    }

    /// - Parameter done: receives false if the step could not be taken, else the result, if it has one.
    private func carryOut(_ action: NodeAction, _ errand: NodeErrand, _ done: @escaping (Bool, NodeInput?) -> Void) {
        switch action {
        case .ask(let node):
            cluster.ask(node.epoch, at: Int(node.url) ?? 0, by: self) { done(true, .asked(node, isAlive: $0)) }
        case .take(let life): take(life, errand, done)
        // Here every call has an owner.
        case .takeOrphans: done(true, .took(nil, errand))
        case .close(let taken, let pause):
            after(Int64(pause.wholeMilliseconds)) { [self] in close(taken, errand, done) }
        case .endOwnCalls:
            let calls = sessions.keys.sorted()
            for call in calls { after(cluster.number(in: 0...800)) { [self] in end(call) } }
            after(calls.isEmpty ? 0 : 1000) { done(true, .endedOwnCalls(errand)) }
        case .lookForNamesakes(let before, let pause):
            after(Int64(pause.wholeMilliseconds)) { [self] in
                let own = epoch
                cluster.transact(self, patience: 2000, isRead: true) { [slot] tables, now, _ in
                    tables.nodes(at: now).filter { $0.id == NodeTables.names[slot] && $0.epoch != own }
                } done: { seen in
                    done(seen != nil, seen.map { .sawNamesakes($0, before: before, errand) })
                }
            }
        // The only process at this address is the one that asks, and a life that is over does not answer.
        case .askNamesakes(let known): done(true, .askedNamesakes(known, isOneAlive: false, errand))
        case .refuseName: done(false, nil)
        case .register:
            cluster.transact(self, patience: 2000) { [slot] tables, now, _ in
                tables.register(slot, at: now)
            } done: { [self] life in
                guard let life else { return done(false, nil) }
                epoch = life.epoch
                done(true, .registered(life.epoch, earlier: life.earlier, errand))
            }
        case .takeOnWork:
            hangUpDue()
            done(true, nil)
        case .tell(let news):
            cluster.note("\(self): \(news.brief)")
            cluster.count(news)
            done(true, nil)
        case .start, .restoreDelayedCalls: done(true, nil)
        }
    }

    private func take(_ life: Int64, _ errand: NodeErrand, _ done: @escaping (Bool, NodeInput?) -> Void) {
        cluster.transact(self, patience: 10_000) { [self] tables, now, epoch in
            let before = tables.life(life)
            let taken = tables.take(from: life, as: epoch, at: now)
            if let taken { cluster.judge(taken, of: life, before, by: self) }
            return taken
        } done: { taken in
            done(taken != nil, taken.map { .took($0, errand) })
        }
    }

    private func close(_ taken: TakenCalls, _ errand: NodeErrand, _ done: @escaping (Bool, NodeInput?) -> Void) {
        cluster.transact(self, patience: 10_000) { tables, _, epoch in
            tables.close(taken.batch, as: epoch)
        } done: { [self] closed in
            guard closed != nil else { return done(false, nil) }
            hangUpDue()
            done(true, .closed(taken, errand))
        }
    }

    // MARK: Calls

    /// Takes a new call, as `ServerState.takePlace` and the session's journal do.
    func begin(_ call: Int) {
        guard isServing, !machine.isFenced, !machine.isCutOff else { return }
        cluster.transact(self, patience: 10_000) { tables, _, epoch in
            tables.grantsPlace(to: epoch)
        } done: { [self] isGranted in
            guard isGranted == true else { return }
            sessions[call] = false
            cluster.transact(self, patience: 10_000) { tables, _, epoch in
                tables.journal(call, as: epoch)
            } done: { [self] isJournalled in
                guard sessions[call] != nil else { return }
                if isJournalled == true { sessions[call] = true } else { end(call) }
            }
        }
    }

    /// Ends a call of this process, hangs up at the carrier, and saves the record.
    func end(_ call: Int) {
        guard sessions.removeValue(forKey: call) != nil else { return }
        unsaved.insert(call)
        save(call)
    }

    private func save(_ call: Int) {
        cluster.transact(self, patience: 10_000) { tables, _, epoch in
            tables.save(call, as: epoch)
        } done: { [self] isKept in
            guard let isKept else {
                spool.insert(call)
                return after(1000) { [self] in save(call) }
            }
            if !isKept { cluster.count(.fencedWrite) }
            unsaved.remove(call)
            spool.remove(call)
        }
    }

    // MARK: Hang-ups

    private func lookForHangUps() {
        hangUpDue()
        after(5000) { [self] in lookForHangUps() }
    }

    /// `HangUps`: the carrier is asked to end calls that were closed as lost.
    private func hangUpDue() {
        cluster.transact(self, patience: 10_000) { [self] tables, now, _ in
            tables.takeDueHangUps(at: now, exceptOf: hangingUp)
        } done: { [self] due in
            for call in due ?? [] {
                hangingUp.insert(call)
                cluster.ordered(hangUpOf: call, by: self)
                cluster.transact(self, patience: 10_000) { tables, _, _ in
                    tables.confirmHangUp(call)
                    return true
                } done: { [self] isConfirmed in
                    hangingUp.remove(call)
                    if isConfirmed == nil { cluster.mayRepeat(hangUpOf: call) }
                }
            }
        }
    }
}

extension SimulatedNode: CustomStringConvertible {
    var description: String { "node \(slot)" }
}

extension NodeNews {
    /// For the trace.
    var brief: String {
        switch self {
        case .cutOff: "no heartbeat reaches the database"
        case .reachable: "heartbeats reach the database again"
        case .answers(let node): "life \(node.epoch) is late, but answers"
        case .died(let node, let calls): "life \(node.epoch) has died with \(calls) calls"
        case .lostLife: "others have taken its calls"
        case .newLife: "begins another life"
        }
    }
}
