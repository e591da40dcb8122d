import Synchronization
import TalkpathCore
import TalkpathStore
import TalkpathWire

/// What a loop tells, by hand.
final class TestOutbox: OutboxSource {
    private struct State {
        var pending: [OutboxEntry] = []
        var written: [Set<CallID>] = []
        var endpointsAdded = 0
    }

    private let state = Mutex(State())

    var pending: [OutboxEntry] { state.withLock { $0.pending } }
    var written: [Set<CallID>] { state.withLock { $0.written } }
    var endpointsAdded: Int { state.withLock { $0.endpointsAdded } }

    func tell(_ type: String, _ call: String, data: JSONValue = [:]) {
        let told = OutboxEvent(
            type: type,
            callID: CallID(call),
            tenant: "",
            at: SampleCalls.noon,
            data: data
        )
        state.withLock { $0.pending.append(.event(told)) }
    }

    func tell(_ entry: OutboxEntry) { state.withLock { $0.pending.append(entry) } }

    func takePending() -> [OutboxEntry] {
        state.withLock { state in
            defer { state.pending = [] }
            return state.pending
        }
    }

    func putBack(_ entries: [OutboxEntry]) { state.withLock { $0.pending = entries + $0.pending } }

    func events(endOf call: CallSnapshot) -> [OutboxEvent] {
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

    func event(analysisOf call: CallSnapshot, at now: WallTime) -> OutboxEvent {
        OutboxEvent(type: "call.analyzed", callID: call.id, tenant: call.tenant, at: now, data: [:])
    }

    func written(_ calls: Set<CallID>) { state.withLock { $0.written.append(calls) } }

    func endpointAdded() { state.withLock { $0.endpointsAdded += 1 } }
}

extension SQLCallStore {
    /// The types of a call's events, in their order.
    func types(of call: String) async throws -> [String] {
        try await events(of: CallID(call), after: 0).map(\.type)
    }
}
