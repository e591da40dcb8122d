import NIOHTTP1
import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathStore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// The deliveries of events to webhooks.
@Suite(.timeLimit(.minutes(5))) struct WebhookTests {
    // MARK: Signatures

    @Test(arguments: [
        ("msg_2", "", "v1,oTk/Toai/WWixTtZMyPect8Bg1Oq+I7f9SNTEagUqok="),
        ("msg_3", #"{"t":"Grüße 世界"}"#, "v1,9o36YkvP0YSg+Aox5T8oGY8wp7gczi6BqZB2SaZgYU0="),
    ])
    func `signatures are those of the specification`(id: String, body: String, signature: String) throws {
        let secret = try #require(WebhookSecret("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"))
        let headers = secret.headers(id: id, timestamp: 1_700_000_000, body: Array(body.utf8))
        #expect(headers.map(\.name) == ["webhook-id", "webhook-timestamp", "webhook-signature"])
        #expect(headers.map(\.value) == [id, "1700000000", signature])
    }

    /// The example that the libraries of Standard Webhooks are tested with.
    @Test func `the libraries' example has the same signature`() throws {
        let secret = try #require(WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        let headers = secret.headers(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp: 1_614_265_330,
            body: Array(#"{"test": 2432232314}"#.utf8)
        )
        #expect(headers.last?.value == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test func `during a rotation both secrets sign and the new one comes first`() throws {
        let secrets = try #require(
            WebhookSecret.all(in: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw, whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3")
        )
        let headers = WebhookSecret.headers(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp: 1_614_265_330,
            body: Array(#"{"test": 2432232314}"#.utf8),
            secrets: secrets
        )
        let signatures = headers.last?.value.split(separator: " ") ?? []
        #expect(signatures.count == 2 && signatures.first == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        #expect(signatures.last?.hasPrefix("v1,") == true && signatures.last != signatures.first)
        #expect(WebhookSecret.all(in: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw,short") == nil)
        #expect(WebhookSecret.all(in: "") == nil)
    }

    @Test(arguments: [
        "", "whsec_", "whsec_c2hvcnQ=", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", "whsec_not base64 at all!!!!",
    ])
    func `an invalid secret is refused`(text: String) {
        #expect(WebhookSecret(text) == nil)
    }

    @Test func `generated secrets are valid and never the same`() {
        let first = WebhookSecret.make()
        #expect(WebhookSecret(first) != nil && first != WebhookSecret.make())
    }

    // MARK: Trying again

    @Test(arguments: [0.0, 1.0])
    func `a failed delivery is tried again with growing pauses for three days and then kept`(random: Double)
        async throws
    {
        let stage = try await WorkerStage(random: random, outcome: .failed("status 500"))
        try await stage.run { () async throws in
            let first = try #require(await stage.receiver.nextAttempt())
            var pauses: [Duration] = []
            while let pause = try await stage.pauseAfterFailure() {
                pauses.append(pause)
                stage.pass(pause)
                #expect(await stage.receiver.nextAttempt()?.id == first.id)
            }
            // Half of the pause is fixed, the other half is random.
            let share = 0.5 + random / 2
            let growing = [5, 20, 80, 320, 1280, 5120, 20_480].map { Duration.seconds($0) * share }
            #expect(Array(pauses.prefix(7)) == growing)
            #expect(pauses.dropFirst(7).allSatisfy { $0 == .seconds(21_600) * share })
            let days = pauses.reduce(.zero, +) / .seconds(86_400) / share * 0.75
            #expect((2.8...3.2).contains(days), "on average")
            let dead = try await stage.store.deadDeliveries(tenant: "default")
            #expect(dead.map(\.event.id) == [first.id] && dead.first?.failure == "status 500")
        }
    }

    @Test func `a receiver that names a time to retry gets no request before it`() async throws {
        let stage = try await WorkerStage(outcome: .failed("busy", retryAfter: .seconds(3600)))
        try await stage.run { () async throws in
            _ = await stage.receiver.nextAttempt()
            #expect(try await stage.pauseAfterFailure() == .seconds(3600))
            // One second earlier the store has no due delivery.
            stage.pass(.seconds(3599))
            #expect(
                try await stage.store.dueDeliveries(to: WorkerStage.endpoint, at: stage.clock.wallTime, limit: 1) == []
            )
            stage.receiver.answer(.delivered)
            stage.pass(.seconds(1))
            _ = await stage.receiver.nextAttempt()
            #expect(try await stage.pauseAfterFailure() == nil)
            #expect(try await stage.store.countDeliveries() == (0, 0))
        }
    }

    @Test func `a permanent refusal is kept at once and can be replayed`() async throws {
        let stage = try await WorkerStage(outcome: .refused("no such chat"))
        try await stage.run { () async throws in
            let first = await stage.receiver.nextAttempt()
            #expect(try await stage.pauseAfterFailure() == nil)
            let dead = try #require(try await stage.store.deadDeliveries(tenant: "default").first)
            #expect(dead.failure == "no such chat")
            stage.receiver.answer(.delivered)
            let count = try await stage.store.replayDelivery(dead.id, tenant: "default")
            #expect(count == 1)
            stage.worker.bell.ring()
            #expect(await stage.receiver.nextAttempt()?.id == first?.id)
        }
    }

    @Test func `an endpoint that is gone gets no more requests`() async throws {
        let stage = try await WorkerStage(outcome: .gone)
        // Returns by itself.
        await stage.worker.run()
        #expect(stage.receiver.isClosed)
        #expect(try await stage.store.endpoint(WorkerStage.endpoint)?.stopped == "it answered that it is gone")
        #expect(try await stage.store.countDeliveries().pending == 0)
    }

    // MARK: Over the wire

    private static let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"

    /// A server that may call receivers on this machine, with short time-outs.
    private func withServer(
        attempts: Int = 3,
        _ body: (TestServer) async throws -> Void
    ) async throws {
        try await TestServer.run(
            adjust: { parts in
                parts.addressPolicy = .development
                parts.deliveryBackoff = Backoff(
                    first: .milliseconds(1),
                    factor: 1,
                    longest: .milliseconds(1),
                    attempts: attempts
                )
            },
            body
        )
    }

    private func register(_ receiver: Receiver, at test: TestServer, events: String? = nil) async throws -> String {
        let answer = try await test.send(
            .POST,
            "/api/webhooks",
            #"{"url":"\#(receiver.url)/hook","secret":"\#(Self.secret)"\#(events.map { #","events":\#($0)"# } ?? "")}"#
        )
        try #require(answer.status == 201, "\(answer.text)")
        return try #require(answer["webhook_id"]?.string)
    }

    @Test
    func `an event comes again with the same id until it is accepted, each time with a valid signature`() async throws {
        let failures = Countdown(2)
        try await Receiver.run(answer: { _ in .init(status: failures.next() ? 503 : 204, body: "") }) {
            receiver async throws in
            try await withServer { test async throws in
                let webhook = try await register(receiver, at: test, events: #"["call.ended"]"#)
                let call = try await test.place()
                _ = try await test.end(call)
                var names: Set<String> = []
                let secret = try #require(WebhookSecret(Self.secret))
                for _ in 0..<3 {
                    let message = try await receiver.next()
                    let id = try #require(message.headers["webhook-id"])
                    names.insert(id)
                    let time = try #require(message.headers["webhook-timestamp"].flatMap(Int64.init))
                    let expected = secret.headers(id: id, timestamp: time, body: message.body)
                    #expect(message.headers["webhook-signature"] == expected.last?.value)
                    #expect(message.method == "POST" && message.path == "/hook" && message.type == "call.ended")
                    #expect(message.json["data"]?["receipt"]?["call_id"]?.string == call.text)
                }
                #expect(names.count == 1)
                let dead = try await test.send(.GET, "/api/events/dead")
                #expect(dead["count"] == 0)
                // The receiver gets the third event before the server has recorded the second's delivery.
                var shown = try await test.send(.GET, "/api/webhooks/\(webhook)")
                while shown["delivered"] == 0 { shown = try await test.send(.GET, "/api/webhooks/\(webhook)") }
                #expect(shown["delivered"] == 1 && shown["failed_attempts"] == 2 && shown["failing_since"] == .null)
                #expect(shown["last_failure"] == "answered with status 503", "\(shown.text)")
                let metrics = try await test.send(.GET, "/metrics").text
                #expect(metrics.contains(#"talkpath_deliveries_total{outcome="failed"} 2"#))
            }
        }
    }

    @Test func `undelivered events are listed and can be replayed`() async throws {
        let failures = Countdown(2)
        try await Receiver.run(answer: { _ in .init(status: failures.next() ? 500 : 200) }) { receiver async throws in
            try await withServer(attempts: 2) { test async throws in
                let webhook = try await register(receiver, at: test, events: #"["call.ended"]"#)
                _ = try await test.end(try await test.place())
                let first = try await receiver.next()
                _ = try await receiver.next()
                var dead = try await test.send(.GET, "/api/events/dead")
                while dead["count"] == 0 { dead = try await test.send(.GET, "/api/events/dead") }
                let delivery = try #require(dead["deliveries"]?[0])
                #expect(delivery["webhook_id"]?.string == webhook && delivery["attempts"] == 2)
                #expect(delivery["failure"] == "answered with status 500")
                // Another tenant sees none of them.
                let others = try await test.send(.GET, "/api/events/dead", key: TestServer.otherKey)
                #expect(others["count"] == 0)
                let stolen = try await test.send(
                    .POST,
                    "/api/events/dead/replay",
                    #"{"delivery_id":\#(delivery["delivery_id"]?.int ?? 0)}"#,
                    key: TestServer.otherKey
                )
                #expect(stolen.status == 404)
                let replay = try await test.send(.POST, "/api/events/dead/replay", #"{"all":true}"#)
                #expect(replay["count"] == 1)
                #expect(try await receiver.next().headers["webhook-id"] == first.headers["webhook-id"])
            }
        }
    }

    @Test func `the deliveries to a receiver that is gone are stopped`() async throws {
        try await Receiver.run(answer: { _ in .init(status: 410) }) { receiver async throws in
            try await withServer { test async throws in
                let webhook = try await register(receiver, at: test)
                _ = try await test.place()
                _ = try await receiver.next()
                var now = try await test.send(.GET, "/api/webhooks/\(webhook)")
                while now["active"] == true { now = try await test.send(.GET, "/api/webhooks/\(webhook)") }
                #expect(now["stopped_because"] == "it answered that it is gone")
            }
        }
    }

    @Test func `redirects are not followed`() async throws {
        try await Receiver.run { target async throws in
            let elsewhere = "\(target.url)/elsewhere"
            try await Receiver.run(answer: { _ in .init(status: 307, headers: [("Location", elsewhere)]) }) {
                receiver in
                try await withServer(attempts: 1) { test async throws in
                    _ = try await register(receiver, at: test, events: #"["call.started"]"#)
                    _ = try await register(target, at: test, events: #"["call.ended"]"#)
                    let call = try await test.place()
                    _ = try await receiver.next()
                    var dead = try await test.send(.GET, "/api/events/dead")
                    while dead["count"] == 0 { dead = try await test.send(.GET, "/api/events/dead") }
                    let failure = dead["deliveries"]?[0]?["failure"]
                    #expect(failure == "answered with status 307: redirects are not followed")
                    // The first request there is its own.
                    _ = try await test.end(call)
                    #expect(try await target.next().path == "/hook")
                }
            }
        }
    }

    @Test func `a receiver that does not answer delays no other`() async throws {
        let gate = Gate()
        try await Receiver.run(answer: { _ in
            await gate.pass()
            return .init()
        }) { slow async throws in
            try await Receiver.run { quick async throws in
                try await withServer { test async throws in
                    _ = try await register(slow, at: test)
                    _ = try await register(quick, at: test)
                    let call = try await test.place()
                    #expect(try await slow.next().type == "call.started")
                    try await test.progress("ringing", of: call)
                    try await test.progress("in-progress", of: call)
                    let receipt = try await test.end(call)
                    #expect(receipt.status == 200)
                    var types: [String] = []
                    while types.last != "call.ended" {
                        // This server has no model, and the event of its loss comes at an unknown time.
                        types.append(try await quick.next { $0.type != "agent.lost" }.type ?? "")
                    }
                    #expect(types == ["call.started", "call.ringing", "call.answered", "call.ended"])
                    gate.open()
                    // The slow receiver loses no event.
                    _ = try await slow.next { $0.type == "call.ended" }
                }
            }
        }
    }
}

/// Returns true that many times.
final class Countdown: Sendable {
    private let left: Atomic<Int>

    init(_ count: Int) { left = Atomic(count) }

    func next() -> Bool { left.subtract(1, ordering: .relaxed).newValue >= 0 }
}
