import NIOHTTP1
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// `PATCH /api/calls/{call_id}`.
@Suite struct CallChangeTests {
    @Test func `a change is kept for the call's sessions, and shown with its agent`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place(#","agent":{"openai":{"speed":1.1}}"#)
            let answer = try await test.send(
                .PATCH,
                "/api/calls/\(call)",
                #"{"instructions":"Be brief.","openai":{"max_output_tokens":300},"raw":{"include":["x"]}}"#
            )
            #expect(answer.status == 200, "\(answer.text)")
            #expect(answer["changed"] == ["instructions", "openai.max_output_tokens", "raw"])
            let session = try #require(await test.server.manager.session(call))
            let agent = await session.presentAgent
            #expect(agent.instructions == "Be brief." && agent.openAI.maxOutputTokens == .tokens(300))
            #expect(agent.openAI.speed == 1.1 && agent.raw == ["include": ["x"]])
        }
    }

    @Test(
        arguments: [
            (#"{"voice":"cedar"}"#, 400, "voice"), (#"{"openai":{"tracing":"auto"}}"#, 400, "openai.tracing"),
            (#"{"gemini":{"proactive_audio":true}}"#, 400, "gemini"),
            (#"{"raw":{"model":"x"}}"#, 400, "raw.model"), (#"{"openai":{"speed":9}}"#, 422, nil), ("{}", 422, nil),
            (#"{"metadata":{}}"#, 422, nil),
        ] as [(String, Int, String?)]
    )
    func `a fixed field is refused by name`(body: String, status: Int, field: String?) async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let answer = try await test.send(.PATCH, "/api/calls/\(call)", body)
            #expect(answer.status == status && answer["field"]?.string == field, "\(answer.text)")
        }
    }

    @Test func `a change of a Gemini call is refused because its set-up is sent once`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place(#","agent":{"provider":"gemini","api_key":"k"}"#)
            let answer = try await test.send(.PATCH, "/api/calls/\(call)", #"{"instructions":"Be brief."}"#)
            #expect(answer.status == 400 && answer["field"] == "instructions", "\(answer.text)")
            #expect(answer["detail"]?.string?.contains("Gemini takes its set-up once") == true)
        }
    }

    @Test func `an ended call and another tenant's call are refused`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let body = #"{"instructions":"Be brief."}"#
            let theirs = try await test.send(.PATCH, "/api/calls/\(call)", body, key: TestServer.otherKey)
            #expect(theirs.status == 404)
            _ = try await test.end(call)
            let over = try await test.send(.PATCH, "/api/calls/\(call)", body)
            #expect(over.status == 409 && over["code"] == "call_already_ended")
        }
    }
}
