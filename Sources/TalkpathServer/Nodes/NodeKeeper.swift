import Logging
import ServiceLifecycle
import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathStore

/// Keeps this node's lease, takes the calls of dead nodes, and lets its own calls go when another node has taken them.
///
/// Stopped last, so that the lease holds until the last call has ended.
struct NodeKeeper: Service {
    let nodes: Nodes
    let state: ServerState
    let logger: Logger

    /// The most calls that are ended in one transaction.
    private static let batch = 50
    /// The time between two looks at what has been left behind.
    private static let tidying = Duration.seconds(30)

    /// Begins this node's life, before its first call: takes the calls of its earlier lives, and those that no node owns.
    func begin() async throws {
        let earlier = try await nodes.register(load: state.nodeLoad)
        try await take(earlier)
        guard let orphans = try await nodes.store.takeOrphans(at: state.bridge.clock.wallTime) else { return }
        await close(orphans)
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await tidy() }
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
        let busy = EpochsUnderWay()
        var fencedWrites = 0
        while !Task.isCancelled {
            let begun = clock.now
            do {
                let load = state.nodeLoad
                nodes.instruments.load(freePlaces: load.freePlaces, lag: .milliseconds(load.lagMilliseconds))
                if let seen = try await nodes.registry.beat(nodes.epoch, load: load) {
                    watch.succeeded(begun: begun, ended: clock.now)
                    if nodes.isCutOff { logger.notice("The node's heartbeats reach the database again") }
                    nodes.saw(seen)
                    let late = watch.mayBelieve ? seen.filter { $0.isLate && $0.epoch != nodes.epoch } : []
                    for node in late where busy.begin(node.epoch) {
                        group.addTask {
                            await reap(node)
                            busy.end(node.epoch)
                        }
                    }
                } else {
                    watch.failed()
                    await letGo()
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
                try? await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    // MARK: The own death, as others saw it

    /// Ends this node's calls, which another node has taken and hung up, and begins a new life.
    ///
    /// The store drops what these calls still write, so that nothing is told twice.
    private func letGo() async {
        nodes.fence(true)
        nodes.instruments.lostEpoch()
        let calls = await state.manager.active().filter { $0.receipt == nil }
        logger.error(
            "Other nodes could not reach this one and have taken its calls: they are ended here, too",
            metadata: ["calls": "\(calls.count)"]
        )
        await withTaskGroup(of: Void.self) { group in
            for call in calls {
                group.addTask { _ = try? await state.manager.end(call.id, EndRequest(.nodeLost)) }
            }
        }
        do {
            let earlier = try await nodes.register(load: state.nodeLoad)
            nodes.fence(false)
            logger.notice("The node has begun a new life", metadata: ["epoch": "\(nodes.epoch)"])
            try await take(earlier)
        } catch {
            logger.error("The node could not begin a new life yet", metadata: ["error": "\(error)"])
        }
    }

    /// Takes the calls of this node's own earlier lives: their process is gone, or has let them go.
    func take(_ earlier: [Int64]) async throws {
        for epoch in earlier {
            if let taken = try await nodes.store.take(fromNode: epoch) { await close(taken) }
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

/// The nodes whose calls are being taken.
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
