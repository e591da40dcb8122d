import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

@Suite struct CallPacerTests {
    @Test func `requests wait for their turn and are not refused`() async throws {
        let pacer = CallPacer(rate: 20)
        let began = ContinuousClock.now
        for _ in 0..<4 { try await pacer.waitForTurn() }
        #expect(ContinuousClock.now - began >= .milliseconds(150))
    }

    @Test func `a request that would wait too long is refused with the time to retry`() async throws {
        let pacer = CallPacer(interval: .seconds(60), longestWait: .zero)
        try await pacer.waitForTurn()
        do throws(CarrierError) {
            try await pacer.waitForTurn()
            Issue.record("the second request did not wait")
        } catch {
            let pause = try #require(error.retryAfter)
            #expect(error.code == .unavailable && pause > .seconds(1) && pause <= .seconds(60))
        }
    }

    @Test func `a request whose client has gone is not sent`() async throws {
        let pacer = CallPacer(interval: .seconds(3600), longestWait: .seconds(7200))
        try await pacer.waitForTurn()
        let waiting = Task { try await pacer.waitForTurn() }
        waiting.cancel()
        await #expect(throws: CarrierError.self) { try await waiting.value }
    }
}

@Suite struct UnansweredCreatesTests {
    private static let now = WallTime(httpDate: "Sun, 29 Nov 2026 10:00:30 GMT")!

    private func call(_ sid: String, created: String = "Sun, 29 Nov 2026 10:00:29 +0000") throws -> TwilioCallResource {
        let body: JSONValue = [
            "calls": [
                [
                    "sid": .string(sid), "status": "queued", "direction": "outbound-api",
                    "date_created": .string(created),
                ]
            ]
        ]
        return try #require(try TwilioCallResource.list(status: 200, body: body.serialized()).first)
    }

    private let request = PlaceCallRequest(
        callID: CallID("a"),
        from: "+15550100",
        to: "+15550199",
        ringTimeout: .seconds(30),
        timeLimit: .seconds(60),
        publicURL: nil
    )

    private func found(_ orders: UnansweredCreates, _ calls: [TwilioCallResource]) async -> String? {
        await orders.call(of: request, among: calls, at: Self.now, age: .seconds(5))
    }

    @Test func `the one new call that no other request has belongs to this request`() async throws {
        let orders = UnansweredCreates()
        orders.know { $0 == "CA2" }
        orders.begin(request)
        let old = try call("CA3", created: "Sun, 29 Nov 2026 10:00:20 +0000")
        #expect(await found(orders, [try call("CA1"), try call("CA2"), old]) == "CA1")
        #expect(await found(orders, [try call("CA2"), old]) == nil)
        // Two calls match, so neither is taken.
        #expect(await found(orders, [try call("CA1"), try call("CA4")]) == nil)
    }

    @Test func `two requests at once between the same numbers cannot be told apart`() async throws {
        let orders = UnansweredCreates()
        orders.know { _ in false }
        orders.begin(request)
        orders.begin(request)
        orders.finish(request)
        #expect(await found(orders, [try call("CA1")]) == nil)
        orders.finish(request)
        orders.begin(request)
        #expect(await found(orders, [try call("CA1")]) == "CA1")
    }
}
