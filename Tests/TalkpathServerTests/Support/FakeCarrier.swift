import Synchronization
import TalkpathCore

/// A carrier that records its requests, and answers as the test says.
final class FakeCarrier: Carrier {
    private struct State {
        var placed: [PlaceCallRequest] = []
        var hungUp: [String] = []
        var placing: Result<Void, CarrierError> = .success(())
        var hangingUp: Result<HangUpAnswer, CarrierError> = .success(.done)
        var redirecting: Result<Void, CarrierError> = .failure(CarrierError(.refused, "it cannot redirect"))
    }

    private let state = Mutex(State())
    /// The gate that placing waits for.
    let gate: Gate?

    init(gate: Gate? = nil) {
        self.gate = gate
    }

    var placed: [PlaceCallRequest] { state.withLock { $0.placed } }
    var hungUp: [String] { state.withLock { $0.hungUp } }

    func answerPlacing(with result: Result<Void, CarrierError>) { state.withLock { $0.placing = result } }
    func answerHangingUp(with result: Result<HangUpAnswer, CarrierError>) { state.withLock { $0.hangingUp = result } }

    func answerRedirecting(with result: Result<Void, CarrierError>) { state.withLock { $0.redirecting = result } }

    /// The carrier's id of a call.
    static func name(_ call: CallID) -> String { "CA" + call.text.filter { $0 != "-" } }

    func place(_ request: PlaceCallRequest) async throws(CarrierError) -> String {
        let result = state.withLock { state in
            state.placed.append(request)
            return state.placing
        }
        await gate?.pass()
        try result.get()
        return Self.name(request.callID)
    }

    func redirect(_ carrierCallID: String, to instructions: CarrierInstructions) async throws(CarrierError) {
        try state.withLock { $0.redirecting }.get()
    }

    func hangUp(_ carrierCallID: String) async throws(CarrierError) -> HangUpAnswer {
        let result = state.withLock { state in
            state.hungUp.append(carrierCallID)
            return state.hangingUp
        }
        return try result.get()
    }
}

/// Closed until the test opens it; then every waiter passes.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var visitors: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let arrivals: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation

    init() {
        (arrivals, arrival) = AsyncStream.makeStream()
    }

    func pass() async {
        arrival.yield()
        await withCheckedContinuation { continuation in
            let passes = state.withLock { state in
                if !state.isOpen { state.visitors.append(continuation) }
                return state.isOpen
            }
            if passes { continuation.resume() }
        }
    }

    func open() {
        let visitors = state.withLock { state in
            state.isOpen = true
            defer { state.visitors = [] }
            return state.visitors
        }
        for visitor in visitors { visitor.resume() }
    }

    func waitForVisitor() async {
        for await _ in arrivals { return }
    }
}

/// Keeps events, and lets tests wait for one.
final class EventLog: CallEventSink {
    private let events: AsyncStream<CallEvent>
    private let queue: AsyncStream<CallEvent>.Continuation
    private let ends = Mutex<[EndReceipt]>([])

    init() {
        (events, queue) = AsyncStream.makeStream()
    }

    var ended: [EndReceipt] { ends.withLock { $0 } }

    func publish(_ event: CallEvent) {
        if case .ended(let receipt) = event.kind { ends.withLock { $0.append(receipt) } }
        queue.yield(event)
    }

    @discardableResult
    func wait(for isWanted: (CallEvent.Kind) -> Bool) async -> CallEvent? {
        for await event in events where isWanted(event.kind) { return event }
        return nil
    }
}
