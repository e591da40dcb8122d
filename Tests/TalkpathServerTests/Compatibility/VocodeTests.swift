import NIOHTTP1
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

@Suite struct VocodeTests {
    @Test func `a call is ended by the id in the query and answered in full`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place(#","metadata":{"a":1}"#)
            try await test.progress("in-progress", of: call)
            let answer = try await test.send(.POST, "/v1/calls/end?id=\(call)")
            #expect(answer.status == 200)
            #expect(answer["id"]?.string == call.text && answer["status"] == "ended")
            #expect(answer["telephony_provider"] == "twilio" && answer["stage"] == "picked_up")
            #expect(answer["stage_outcome"] == "bot_disconnected" && answer["agent_phone_number"] == "+14155550100")
            #expect(answer["telephony_id"]?.string == FakeCarrier.name(call))
            #expect(answer["end_time"]?.string != nil && answer["agent"]?["prompt"]?["content"] == "")
            // A second request gets the ended call.
            #expect(try await test.send(.POST, "/v1/calls/end?id=\(call)").text == answer.text)
        }
    }

    @Test func `credentials are redacted`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            for path in ["/v1/calls?id=\(call)", "/v1/calls/list"] {
                let answer = try await test.send(.GET, path)
                let shown = answer["items"]?[0] ?? answer.json
                let credentials = shown["telephony_account_connection"]?["credentials"]
                #expect(credentials == ["twilio_account_sid": "[redacted]", "twilio_auth_token": "[redacted]"])
                for secret in ["AC1\"", TestServer.authToken, "model key", TestServer.key] {
                    #expect(!answer.text.contains(secret))
                }
            }
        }
    }

    @Test func `missing parameters are named`() async throws {
        try await TestServer.run { test async throws in
            for (method, path) in [(HTTPMethod.POST, "/v1/calls/end"), (.GET, "/v1/calls")] {
                let answer = try await test.send(method, path)
                #expect(answer.status == 422)
                #expect(
                    answer.text
                        == #"{"detail":[{"loc":["query","id"],"msg":"field required","type":"value_error.missing"}]}"#
                )
            }
            let order = try await test.send(
                .POST,
                "/v1/calls/create",
                #"{"from_number":"+14155550100","agent":"default"}"#
            )
            #expect(order.status == 422 && order["detail"]?[0]?["loc"] == ["body", "to_number"])
            #expect(try await test.send(.POST, "/v1/calls/create", "{").status == 422)
            #expect(try await test.send(.GET, "/v1/calls/list?size=x").status == 422)
            #expect(try await test.send(.GET, "/v1/calls/list?sort_column=x").status == 422)
        }
    }

    @Test func `an unknown call and another tenant's call are not found alike`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            for (method, path) in [(HTTPMethod.POST, "/v1/calls/end"), (.GET, "/v1/calls")] {
                let theirs = try await test.send(method, "\(path)?id=\(call)", key: TestServer.otherKey)
                let unknown = try await test.send(method, "\(path)?id=none", key: TestServer.otherKey)
                #expect(theirs.status == 404 && theirs.text == unknown.text)
                #expect(theirs.text == #"{"detail":"Call not found"}"#)
            }
            let refused = try await test.send(.GET, "/v1/calls?id=\(call)", key: nil)
            #expect(refused.status == 401 && refused["detail"]?.string != nil)
        }
    }

    @Test func `a query and a body tell the two systems apart`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            // A query is Vocode's, for any body.
            let vocode = try await test.send(.POST, "/v1/calls/end?id=none", #"{"call_id":"\#(call)"}"#)
            #expect(vocode.status == 404)
            // A body is Callab's.
            let callab = try await test.send(.POST, "/v1/calls/end", #"{"call_id":"none"}"#)
            #expect(callab.status == 200 && callab.text.isEmpty)
            #expect(try await test.send(.POST, "/v1/calls/end", "").status == 422)
            #expect(try await test.send(.GET, "/api/calls")["count"] == 1)
        }
    }

    @Test func `a refused hang-up is reported`() async throws {
        try await TestServer.run { test async throws in
            test.carrier.answerHangingUp(with: .failure(CarrierError(.refused, "Not today")))
            let answer = try await test.send(.POST, "/v1/calls/end?id=\(try await test.place())")
            #expect(answer.status == 502 && answer["detail"] == "Twilio API error: Not today")
        }
    }

    @Test func `calls are listed in pages`() async throws {
        try await TestServer.run { test async throws in
            for _ in 0..<3 { _ = try await test.end(try await test.place()) }
            let first = try await test.send(.GET, "/v1/calls/list?size=2")
            #expect(first["items"]?.array?.count == 2 && first["has_more"] == true && first["total"] == 3)
            #expect(first["page"] == 1 && first["total_is_estimated"] == false)
            #expect(first["items"]?[0]?["agent"] == "default")
            let second = try await test.send(.GET, "/v1/calls/list?size=2&page=2&sort_column=start_time&sort_desc=true")
            #expect(second["items"]?.array?.count == 1 && second["has_more"] == false)
        }
    }

    @Test func `a call is created with its own agent`() async throws {
        try await TestServer.run { test async throws in
            let answer = try await test.send(
                .POST,
                "/v1/calls/create",
                """
                {"from_number":"+14155550100","to_number":"+14155550101","on_no_human_answer":"hangup",
                 "agent":{"prompt":{"content":"You sell {{thing}}."},"initial_message":"Hi {{thing}} lover",
                          "voice":{"type":"voice_azure"},"language":"en"},
                 "context":{"thing":"tea"},"hipaa_compliant":false,"unknown":1}
                """
            )
            #expect(answer.status == 200 && answer["status"] == "not_started" && answer["stage"] == "created")
            #expect(answer["context"] == ["thing": "tea"] && answer["on_no_human_answer"] == "hangup")
            #expect(answer["agent"]?["prompt"]?["content"] == "You sell tea.")
            let session = try #require(await test.server.manager.session(CallID(answer["id"]?.string ?? "")))
            #expect(session.agent.firstMessage == "Hi tea lover")
            #expect(session.agent.limits.machineDetection == .enable)
        }
    }
}
