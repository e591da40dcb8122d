import HTTPTypes
import Logging
import TalkpathCore

/// Calls that are to be placed later. They are kept in memory: a server that stops forgets them.
actor DelayedCalls {
    private struct Waiting {
        var call: OutboundCall
        var delay: Duration
    }

    private var waiting: [CallID: Waiting] = [:]
    private let newcomers: AsyncStream<CallID>
    private let queue: AsyncStream<CallID>.Continuation

    /// Beyond that, a caller wants too much of us.
    private static let most = 10_000

    init() {
        (newcomers, queue) = AsyncStream.makeStream()
    }

    func add(_ call: OutboundCall, after delay: Duration) throws(Problem) {
        guard let id = call.id, waiting.count < Self.most else {
            throw Problem(.tooManyRequests, .tooManyCalls, "Too many calls wait to be placed").retry(after: 60)
        }
        waiting[id] = Waiting(call: call, delay: delay)
        queue.yield(id)
    }

    /// Forgets a call that has not been placed yet.
    /// - Returns: whether there was one, of this tenant's and this agent's.
    func cancel(_ id: CallID, tenant: String, agent: String) -> Bool {
        guard let call = waiting[id]?.call, call.tenant == tenant, call.agent.id == agent else { return false }
        waiting[id] = nil
        return true
    }

    /// Places each call when it is due, until it is cancelled.
    func run(place: @escaping @Sendable (OutboundCall) async -> Void) async {
        await withDiscardingTaskGroup { group in
            for await id in newcomers {
                guard let delay = waiting[id]?.delay else { continue }
                group.addTask {
                    try? await Task.sleep(for: delay)
                    guard !Task.isCancelled, let call = await self.take(id) else { return }
                    await place(call)
                }
            }
            group.cancelAll()
        }
    }

    private func take(_ id: CallID) -> OutboundCall? {
        waiting.removeValue(forKey: id)?.call
    }
}
