import TalkpathCore

/// Judges what the nodes of a ``SimulatedCluster`` do, with its knowledge of who is alive and who can reach whom.
struct NodeJudge {
    private struct Question: Hashable {
        var slot: Int
        var incarnation: Int
        var life: Int64
    }

    private struct Answer {
        /// True if the node could be reached all the time while it was asked.
        var couldAnswer: Bool
    }

    private struct Order: Hashable {
        var call: Int
        var slot: Int
        var incarnation: Int
    }

    private var answers: [Question: Answer] = [:]
    private var orders: [Order: Int] = [:]
    private var hungUp: Set<Int> = []
    private var repeatable: Set<Int> = []
    /// Since when a call has had no node that cares for it, by call.
    private var neglected: [Int: (owner: Int64, since: Int64)] = [:]
    /// Since when a node has kept a call that is another one's, by call.
    private var kept: [Int: Int64] = [:]

    /// In milliseconds, by the database's time.
    private static let bound: Int64 = 5000
    /// The time until a heartbeat gets through once nothing is in its way: the last one's patience, and the pause.
    private static let recovery: Int64 = 2500
    /// The same for a transaction about calls.
    private static let slowRecovery: Int64 = 10_500

    // MARK: Reaping

    mutating func asked(_ asker: SimulatedNode, _ life: Int64, couldAnswer: Bool) {
        let question = Question(slot: asker.slot, incarnation: asker.incarnation, life: life)
        answers[question] = Answer(couldAnswer: couldAnswer)
    }

    /// No false reaping.
    mutating func took(
        _ taken: TakenCalls,
        of life: Int64,
        _ before: NodeTables.Life,
        by taker: SimulatedNode,
        in cluster: SimulatedCluster
    ) {
        guard let node = cluster.nodes.first(where: { $0.epoch == life && $0.process == .running }) else { return }
        let question = Question(slot: taker.slot, incarnation: taker.incarnation, life: life)
        if let answer = answers[question] {
            if answer.couldAnswer {
                cluster.violation("\(taker) has taken the calls of \(node), which lives and could be reached")
            }
        } else if cluster.couldAnswer(node, to: taker, since: cluster.now - 1500) {
            cluster.violation("\(taker) has taken the calls of \(node), which lives, without asking it")
        }
        if cluster.wasUnhindered(node, since: before.beatAt) {
            cluster.violation("\(taker) has taken the calls of \(node), although only the database was away")
        }
    }

    // MARK: Hang-ups

    mutating func ordered(hangUpOf call: Int, by node: SimulatedNode, in cluster: SimulatedCluster) {
        hungUp.insert(call)
        let order = Order(call: call, slot: node.slot, incarnation: node.incarnation)
        orders[order, default: 0] += 1
        if orders[order]! > 1, !repeatable.contains(call) {
            cluster.violation("\(node) has ordered the hang-up of call \(call) again")
        }
    }

    /// The carrier's confirmation could not be stored.
    mutating func mayRepeat(hangUpOf call: Int) { repeatable.insert(call) }

    // MARK: Now and then

    /// Judges what must not last.
    mutating func look(at cluster: SimulatedCluster) {
        for call in cluster.tables.unended { lookForNeglect(of: call, in: cluster) }
        for node in cluster.nodes where node.isServing {
            for call in node.sessions.keys.sorted() where node.sessions[call] == true {
                lookForKeeping(of: call, by: node, in: cluster)
            }
        }
    }

    /// No call is left without a live owner.
    private mutating func lookForNeglect(of call: Int, in cluster: SimulatedCluster) {
        guard let owner = cluster.tables.call(call)?.owner else { return }
        let node = cluster.nodes.first { $0.epoch == owner && $0.process != .dead }
        let isCaredFor = node.map { !$0.isPaused && ($0.sessions[call] != nil || $0.unsaved.contains(call)) } ?? false
        guard !isCaredFor else {
            neglected[call] = nil
            return
        }
        let known = neglected[call].flatMap { $0.owner == owner ? $0.since : nil }
        let since = known ?? cluster.now
        neglected[call] = (owner, since)
        // A node that lives, and has taken the call, is to end it itself.
        let helpers = node.map { $0.isPaused ? cluster.nodes : [$0] } ?? cluster.nodes
        let isLate = helpers.contains { helper in
            guard let ready = Self.isReady(helper, Self.slowRecovery, in: cluster) else { return false }
            return cluster.now - max(since, ready) > Self.bound
        }
        guard isLate else { return }
        cluster.violation("call \(call) of life \(owner) has had no live owner for too long")
        neglected[call] = (owner, .max / 2)
    }

    /// No two nodes believe that they have the same call.
    private mutating func lookForKeeping(of call: Int, by node: SimulatedNode, in cluster: SimulatedCluster) {
        guard let row = cluster.tables.call(call), row.isEnded || row.owner != node.epoch else {
            kept[call] = nil
            return
        }
        let since = kept[call] ?? cluster.now
        kept[call] = since
        guard let ready = Self.isReady(node, Self.recovery, in: cluster), cluster.now - max(since, ready) > Self.bound
        else { return }
        cluster.violation("\(node) still has call \(call), which another node has taken")
        kept[call] = .max / 2
    }

    /// - Returns: when a node was able to act at the latest, after everything that was in its way; `nil` if something
    ///   still is.
    private static func isReady(_ node: SimulatedNode, _ recovery: Int64, in cluster: SimulatedCluster) -> Int64? {
        guard node.isServing, cluster.database == .up, !cluster.isCut[node.slot] else { return nil }
        let last = max(node.lastAway, cluster.lastCut[node.slot], cluster.lastSlow, cluster.lastDown)
        return last + recovery
    }

    // MARK: At the end

    /// True if no work is left.
    func isSettled(_ cluster: SimulatedCluster) -> Bool {
        cluster.tables.unended.isEmpty
            && cluster.nodes.allSatisfy { $0.sessions.isEmpty && $0.unsaved.isEmpty && $0.spool.isEmpty }
            && cluster.tables.calls.allSatisfy { $0?.hangUpTakenUntil == nil }
    }

    mutating func judgeTheEnd(of cluster: SimulatedCluster) {
        for (number, call) in cluster.tables.calls.enumerated() {
            guard let call else { continue }
            if !call.isEnded { cluster.violation("call \(number) never ends") }
            if call.endings != 1 { cluster.violation("call \(number) has \(call.endings) terminal events") }
            if call.isClosedAsLost, !hungUp.contains(number) {
                cluster.violation("call \(number) was lost, and no node has ordered its hang-up")
            }
        }
        for node in cluster.nodes where !node.sessions.isEmpty || !node.unsaved.isEmpty {
            let (calls, records) = (node.sessions.count, node.unsaved.count)
            cluster.violation("\(node) does not come to an end: \(calls) calls, \(records) records")
        }
    }
}
