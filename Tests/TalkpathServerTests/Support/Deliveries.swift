import Logging
import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire

@testable import TalkpathServer

/// Civil time that the test advances.
final class ManualClock: CallClock {
    private let milliseconds: Atomic<Int64>

    init(milliseconds: Int64 = 1_772_366_400_000) {
        self.milliseconds = Atomic(milliseconds)
    }

    var now: MonotonicInstant {
        MonotonicInstant(nanoseconds: 0) + .milliseconds(milliseconds.load(ordering: .relaxed))
    }

    var wallTime: WallTime {
        get { WallTime(milliseconds: milliseconds.load(ordering: .relaxed)) }
        set { milliseconds.store(newValue.milliseconds, ordering: .relaxed) }
    }
}

/// An endpoint's worker with a scripted receiver, and a clock that stands still.
struct WorkerStage: Sendable {
    let store: SQLCallStore
    let clock = ManualClock()
    let receiver: ScriptedTransport
    let worker: EndpointWorker
    static let endpoint = "wh_1"

    init(backoff: Backoff = .deliveries, random: Double = 1, outcome: DeliveryOutcome) async throws {
        store = try SQLCallStore(.memory, identifiers: SystemIdentifiers())
        receiver = ScriptedTransport(outcome)
        worker = EndpointWorker(
            endpointID: Self.endpoint,
            transport: receiver,
            store: store,
            bell: Bell(),
            clock: clock,
            backoff: backoff,
            logger: TestServer.silent,
            random: { random }
        )
        try await store.journal(ServerFolder.liveCall("one"))
        try await store.putEndpoint(
            Endpoint(
                id: Self.endpoint,
                tenant: "default",
                kind: .webhook,
                url: "https://hooks.example.test/",
                secret: "",
                createdAt: clock.wallTime
            )
        )
        try await store.append(
            OutboxEvent(type: "call.started", callID: CallID("one"), tenant: "default", at: clock.wallTime, data: [:])
        )
    }

    func run(_ body: () async throws -> Void) async throws {
        let task = Task { await worker.run() }
        defer { task.cancel() }
        try await body()
        task.cancel()
        await task.value
    }

    /// Returns the time until the failed delivery is due again; nil if it is given up.
    func pauseAfterFailure() async throws -> Duration? {
        while true {
            if try await store.countDeliveries().pending == 0 { return nil }
            let now = clock.wallTime
            if let due = try await store.nextDelivery(to: Self.endpoint, after: now) {
                return .milliseconds(due.milliseconds - now.milliseconds)
            }
            await Task.yield()
        }
    }

    func pass(_ time: Duration) {
        clock.wallTime = WallTime(milliseconds: clock.wallTime.milliseconds + Int64(time.milliseconds.rounded(.up)))
        worker.bell.ring()
    }
}

final class ScriptedTransport: EndpointTransport {
    private let outcome: Mutex<DeliveryOutcome>
    private let attempts: AsyncStream<OutboxEvent>
    private let attempt: AsyncStream<OutboxEvent>.Continuation
    private let closings = Atomic(0)

    init(_ outcome: DeliveryOutcome) {
        self.outcome = Mutex(outcome)
        (attempts, attempt) = AsyncStream.makeStream()
    }

    var isClosed: Bool { closings.load(ordering: .relaxed) > 0 }

    func answer(_ outcome: DeliveryOutcome) { self.outcome.withLock { $0 = outcome } }

    func deliver(_ event: OutboxEvent) async -> DeliveryOutcome {
        attempt.yield(event)
        return outcome.withLock { $0 }
    }

    func close() async { closings.add(1, ordering: .relaxed) }

    func nextAttempt() async -> OutboxEvent? {
        for await event in attempts { return event }
        return nil
    }
}
