import Foundation
import Synchronization
import TalkpathCore
import TalkpathWire
import TestDatabases
import Testing

@testable import TalkpathStore

/// What holds for live calls and their owners on a database that several nodes share.
@Suite(.enabled(if: TestPostgres.isInstalled)) struct OwnershipTests {
    /// A node without a server: its store, and its place among the others.
    struct Node: Sendable {
        let store: SQLCallStore
        let registry: NodeRegistry
        let outbox: TestOutbox

        init(_ url: String, lease: Duration = .milliseconds(200)) throws {
            outbox = TestOutbox()
            store = try SQLCallStore(
                postgres: url,
                outbox: outbox,
                identifiers: TestIdentifiers(),
                isNode: true
            )
            registry = try NodeRegistry(postgres: url, lease: lease)
        }

        @discardableResult
        func register(_ id: String) async throws -> [Int64] {
            let (epoch, earlier) = try await registry.register(
                id: id,
                url: "http://\(id)",
                version: "1",
                load: NodeLoad(calls: 1, places: 5)
            )
            store.own(as: epoch)
            return earlier
        }

        var epoch: Int64 { store.epoch ?? 0 }

        func beat() async throws -> [StoredNode]? { try await registry.beat(epoch, load: NodeLoad(places: 5)) }

        /// Until the other node's lease is over and its calls are taken.
        func takeOver(_ other: Node) async throws -> TakenCalls {
            while true {
                if let taken = try await store.take(fromNode: other.epoch) { return taken }
                try await Task.sleep(for: .milliseconds(10))
            }
        }
    }

    private static func nodes(_ count: Int, lease: Duration = .milliseconds(200)) async throws -> [Node] {
        let url = try TestPostgres.shared().makeSchema().url
        var nodes: [Node] = []
        for number in 0..<count {
            let node = try Node(url, lease: lease)
            try await node.register("node-\(number)")
            nodes.append(node)
        }
        return nodes
    }

    // MARK: Nodes

    @Test func `a node sees the others with their load, and that one of them is silent`() async throws {
        let nodes = try await Self.nodes(2)
        let seen = try #require(try await nodes[0].beat())
        #expect(seen.map(\.id) == ["node-0", "node-1"] && seen[1].load.freePlaces == 4)
        var silent: [StoredNode] = []
        while silent.isEmpty { silent = try #require(try await nodes[0].beat()).filter(\.isLate) }
        #expect(silent.map(\.id) == ["node-1"])
        #expect(try #require(try await nodes[1].beat()).allSatisfy { !$0.isLate || $0.id == "node-0" }, "it is back")
    }

    @Test func `a restarted node has a new epoch, and its earlier one is over`() async throws {
        let nodes = try await Self.nodes(1, lease: .seconds(60))
        let url = nodes[0]
        let again = try #require(try await url.registry.nodes().first)
        #expect(again.epoch == url.epoch)
        let earlier = try await url.registry.register(id: "node-0", url: "", version: "2", load: NodeLoad())
        #expect(earlier.earlier == [url.epoch] && earlier.epoch > url.epoch)
        #expect(try await url.beat() == nil)
    }

    @Test func `a node that leaves is gone at once, and calls that it leaves are taken`() async throws {
        let nodes = try await Self.nodes(3, lease: .seconds(60))
        try await nodes[1].registry.leave(nodes[1].epoch)
        try await nodes[2].store.journal(SampleCalls.live("one"))
        try await nodes[2].registry.leave(nodes[2].epoch)
        #expect(try #require(try await nodes[0].beat()).map { ($0.isLate) } == [false, true])
        #expect(try await nodes[0].store.take(fromNode: nodes[2].epoch)?.calls == [CallID("one")])
    }

    // MARK: Owners

    @Test func `a live call belongs to the node that journalled it, and an ended one to nobody`() async throws {
        let nodes = try await Self.nodes(2, lease: .seconds(60))
        try await nodes[0].store.journal(SampleCalls.live("one", carrierCallID: "CA1"))
        let owner = try await nodes[1].store.owner(of: CallID("one"))
        #expect(owner?.epoch == nodes[0].epoch && owner?.url == "http://node-0")
        #expect(try await nodes[1].store.owner(carrierCallID: "CA1")?.call == CallID("one"))
        #expect(try await nodes[1].store.liveCallsElsewhere(tenant: "default").map(\.id) == [CallID("one")])
        #expect(try await nodes[0].store.liveCallsElsewhere(tenant: "default").isEmpty)
        try await nodes[0].store.save(SampleCalls.ended("one"))
        #expect(try await nodes[1].store.owner(of: CallID("one")) == nil)
    }

    @Test func `of two nodes that begin a call of one name the second is refused`() async throws {
        let nodes = try await Self.nodes(2, lease: .seconds(60))
        try await nodes[0].store.journal(SampleCalls.live("one"))
        await #expect { try await nodes[1].store.journal(SampleCalls.live("one")) } throws: {
            ($0 as? StoreError)?.code == .notOwner
        }
        #expect(try await nodes[1].store.owner(of: CallID("one"))?.epoch == nodes[0].epoch)
    }

    // MARK: Death

    @Test func `one node takes the calls of a dead one, and each is closed and told once`() async throws {
        let nodes = try await Self.nodes(3)
        for number in 0..<30 {
            try await nodes[0].store.journal(SampleCalls.live("\(number)", carrierCallID: "CA\(number)"))
        }
        let taken = try await withThrowingTaskGroup(of: TakenCalls?.self) { group in
            let deadline = ContinuousClock.now + .seconds(60)
            for node in nodes.dropFirst() {
                group.addTask {
                    while ContinuousClock.now < deadline {
                        if let taken = try await node.store.take(fromNode: nodes[0].epoch) {
                            _ = try await node.store.close(taken, at: SampleCalls.noon)
                            return taken
                        }
                        if try await node.registry.nodes().allSatisfy({ $0.epoch != nodes[0].epoch }) { return nil }
                        try await Task.sleep(for: .milliseconds(5))
                    }
                    return nil
                }
            }
            return try await group.reduce(into: [TakenCalls]()) { if let taken = $1 { $0.append(taken) } }
        }
        #expect(taken.count == 1 && taken.first?.calls.count == 30)
        for number in 0..<30 {
            let call = try #require(try await nodes[1].store.find(CallID("\(number)")))
            #expect(call.receipt?.reason == .nodeLost)
            #expect(try await nodes[2].store.types(of: "\(number)") == ["call.ended"])
        }
        let jobs = try await nodes[2].store.dueHangUps(at: SampleCalls.noon + 24 * 3600, limit: 100)
        #expect(Set(jobs.compactMap(\.carrierCallID)).count == 30)
        #expect(try await nodes[1].store.dueHangUps(at: SampleCalls.noon + 24 * 3600, limit: 100).isEmpty, "taken")
    }

    @Test func `a node that comes back finds its epoch over, and nothing that it writes is told twice`() async throws {
        let nodes = try await Self.nodes(2)
        try await nodes[0].store.journal(SampleCalls.live("one", carrierCallID: "CA1"))
        let taken = try await nodes[1].takeOver(nodes[0])
        _ = try await nodes[1].store.close(taken, at: SampleCalls.noon)
        #expect(try await nodes[0].beat() == nil)
        nodes[0].outbox.tell("call.transcript", "one")
        try await nodes[0].store.save(SampleCalls.ended("one"))
        try await nodes[0].store.update(SampleCalls.ended("one"))
        try await nodes[0].store.writePending()
        #expect(try await nodes[1].store.find(CallID("one"))?.receipt?.reason == .nodeLost)
        #expect(try await nodes[1].store.types(of: "one") == ["call.ended"])
        #expect(nodes[0].store.fencedWrites > 0 && nodes[0].store.unsavedCalls == 0)
        await #expect { try await nodes[0].store.journal(SampleCalls.live("two")) } throws: {
            ($0 as? StoreError)?.code == .notOwner
        }
        try await nodes[0].register("node-0")
        try await nodes[0].store.journal(SampleCalls.live("two"))
    }

    /// Lets a node take a call and end it in one transaction, which is open until another transaction waits for it.
    private static func takeAndEnd(
        _ call: String,
        by node: Node,
        while other: @escaping @Sendable () async throws -> Void
    ) async throws {
        let isTaken = AsyncStream.makeStream(of: Void.self)
        let store = node.store
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await store.write { db in
                    try db.execute("UPDATE calls SET owner = ? WHERE id = ?", [store.epoch, call])
                    isTaken.continuation.finish()
                    let waiter =
                        "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
                    while try db.row(waiter) == nil { usleep(2000) }
                    var ended = SampleCalls.ended(call, carrierCallID: "CA1")
                    ended.receipt?.reason = .nodeLost
                    try store.putEnded(ended, db)
                }
            }
            for await _ in isTaken.stream {}
            try await other()
            try await group.waitForAll()
        }
    }

    @Test func `a node that writes an end while its call is taken waits, and tells no second end`() async throws {
        let nodes = try await Self.nodes(2, lease: .seconds(60))
        try await nodes[0].store.journal(SampleCalls.live("one"))
        try await Self.takeAndEnd("one", by: nodes[1]) { try await nodes[0].store.save(SampleCalls.ended("one")) }
        #expect(try await nodes[1].store.types(of: "one") == ["call.ended"])
        #expect(try await nodes[1].store.find(CallID("one"))?.receipt?.reason == .nodeLost)
        #expect(nodes[0].store.fencedWrites > 0)
    }

    @Test func `of two nodes that close a taken call only its owner does`() async throws {
        let nodes = try await Self.nodes(3, lease: .seconds(60))
        try await nodes[0].store.journal(SampleCalls.live("one"))
        try await nodes[0].registry.leave(nodes[0].epoch)
        let taken = try #require(try await nodes[1].store.take(fromNode: nodes[0].epoch))
        #expect(try await nodes[2].store.close(taken, at: SampleCalls.noon).isEmpty, "it is another node's")
        try await Self.takeAndEnd("one", by: nodes[2]) {
            let closed = try await nodes[1].store.close(taken, at: SampleCalls.noon)
            #expect(closed.isEmpty)
        }
        #expect(try await nodes[1].store.types(of: "one") == ["call.ended"])
    }

    @Test func `a node whose lease holds keeps its calls`() async throws {
        let nodes = try await Self.nodes(2, lease: .seconds(60))
        try await nodes[0].store.journal(SampleCalls.live("one"))
        #expect(try await nodes[1].store.take(fromNode: nodes[0].epoch) == nil)
        #expect(try await nodes[1].store.owner(of: CallID("one"))?.epoch == nodes[0].epoch)
    }

    @Test func `a node that dies while it closes taken calls leaves them to the next`() async throws {
        let nodes = try await Self.nodes(3)
        try await nodes[0].store.journal(SampleCalls.live("one"))
        _ = try await nodes[1].takeOver(nodes[0])
        let taken = try await nodes[2].takeOver(nodes[1])
        #expect(taken.calls == [CallID("one")])
        #expect(try await nodes[2].store.close(taken, at: SampleCalls.noon).count == 1)
    }

    @Test func `the unconfirmed hang-ups of a dead node are due at once`() async throws {
        let nodes = try await Self.nodes(2)
        try await nodes[0].store.journal(SampleCalls.live("one", carrierCallID: "CA1"))
        try await nodes[0].store.save(SampleCalls.ended("one", carrierCallID: "CA1", confirmed: false))
        #expect(try await nodes[1].store.dueHangUps(at: SampleCalls.noon + 60).isEmpty)
        _ = try await nodes[1].takeOver(nodes[0])
        #expect(try await nodes[1].store.dueHangUps(at: SampleCalls.noon + 60).map(\.carrierCallID) == ["CA1"])
    }

    @Test func `Live calls of a server that had the database for itself are taken by the first node`() async throws {
        let url = try TestPostgres.shared().makeSchema().url
        let alone = try SQLCallStore(postgres: url, identifiers: TestIdentifiers())
        try await alone.journal(SampleCalls.live("one"))
        #expect(throws: StoreError.self) { try Node(url) }
        try alone.close()
        let node = try Node(url)
        try await node.register("node")
        #expect(throws: StoreError.self) { try SQLCallStore(postgres: url, identifiers: TestIdentifiers()) }
        let orphans = try await node.store.takeOrphans(at: SampleCalls.noon)
        #expect(orphans?.calls == [CallID("one")])
    }

    // MARK: Limits

    private static let limits = SharedLimits(placedPerSecond: 10_000, atOnce: 10, minutesPerDay: nil)

    @Test func `of 1,000 calls raced over three nodes under a cap of 10 exactly 10 get a place`() async throws {
        let nodes = try await Self.nodes(3, lease: .seconds(60))
        let granted = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<1000 {
                group.addTask {
                    let verdict = try await nodes[number % 3].store.takePlace(
                        for: CallID("\(number)"),
                        tenant: "a",
                        isPlaced: true,
                        wanted: 60_000,
                        limits: Self.limits,
                        beginningOfDay: SampleCalls.noon
                    )
                    return verdict == .granted(milliseconds: 60_000)
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(granted == 10)
    }

    private static func place(
        _ id: String,
        _ carrierCallID: String? = nil,
        on node: Node,
        _ limits: SharedLimits
    ) async throws -> PlaceVerdict {
        try await node.store.takePlace(
            for: CallID(id),
            tenant: "a",
            isPlaced: carrierCallID == nil,
            carrierCallID: carrierCallID,
            wanted: 120_000,
            limits: limits,
            beginningOfDay: SampleCalls.noon
        )
    }

    @Test func `a place is free again when its call ends, did not begin, or its node has died`() async throws {
        let nodes = try await Self.nodes(2)
        var limits = Self.limits
        limits.atOnce = 1
        #expect(try await Self.place("one", on: nodes[0], limits) == .granted(milliseconds: 120_000))
        #expect(try await Self.place("two", on: nodes[1], limits) == .tooMany)
        try await nodes[0].store.save(SampleCalls.ended("one"))
        #expect(try await Self.place("two", on: nodes[1], limits) == .granted(milliseconds: 120_000))
        try await nodes[1].store.freePlace(of: CallID("two"))
        #expect(try await Self.place("three", on: nodes[0], limits) == .granted(milliseconds: 120_000))
        #expect(try await Self.place("four", on: nodes[1], limits) == .tooMany)
        _ = try await nodes[1].takeOver(nodes[0])
        #expect(try await Self.place("four", on: nodes[1], limits) == .granted(milliseconds: 120_000))
    }

    @Test func `an inbound call has its place on the node that is told of it first, until it ends`() async throws {
        let nodes = try await Self.nodes(2)
        var limits = Self.limits
        limits.atOnce = 1
        let granted = PlaceVerdict.granted(milliseconds: 120_000)
        #expect(try await Self.place("one", "CA1", on: nodes[0], limits) == granted)
        for node in nodes {
            guard case .announced(let owner, 120_000) = try await Self.place("two", "CA1", on: node, limits) else {
                Issue.record("a second place for one call")
                return
            }
            #expect(owner.call == CallID("one") && owner.epoch == nodes[0].epoch)
            #expect(try await node.store.owner(carrierCallID: "CA1") == owner, "before the call has its row")
            #expect(try await node.store.owner(of: CallID("one")) == owner)
        }
        try await nodes[0].store.freePlace(of: CallID("one"))
        #expect(try await Self.place("two", "CA1", on: nodes[1], limits) == granted)
        #expect(try await Self.place("three", "CA2", on: nodes[0], limits) == .tooMany)
    }

    @Test func `places of lives that are over are freed, and such a life gets none`() async throws {
        let nodes = try await Self.nodes(2)
        var limits = Self.limits
        limits.atOnce = 1
        #expect(try await Self.place("one", on: nodes[0], limits) == .granted(milliseconds: 120_000))
        // The server that had the database for itself meanwhile has ended all lives.
        try await nodes[1].store.write { db in try db.execute("UPDATE nodes SET over_at = 1") }
        try await nodes[1].register("node-1")
        await #expect { try await Self.place("two", on: nodes[0], limits) } throws: {
            ($0 as? StoreError)?.code == .notOwner
        }
        #expect(try await Self.place("two", on: nodes[1], limits) == .tooMany)
        try await nodes[1].store.freePlaces(exceptOf: [])
        #expect(try await Self.place("two", on: nodes[1], limits) == .granted(milliseconds: 120_000))
        _ = try await nodes[0].store.sweep(at: SampleCalls.noon)
        try await nodes[1].register("node-1")
        #expect(try await Self.place("three", on: nodes[1], limits) == .granted(milliseconds: 120_000))
    }

    @Test func `Minutes and paces hold over nodes`() async throws {
        let nodes = try await Self.nodes(2, lease: .seconds(60))
        let minutes = SharedLimits(placedPerSecond: 1000, atOnce: nil, minutesPerDay: 3)
        #expect(try await Self.place("one", on: nodes[0], minutes) == .granted(milliseconds: 120_000))
        #expect(try await Self.place("two", on: nodes[1], minutes) == .granted(milliseconds: 60_000))
        #expect(try await Self.place("three", on: nodes[0], minutes) == .minutesUsed)
        let paces = SharedLimits(placedPerSecond: 1, atOnce: nil, minutesPerDay: nil)
        var verdicts: [PlaceVerdict] = []
        let began = ContinuousClock.now
        for number in 0..<6 { verdicts.append(try await Self.place("pace-\(number)", on: nodes[number % 2], paces)) }
        let granted = verdicts.count { $0 == .granted(milliseconds: 120_000) }
        // Two at once, and one more for each second that this took.
        #expect(granted >= 2 && granted <= 2 + Int((ContinuousClock.now - began) / .seconds(1)) + 1)
        if ContinuousClock.now - began < .seconds(1) {
            #expect(verdicts.contains { if case .tooOften(1...1000) = $0 { true } else { false } })
        }
    }

    @Test func `a key that another node works on is not claimed, and a dead node's key is`() async throws {
        let nodes = try await Self.nodes(2)
        func claim(_ node: Node, _ call: String) async throws -> IdempotencyClaim {
            try await node.store.claimIdempotencyKey(
                "key",
                tenant: "a",
                digest: [1],
                call: CallID(call),
                at: SampleCalls.noon
            )
        }
        #expect(try await claim(nodes[0], "one") == .first)
        #expect(try await claim(nodes[1], "two") == .elsewhere(CallID("one")))
        _ = try await nodes[1].takeOver(nodes[0])
        #expect(try await claim(nodes[1], "two") == .running(CallID("one")))
        try await nodes[1].store.answerIdempotencyKey("key", tenant: "a", ["x": 1])
        #expect(try await claim(nodes[0], "three") == .answered(CallID("one"), ["x": 1]))
    }

    @Test func `one node places a delayed call, and none after it was cancelled elsewhere`() async throws {
        let nodes = try await Self.nodes(2, lease: .seconds(60))
        func delay(_ id: String) async throws {
            try await nodes[0].store.putDelayedCall(
                DelayedCall(callID: CallID(id), tenant: "a", agentID: "b", order: [:], dueAt: SampleCalls.noon)
            )
        }
        try await delay("one")
        #expect(try await nodes[0].store.takeDelayedCall(CallID("one")))
        #expect(try await !nodes[1].store.takeDelayedCall(CallID("one")))
        try await nodes[0].store.journal(SampleCalls.live("one"))
        #expect(try await !nodes[0].store.takeDelayedCall(CallID("one")), "it has begun")
        try await delay("two")
        #expect(try await nodes[1].store.cancelDelayedCall(CallID("two"), tenant: "a", agentID: "b"))
        #expect(try await !nodes[0].store.takeDelayedCall(CallID("two")))
    }
}
