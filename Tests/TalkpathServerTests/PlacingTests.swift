import NIOHTTP1
import NIOCore
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

@Suite struct PlacingTests {
    @Test(arguments: ["/api/calls", "/api/call"])
    func `a placed call is answered in AgenticAI's form and in full`(path: String) async throws {
        try await TestServer.run { test async throws in
            let body = #"{"to":"+14155550101","prompt":"Be kind.","metadata":{"order":7,"tags":["a",{"b":null}]}}"#
            let answer = try await test.send(.POST, path, body)
            #expect(answer.status == 201)
            let id = try #require(answer["call_id"]?.string)
            #expect(answer.headers["Location"] == ["/api/calls/\(id)"])
            #expect(
                answer.text.hasPrefix(#"{"success":true,"call_id":"\#(id)","to":"+14155550101","webhook_url":"https"#)
            )
            #expect(answer["metadata"] == ["order": 7, "tags": ["a", ["b": nil]]])
            #expect(answer["direction"] == "outbound")
            #expect(answer["carrier_call_id"]?.string == FakeCarrier.name(CallID(id)))
            #expect(answer["receipt"] == .null)
            let order = try #require(test.carrier.placed.first)
            #expect(order.to == "+14155550101" && order.from == "+14155550100" && order.publicURL == nil)
            let session = try #require(await test.server.manager.session(CallID(id)))
            #expect(session.agent.instructions == "Be kind.")
        }
    }

    @Test func `the call's own origin and limits reach the carrier`() async throws {
        let mine = ServerConfiguration.CallOrigin("https://mine.example.test")
        try await TestServer.run(configure: { $0.callOrigins = [mine] }) { test async throws in
            let answer = try await test.send(
                .POST,
                "/api/calls",
                #"{"to":"+14155550101","webhook_url":"https://mine.example.test/","max_duration_s":90,"ring_timeout_s":20}"#
            )
            #expect(answer["webhook_url"] == "https://mine.example.test/")
            let order = try #require(test.carrier.placed.first)
            #expect(order.publicURL == "https://mine.example.test/")
            #expect(order.timeLimit == .seconds(90) && order.ringTimeout == .seconds(20))
        }
    }

    @Test(arguments: [
        ("{}", 400, "missing_field"), (#"{"to":""}"#, 400, "missing_field"), (#"{"to":null}"#, 400, "missing_field"),
        (#"{"to":"+14155550101""#, 400, "malformed_json"), ("[1]", 400, "malformed_json"), ("", 400, "malformed_json"),
        (#"{"to":4155550101}"#, 422, "invalid_field"),
        (#"{"to":"+14155550101","max_duraton":3}"#, 422, "unknown_field"),
        (#"{"to":"+14155550101","max_duration_s":0}"#, 422, "invalid_field"),
        (#"{"to":"+14155550101","metadata":[1]}"#, 422, "invalid_field"),
        (#"{"to":"+14155550101","from":"0301234567"}"#, 422, "invalid_number"),
        (#"{"to":"+14155550101","webhook_url":"http://plain.example.test"}"#, 422, "invalid_field"),
        (#"{"to":"+14155550101","webhook_url":"https://a.example.test/?q"}"#, 422, "invalid_field"),
        (#"{"to":"14155550101"}"#, 422, "invalid_number"), (#"{"to":"+1 415 555 0101"}"#, 422, "invalid_number"),
        (#"{"to":"+49301234567"}"#, 403, "destination_not_allowed"), (#"{"to":"+911"}"#, 403, "emergency_number"),
        (#"{"to":"112"}"#, 403, "emergency_number"),
    ])
    func `a wrong request is refused and no call is placed`(body: String, status: Int, code: String) async throws {
        try await TestServer.run { test async throws in
            let answer = try await test.send(.POST, "/api/calls", body)
            #expect(answer.status == status)
            #expect(answer["code"]?.string == code)
            #expect(answer["success"] == false && answer["status"]?.int == status)
            #expect(answer["error"] == answer["detail"])
            #expect(answer.headers["Content-Type"] == ["application/problem+json"])
            #expect(test.carrier.placed.isEmpty)
        }
    }

    @Test func `the missing number is named in AgenticAI's words`() async throws {
        try await TestServer.run { test async throws in
            let answer = try await test.send(.POST, "/api/call", #"{"prompt":"hello"}"#)
            #expect(answer["error"] == "Missing 'to' phone number")
        }
    }

    @Test func `a body of more than 1 MiB is refused`() async throws {
        try await TestServer.run { test async throws in
            let answer = try await test.send(.POST, "/api/calls", String(repeating: " ", count: 1 << 20 | 1))
            #expect(answer.status == 413 && answer["code"] == "body_too_large")
        }
    }

    @Test func `without an allow list no call is placed`() async throws {
        try await TestServer.run(configure: { $0.allowedDestinations = [] }) { test async throws in
            let answer = try await test.send(.POST, "/api/calls", #"{"to":"+14155550101"}"#)
            #expect(answer.status == 403 && answer["code"] == "destination_not_allowed")
        }
    }

    @Test(
        arguments: [
            (CarrierError(.refused, "The number is not valid", carrierCode: 21211), nil),
            (CarrierError(.unavailable, "Slow down", retryAfter: .seconds(7)), "7"),
            (CarrierError(.noAnswer, "Nothing"), nil),
        ] as [(CarrierError, String?)]
    )
    func `the carrier's refusal is passed on`(error: CarrierError, retryAfter: String?) async throws {
        try await TestServer.run { test async throws in
            test.carrier.answerPlacing(with: .failure(error))
            let answer = try await test.send(.POST, "/api/calls", #"{"to":"+14155550101"}"#)
            #expect(answer.status == 502 && answer["code"] == "carrier_error")
            #expect(answer["error"]?.string == "Twilio API error: \(error.message)")
            #expect(answer["may_be_placed"]?.bool == (error.code == .noAnswer))
            #expect(answer["carrier_error_code"]?.int == error.carrierCode)
            #expect(answer.headers["Retry-After"].first == retryAfter)
            let id = try #require(answer["call_id"]?.string)
            _ = await test.events.wait { if case .ended = $0 { true } else { false } }
            let call = try await test.send(.GET, "/api/calls/\(id)")
            #expect(call["status"] == "failed")
        }
    }

    @Test func `a thousand requests at once under a limit of ten place exactly ten calls`() async throws {
        try await TestServer.run(configure: {
            $0.maximumCalls = 10
            $0.callsPerSecond = 10_000
        }) { test async throws in
            let answers = try await withThrowingTaskGroup(of: TestServer.Answer.self) { group in
                for _ in 0..<1000 {
                    group.addTask { try await test.send(.POST, "/api/calls", #"{"to":"+14155550101"}"#) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count { $0.status == 201 } == 10)
            let refused = answers.filter { $0.status != 201 }
            #expect(refused.allSatisfy { $0.status == 429 && $0["code"] == "too_many_calls" })
            #expect(refused.allSatisfy { !$0.headers["Retry-After"].isEmpty })
            #expect(test.carrier.placed.count == 10)
            #expect(try await test.send(.GET, "/health")["active_calls"] == 10)
        }
    }

    @Test func `a tenant that calls too often is delayed and others are not`() async throws {
        try await TestServer.run(configure: { $0.callsPerSecond = 1 }) { test async throws in
            // The bucket holds two; a third request within the same second finds it empty.
            let answers = try await withThrowingTaskGroup(of: TestServer.Answer.self) { group in
                for _ in 0..<50 {
                    group.addTask { try await test.send(.POST, "/api/calls", #"{"to":"+14155550101"}"#) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.contains { $0.status == 429 && $0["code"] == "rate_limited" })
            #expect(answers.count { $0.status == 201 } >= 2)
            _ = try await test.place(key: TestServer.otherKey)
        }
    }
}
