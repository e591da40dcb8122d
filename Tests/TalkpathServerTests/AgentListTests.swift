import NIOHTTP1
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// Agents with a list of those that take over, in the API.
@Suite struct AgentListTests {
    private func create(_ test: TestServer, _ body: String, key: String = TestServer.key) async throws -> String {
        let answer = try await test.send(.POST, "/api/agents", body, key: key)
        return try #require(answer["agent_id"]?.string, "\(answer.text)")
    }

    private func agent(_ test: TestServer, of call: CallID) async throws -> AgentProfile {
        try #require(await test.server.manager.session(call)).agent
    }

    private static let next = #"{"provider":"gemini","api_key":"g-secret","voice":"Kore"}"#

    @Test func `a list holds stored agents and agents with the fields of the first, and keeps their secrets`()
        async throws
    {
        try await TestServer.run { test async throws in
            let stored = try await create(
                test,
                #"{"instructions":"The {{shop}} again.","variables":{"shop":"Bakery"},"failover":["default"]}"#
            )
            let id = try await create(
                test,
                #"""
                {"instructions":"Help {{customer}}.","first_message":"Hi","voice":"marin","api_key":"o-secret",
                 "tools":[{"name":"look_up"}],"failover":[\#(Self.next),"\#(stored)",{"model":"gpt-realtime-mini"}]}
                """#
            )
            let shown = try await test.send(.GET, "/api/agents/\(id)")
            #expect(!shown.text.contains("secret"), "\(shown.text)")
            #expect(shown["failover"]?[0]?["api_key"] == "[redacted]" && shown["failover"]?[1]?.string == stored)
            let replaced = try await test.send(.PUT, "/api/agents/\(id)", shown.text)
            #expect(replaced.status == 200, "\(replaced.text)")

            let call = try await test.place(#","agent_id":"\#(id)","variables":{"customer":"Ada"}"#)
            let list = try await agent(test, of: call).failover
            try #require(list.count == 3)
            #expect(list.map(\.provider) == [.gemini, .openai, .openai])
            #expect(list.map(\.apiKey) == ["g-secret", "model key", "o-secret"])
            #expect(list.map(\.instructions) == ["Help Ada.", "The Bakery again.", "Help Ada."])
            #expect(list.map(\.voice) == ["Kore", nil, "marin"] && list[2].model == "gpt-realtime-mini")
            #expect(list.map { $0.tools.map(\.name) } == [["look_up"], [], ["look_up"]])
            #expect(list.allSatisfy(\.failover.isEmpty) && list[1].id == stored)
        }
    }

    @Test func `an inline agent has a list as well, and the call's own words are for all of it`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place(
                #","prompt":"Be kind.","agent":{"instructions":"Be brief.","failover":[\#(Self.next)]}"#
            )
            let agent = try await agent(test, of: call)
            #expect(agent.succession.map(\.instructions) == ["Be kind.", "Be kind."])
        }
    }

    @Test(arguments: [
        (#"{"failover":["nobody"]}"#, 404, "failover[0]"),
        (#"{"failover":["default",{"provider":"gemini"}]}"#, 422, "failover[1]"),
        (#"{"failover":[{"provider":"gemini","api_key":"g","format":"pcmu"}]}"#, 422, "failover[0]"),
        (#"{"failover":[{"gemini":{"proactive_audio":true}}]}"#, 400, "failover[0]"),
        (#"{"failover":[{"failover":["default"]}]}"#, 422, "failover"),
        (#"{"failover":["default","default","default","default"]}"#, 422, "failover"),
        (#"{"failover":[{"provider":"socket","socket":{"url":"wss://10.0.0.1/"}}]}"#, 422, "failover[0]"),
        (#"{"failover":[{"api_key":"[redacted]"}]}"#, 422, "failover[0]"),
    ])
    func `an agent of a list that cannot work is refused by its place`(
        body: String,
        status: Int,
        place: String
    ) async throws {
        try await TestServer.run { test async throws in
            let stored = try await test.send(.POST, "/api/agents", body)
            #expect(stored.status == status && stored.text.contains(place), "\(stored.text)")
            let called = try await test.send(.POST, "/api/calls", #"{"to":"+14155550123","agent":\#(body)}"#)
            #expect(called.status == status && called.text.contains(place), "\(called.text)")
            #expect(test.carrier.placed.isEmpty)
        }
    }

    @Test func `another tenant's agent is none for a list`() async throws {
        try await TestServer.run { test async throws in
            let theirs = try await create(test, #"{"name":"theirs"}"#, key: TestServer.otherKey)
            let answer = try await test.send(.POST, "/api/agents", #"{"failover":["\#(theirs)"]}"#)
            #expect(answer.status == 404 && answer.text.contains("failover[0]"), "\(answer.text)")
        }
    }

    @Test func `a key does not reach another provider with the list's order`() async throws {
        try await TestServer.run { test async throws in
            let id = try await create(test, #"{"failover":[\#(Self.next)]}"#)
            let moved = #"{"failover":[{"provider":"openai","api_key":"[redacted]"}]}"#
            let answer = try await test.send(.PUT, "/api/agents/\(id)", moved)
            #expect(answer.status == 422 && answer.text.contains("failover[0]"), "\(answer.text)")
        }
    }
}
