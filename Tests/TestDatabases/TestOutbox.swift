import Synchronization
package import TalkpathCore
package import TalkpathStore
import TalkpathWire

/// An outbox that a test fills by hand, in place of a server's. Thread-safe.
package final class TestOutbox: OutboxSource {
    private struct State {
        var pending: [OutboxEntry] = []
        var written: [Set<CallID>] = []
        var endpointsAdded = 0
    }

    private let state = Mutex(State())

    package init() {}

    package var pending: [OutboxEntry] { state.withLock { $0.pending } }
    package var written: [Set<CallID>] { state.withLock { $0.written } }
    package var endpointsAdded: Int { state.withLock { $0.endpointsAdded } }

    package func tell(_ entry: OutboxEntry) { state.withLock { $0.pending.append(entry) } }

    package func takePending() -> [OutboxEntry] {
        state.withLock { state in
            defer { state.pending = [] }
            return state.pending
        }
    }

    package func putBack(_ entries: [OutboxEntry]) { state.withLock { $0.pending = entries + $0.pending } }

    package func events(endOf call: CallSnapshot) -> [OutboxEvent] {
        [
            OutboxEvent(
                type: "call.ended",
                callID: call.id,
                tenant: call.tenant,
                at: call.endedAt ?? call.startedAt,
                data: ["reason": .string(call.receipt?.reason.rawValue ?? "")]
            )
        ]
    }

    package func event(analysisOf call: CallSnapshot, at now: WallTime) -> OutboxEvent {
        OutboxEvent(type: "call.analyzed", callID: call.id, tenant: call.tenant, at: now, data: [:])
    }

    package func written(_ calls: Set<CallID>) { state.withLock { $0.written.append(calls) } }

    package func endpointAdded() { state.withLock { $0.endpointsAdded += 1 } }
}
