import NIOHTTP1
import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathWire
import Testing

@testable import TalkpathServer
@testable import TalkpathStore

/// A store that cannot write, and a clock that is set, as clients see them.
@Suite(.timeLimit(.minutes(5))) struct StoreTroubleTests {
    @Test func `on a full disk no call is placed and the answer says why`() async throws {
        try await ServerFolder.run { folder async throws in
            try await TestServer.run(configure: { $0.storage = .init(folder: folder.path) }) { test async throws in
                let store = test.server.state.store.calls
                let before = try await test.place()
                _ = try await test.end(before)
                let words = String(repeating: "word ", count: 3_000)
                let body = #"{"to":"\#(TestServer.number)","metadata":{"words":"\#(words)"}}"#
                try store.holdSize(true)
                let answer = try await test.send(.POST, "/api/calls", body)
                #expect(answer.status == 503 && answer["code"] == "store_unavailable", "\(answer.text)")
                #expect(answer.headers.first(name: "Retry-After") == "5")
                #expect(!answer.text.contains("Twilio"))
                #expect(test.carrier.placed.count == 1, "the carrier was not asked")
                let agent = #"{"name":"desk","instructions":"\#(words)"}"#
                #expect(try await test.send(.POST, "/api/agents", agent)["code"] == "store_unavailable")
                var readiness = try await test.send(.GET, "/ready", key: nil)
                // A small write of the first call may come late, and still fit.
                for _ in 0..<5 where readiness.status != 503 {
                    _ = try await test.send(.POST, "/api/agents", agent)
                    readiness = try await test.send(.GET, "/ready", key: nil)
                }
                #expect(readiness.status == 503 && readiness["status"] == "store_unavailable")
                #expect(try await test.send(.GET, "/health", key: nil).status == 200)
                #expect(try await test.send(.GET, "/api/calls?state=ended").status == 200, "what is there can be read")
                #expect(try await test.send(.GET, "/metrics").text.contains("talkpath_store_failing 1"))
                try store.holdSize(false)
                #expect(try await test.send(.POST, "/api/calls", body).status == 201)
                #expect(try await test.send(.GET, "/ready", key: nil).status == 200)
            }
        }
    }

    // MARK: Time

    /// Civil time can be set; the monotonic clock cannot.
    private final class SettableClock: CallClock {
        private let nanoseconds = Atomic<Int64>(0)
        private let offset = Atomic<Int64>(1_772_366_400_000)

        var now: MonotonicInstant {
            MonotonicInstant(nanoseconds: 0) + .nanoseconds(nanoseconds.load(ordering: .relaxed))
        }
        var wallTime: WallTime {
            let passed = nanoseconds.load(ordering: .relaxed) / 1_000_000
            return WallTime(milliseconds: offset.load(ordering: .relaxed) + passed)
        }
        func pass(seconds: Int64) { nanoseconds.add(seconds * 1_000_000_000, ordering: .relaxed) }
        func set(bySeconds step: Int64) { offset.add(step * 1000, ordering: .relaxed) }
    }

    @Test(arguments: [-3600, 3600, -10 * 86_400, 10 * 86_400] as [Int64])
    func `a set clock makes deliveries neither later nor sooner`(step: Int64) async throws {
        let clock = SettableClock()
        let steady = SteadyClock(clock)
        let stage = try await WorkerStage(outcome: .failed("busy", retryAfter: nil))
        let worker = EndpointWorker(
            endpointID: WorkerStage.endpoint,
            transport: stage.receiver,
            store: stage.store,
            bell: Bell(),
            clock: steady,
            backoff: Backoff(first: .seconds(5), factor: 1, longest: .seconds(5), attempts: 100),
            logger: TestServer.silent,
            random: { 1 }
        )
        let running = Task { await worker.run() }
        defer { running.cancel() }
        #expect(await stage.receiver.nextAttempt() != nil)
        while try await stage.store.nextDelivery(to: WorkerStage.endpoint, after: steady.wallTime) == nil {
            await Task.yield()
        }
        clock.set(bySeconds: step)
        let due = try #require(
            try await stage.store.nextDelivery(to: WorkerStage.endpoint, after: WallTime(milliseconds: 0))
        )
        #expect(due.milliseconds - steady.wallTime.milliseconds == 5000)
        #expect(try await stage.store.dueDeliveries(to: WorkerStage.endpoint, at: steady.wallTime, limit: 1) == [])
        clock.pass(seconds: 5)
        worker.bell.ring()
        #expect(await stage.receiver.nextAttempt() != nil)
        // The next process counts from its own clock.
        try await stage.store.noteAlive(at: clock.wallTime, steady: steady.wallTime)
        while try await stage.store.nextDelivery(to: WorkerStage.endpoint, after: steady.wallTime) == nil {
            await Task.yield()
        }
        _ = try await stage.store.sweep(at: clock.wallTime)
        let later = try #require(try await stage.store.nextDelivery(to: WorkerStage.endpoint, after: clock.wallTime))
        #expect(later.milliseconds - clock.wallTime.milliseconds == 5000)
    }

    // MARK: One that hangs

    /// Delays the deliveries of one call without end.
    private final class HangingTransport: EndpointTransport {
        let hanging: CallID
        private let told: AsyncStream<CallID>
        private let tell: AsyncStream<CallID>.Continuation

        init(hanging: CallID) {
            self.hanging = hanging
            (told, tell) = AsyncStream.makeStream()
        }

        func deliver(_ event: OutboxEvent) async -> DeliveryOutcome {
            tell.yield(event.callID)
            if event.callID == hanging, (try? await Task.sleep(for: .seconds(3600))) == nil {
                return .failed("cut off", retryAfter: nil)
            }
            return .delivered
        }

        func close() async {}

        func next() async -> CallID? {
            for await call in told { return call }
            return nil
        }
    }

    @Test func `a delivery that hangs delays its own call only`() async throws {
        let stage = try await WorkerStage(outcome: .delivered)
        let transport = HangingTransport(hanging: CallID("one"))
        let worker = EndpointWorker(
            endpointID: WorkerStage.endpoint,
            transport: transport,
            store: stage.store,
            bell: Bell(),
            clock: stage.clock,
            backoff: .deliveries,
            logger: TestServer.silent
        )
        let running = Task { await worker.run() }
        #expect(await transport.next() == CallID("one"))
        // The other call's deliveries go on, one after the other.
        for number in 0..<5 {
            let call = CallID("other-\(number)")
            try await stage.store.journal(ServerFolder.liveCall(call.text))
            for id in [CallID("one"), call] {
                try await stage.store.append(
                    OutboxEvent(
                        type: "call.ringing",
                        callID: id,
                        tenant: "default",
                        at: stage.clock.wallTime,
                        data: [:]
                    )
                )
            }
            worker.bell.ring()
            #expect(await transport.next() == call)
        }
        running.cancel()
        await running.value
        #expect(try await stage.store.countDeliveries().pending == 6, "those of the call whose delivery hangs")
    }

    @Test func `a hang-up that hangs delays no other`() async throws {
        let store = try SQLCallStore(.memory, identifiers: SystemIdentifiers())
        let carrier = HangingCarrier(hanging: "CA-one")
        let clock = ManualClock()
        let bell = Bell()
        func lose(_ id: String) async throws {
            var call = ServerFolder.liveCall(id)
            call.carrierCallID = "CA-" + id
            let lost = call
            try await store.journal(lost)
            _ = try await store.sweep(at: clock.wallTime)
            bell.ring()
        }
        let hangUps = HangUps(
            store: store,
            carriers: TenantCarriers(shared: carrier, own: [:], destinations: Destinations(prefixes: [])),
            clock: clock,
            bell: bell,
            logger: TestServer.silent
        )
        let running = Task { try await hangUps.run() }
        try await lose("one")
        #expect(await carrier.next() == "CA-one")
        for id in ["two", "three"] {
            try await lose(id)
            #expect(await carrier.next() == "CA-" + id)
        }
        running.cancel()
        _ = await running.result
    }

    private final class HangingCarrier: Carrier {
        let hanging: String
        private let asked: AsyncStream<String>
        private let ask: AsyncStream<String>.Continuation

        init(hanging: String) {
            self.hanging = hanging
            (asked, ask) = AsyncStream.makeStream()
        }

        func place(_ request: PlaceCallRequest) async throws(CarrierError) -> String {
            throw CarrierError(.refused, "no")
        }
        func redirect(_ id: String, to instructions: CarrierInstructions) async throws(CarrierError) {}
        func hangUp(_ id: String) async throws(CarrierError) -> HangUpAnswer {
            ask.yield(id)
            if id == hanging { try? await Task.sleep(for: .seconds(3600)) }
            return .done
        }

        func next() async -> String? {
            for await id in asked { return id }
            return nil
        }
    }
}
