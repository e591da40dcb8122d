import TalkpathAudio
import TalkpathCore

/// The tables by which nodes on PostgreSQL own calls, reduced to what decides about ownership. Each function is one
/// transaction and keeps the rules of the statements that its comment names. Times are the database's, in milliseconds.
struct NodeTables {
    /// A row of `nodes`.
    struct Life {
        var slot: Int
        var beatAt: Int64
        var leaseUntil: Int64
        var isOver = false
    }

    /// A row of `calls`.
    struct Call {
        var owner: Int64?
        var isEnded = false
        /// The events of the type `call.ended` in `events`.
        var endings = 0
        /// True if a node has closed it as `node_lost` after taking it.
        var isClosedAsLost = false
        /// The time until which a node's turn to ask the carrier lasts, in `hang_ups`; `nil` without a row there.
        var hangUpTakenUntil: Int64?
    }

    private static let lease = Int64(NodeMachine.lease.wholeMilliseconds)
    /// `SQLCallStore.turn`.
    private static let turn: Int64 = 60_000

    /// The nodes' names, by slot.
    static let names = (0..<4).map { "\($0)" }

    /// By epoch; the first epoch is 1.
    private(set) var lives: [Life] = []
    /// By number; `nil` without a row.
    private(set) var calls: [Call?] = []
    private var liveCalls: Set<Int> = []

    /// The numbers of calls that have a row without an end, in order.
    var unended: [Int] { liveCalls.sorted() }

    func isOver(_ epoch: Int64) -> Bool { lives[Int(epoch) - 1].isOver }
    func call(_ number: Int) -> Call? { number < calls.count ? calls[number] : nil }
    func life(_ epoch: Int64) -> Life { lives[Int(epoch) - 1] }

    // MARK: Nodes

    /// `NodeRegistry.register`: earlier lives under the same name lose their leases.
    mutating func register(_ slot: Int, at now: Int64) -> (epoch: Int64, earlier: [Int64]) {
        var earlier: [Int64] = []
        for index in lives.indices where lives[index].slot == slot && !lives[index].isOver {
            lives[index].leaseUntil = 0
            earlier.append(Int64(index + 1))
        }
        lives.append(Life(slot: slot, beatAt: now, leaseUntil: now + Self.lease))
        return (Int64(lives.count), earlier)
    }

    /// `NodeRegistry.beat`: `UPDATE nodes … WHERE epoch = ? AND over_at IS NULL AND lease_until > 0`.
    mutating func beat(_ epoch: Int64, at now: Int64) -> [StoredNode]? {
        let index = Int(epoch) - 1
        guard !lives[index].isOver, lives[index].leaseUntil > 0 else { return nil }
        lives[index].beatAt = now
        lives[index].leaseUntil = now + Self.lease
        return nodes(at: now)
    }

    /// `NodeRegistry.nodes`: `lease_until < now AS is_late … WHERE over_at IS NULL ORDER BY epoch`.
    func nodes(at now: Int64) -> [StoredNode] {
        lives.indices.filter { !lives[$0].isOver }.map { index in
            StoredNode(
                epoch: Int64(index + 1),
                id: Self.names[lives[index].slot],
                url: Self.names[lives[index].slot],
                version: "",
                startedAt: WallTime(milliseconds: 0),
                silence: .milliseconds(max(0, now - lives[index].beatAt)),
                isLate: lives[index].leaseUntil < now,
                load: NodeLoad()
            )
        }
    }

    // MARK: Calls

    /// `SQLCallStore.takePlace`, of which ownership needs `requireLife`: `… WHERE epoch = ? AND over_at IS NULL`.
    func grantsPlace(to epoch: Int64) -> Bool { !isOver(epoch) }

    /// `SQLCallStore.journal` with `claim`: the row is written if the life is not over and no other node has the call.
    mutating func journal(_ number: Int, as epoch: Int64) -> Bool {
        guard !isOver(epoch) else { return false }
        let known = call(number)
        if let known, known.isEnded { return true }
        guard (known?.owner ?? epoch) == epoch else { return false }
        put(number, Call(owner: epoch))
        return true
    }

    /// `SQLCallStore.writeEnded` with `isOwn`: what another node's call says is dropped.
    /// - Returns: false if it was.
    mutating func save(_ number: Int, as epoch: Int64) -> Bool {
        if call(number) == nil { put(number, Call()) }
        guard let known = call(number), (known.owner ?? epoch) == epoch else { return false }
        end(number)
        return true
    }

    /// `SQLCallStore.writeSpooled`: `SELECT ended_at IS NOT NULL … FOR NO KEY UPDATE`; the first end counts.
    mutating func saveSpooled(_ number: Int) {
        if call(number) == nil { put(number, Call()) }
        guard call(number)?.isEnded == false else { return }
        end(number)
    }

    /// `SQLCallStore.owner(of:)`: the owner of a live call whose life is not over.
    func owner(of number: Int) -> Int64? {
        guard let known = call(number), !known.isEnded, let owner = known.owner, !isOver(owner) else { return nil }
        return owner
    }

    // MARK: Taking over

    /// `SQLCallStore.take(fromNode:)`: `… WHERE epoch = ? AND over_at IS NULL AND lease_until < now FOR UPDATE SKIP
    /// LOCKED`, then `UPDATE nodes SET over_at`, `UPDATE calls SET owner = ? WHERE owner = ? AND ended_at IS NULL`, and
    /// the hang-ups whose turn the dead node had.
    mutating func take(from dead: Int64, as epoch: Int64, at now: Int64) -> TakenCalls? {
        let index = Int(dead) - 1
        guard !lives[index].isOver, lives[index].leaseUntil < now else { return nil }
        lives[index].isOver = true
        var taken: [CallID] = []
        for number in calls.indices where calls[number]?.owner == dead {
            if calls[number]?.isEnded == true {
                if calls[number]?.hangUpTakenUntil != nil { calls[number]?.hangUpTakenUntil = 0 }
            } else {
                calls[number]?.owner = epoch
                taken.append(CallID("\(number)"))
            }
        }
        return TakenCalls(calls: taken, lastAlive: WallTime(milliseconds: lives[index].beatAt))
    }

    /// `SQLCallStore.close(_:at:)`: `… WHERE id = ? AND owner = ? AND ended_at IS NULL`, then `putEnded`, and the
    /// hang-up is due at once.
    /// - Returns: the calls that it has ended.
    mutating func close(_ taken: TakenCalls, as epoch: Int64) -> [Int] {
        var closed: [Int] = []
        for number in taken.calls.compactMap({ Int($0.text) }) {
            guard let known = call(number), known.owner == epoch, !known.isEnded else { continue }
            end(number)
            calls[number]?.isClosedAsLost = true
            calls[number]?.hangUpTakenUntil = 0
            closed.append(number)
        }
        return closed
    }

    // MARK: Hang-ups

    /// `SQLCallStore.dueHangUps`: those that no node's turn holds get this node's turn.
    mutating func takeDueHangUps(at now: Int64, exceptOf busy: Set<Int>) -> [Int] {
        var due: [Int] = []
        for number in calls.indices {
            guard let until = calls[number]?.hangUpTakenUntil, until < now, !busy.contains(number) else { continue }
            calls[number]?.hangUpTakenUntil = now + Self.turn
            due.append(number)
        }
        return due
    }

    /// `SQLCallStore.confirmHangUp`.
    mutating func confirmHangUp(_ number: Int) { calls[number]?.hangUpTakenUntil = nil }

    // MARK: Rows

    /// `SQLCallStore.putEnded`.
    private mutating func end(_ number: Int) {
        calls[number]?.isEnded = true
        calls[number]?.endings += 1
        liveCalls.remove(number)
    }

    private mutating func put(_ number: Int, _ call: Call) {
        while calls.count <= number { calls.append(nil) }
        calls[number] = call
        liveCalls.insert(number)
    }
}
