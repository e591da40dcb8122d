import NIOHTTP1
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// Agents' options for their provider's sessions, over the control API.
@Suite struct AgentOptionTests {
    private static let body = #"""
        {"name":"Desk","openai":{"turn_detection":{"type":"semantic_vad","eagerness":"low"},"speed":1.1,
         "mcp_servers":[{"server_label":"desk","server_url":"https://sink.example.test/mcp","authorization":"mcp-secret",
          "headers":{"x-key":"mcp-secret"},"require_approval":"always"}],
         "mcp_approval":{"url":"https://sink.example.test/may","headers":{"x-key":"mcp-secret"}}},
         "raw":{"include":["item.input_audio_transcription.logprobs"]}}
        """#

    @Test func `options are kept, shown without secrets, accepted back with changes, and reach the call`() async throws
    {
        try await TestServer.run { test async throws in
            let made = try await test.send(.POST, "/api/agents", Self.body)
            try #require(made.status == 201, "\(made.text)")
            let id = try #require(made["agent_id"]?.string)
            let shown = try await test.send(.GET, "/api/agents/\(id)")
            #expect(!shown.text.contains("mcp-secret") && shown["openai"]?["speed"]?.double == 1.1)
            #expect(shown["gemini"] == .null)

            var changed = shown.json
            changed.set("voice", "cedar")
            let replaced = try await test.send(.PUT, "/api/agents/\(id)", changed.serializedText())
            #expect(replaced.status == 200, "\(replaced.text)")
            let call = try await test.place(#","agent_id":"\#(id)""#)
            let agent = try #require(await test.server.manager.session(call)).agent
            #expect(agent.openAI.turnDetection == .semanticVAD(eagerness: .low))
            #expect(agent.openAI.mcpServers.first?.authorization == "mcp-secret")
            #expect(agent.openAI.mcpServers.first?.headers.first?.value == "mcp-secret")
            #expect(agent.approval?.url == "https://sink.example.test/may")
            #expect(agent.approval?.headers == ["x-key": "mcp-secret"])
            #expect(agent.raw?["include"] != nil)

            // A secret is not carried over to another address.
            var elsewhere = shown.json
            var options = try #require(elsewhere["openai"])
            var server = try #require(options["mcp_servers"]?[0])
            server.set("server_url", "https://elsewhere.example.test/mcp")
            options.set("mcp_servers", [server])
            elsewhere.set("openai", options)
            let refused = try await test.send(.PUT, "/api/agents/\(id)", elsewhere.serializedText())
            #expect(refused.status == 422 && refused.text.contains("mcp_servers[0].authorization"))
        }
    }

    @Test(
        arguments: [
            (#"{"model":"gpt-realtime-1.5","openai":{"reasoning":{"effort":"low"}}}"#, "openai.reasoning.effort"),
            (#"{"gemini":{"proactive_audio":true}}"#, "gemini"),
            (#"{"provider":"gemini","api_key":"k","gemini":{"proactive_audio":false}}"#, "gemini.proactive_audio"),
            (
                #"{"limits":{"idle_prompt":"Hello?"},"openai":{"turn_detection":{"type":"server_vad","idle_timeout_ms":9000}}}"#,
                "openai.turn_detection.idle_timeout_ms"
            ),
            (
                #"{"openai":{"mcp_servers":[{"server_label":"a","server_url":"https://x.test","require_approval":"always"}]}}"#,
                "openai.mcp_servers[a].require_approval"
            ),
        ]
    )
    func `options that exclude each other are refused by field, before the call is placed`(
        agent: String,
        field: String
    ) async throws {
        try await TestServer.run { test async throws in
            let call = try await test.send(.POST, "/api/calls", #"{"to":"+14155550101","agent":\#(agent)}"#)
            #expect(call.status == 400 && call["code"] == "unsupported_option", "\(call.text)")
            #expect(call["field"]?.string == field && call["detail"]?.string?.contains(field) == true)
            #expect(test.carrier.placed.isEmpty)
            let kept = try await test.send(.POST, "/api/agents", agent)
            #expect(kept.status == 400 && kept["field"]?.string == field)
        }
    }

    @Test func `a call's own idle prompt replaces the model's`() async throws {
        try await TestServer.run { test async throws in
            let agent = #"{"openai":{"turn_detection":{"type":"server_vad","idle_timeout_ms":9000}}}"#
            let made = try await test.send(.POST, "/api/agents", agent)
            let id = try #require(made["agent_id"]?.string)
            let answer = try await test.send(
                .POST,
                "/api/calls",
                #"{"to":"+14155550101","agent_id":"\#(id)","idle_prompt":"Hello?"}"#
            )
            #expect(answer.status == 400 && answer["field"] == "openai.turn_detection.idle_timeout_ms")
            #expect(test.carrier.placed.isEmpty)
        }
    }

    @Test(arguments: [
        (#"{"openai":{"speed":3}}"#, "openai.speed"), (#"{"openai":{"sped":1}}"#, "openai.sped"),
        (#"{"openai":{"turn_detection":{"type":"server_vad","eagerness":"low"}}}"#, "openai.turn_detection.eagerness"),
        (#"{"openai":{"turn_detection":{"type":"semantic_vad","eagerness":"x"}}}"#, "openai.turn_detection.eagerness"),
        (#"{"openai":{"noise_reduction":"loud"}}"#, "openai.noise_reduction"),
        (#"{"gemini":{"thinking_level":"deep"}}"#, "gemini.thinking_level"),
        (#"{"openai":{"mcp_servers":[{"server_label":"a"}]}}"#, "openai.mcp_servers[0]"),
        (#"{"tools":[{"name":"a","behavior":"later"}]}"#, "tools[0].behavior"),
    ])
    func `an invalid value is refused by field`(agent: String, field: String) async throws {
        try await TestServer.run { test async throws in
            let answer = try await test.send(.POST, "/api/agents", agent)
            #expect(answer.status == 422 && answer.text.contains("'\(field)'"), "\(answer.text)")
        }
    }
}
