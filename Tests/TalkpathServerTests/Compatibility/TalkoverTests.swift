import NIOHTTP1
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire
import Testing

@testable import TalkpathServer

@Suite struct TalkoverTests {
    private static let agent = "agent_123456"

    private func withAgent(_ body: (TestServer) async throws -> Void) async throws {
        try await TestServer.run { test async throws in
            let agent = #"{"name":"SupportBot","instructions":"Hello {{customer_name}}"}"#
            try #require(try await test.send(.PUT, "/api/agents/\(Self.agent)", agent).status == 201)
            try await body(test)
        }
    }

    private func place(_ test: TestServer, _ more: String = "") async throws -> TestServer.Answer {
        try await test.send(
            .POST,
            "/api/v1/agents/\(Self.agent)/call",
            """
            {"to":"+14155550101","payload":{"customer_name":"John Doe","account_id":"ACC123"},
             "context":{"user_id":"user_123","source":"web_app"}\(more)}
            """
        )
    }

    private func end(_ test: TestServer, _ call: String, agent: String = Self.agent) async throws -> TestServer.Answer {
        try await test.send(.POST, "/api/v1/agents/\(agent)/end-call", #"{ "call_sid": "\#(call)" }"#)
    }

    @Test func `a call is placed and ended`() async throws {
        try await withAgent { test async throws in
            let placed = try await place(test, #","delay_seconds":0,"is_testing":true"#)
            #expect(placed.status == 200 && placed["success"] == true)
            #expect(placed["data"]?["agent_id"]?.string == Self.agent && placed["data"]?["status"] == "initiated")
            let id = try #require(placed["data"]?["id"]?.string)
            let session = try #require(await test.server.manager.session(CallID(id)))
            #expect(session.agent.instructions == "Hello John Doe")
            let shown = try await test.send(.GET, "/api/calls/\(id)")
            #expect(shown["metadata"] == ["user_id": "user_123", "source": "web_app", "is_testing": true])

            let ended = try await end(test, id)
            #expect(ended.status == 200 && ended["success"] == true)
            let data = ended["data"]
            #expect(data?["id"]?.string == id && data?["status"] == "completed")
            #expect(data?["ended_reason"] == "ended_by_api" && data?["ended_at"]?.string != nil)

            let again = try await end(test, id)
            #expect(again.status == 409)
            #expect(again.text == #"{"success":false,"message":"Call is not active","code":"CALL_NOT_ACTIVE"}"#)
        }
    }

    @Test func `a call is ended by the carrier's id, too`() async throws {
        try await withAgent { test async throws in
            let id = try #require(try await place(test)["data"]?["id"]?.string)
            let ended = try await end(test, FakeCarrier.name(CallID(id)))
            #expect(ended.status == 200 && ended["data"]?["id"]?.string == id)
        }
    }

    @Test func `a call of another agent or tenant and an unknown call are not found`() async throws {
        try await withAgent { test async throws in
            let id = try #require(try await place(test)["data"]?["id"]?.string)
            let theirs = try await test.send(
                .POST,
                "/api/v1/agents/\(Self.agent)/end-call",
                #"{"call_sid":"\#(id)"}"#,
                key: TestServer.otherKey
            )
            for answer in [try await end(test, id, agent: "other"), try await end(test, "none"), theirs] {
                #expect(answer.status == 404)
                #expect(answer.text == #"{"success":false,"message":"Call not found for this agent"}"#)
            }
            #expect(try await test.send(.GET, "/api/calls")["count"] == 1)
        }
    }

    @Test func `a refusal is answered in Talkover's words`() async throws {
        try await withAgent { test async throws in
            for (body, status) in [
                ("{", 400), ("{}", 400), (#"{"to":"+4930123456"}"#, 403), (#"{"to":"911"}"#, 403),
                (#"{"to":"+14155550101","delay_seconds":3601}"#, 422),
            ] {
                let answer = try await test.send(.POST, "/api/v1/agents/\(Self.agent)/call", body)
                #expect(answer.status == status && answer["success"] == false && answer["message"]?.string != nil)
            }
            let unknown = try await test.send(.POST, "/api/v1/agents/none/call", #"{"to":"+14155550101"}"#)
            #expect(unknown.status == 404 && unknown["message"] == "Agent not found")
            let refused = try await test.send(.GET, "/api/v1/calls", key: nil)
            #expect(refused.status == 401 && refused["success"] == false)
            test.carrier.answerHangingUp(with: .failure(CarrierError(.refused, "Not today")))
            let id = try #require(try await place(test)["data"]?["id"]?.string)
            let failed = try await end(test, id)
            #expect(failed.status == 502 && failed["message"] == "Twilio API error: Not today")
        }
    }

    @Test func `a delayed call can be cancelled`() async throws {
        try await withAgent { test async throws in
            let placed = try await place(test, #","delay_seconds":3600"#)
            let id = try #require(placed["data"]?["id"]?.string)
            #expect(placed["data"]?["status"] == "initiated" && test.carrier.placed.isEmpty)
            #expect(try await end(test, id, agent: "other").status == 404)
            let ended = try await end(test, id)
            #expect(ended.status == 200 && ended["data"]?["ended_reason"] == "ended_by_api")
            #expect(try await end(test, id).status == 404)
        }
    }

    @Test func `a delayed call is placed under its id`() async throws {
        try await withAgent { test async throws in
            let id = try #require(try await place(test, #","delay_seconds":1"#)["data"]?["id"]?.string)
            await test.events.wait { if case .started = $0 { true } else { false } }
            #expect(await test.server.manager.session(CallID(id)) != nil)
        }
    }

    /// Delayed calls that an earlier process accepted.
    @Test func `delayed calls survive a restart`() async throws {
        let now = SystemClock().wallTime.milliseconds
        try await ServerFolder.run { folder in
            try await folder.withStore { store async throws in
                for (id, due) in [
                    ("due", now - 60_000), ("too-late", now - DelayedCalls.patience - 60_000),
                    ("later", now + 3_600_000), ("begun", now - 1000),
                ] {
                    let order: JSONValue = [
                        "to": .string(TestServer.number), "variables": ["name": "Ada"], "metadata": ["order": 17],
                    ]
                    try await store.putDelayedCall(
                        DelayedCall(
                            callID: CallID(id),
                            tenant: "default",
                            agentID: "default",
                            order: order,
                            dueAt: WallTime(milliseconds: due)
                        )
                    )
                }
                try await store.journal(ServerFolder.liveCall("begun"))
            }
            try await TestServer.run(configure: { $0.storage = .init(folder: folder.path) }) { test async throws in
                let store = test.server.state.store.calls
                while try await store.delayedCalls().count > 1 { await Task.yield() }
                #expect(test.carrier.placed.map(\.callID.text) == ["due"])
                let call = try await test.send(.GET, "/api/calls/due")
                #expect(call["metadata"] == ["order": 17] && call["variables"] == ["name": "Ada"])
                #expect(try await store.delayedCalls().map(\.call.callID.text) == ["later"])
                // It can still be cancelled.
                #expect(try await end(test, "later", agent: "default").status == 200)
                #expect(try await store.delayedCalls().isEmpty)
            }
        }
    }

    @Test func `calls are listed in pages`() async throws {
        try await withAgent { test async throws in
            let id = try #require(try await place(test)["data"]?["id"]?.string)
            _ = try await end(test, id)
            _ = try await test.place()
            let all = try await test.send(.GET, "/api/v1/calls?per_page=1")
            #expect(all["data"]?.array?.count == 1)
            #expect(all["pagination"] == ["current_page": 1, "last_page": 2, "per_page": 1, "total": 2])
            let own = try await test.send(.GET, "/api/v1/agents/\(Self.agent)/calls")
            #expect(own["pagination"]?["total"] == 1 && own["data"]?[0]?["id"]?.string == id)
            #expect(own["data"]?[0]?["sid"]?.string == FakeCarrier.name(CallID(id)))
            #expect(own["data"]?[0]?["agent"] == ["id": .string(Self.agent), "name": "SupportBot"])
        }
    }
}
