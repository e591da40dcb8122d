import Foundation
import TalkpathSimulators
import Testing

/// `talkpath agents check`, with files and with the fake model's endpoint.
@Suite struct AgentsCheckTests {
    private static func check(_ arguments: [String], input: String = "") throws -> (status: Int32, output: String) {
        let result = try Executable.run(["agents", "check"] + arguments, chunks: [Array(input.utf8)])
        return (result.status, String(decoding: result.output, as: UTF8.self))
    }

    @Test func `a good file prints the model's settings, without secrets`() throws {
        let result = try Self.check(
            ["-"],
            input: #"""
                {"model":"gpt-realtime","openai":{"speed":1.5,"mcp_servers":[{"server_label":"a","server_url":"https://a.test",
                 "authorization":"hidden-token"}]}}
                """#
        )
        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.contains(#""speed":1.5"#) && !result.output.contains("hidden-token"))
        #expect(result.output.contains("switched off on 2027-01-20"))
    }

    @Test func `a file with an invalid setting says why`() throws {
        let result = try Self.check(["-"], input: #"{"model":"gpt-realtime","openai":{"reasoning":{"effort":"low"}}}"#)
        #expect(result.status == 1)
        #expect(result.output.contains("wrong: 'openai.reasoning.effort' cannot be with the model gpt-realtime"))
    }

    @Test(.timeLimit(.minutes(5))) func `an endpoint with every feature passes`() async throws {
        let fake = try await FakeOpenAIRealtime.start(
            FakeAgentConfiguration(script: AgentScript(turns: [], otherwise: Self.words))
        )
        let result = try Self.check(["--model", "gpt-realtime-2.1", "ws://127.0.0.1:\(fake.port)/v1/realtime"])
        #expect(result.status == 0 && result.output.contains("It does everything."), "\(result.output)")
        await fake.shutdown()
    }

    @Test(.timeLimit(.minutes(5))) func `the missing features of an endpoint are named`() async throws {
        let fake = try await FakeOpenAIRealtime.start(
            FakeAgentConfiguration(script: AgentScript(turns: [], otherwise: Self.words))
        )
        // A model without reasoning.
        let result = try Self.check(["--model", "gpt-realtime-1.5", "ws://127.0.0.1:\(fake.port)/v1/realtime"])
        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.contains("- reasoning.effort") && result.output.contains("It does not do 2 of"))
        await fake.shutdown()
    }

    private static let words = SyntheticSpeech.agentTurn(.callerTurn, number: 1, lasting: .seconds(1))
}
