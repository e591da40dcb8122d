import NIOHTTP1
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

@Suite struct EndingTests {
    /// The receipt without the duration of the save, which the saved record cannot contain.
    private static func withoutSaving(_ receipt: JSONValue?) -> JSONValue {
        var receipt = receipt ?? .null
        receipt.set("teardown_ms", nil)
        receipt.set("steps", receipt["steps"]?.array.map { .array($0.filter { $0["step"] != "save_record" }) })
        return receipt
    }

    @Test func `the receipt has its fields in their order`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let answer = try await test.end(call, #"{"reason":"Customer requested"}"#)
            #expect(answer.status == 200)
            let fields = try #require(answer.json.object)
            #expect(
                fields.map(\.key) == [
                    "success", "message", "call_id", "status", "ended_reason", "ended_by", "reason", "duration",
                    "duration_ms", "ring_ms", "talk_ms", "started_at", "answered_at", "ended_at", "carrier_confirmed",
                    "teardown_ms", "steps", "queue_ms", "carrier_errors", "usage", "cost",
                    "transfer_outcome", "agent_session",
                ]
            )
            #expect(answer["success"] == true && answer["message"]?.string == "Call \(call) ended")
            #expect(answer["status"] == "canceled" && answer["ended_reason"] == "ended_by_api")
            #expect(answer["ended_by"] == "api" && answer["reason"] == "Customer requested")
            #expect(answer["answered_at"] == .null && answer["talk_ms"] == 0 && answer["carrier_confirmed"] == true)
            let steps = try #require(answer["steps"]?.array)
            #expect(steps.first?["step"] == "stop_bridge" && steps.last?["step"] == "save_record")
            #expect(steps.allSatisfy { $0["started_ms"]?.double != nil && $0["ms"]?.double != nil })
            #expect(test.carrier.hungUp == [FakeCarrier.name(call)])
            let kept = try await test.send(.GET, "/api/calls/\(call)")["receipt"]
            #expect(Self.withoutSaving(kept) == Self.withoutSaving(answer.json))
        }
    }

    @Test func `fifty requests at once get the same receipt and each step runs once`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            try await test.progress("in-progress", of: call)
            let answers = try await withThrowingTaskGroup(of: TestServer.Answer.self) { group in
                for number in 0..<50 {
                    group.addTask { try await test.end(call, #"{"reason":"number \#(number)"}"#) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            // Requests after the end are refused, with the same receipt.
            let receipts = answers.map { $0.status == 200 ? $0.json : $0["receipt"] ?? .null }
            #expect(Set(answers.map(\.status)).isSubset(of: [200, 409]))
            #expect(answers.contains { $0.status == 200 })
            #expect(receipts.allSatisfy { Self.withoutSaving($0) == Self.withoutSaving(receipts[0]) })
            #expect(receipts[0]["ended_reason"] == "ended_by_api")
            #expect(test.carrier.hungUp.count == 1)
            #expect(test.events.ended.count == 1)
        }
    }

    @Test func `an unknown call is not found`() async throws {
        try await TestServer.run { test async throws in
            let answer = try await test.end(CallID("00000000-0000-4000-8000-000000000000"))
            #expect(answer.status == 404)
            #expect(answer["success"] == false && answer["error"] == "Call not found")
            #expect(answer["code"] == "call_not_found")
            #expect(try await test.send(.GET, "/api/calls/nothing").status == 404)
        }
    }

    @Test func `an ended call is answered with 409 and the receipt`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let receipt = try await test.end(call)
            let answer = try await test.end(call)
            #expect(answer.status == 409)
            #expect(answer["error"] == "Call not found" && answer["code"] == "call_already_ended")
            #expect(Self.withoutSaving(answer["receipt"]) == Self.withoutSaving(receipt.json))
        }
    }

    @Test func `a refused hang-up is answered with 502 and the call is over all the same`() async throws {
        try await TestServer.run { test async throws in
            test.carrier.answerHangingUp(with: .failure(CarrierError(.refused, "Not today")))
            let call = try await test.place()
            let answer = try await test.end(call)
            #expect(answer.status == 502 && answer["code"] == "carrier_error")
            #expect(answer["success"] == false && answer["error"] == "Twilio API error: Not today")
            #expect(answer["receipt"]?["carrier_confirmed"] == false)
            #expect(answer["receipt"]?["success"] == false)
            #expect(try await test.send(.GET, "/api/calls")["count"] == 0)
            #expect(try await test.end(call).status == 409)
            #expect(test.events.ended.count == 1)
        }
    }

    @Test func `a call that the carrier no longer knows ends with success`() async throws {
        try await TestServer.run { test async throws in
            test.carrier.answerHangingUp(with: .success(.alreadyGone))
            let answer = try await test.end(try await test.place())
            #expect(answer.status == 200 && answer["carrier_confirmed"] == true)
            let hangUp = answer["steps"]?.array?.first { $0["step"] == "hang_up" }
            #expect(hangUp?["outcome"] == "already_gone")
        }
    }

    @Test(arguments: [
        (#"{"mode":"later"}"#, 422), (#"{"drain_timeout_ms":5}"#, 422), (#"{"resaon":"x"}"#, 422), ("{", 400),
    ])
    func `an invalid request ends no call`(body: String, status: Int) async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            #expect(try await test.end(call, body).status == status)
            #expect(try await test.send(.GET, "/api/calls/\(call)")["receipt"] == .null)
        }
    }

    @Test func `the caller's hang-up ends the call with the carrier's words`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            try await test.progress("ringing", of: call)
            try await test.progress("in-progress", of: call)
            try await test.progress("completed", of: call)
            _ = await test.events.wait { if case .ended = $0 { true } else { false } }
            // A late and repeated request has no effect.
            try await test.progress("ringing", of: call)
            try await test.progress("completed", of: call)
            let found = try await test.send(.GET, "/api/calls/\(call)")
            #expect(found["status"] == "completed" && found["ended_reason"] == "caller_hangup")
            #expect(found["answered_at"]?.string != nil)
            #expect(test.carrier.hungUp.isEmpty && test.events.ended.count == 1)
        }
    }

    // MARK: Many

    @Test func `an end of all calls ends the tenant's calls only`() async throws {
        try await TestServer.run { test async throws in
            for _ in 0..<3 { _ = try await test.place() }
            let other = try await test.place(key: TestServer.otherKey)
            let answer = try await test.send(.POST, "/api/calls/end", #"{"all":true,"reason":"closing"}"#)
            #expect(answer.status == 200)
            #expect(answer["success"] == true && answer["count"] == 3)
            let results = try #require(answer["results"]?.array)
            #expect(results.count == 3 && results.allSatisfy { $0["reason"] == "closing" && $0["success"] == true })
            let left = try await test.send(.GET, "/api/calls", key: TestServer.otherKey)
            #expect(left["calls"]?[0]?["call_id"]?.string == other.text && left["count"] == 1)
        }
    }

    @Test func `only calls that match the filter are ended`() async throws {
        try await TestServer.run { test async throws in
            let wanted = try await test.place(#","metadata":{"campaign":"a","n":1}"#)
            let kept = try await test.place(#","metadata":{"campaign":"b"}"#)
            let answer = try await test.send(.POST, "/api/calls/end", #"{"metadata":{"campaign":"a"}}"#)
            #expect(answer["count"] == 1)
            #expect(answer["results"]?[0]?["call_id"]?.string == wanted.text)
            let left = try await test.send(.GET, "/api/calls")
            #expect(left["calls"]?[0]?["call_id"]?.string == kept.text && left["count"] == 1)
            for filter in [#"{"direction":"inbound"}"#, #"{"older_than_s":3600}"#] {
                #expect(try await test.send(.POST, "/api/calls/end", filter)["count"] == 0)
            }
        }
    }

    @Test(arguments: ["{}", #"{"all":false}"#, #"{"all":true,"direction":"inbound"}"#, #"{"direction":"sideways"}"#])
    func `a request without a filter ends no call`(body: String) async throws {
        try await TestServer.run { test async throws in
            _ = try await test.place()
            #expect(try await test.send(.POST, "/api/calls/end", body).status == 422)
            #expect(try await test.send(.GET, "/api/calls")["count"] == 1)
        }
    }

    // MARK: Looking

    @Test func `calls are listed by state and filter`() async throws {
        try await TestServer.run { test async throws in
            let ended = try await test.place()
            _ = try await test.end(ended)
            let live = try await test.place()
            let active = try await test.send(.GET, "/api/calls")
            #expect(active["count"] == 1 && active["calls"]?[0]?["call_id"]?.string == live.text)
            #expect(active["calls"]?[0]?["to_number"]?.string == TestServer.number)
            #expect(active["calls"]?[0]?["status"] == "initiating")
            #expect(try await test.send(.GET, "/api/calls?state=all")["count"] == 2)
            #expect(try await test.send(.GET, "/api/calls?state=ended&status=canceled")["count"] == 1)
            #expect(try await test.send(.GET, "/api/calls?state=all&direction=incoming")["count"] == 0)
            #expect(try await test.send(.GET, "/api/calls?state=all&to=%2B14155550101&limit=1")["count"] == 1)
            for query in ["stat=all", "state=some", "limit=0", "direction=up"] {
                #expect(try await test.send(.GET, "/api/calls?\(query)").status == 422)
            }
        }
    }
}
