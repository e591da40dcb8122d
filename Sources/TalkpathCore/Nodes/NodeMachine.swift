/// The decisions of one node among others on a database: when it believes that another node has died and takes that
/// node's calls, and when it lets its own calls go.
///
/// A value without I/O: what happened goes in (``NodeInput``), orders come out (``NodeAction``). The node carries out
/// the orders of one errand one after another, and reports the result of each. What must hold at the very moment of a
/// write is not decided here but by the database, in the same transaction: that a lease is over, that a life is not,
/// and who owns a call.
package struct NodeMachine: Sendable {
    /// A node that has been silent for longer has lost its calls, unless it answers.
    package static let lease = Duration.milliseconds(2500)
    /// The time between two heartbeats.
    package static let beat = Duration.milliseconds(500)
    /// The most calls that are closed in one transaction.
    package static let batch = 50
    /// The time until calls that could not be closed are tried again.
    private static let retry = Duration.milliseconds(500)

    /// The number of this node's life; 0 before the first one.
    package private(set) var life: Int64 = 0
    /// True if another node has taken this one's calls, and they have not all been ended here yet.
    package private(set) var isFenced = false
    /// True if the last heartbeat has not reached the database.
    package private(set) var isCutOff = false
    /// The lives that the last heartbeat showed, this node's own included.
    private var seen: Set<Int64> = []
    /// The latest life that any heartbeat has shown.
    private var latest: Int64 = 0
    private var watch = LeaseWatch(lease: Self.lease, longestGap: Self.beat * 3)
    /// Lives of others that are being reaped, and the own one that is over.
    private var busy: Set<Int64> = []

    package init() {}

    /// True if the last heartbeat has shown that a life of a node is over.
    package func isOver(_ other: Int64) -> Bool {
        // A node that began after the last heartbeat is not among those seen.
        !isCutOff && other <= latest && !seen.contains(other)
    }

    /// - Returns: the orders, to be carried out in this order after those that the same errand still has.
    package mutating func handle(_ input: NodeInput) -> [NodeAction] {
        switch input {
        case .started(let errand): return begin(errand)
        case .finished(let errand):
            end(errand)
            return []
        case .failed(.close(let taken, _), _): return [.close(taken, after: Self.retry)]
        case .failed: return []
        case .beatAnswered(let life, let nodes?, let begun, let ended):
            watch.succeeded(begun: begun, ended: ended)
            return saw(nodes, as: life)
        case .beatAnswered(let life, nil, _, _):
            watch.failed()
            // A new life may have begun while the database answered.
            guard life == self.life, busy.insert(life).inserted else { return [] }
            return [.start(.letGo(life: life))]
        case .beatFailed:
            watch.failed()
            defer { isCutOff = true }
            return isCutOff ? [] : [.tell(.cutOff)]
        case .asked(let node, let isAlive): return isAlive ? [.tell(.answers(node))] : [.take(life: node.epoch)]
        case .took(let taken, let errand): return took(taken, errand)
        case .closed(let taken, let errand):
            guard taken.calls.count <= Self.batch else { return [.close(taken.withoutFirst(Self.batch), after: .zero)] }
            if case .reap = errand { return [.restoreDelayedCalls] }
            return []
        case .endedOwnCalls: return [.lookForNamesakes(before: nil, after: .zero)]
        case .sawNamesakes(let now, let before?, _):
            let hasBeaten = now.contains { node in
                before.contains { $0.epoch == node.epoch && node.silence < $0.silence }
            }
            return hasBeaten ? [.refuseName] : settle(now)
        case .sawNamesakes(let now, nil, _): return now.isEmpty ? [.register] : [.askNamesakes(now)]
        case .askedNamesakes(let known, let isOneAlive, _): return isOneAlive ? [.refuseName] : settle(known)
        case .registered(let life, let earlier, let errand):
            self.life = life
            isFenced = false
            let takes = earlier.map { NodeAction.take(life: $0) }
            return errand == .begin ? takes + [.takeOrphans] : [.tell(.newLife)] + takes
        }
    }

    // MARK: Errands

    private mutating func begin(_ errand: NodeErrand) -> [NodeAction] {
        switch errand {
        case .begin: return [.lookForNamesakes(before: nil, after: .zero)]
        case .reap(let node): return [.ask(node)]
        case .letGo:
            let isNews = !isFenced
            isFenced = true
            return (isNews ? [.tell(.lostLife)] : []) + [.endOwnCalls]
        }
    }

    private mutating func end(_ errand: NodeErrand) {
        switch errand {
        case .begin: break
        case .reap(let node): busy.remove(node.epoch)
        // Where it has failed, the next heartbeat leads here again.
        case .letGo(let life): busy.remove(life)
        }
    }

    // MARK: Others

    private mutating func saw(_ nodes: [StoredNode], as life: Int64) -> [NodeAction] {
        var actions: [NodeAction] = isCutOff ? [.tell(.reachable)] : []
        isCutOff = false
        let before = seen
        seen = Set(nodes.map(\.epoch))
        latest = max(latest, seen.max() ?? 0)
        if !before.isSubset(of: seen) { actions.append(.takeOnWork) }
        guard watch.mayBelieve else { return actions }
        for node in nodes where node.isLate && node.epoch != life && busy.insert(node.epoch).inserted {
            actions.append(.start(.reap(node)))
        }
        return actions
    }

    private func took(_ taken: TakenCalls?, _ errand: NodeErrand) -> [NodeAction] {
        guard let taken else { return [] }
        let close = NodeAction.close(taken, after: .zero)
        if case .reap(let node) = errand { return [.tell(.died(node, calls: taken.calls.count)), close] }
        return [close]
    }

    // MARK: The own name

    /// Waits until no heartbeat under this node's name can come any more. The address may lead each of two machines to
    /// itself, and a process that has died a moment ago sends no heartbeat.
    private func settle(_ known: [StoredNode]) -> [NodeAction] {
        let isRecent = known.contains { !$0.isLate && $0.silence < Self.beat * 3 }
        return [isRecent ? .lookForNamesakes(before: known, after: Self.beat / 2) : .register]
    }
}

extension TakenCalls {
    /// The calls that are closed next.
    package var batch: TakenCalls { TakenCalls(calls: Array(calls.prefix(NodeMachine.batch)), lastAlive: lastAlive) }

    fileprivate func withoutFirst(_ count: Int) -> TakenCalls {
        TakenCalls(calls: Array(calls.dropFirst(count)), lastAlive: lastAlive)
    }
}
