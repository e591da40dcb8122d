import NIOHTTP1
import TalkpathCore
import TalkpathStore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// One server after another on the same data folder.
@Suite(.timeLimit(.minutes(5))) struct RestartTests {
    private static let quick = Backoff(first: .milliseconds(1), factor: 1, longest: .milliseconds(1), attempts: 100)

    @Test func `the next server knows the calls that the former one ended, and delivers their events`() async throws {
        let failures = Countdown(1)
        try await Receiver.run(answer: { _ in .init(status: failures.next() ? 503 : 200) }) { receiver async throws in
            try await ServerFolder.run { folder async throws in
                var ended: TestServer.Answer?
                var id = CallID("")
                try await TestServer.run(
                    configure: { $0.storage = .init(folder: folder.path) },
                    adjust: {
                        $0.addressPolicy = .development
                        // This server makes no second attempt while it lives.
                        $0.deliveryBackoff = Backoff(first: .seconds(1), factor: 1, longest: .seconds(1), attempts: 100)
                    }
                ) { test async throws in
                    let answer = try await test.send(
                        .POST,
                        "/api/webhooks",
                        #"{"url":"\#(receiver.url)","events":["call.ended"]}"#
                    )
                    #expect(answer.status == 201)
                    id = try await test.place(#","metadata":{"order":7}"#)
                    ended = try await test.end(id)
                    #expect(try await receiver.next().type == "call.ended")
                }
                try await TestServer.run(
                    configure: { $0.storage = .init(folder: folder.path) },
                    adjust: {
                        $0.addressPolicy = .development
                        $0.deliveryBackoff = Self.quick
                    }
                ) { test async throws in
                    let told = try await receiver.next()
                    #expect(told.json["data"]?["call_id"]?.string == id.text)
                    let list = try await test.send(.GET, "/api/calls?state=ended")
                    #expect(list["calls"]?.array?.map { $0["call_id"]?.string } == [id.text])
                    let call = try await test.send(.GET, "/api/calls/\(id)")
                    #expect(call["metadata"] == ["order": 7])
                    #expect(call["receipt"]?["duration_ms"] == ended?["duration_ms"])
                    let again = try await test.end(id)
                    #expect(again.status == 409 && again["receipt"]?["ended_reason"] == "ended_by_api")
                    #expect(try await test.send(.GET, "/health")["active_calls"] == 0)
                }
            }
        }
    }

    @Test func `the live calls of a server that died are hung up, closed and published`() async throws {
        try await Receiver.run { receiver async throws in
            try await ServerFolder.run { folder async throws in
                // The receiver was registered with a server that stopped in order.
                try await TestServer.run(
                    configure: { $0.storage = .init(folder: folder.path) },
                    adjust: {
                        $0.addressPolicy = .development
                    }
                ) { test async throws in
                    let order = #"{"url":"\#(receiver.url)","events":["call.ended","call.failed"]}"#
                    #expect(try await test.send(.POST, "/api/webhooks", order).status == 201)
                }
                try await folder.withStore { store in
                    var talking = ServerFolder.liveCall("talking")
                    talking.carrierCallID = "CA00000000000000000000000000000001"
                    try await store.journal(talking)
                    try await store.journal(ServerFolder.liveCall("dialling"))
                }
                let carrier = FakeCarrier()
                try await TestServer.run(
                    carrier: carrier,
                    configure: { $0.storage = .init(folder: folder.path) },
                    adjust: { $0.addressPolicy = .development }
                ) { test async throws in
                    for id in ["talking", "dialling"] {
                        let call = try await test.send(.GET, "/api/calls/\(id)")
                        #expect(call["receipt"]?["ended_reason"] == "node_lost" && call["status"] == "canceled")
                    }
                    var closed: Set<String> = []
                    while closed.count < 2 {
                        let message = try await receiver.next { $0.type == "call.ended" }
                        #expect(message.json["data"]?["ended_reason"] == "node_lost")
                        closed.insert(message.json["data"]?["call_id"]?.string ?? "")
                    }
                    #expect(closed == ["talking", "dialling"])
                    while carrier.hungUp.isEmpty { await Task.yield() }
                    #expect(carrier.hungUp == ["CA00000000000000000000000000000001"])
                    // The record says so once the carrier has confirmed.
                    var call = try await test.send(.GET, "/api/calls/talking")
                    while call["receipt"]?["carrier_confirmed"] != true {
                        call = try await test.send(.GET, "/api/calls/talking")
                    }
                    #expect(try await test.send(.GET, "/health")["active_calls"] == 0)
                }
            }
        }
    }
}
