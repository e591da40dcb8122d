import Logging
import ServiceLifecycle
import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathStore

/// Keeps this node's lease, takes the calls of dead nodes, and lets its own calls go when another node has taken them.
///
/// No heartbeat waits for calls that are being ended. Stopped last, so that the lease holds until the last call has ended.
final class NodeKeeper: Service, Sendable {
    private let nodes: Nodes
    private let state: ServerState
    private let logger: Logger
    /// Calls that were taken before the first heartbeat, to be ended beside the heartbeats.
    private let inherited = Mutex<[SQLCallStore.Taken]>([])

    /// The most calls that are ended in one transaction.
    private static let batch = 50
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
        try await nodes.requireOwnName()
        let earlier = try await nodes.register(load: state.nodeLoad)
        var all = try await take(earlier)
        if let orphans = try await nodes.store.takeOrphans(at: state.bridge.clock.wallTime) { all.append(orphans) }
        inherited.withLock { $0 = all }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            await withDiscardingTaskGroup { group in
                group.addTask { for taken in self.inherited.withLock({ $0 }) { await self.close(taken) } }
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
        var watch = LeaseWatch(lease: Nodes.lease, longestGap: Nodes.beat * 3)
        // Those of others that are being reaped, and the own one that is over.
        let busy = EpochsUnderWay()
        var fencedWrites = 0
        while !Task.isCancelled {
            let (begun, own) = (clock.now, nodes.epoch)
            do {
                let load = state.nodeLoad
                nodes.instruments.load(freePlaces: load.freePlaces, lag: .milliseconds(load.lagMilliseconds))
                if let seen = try await nodes.registry.beat(own, load: load) {
                    watch.succeeded(begun: begun, ended: clock.now)
                    if nodes.isCutOff { logger.notice("The node's heartbeats reach the database again") }
                    if nodes.saw(seen) { takeOnWork() }
                    let late = watch.mayBelieve ? seen.filter { $0.isLate && $0.epoch != own } : []
                    for node in late where busy.begin(node.epoch) {
                        group.addTask {
                            await self.reap(node)
                            busy.end(node.epoch)
                        }
                    }
                } else {
                    watch.failed()
                    // A new life may have begun while the database answered.
                    if own == nodes.epoch, busy.begin(own) {
                        group.addTask {
                            await self.letGo()
                            busy.end(own)
                        }
                    }
                }
            } catch {
                watch.failed()
                if !Task.isCancelled, nodes.sawNothing() {
                    logger.error(
                        "The node's heartbeats do not reach the database: live calls go on, new ones are refused",
                        metadata: ["reason": "\(error)"]
                    )
                }
            }
            let fenced = nodes.store.fencedWrites
            if fenced > fencedWrites { nodes.instruments.fenced(writes: fenced - fencedWrites) }
            fencedWrites = fenced
            try? await Task.sleep(for: Nodes.beat)
        }
    }

    /// Looks at once for the work that a node has left to the others: events to deliver, calls to hang up.
    private func takeOnWork() {
        state.hangUpBell.ring()
        state.store.recorder.endpointChanges.ring()
        state.store.recorder.bells.ringForAll()
    }

    // MARK: The death of others

    /// Takes the calls of a node that is late, unless it answers that it lives.
    private func reap(_ node: StoredNode) async {
        guard await !nodes.client.isAlive(node.epoch, at: node.url, from: nodes.epoch) else {
            return state.tell(
                "A node is cut off from the database, but it answers: its calls go on",
                cause: "node \(node.epoch) answers",
                metadata: ["node": "\(node.id)"]
            )
        }
        do {
            guard let taken = try await nodes.store.take(fromNode: node.epoch) else { return }
            logger.warning(
                "A node has died: its calls are hung up, and closed as node_lost",
                metadata: [
                    "node": "\(node.id)", "calls": "\(taken.calls.count)",
                    "silent_ms": "\(node.silence / .milliseconds(1))",
                ]
            )
            // What it has not told of ended calls is told from here.
            state.hangUpBell.ring()
            await close(taken)
            await state.delayed.restore()
        } catch {
            guard !Task.isCancelled, !error.isOfTheStore else { return }
            logger.error("The calls of a dead node could not be taken", metadata: ["error": "\(error)"])
        }
    }

    /// Ends calls that were taken, and tries again until they are.
    private func close(_ taken: SQLCallStore.Taken) async {
        var rest = taken.calls[...]
        while !rest.isEmpty, !Task.isCancelled {
            let some = SQLCallStore.Taken(calls: Array(rest.prefix(Self.batch)), lastAlive: taken.lastAlive)
            do {
                _ = try await nodes.store.close(some, at: state.bridge.clock.wallTime)
                nodes.instruments.took(calls: some.calls.count)
                state.hangUpBell.ring()
                state.store.recorder.endpointChanges.ring()
                rest = rest.dropFirst(Self.batch)
            } catch {
                nodes.instruments.failedToClose()
                state.tell(
                    "Calls that were taken from a node cannot be closed in the store: this is tried again until they are",
                    cause: "taken calls",
                    metadata: ["calls": "\(rest.count)", "reason": "\(error)"]
                )
                try? await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    // MARK: The own death, as others saw it

    /// Ends this node's calls, which another node has taken and hung up, and begins a new life.
    ///
    /// The store drops what these calls still write, so that nothing is told twice.
    private func letGo() async {
        let isNews = !nodes.isFenced
        nodes.fence(true)
        let calls = await state.manager.active().filter { $0.receipt == nil }
        if isNews {
            nodes.instruments.lostEpoch()
            logger.error(
                "Other nodes could not reach this one and have taken its calls: they are ended here, too",
                metadata: ["calls": "\(calls.count)"]
            )
        }
        await withTaskGroup(of: Void.self) { group in
            for call in calls {
                group.addTask { _ = try? await self.state.manager.end(call.id, EndRequest(.nodeLost)) }
            }
        }
        do {
            try await nodes.requireOwnName()
            let earlier = try await nodes.register(load: state.nodeLoad)
            nodes.fence(false)
            logger.notice("The node has begun a new life", metadata: ["epoch": "\(nodes.epoch)"])
            for taken in try await take(earlier) { await close(taken) }
        } catch {
            guard !Task.isCancelled else { return }
            // The next heartbeat leads here again.
            state.tell("The node cannot begin a new life yet", cause: "new life", metadata: ["reason": "\(error)"])
        }
    }

    /// Takes the calls of this node's own earlier lives: their process is gone, or has let them go.
    private func take(_ earlier: [Int64]) async throws -> [SQLCallStore.Taken] {
        var all: [SQLCallStore.Taken] = []
        for epoch in earlier {
            if let taken = try await nodes.store.take(fromNode: epoch) { all.append(taken) }
        }
        return all
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

/// The lives whose calls are being taken, or let go.
private final class EpochsUnderWay: Sendable {
    private let epochs = Mutex<Set<Int64>>([])

    func begin(_ epoch: Int64) -> Bool { epochs.withLock { $0.insert(epoch).inserted } }
    func end(_ epoch: Int64) { epochs.withLock { _ = $0.remove(epoch) } }
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
