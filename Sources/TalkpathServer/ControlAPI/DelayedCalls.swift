import HTTPTypes
import Logging
import TalkpathAudio
import TalkpathCore
import TalkpathStore
import TalkpathWire

/// Calls that are to be placed later. Each uses its agent as it is by then.
///
/// The store keeps a request until its call has a record. So a restarted server goes on waiting for it, and places it
/// only once. A call that became due while no server ran is placed at the start, unless it is more than ``patience``
/// late: by then, the tenant does not expect it any more.
actor DelayedCalls {
    struct Entry: Sendable {
        var call: CallID
        var tenant: String
        var request: CreateCallRequest
    }

    private struct Waiting {
        var entry: Entry
        var agentID: String
        var dueAt: WallTime
    }

    private var waiting: [CallID: Waiting] = [:]
    /// Calls that are being placed. Their requests are still in the store.
    private var placing: Set<CallID> = []
    private let newcomers: AsyncStream<CallID>
    private let queue: AsyncStream<CallID>.Continuation
    private let store: SQLCallStore
    private let clock: any CallClock
    private let logger: Logger

    /// The most waiting calls.
    private static let most = 10_000
    /// The most milliseconds by which a call may be late.
    static let patience: Int64 = 15 * 60 * 1000

    init(store: SQLCallStore, clock: any CallClock, logger: Logger) {
        self.store = store
        self.clock = clock
        self.logger = logger
        (newcomers, queue) = AsyncStream.makeStream()
    }

    /// The calls that wait here.
    var count: Int { waiting.count }

    /// Returns when the request is stored.
    func add(_ entry: Entry, agentID: String, after delay: Duration) async throws {
        guard waiting.count < Self.most else {
            throw Problem(.tooManyRequests, .tooManyCalls, "Limit of calls that wait to be placed reached").retry(
                after: 60
            )
        }
        let due = WallTime(milliseconds: clock.wallTime.milliseconds + Int64(delay.wholeMilliseconds))
        waiting[entry.call] = Waiting(entry: entry, agentID: agentID, dueAt: due)
        let kept = DelayedCall(
            callID: entry.call,
            tenant: entry.tenant,
            agentID: agentID,
            order: entry.request.kept,
            dueAt: due
        )
        do {
            try await store.putDelayedCall(kept)
        } catch {
            waiting[entry.call] = nil
            throw error
        }
        queue.yield(entry.call)
    }

    /// Cancels a call that has not been placed yet.
    /// - Returns: true if there was one that belongs to this tenant and this agent.
    func cancel(_ id: CallID, tenant: String, agent: String) async throws -> Bool {
        guard let one = waiting[id], one.entry.tenant == tenant, one.agentID == agent else {
            return try await store.cancelDelayedCall(id, tenant: tenant, agentID: agent)
        }
        waiting[id] = nil
        try await store.deleteDelayedCall(id)
        return true
    }

    /// Places each call when it is due, until the task is cancelled.
    /// - Parameter place: returns whether the request is settled, placed or refused. If not, the next process tries
    ///   again.
    func run(place: @escaping @Sendable (Entry) async -> Bool) async {
        await restore()
        await withDiscardingTaskGroup { group in
            for await id in newcomers {
                guard let due = waiting[id]?.dueAt else { continue }
                let delay = Duration.milliseconds(max(0, due.milliseconds - clock.wallTime.milliseconds))
                group.addTask {
                    try? await Task.sleep(for: delay)
                    if !Task.isCancelled { await self.attempt(id, place) }
                }
            }
            group.cancelAll()
        }
    }

    private func attempt(_ id: CallID, _ place: @Sendable (Entry) async -> Bool) async {
        guard let entry = waiting.removeValue(forKey: id)?.entry else { return }
        placing.insert(id)
        defer { placing.remove(id) }
        do {
            guard try await store.takeDelayedCall(id) else { return }
        } catch {
            // A node finds the call again, because its request is still in the store.
            return logger.error(
                "A delayed call is not placed now: the store cannot tell whether another node places it",
                metadata: ["call_id": "\(id)"]
            )
        }
        if await place(entry) { await forget(id) }
    }

    private func forget(_ id: CallID) async {
        do {
            try await store.deleteDelayedCall(id)
        } catch {
            // The call's record shows the next process that it was placed.
            logger.error("A delayed call's request could not be forgotten", metadata: ["call_id": "\(id)"])
        }
    }

    /// Takes up the delayed calls that earlier processes, and other nodes, have accepted. A node takes up no more than
    /// may wait, those that are due first: it looks again.
    func restore() async {
        do {
            for (call, hasBegun) in try await store.delayedCalls() where isNew(call.callID) {
                guard waiting.count < Self.most || store.epoch == nil else { break }
                let isTooLate = clock.wallTime.milliseconds - call.dueAt.milliseconds > Self.patience
                guard !hasBegun, !isTooLate else {
                    if !hasBegun {
                        logger.warning(
                            "A delayed call was due too long ago and is not placed",
                            metadata: ["call_id": "\(call.callID)"]
                        )
                    }
                    try await store.deleteDelayedCall(call.callID)
                    continue
                }
                let request = CreateCallRequest(kept: call.order, agentID: call.agentID)
                waiting[call.callID] = Waiting(
                    entry: Entry(call: call.callID, tenant: call.tenant, request: request),
                    agentID: call.agentID,
                    dueAt: call.dueAt
                )
                queue.yield(call.callID)
            }
        } catch {
            logger.error("Delayed calls could not be looked up", metadata: ["error": "\(error)"])
        }
    }

    private func isNew(_ call: CallID) -> Bool { waiting[call] == nil && !placing.contains(call) }
}

extension CreateCallRequest {
    /// The request for a call that may be delayed, in the form in which the store keeps it.
    fileprivate var kept: JSONValue {
        ["to": .string(to), "variables": .dictionary(variables), "metadata": .dictionary(metadata)]
    }

    fileprivate init(kept json: JSONValue, agentID: String) {
        self.init(to: json["to"]?.string ?? "")
        agent = .stored(agentID)
        variables = AgentDefinition.dictionary(json["variables"])
        metadata = AgentDefinition.dictionary(json["metadata"])
    }
}
