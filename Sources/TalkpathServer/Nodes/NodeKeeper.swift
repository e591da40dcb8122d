import Logging
import ServiceLifecycle
import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathStore

/// Keeps this node's lease, takes the calls of dead nodes, and lets its own calls go when another node has taken them.
///
/// ``NodeMachine`` decides; this carries out its orders. No heartbeat waits for calls that are being ended. Stopped last,
/// so that the lease holds until the last call has ended.
final class NodeKeeper: Service, Sendable {
    private let nodes: Nodes
    private let state: ServerState
    private let logger: Logger
    /// Orders to end calls that were taken before the first heartbeat, to be carried out beside the heartbeats.
    private let inherited = Mutex<[NodeAction]>([])

    /// The time between two looks at what has been left behind.
    private static let tidying = Duration.seconds(30)

    init(nodes: Nodes, state: ServerState, logger: Logger) {
        self.nodes = nodes
        self.state = state
        self.logger = logger
    }

    /// Begins this node's life, before its first call: takes the calls of its earlier lives, and those that no node owns.
    /// ``run()`` ends them.
    ///
    /// - Throws: ``ConfigurationError`` if another process lives under this node's name.
    func begin() async throws {
        var rest = nodes.handle(.started(.begin))
        while !rest.isEmpty {
            let action = rest.removeFirst()
            if case .close = action {
                inherited.withLock { $0.append(action) }
            } else if let input = try await carryOut(action, .begin) {
                rest += nodes.handle(input)
            }
        }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            await withDiscardingTaskGroup { group in
                group.addTask { await self.go(on: self.inherited.withLock { $0 }, .begin) }
                group.addTask { await self.tidy() }
                await beat(in: &group)
                group.cancelAll()
            }
        }
        do {
            try await nodes.registry.leave(nodes.epoch)
        } catch {
            logger.warning("The other nodes could not be told that this one stops", metadata: ["error": "\(error)"])
        }
    }

    // MARK: The heartbeat

    private func beat(in group: inout DiscardingTaskGroup) async {
        let clock = state.bridge.clock
        var fencedWrites = 0
        while !Task.isCancelled {
            let (begun, own) = (clock.now, nodes.epoch)
            var (actions, reason) = ([NodeAction](), "")
            do {
                let load = state.nodeLoad
                nodes.instruments.load(freePlaces: load.freePlaces, lag: .milliseconds(load.lagMilliseconds))
                let seen = try await nodes.registry.beat(own, load: load)
                actions = nodes.beatAnswered(of: own, seen, begun: begun, ended: clock.now)
            } catch {
                reason = "\(error)"
                if !Task.isCancelled { actions = nodes.beatFailed() }
            }
            for action in actions {
                switch action {
                case .start(let errand): group.addTask { await self.run(errand) }
                case .takeOnWork: takeOnWork()
                case .tell(let news): tell(news, reason: reason)
                default: assertionFailure("an order that no heartbeat leads to")
                }
            }
            let fenced = nodes.store.fencedWrites
            if fenced > fencedWrites { nodes.instruments.fenced(writes: fenced - fencedWrites) }
            fencedWrites = fenced
            try? await Task.sleep(for: NodeMachine.beat)
        }
    }

    // MARK: Errands

    private func run(_ errand: NodeErrand) async {
        await go(on: nodes.handle(.started(errand)), errand)
        _ = nodes.handle(.finished(errand))
    }

    private func go(on first: [NodeAction], _ errand: NodeErrand) async {
        var rest = first
        while !rest.isEmpty, !Task.isCancelled {
            let action = rest.removeFirst()
            do {
                guard let input = try await carryOut(action, errand) else { continue }
                rest += nodes.handle(input)
            } catch {
                guard !Task.isCancelled else { return }
                tell(of: error, action, errand)
                rest += nodes.handle(.failed(action, errand))
            }
        }
    }

    /// - Returns: the result, if the order has one.
    private func carryOut(_ action: NodeAction, _ errand: NodeErrand) async throws -> NodeInput? {
        switch action {
        case .ask(let node):
            return .asked(node, isAlive: await nodes.client.isAlive(node.epoch, at: node.url, from: nodes.epoch))
        case .take(let life): return .took(try await nodes.store.take(fromNode: life), errand)
        case .takeOrphans:
            return .took(try await nodes.store.takeOrphans(at: state.bridge.clock.wallTime), errand)
        case .close(let taken, let pause):
            if pause > .zero { try await Task.sleep(for: pause) }
            _ = try await nodes.store.close(taken.batch, at: state.bridge.clock.wallTime)
            nodes.instruments.took(calls: taken.batch.calls.count)
            state.hangUpBell.ring()
            state.store.recorder.endpointChanges.ring()
            return .closed(taken, errand)
        case .endOwnCalls:
            await endOwnCalls()
            return .endedOwnCalls(errand)
        case .lookForNamesakes(let before, let pause):
            if pause > .zero { try await Task.sleep(for: pause) }
            return .sawNamesakes(try await nodes.namesakes(), before: before, errand)
        case .askNamesakes(let known):
            for node in known where await nodes.isAliveHere(node) {
                return .askedNamesakes(known, isOneAlive: true, errand)
            }
            return .askedNamesakes(known, isOneAlive: false, errand)
        case .refuseName: throw nodes.sameName
        case .register:
            let earlier = try await nodes.register(load: state.nodeLoad)
            return .registered(nodes.epoch, earlier: earlier, errand)
        case .restoreDelayedCalls: await state.delayed.restore()
        case .tell(let news): tell(news)
        case .start, .takeOnWork: assertionFailure("an order that only heartbeats lead to")
        }
        return nil
    }

    /// Looks at once for the work that a node has left to the others: events to deliver, calls to hang up.
    private func takeOnWork() {
        state.hangUpBell.ring()
        state.store.recorder.endpointChanges.ring()
        state.store.recorder.bells.ringForAll()
    }

    /// Ends this node's calls, which another node has taken and hung up.
    ///
    /// The store drops what these calls still write, so that nothing is told twice.
    private func endOwnCalls() async {
        let calls = await state.manager.active().filter { $0.receipt == nil }
        await withTaskGroup(of: Void.self) { group in
            for call in calls {
                group.addTask { _ = try? await self.state.manager.end(call.id, EndRequest(.nodeLost)) }
            }
        }
    }

    // MARK: What the operator is told

    private func tell(_ news: NodeNews, reason: String = "") {
        switch news {
        case .cutOff:
            logger.error(
                "The node's heartbeats do not reach the database: live calls go on, new ones are refused",
                metadata: ["reason": "\(reason)"]
            )
        case .reachable: logger.notice("The node's heartbeats reach the database again")
        case .answers(let node):
            state.tell(
                "A node is cut off from the database, but it answers: its calls go on",
                cause: "node \(node.epoch) answers",
                metadata: ["node": "\(node.id)"]
            )
        case .died(let node, let calls):
            logger.warning(
                "A node has died: its calls are hung up, and closed as node_lost",
                metadata: [
                    "node": "\(node.id)", "calls": "\(calls)", "silent_ms": "\(node.silence / .milliseconds(1))",
                ]
            )
            // What it has not told of ended calls is told from here.
            state.hangUpBell.ring()
        case .lostLife:
            nodes.instruments.lostEpoch()
            logger.error(
                "Other nodes could not reach this one and have taken its calls: they are ended here, too",
                metadata: ["calls": "\(state.manager.liveCalls)"]
            )
        case .newLife: logger.notice("The node has begun a new life", metadata: ["epoch": "\(nodes.epoch)"])
        }
    }

    private func tell(of error: any Error, _ action: NodeAction, _ errand: NodeErrand) {
        switch (action, errand) {
        case (.close(let taken, _), _):
            nodes.instruments.failedToClose()
            state.tell(
                "Calls that were taken from a node cannot be closed in the store: this is tried again until they are",
                cause: "taken calls",
                metadata: ["calls": "\(taken.calls.count)", "reason": "\(error)"]
            )
        case (_, .reap):
            // The store reports its own faults.
            guard !error.isOfTheStore else { return }
            logger.error("The calls of a dead node could not be taken", metadata: ["error": "\(error)"])
        default:
            state.tell("The node cannot begin a new life yet", cause: "new life", metadata: ["reason": "\(error)"])
        }
    }

    // MARK: What is left behind

    private func tidy() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.tidying)
            guard !Task.isCancelled else { return }
            let live = Set(await state.manager.active().map(\.id))
            try? await nodes.store.freePlaces(exceptOf: live)
            await state.delayed.restore()
        }
    }
}
extension ServerState {
    var nodeLoad: NodeLoad {
        NodeLoad(
            calls: manager.liveCalls,
            places: configuration.maximumCalls,
            lagMilliseconds: manager.directory.worstLag.wholeMilliseconds,
            isDraining: isDraining
        )
    }
}
