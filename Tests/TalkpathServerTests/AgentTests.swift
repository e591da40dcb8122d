import Foundation
import NIOHTTP1
import TalkpathAudio
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

@Suite struct AgentTests {
    private static let body = #"""
        {"name":"Support","instructions":"You help {{customer}} of {{company}}.","voice":"marin",
         "variables":{"company":"Example Ltd"},"first_message":"Hello {{customer}}!","api_key":"sk-mine-and-secret",
         "tools":[{"name":"look_up","description":"Looks up","parameters":{"type":"object","properties":{"id":{"type":"string"}}}}],
         "may_end_call":false,"connect":"on_answer","numbers":["+14155550100"],
         "webhook":{"url":"https://sink.example.test/hook","secret":"whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0","events":["call.ended"]},
         "limits":{"max_duration_s":600,"idle_timeout_s":0,"idle_prompt":{"words":"Still there, {{customer}}?","times":2},
                   "machine_detection":"enable","on_machine":"continue","loop_guard":{"end_score":1,"maximum_turns":40}}}
        """#

    private func create(_ test: TestServer, _ body: String = Self.body) async throws -> String {
        let answer = try await test.send(.POST, "/api/agents", body)
        try #require(answer.status == 201, "\(answer.text)")
        let id = try #require(answer["agent_id"]?.string)
        #expect(answer.headers["Location"] == ["/api/agents/\(id)"])
        return id
    }

    @Test func `a transfer target has a plan for a caller whose transfer is not answered`() async throws {
        try await TestServer.run { test async throws in
            let target = #"{"name":"desk","number":"+14155550100","on_failure":"say_goodbye""#
            let id = try await create(test, #"{"transfer_targets":[\#(target),"goodbye":"Bye."}]}"#)
            let shown = try await test.send(.GET, "/api/agents/\(id)")
            #expect(shown["transfer_targets"]?.array?.first?["goodbye"] == "Bye.", "\(shown.text)")
            let wordless = try await test.send(.POST, "/api/agents", #"{"transfer_targets":[\#(target)}]}"#)
            #expect(wordless.status == 422 && wordless.text.contains("transfer_targets.goodbye"), "\(wordless.text)")
        }
    }

    @Test func `an agent is kept, shown, changed and deleted`() async throws {
        try await TestServer.run { test async throws in
            let id = try await create(test)
            let shown = try await test.send(.GET, "/api/agents/\(id)")
            #expect(shown["name"] == "Support" && shown["limits"]?["idle_timeout_s"] == 0)
            #expect(shown["model"] == .null && shown["webhook"]?["url"] == "https://sink.example.test/hook")
            #expect(try await test.send(.GET, "/api/agents")["count"] == 1)

            // The shown agent is sent back with one change, and its secrets stay.
            var changed = shown.json
            changed.set("voice", "cedar")
            let text = String(decoding: changed.serialized(), as: UTF8.self)
            let replaced = try await test.send(.PUT, "/api/agents/\(id)", text)
            #expect(replaced.status == 200 && replaced["voice"] == "cedar", "\(replaced.text)")
            #expect(replaced["created_at"] == shown["created_at"])
            let call = try await test.place(#","agent_id":"\#(id)","variables":{"customer":"Ada"}"#)
            let agent = try #require(await test.server.manager.session(call)).agent
            #expect(agent.apiKey == "sk-mine-and-secret" && agent.voice == "cedar")

            #expect(try await test.send(.DELETE, "/api/agents/\(id)").status == 204)
            let gone = try await test.send(.DELETE, "/api/agents/\(id)")
            #expect(gone.status == 404 && gone["code"] == "agent_not_found")
            #expect(try await test.send(.GET, "/api/agents/\(id)").status == 404)
            #expect(try await test.send(.GET, "/api/calls/\(call)")["agent_id"]?.string == id)
        }
    }

    @Test func `the agent that the documentation shows is accepted`() async throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
        let page = try String(contentsOf: folder.appending(path: "docs/control-api.md"), encoding: .utf8)
        let section = try #require(page.range(of: "## An agent")).upperBound
        let begin = try #require(page.range(of: "```json\n", range: section..<page.endIndex)).upperBound
        let end = try #require(page.range(of: "```", range: begin..<page.endIndex)).lowerBound
        try await TestServer.run { test async throws in
            let known = String(page[begin..<end]).replacing("clinic.example.com", with: "sink.example.test")
            let id = try await create(test, known)
            let call = try await test.place(#","agent_id":"\#(id)""#)
            let agent = try #require(await test.server.manager.session(call)).agent
            #expect(agent.instructions == "You answer for Harbour Street Clinic.")
            #expect(agent.endpoints.map(\.tool.name) == ["free_slots"])
            #expect(agent.fallback?.words == "We will call you back." && agent.bargeIn == .both)
            #expect(agent.limits.onMachine == .carryOn && agent.limits.idlePrompt != nil)
        }
    }

    @Test func `a tool with an unreachable address is refused by name and accepted in development`() async throws {
        struct NoNetwork: Error {}
        let tool = #"{"name":"free_slots","url":"https://clinic.example.com/slots"}"#
        for isDevelopment in [true, false] {
            try await TestServer.run(
                configure: { $0.isDevelopment = isDevelopment },
                adjust: { $0.addressPolicy = OutboundAddressPolicy { _, _ in throw NoNetwork() } },
                { test async throws in
                    let answer = try await test.send(.POST, "/api/agents", #"{"tools":[\#(tool)]}"#)
                    #expect(answer.status == (isDevelopment ? 201 : 422), "\(answer.text)")
                    guard !isDevelopment else { return }
                    #expect(
                        answer["detail"]?.string?.hasPrefix("'tools.url' of the tool 'free_slots' leads nowhere")
                            == true
                    )
                }
            )
        }
    }

    @Test func `secrets are never shown`() async throws {
        try await TestServer.run { test async throws in
            let id = try await create(test)
            let call = try await test.place(#","agent_id":"\#(id)","variables":{"customer":"Ada"}"#)
            for path in [
                "/api/agents", "/api/agents/\(id)", "/api/calls/\(call)", "/v1/calls?id=\(call)", "/v1/calls/\(call)",
            ] {
                let answer = try await test.send(.GET, path)
                #expect(answer.status == 200)
                for secret in ["sk-mine", "whsec_", TestServer.authToken, "model key"] {
                    #expect(!answer.text.contains(secret), "\(path) shows \(secret)")
                }
            }
            #expect(try await test.send(.GET, "/api/agents/\(id)")["api_key"] == "[redacted]")
        }
    }

    @Test func `a call takes its agent with the variables filled in`() async throws {
        try await TestServer.run { test async throws in
            let id = try await create(test)
            let call = try await test.place(
                #","agent_id":"\#(id)","variables":{"customer":"Ada","order":{"n":7}},"ring_timeout_s":20"#
            )
            let session = try #require(await test.server.manager.session(call))
            #expect(session.agent.instructions == "You help Ada of Example Ltd.")
            #expect(session.agent.firstMessage == "Hello Ada!")
            #expect(session.agent.id == id && session.agent.name == "Support" && !session.agent.mayEndCall)
            #expect(session.agent.tools.map(\.name) == ["look_up"])
            #expect(session.agent.connectPolicy == .onAnswer)
            let limits = session.agent.limits
            #expect(limits.maxDuration == .seconds(600) && limits.idleTimeout == nil)
            #expect(limits.idlePrompt == IdlePrompt("Still there, Ada?", times: 2))
            #expect(limits.machineDetection == .enable && limits.onMachine == .carryOn)
            #expect(limits.loopGuard?.endScore == nil && limits.loopGuard?.maximumTurns == 40)
            let order = try #require(test.carrier.placed.first)
            #expect(order.timeLimit == .seconds(600) && order.ringTimeout == .seconds(20))
            let shown = try await test.send(.GET, "/api/calls/\(call)")
            #expect(shown["variables"] == ["company": "Example Ltd", "customer": "Ada", "order": ["n": 7]])
            #expect(shown["agent"]?["name"] == "Support")
        }
    }

    @Test func `a placeholder without a value is refused`() async throws {
        try await TestServer.run { test async throws in
            let id = try await create(test)
            let answer = try await test.send(
                .POST,
                "/api/calls",
                #"{"to":"+14155550101","agent_id":"\#(id)","variables":{"custmer":"Ada"}}"#
            )
            #expect(answer.status == 422 && answer["detail"]?.string?.contains("customer") == true)
            #expect(test.carrier.placed.isEmpty)
        }
    }

    @Test func `an agent in the request of a call talks on that call`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place(
                #","agent":{"instructions":"Hi {{x}}","provider":"openai","limits":{"max_duration_s":70}},"variables":{"x":1}"#
            )
            let session = try #require(await test.server.manager.session(call))
            #expect(session.agent.instructions == "Hi 1" && session.agent.id == nil)
            #expect(session.agent.apiKey == "model key")
            #expect(try await test.send(.GET, "/api/calls/\(call)")["agent_id"] == .null)
        }
    }

    @Test(
        arguments: [
            ("polyphase", .polyphase(.telephone)), ("polyphase-wide", .polyphase(.wide)),
            ("libsamplerate-medium", .libsamplerate(.medium)),
        ] as [(String, ResamplerEngine)]
    )
    func `the resampler is selected by call and by stored agent`(name: String, engine: ResamplerEngine) async throws {
        try await TestServer.run { test async throws in
            let inline = try await test.place(#","agent":{"resampler":"\#(name)"}"#)
            #expect(try #require(await test.server.manager.session(inline)).agent.resampler == engine)
            let id = try await create(test, #"{"name":"Wide","resampler":"\#(name)"}"#)
            #expect(try await test.send(.GET, "/api/agents/\(id)")["resampler"]?.string == name)
            let stored = try await test.place(#","agent_id":"\#(id)""#)
            #expect(try #require(await test.server.manager.session(stored)).agent.resampler == engine)
            let other = try await test.place("")
            #expect(try #require(await test.server.manager.session(other)).agent.resampler == .default)
        }
    }

    @Test(arguments: [#""soxr""#, #""libsamplerate""#, #""""#, "1", "[]"])
    func `an unknown resampler is refused`(value: String) async throws {
        try await TestServer.run { test async throws in
            let answer = try await test.send(
                .POST,
                "/api/calls",
                #"{"to":"+14155550101","agent":{"resampler":\#(value)}}"#
            )
            #expect(answer.status == 422 && answer["detail"]?.string?.contains("resampler") == true, "\(answer.text)")
            #expect(test.carrier.placed.isEmpty)
        }
    }

    @Test func `another tenant's agent answers like an unknown one`() async throws {
        try await TestServer.run { test async throws in
            let id = try await create(test)
            for method in [HTTPMethod.GET, .DELETE] {
                let theirs = try await test.send(method, "/api/agents/\(id)", key: TestServer.otherKey)
                let unknown = try await test.send(method, "/api/agents/none", key: TestServer.otherKey)
                #expect(theirs.status == 404 && theirs.text == unknown.text)
            }
            let order = #"{"to":"+14155550101","agent_id":"\#(id)"}"#
            let theirs = try await test.send(.POST, "/api/calls", order, key: TestServer.otherKey)
            #expect(theirs.status == 404 && theirs["code"] == "agent_not_found")
            // The other tenant's agent of the same id is another agent.
            let own = try await test.send(.PUT, "/api/agents/\(id)", #"{"name":"Theirs"}"#, key: TestServer.otherKey)
            #expect(own.status == 201)
            #expect(try await test.send(.GET, "/api/agents/\(id)")["name"] == "Support")
        }
    }

    @Test(arguments: [
        (#"{"nmae":"x"}"#, 422, "unknown_field"), (#"{"limits":{"max_duraton_s":1}}"#, 422, "unknown_field"),
        (#"{"limits":{"max_duration_s":0}}"#, 422, "invalid_field"), (#"{"provider":"other"}"#, 422, "invalid_field"),
        (#"{"provider":"gemini"}"#, 422, "invalid_field"),
        (#"{"provider":"gemini","api_key":"k","format":"pcmu"}"#, 422, "invalid_field"),
        (#"{"tools":[{"description":"x"}]}"#, 400, "missing_field"),
        (#"{"tools":[{"name":"a"},{"name":"a"}]}"#, 422, "invalid_field"),
        (#"{"numbers":["0301"]}"#, 422, "invalid_number"),
        (#"{"webhook":{"url":"https://a.test","events":["x"]}}"#, 422, "invalid_field"),
        (#"{"webhook":{"url":"http://a.test"}}"#, 422, "invalid_field"),
        (#"{"webhook":{"url":"https://10.0.0.1/hook"}}"#, 422, "invalid_field"),
        (#"{"webhook":{"url":"https://[::1]/hook"}}"#, 422, "invalid_field"),
        (#"{"tools":[{"name":"a","url":"https://169.254.169.254/latest"}]}"#, 422, "invalid_field"),
        (#"{"api_key":"[redacted]"}"#, 422, "invalid_field"),
        (#"{"api_key":"[redacted]"}"#, 422, "invalid_field"), ("[]", 400, "malformed_json"),
        ("", 400, "malformed_json"),
    ])
    func `an invalid agent is refused`(body: String, status: Int, code: String) async throws {
        try await TestServer.run { test async throws in
            let answer = try await test.send(.POST, "/api/agents", body)
            #expect(answer.status == status && answer["code"]?.string == code, "\(answer.text)")
            #expect(try await test.send(.GET, "/api/agents")["count"] == 0)
        }
    }

    @Test func `a number belongs to one agent`() async throws {
        try await TestServer.run { test async throws in
            let first = try await create(test, #"{"numbers":["+14155550100","+14155550102"]}"#)
            let second = try await create(test, #"{"numbers":["+14155550103"]}"#)
            let taken = try await test.send(.PUT, "/api/agents/\(second)", #"{"numbers":["+14155550102"]}"#)
            #expect(taken.status == 409 && taken["code"] == "number_taken")
            #expect(try await test.send(.PUT, "/api/agents/\(first)", #"{"numbers":["+14155550100"]}"#).status == 200)
            #expect(try await test.send(.PUT, "/api/agents/\(second)", #"{"numbers":["+14155550102"]}"#).status == 200)
        }
    }

    @Test func `the server's own agent is shown and cannot be changed`() async throws {
        try await TestServer.run { test async throws in
            let answer = try await test.send(.GET, "/api/agents/default")
            #expect(answer["agent_id"] == "default" && answer["model"] == "test" && answer["api_key"] == .null)
            #expect(try await test.send(.PUT, "/api/agents/default", "{}").status == 403)
            #expect(try await test.send(.DELETE, "/api/agents/default").status == 403)
            let call = try await test.place(#","agent_id":"default""#)
            #expect(try await test.send(.GET, "/api/calls/\(call)")["agent_id"] == "default")
        }
    }

    @Test(
        arguments: [
            ("Hi {{name}}!", ["name": "Ada"], "Hi Ada!"), ("{{ a }}{{b}}", ["a": 1, "b": true], "1true"),
            ("{{a}}", [:], ""), ("{a} {{}} {{a b}} {{", ["a": "x"], "{a} {{}} {{a b}} {{"),
            ("{{{a}}}", ["a": "x"], "{x}"), ("{{a}}{{a}}", ["a": ["k": [1, nil]]], #"{"k":[1,null]}{"k":[1,null]}"#),
            ("{{a}}", ["a": "{{b}}"], "{{b}}"), ("{{ä}}", ["ä": "x"], "{{ä}}"),
        ] as [(String, [String: JSONValue], String)]
    )
    func `placeholders are replaced by their values`(text: String, values: [String: JSONValue], result: String) {
        #expect(Placeholders.fill(text, with: values) == result)
    }
}
