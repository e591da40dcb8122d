import NIOHTTP1
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

@Suite struct CallabTests {
    private func answered(_ test: TestServer) async throws -> CallID {
        let call = try await test.place()
        try await test.progress("in-progress", of: call)
        return call
    }

    @Test(arguments: ["/v1/calls/end", "/calls/end"])
    func `a call is ended with its reason`(path: String) async throws {
        try await TestServer.run { test async throws in
            let call = try await answered(test)
            let answer = try await test.send(
                .POST,
                path,
                #"{"call_id":"\#(call)","disconnect_reason":"Call completed successfully"}"#,
                headers: [("Content-Type", "application/json")]
            )
            #expect(answer.status == 200)
            #expect(answer.text == #"{"status":"ok","message":"ok","data":"Call Ended"}"#)
            let shown = try await test.send(.GET, "/v1/calls/\(call)")
            #expect(shown["status"] == "ok" && shown["data"]?["disconnect_reason"] == "Call completed successfully")
            #expect(shown["data"]?["ended_at"]?.string != nil && shown["data"]?["call_status"] == "completed")
            #expect(test.carrier.hungUp == [FakeCarrier.name(call)])
        }
    }

    @Test(arguments: ["", #","disconnect_reason":null"#, #","disconnect_reason":"""#])
    func `without a reason the documented one is recorded`(reason: String) async throws {
        try await TestServer.run { test async throws in
            let call = try await answered(test)
            _ = try await test.send(.POST, "/v1/calls/end", #"{"call_id":"\#(call)"\#(reason)}"#)
            let shown = try await test.send(.GET, "/v1/calls/\(call)")
            #expect(shown["data"]?["disconnect_reason"] == "Ended Via API call")
        }
    }

    @Test func `a bad request is answered with an empty body and ends no call`() async throws {
        try await TestServer.run { test async throws in
            let call = try await answered(test)
            let bodies = [
                "{", "[]", "{}", #"{"call_id":7}"#, #"{"call_id":"00000000-0000-4000-8000-000000000000"}"#,
                #"{"call_id":"\#(call)","disconnect_reason":7}"#, String(repeating: " ", count: 1 << 20 | 1),
            ]
            for path in ["/v1/calls/end", "/calls/end"] {
                for body in bodies {
                    let answer = try await test.send(.POST, path, body)
                    #expect(answer.status == 200 && answer.text.isEmpty, "\(body.prefix(60))")
                }
            }
            for path in ["/v1/calls/none", "/v1/calls/query?page=x", "/v1/calls/query?sort_column=x"] {
                let answer = try await test.send(.GET, path)
                #expect(answer.status == 200 && answer.text.isEmpty, "\(path)")
            }
            let order = try await test.send(.POST, "/v1/calls/make-call", #"{"call_to":"+4930123456"}"#)
            #expect(order.status == 200 && order.text.isEmpty)
            #expect(try await test.send(.GET, "/health")["active_calls"] == 1)
        }
    }

    @Test func `an ended call and a refusing carrier are answered with an empty body, too`() async throws {
        try await TestServer.run { test async throws in
            let call = try await answered(test)
            _ = try await test.end(call)
            let again = try await test.send(.POST, "/v1/calls/end", #"{"call_id":"\#(call)"}"#)
            #expect(again.status == 200 && again.text.isEmpty)
            test.carrier.answerHangingUp(with: .failure(CarrierError(.refused, "Not today")))
            let other = try await answered(test)
            let refused = try await test.send(.POST, "/v1/calls/end", #"{"call_id":"\#(other)"}"#)
            #expect(refused.status == 200 && refused.text.isEmpty)
        }
    }

    @Test func `a request without a key is answered with 401`() async throws {
        try await TestServer.run { test async throws in
            let requests: [(HTTPMethod, String)] = [
                (.POST, "/v1/calls/end"), (.POST, "/calls/end"), (.GET, "/v1/calls/x"), (.GET, "/v1/calls/query"),
                (.POST, "/v1/calls/make-call"),
            ]
            for (method, path) in requests {
                let answer = try await test.send(method, path, "{}", key: "wrong")
                #expect(answer.status == 401 && answer["status"] == "error", "\(path)")
                #expect(answer.headers["WWW-Authenticate"].first?.hasPrefix("Bearer") == true)
            }
        }
    }

    @Test func `another tenant's call is answered like an unknown one`() async throws {
        try await TestServer.run { test async throws in
            let call = try await answered(test)
            let theirs = try await test.send(
                .POST,
                "/v1/calls/end",
                #"{"call_id":"\#(call)"}"#,
                key: TestServer.otherKey
            )
            #expect(theirs.status == 200 && theirs.text.isEmpty)
            #expect(try await test.send(.GET, "/v1/calls/query", key: TestServer.otherKey)["data"] == [])
            #expect(try await test.send(.GET, "/api/calls")["count"] == 1)
        }
    }

    @Test func `a call is placed by an agent with its variables`() async throws {
        try await TestServer.run { test async throws in
            let agent = try await test.send(.POST, "/api/agents", #"{"instructions":"Call {{name}}."}"#)
            let id = try #require(agent["agent_id"]?.string)
            let answer = try await test.send(
                .POST,
                "/v1/calls/make-call",
                """
                {"ai_agent_id":"\(id)","call_from":"+14155550100","call_to":"+14155550101",
                 "dynamic_variables":[{"name":"name","value":"Ada"},{"name":"order","value":7}],"campaign":"ignored"}
                """
            )
            #expect(answer["status"] == "ok" && answer["message"] == "ok")
            let call = answer["data"]
            #expect(call?["ai_agent_id"]?.string == id && call?["call_to"] == "+14155550101")
            #expect(call?["agent_dynamic_variables"] == ["name": "Ada", "order": 7])
            #expect(call?["call_provider"] == "twilio" && call?["is_test"] == false && call?["cost"] == .null)
            let session = await test.server.manager.session(CallID(call?["id"]?.string ?? ""))
            #expect(session?.agent.instructions == "Call Ada.")
        }
    }

    @Test func `calls are listed in pages`() async throws {
        try await TestServer.run { test async throws in
            var ended: [CallID] = []
            for _ in 0..<3 {
                let call = try await test.place()
                _ = try await test.end(call)
                ended.append(call)
            }
            let live = try await test.place()
            func ids(_ query: String) async throws -> [String] {
                let answer = try await test.send(.GET, "/v1/calls/query?\(query)")
                return (answer["data"]?.array ?? []).compactMap { $0["id"]?.string }
            }
            let all = try await ids("")
            #expect(Set(all) == Set((ended + [live]).map(\.text)) && all.count == 4)
            #expect(try await ids("per_page=3") == Array(all.prefix(3)))
            #expect(try await ids("per_page=3&page=1") == Array(all.dropFirst(3)))
            #expect(try await ids("per_page=3&page=2").isEmpty)
            #expect(try await ids("order=asc") == all.reversed())
            #expect(try await ids("sort_column=ended_at&order=desc").first == live.text)
            #expect(try await ids("status=initiating") == [live.text])
            #expect(try await ids("ai_agent_id=default").count == 4)
            #expect(try await ids("ai_agent_id=other").isEmpty)
            #expect(try await ids("search=\(ended[1].text.prefix(13))") == [ended[1].text])
            #expect(try await ids("start_date=2020-01-01&end_date=2020-01-02").isEmpty)
            #expect(try await ids("start_date=2020-01-01&end_date=2999-01-01").count == 4)
        }
    }
}
