import TalkpathAudio
import TalkpathCore
import TalkpathServer
import TalkpathSimulators
import TalkpathWire
import Testing

/// Calls with GPT-Live over real sockets, judged by a strict fake that takes the received audio as its clock.
@Suite struct LiveAgentTests {
    private static func speech(_ number: Int, _ milliseconds: Int) -> [Int16] {
        SyntheticSpeech.samples(number: number, lasting: .milliseconds(milliseconds), rate: 24_000)
    }

    private static let hello = AgentScript.Turn(.connect, audio: speech(2, 700), transcript: "Good day.")

    @Test(arguments: ["pcmu", "pcm"])
    func `the agent speaks first, hears the caller, answers, and its closed session reports the usage`(
        format: String
    ) async throws {
        let phone = PhoneScript(
            turns: [SyntheticSpeech.callerTurn(.agentEnds(after: .milliseconds(300)), number: 3, lasting: .seconds(1))],
            ending: .hangsUpWhenAgentEnds(after: .milliseconds(800))
        )
        let answer = AgentScript.Turn(.callerTurn, audio: Self.speech(4, 700), transcript: "I see.")
        let script = AgentScript(turns: [Self.hello, answer], callerTexts: ["Hello there."])
        try await CallStage.with(
            .openaiLive,
            carrier: .answers(phone),
            agent: script,
            settings: ["TALKPATH_AGENT_FORMAT": format]
        ) { stage in
            let id = try await stage.place()
            let call = try await stage.record(of: id)
            let agent = try #require(await stage.models().first)
            #expect(agent.violations.isEmpty)
            #expect(agent.inputFormat == (format == "pcmu" ? .telephony : .pcm24k))
            #expect(agent.textsReceived == ["Speak to the caller now. Greet the caller."])
            #expect(agent.messages.first == "session.start" && agent.messages.last == "session.close")
            let texts = (call["transcript"]?.array ?? []).compactMap { $0["text"]?.string }
            #expect(texts.map { $0.filter { $0 != " " } } == ["Goodday.", "Hellothere.", "Isee."])
            #expect(call["receipt"]?["agent_session"]?["closing"] == "close_requested")
            #expect((call["receipt"]?["agent_session"]?["billed_seconds"]?.int ?? 0) >= 2)
            let steps = call["receipt"]?["steps"]?.array ?? []
            #expect(steps.allSatisfy { ["done", "already_gone"].contains($0["outcome"]?.string) })
        }
    }

    @Test func `a model that stops for the caller leaves a record of the heard part`() async throws {
        let words = SyntheticSpeech.callerTurn(.agentStarts(after: .milliseconds(900)), number: 3, lasting: .seconds(1))
        let phone = PhoneScript(turns: [words], ending: .hangsUpWhenAgentEnds(after: .milliseconds(300)))
        let long = AgentScript.Turn(.connect, audio: Self.speech(2, 6000), transcript: "A long story of many words.")
        let later = AgentScript.Turn(.callerTurn, audio: Self.speech(4, 500), transcript: "Yes?")
        try await CallStage.with(
            .openaiLive,
            carrier: .answers(phone),
            agent: AgentScript(turns: [long, later])
        ) { stage in
            let id = try await stage.place()
            let call = try await stage.record(of: id)
            let agent = try #require(await stage.models().first)
            #expect(agent.violations.isEmpty)
            let produced = try #require(agent.items.first).producedBytes / 8
            #expect(agent.items.first?.wasInterrupted == true)
            let heard = call["transcript"]?[0]?["heard_ms"]?.int ?? -1
            #expect(abs(heard - produced) <= 150)
        }
    }

    @Test(arguments: [false, true])
    func `functions are called by either kind of delegation, and the agent speaks of their results`(
        isOwn: Bool
    ) async throws {
        let words = SyntheticSpeech.callerTurn(.agentEnds(after: .milliseconds(300)), number: 3, lasting: .seconds(1))
        let phone = PhoneScript(turns: [words], ending: .hangsUp(after: .milliseconds(2500)))
        let asked = AgentScript.Turn(
            .callerTurn,
            audio: Self.speech(4, 400),
            transcript: "One moment.",
            toolCall: .init(name: "nobody_has_this", arguments: #"{"day":"monday"}"#)
        )
        let result = AgentScript.Turn(.toolResult, audio: Self.speech(5, 400), transcript: "It did not work.")
        try await CallStage.with(
            .openaiLive,
            carrier: .answers(phone),
            agent: AgentScript(turns: [Self.hello, asked, result])
        ) { stage in
            var agent: JSONValue = ["tools": [["name": "desk", "description": "d"]]]
            if isOwn {
                agent.set("openai_live", ["delegation": ["type": "client", "tool": "desk"]])
            }
            let placed = try await stage.post("/api/calls", ["to": "+15550100199", "agent": agent])
            let id = try #require(placed.body["call_id"]?.string)
            _ = try await stage.record(of: id)
            let model = try #require(await stage.models().first)
            #expect(model.violations.isEmpty)
            #expect(model.toolResults.count == 1)
            #expect(model.items.last?.transcript == "It did not work.")
        }
    }

    @Test func `a lost session is opened anew with the conversation so far`() async throws {
        let words = SyntheticSpeech.callerTurn(.agentEnds(after: .milliseconds(1500)), number: 3, lasting: .seconds(1))
        let phone = PhoneScript(turns: [words], ending: .hangsUp(after: .milliseconds(1500)))
        let answer = AgentScript.Turn(.callerTurn, audio: Self.speech(4, 400), transcript: "I see.")
        try await CallStage.with(
            .openaiLive,
            carrier: .answers(phone),
            agent: AgentScript(turns: [Self.hello, answer]),
            agentFaults: [AgentFault(.vanish, at: .elapsed(.milliseconds(3500)), sessions: 0...0)]
        ) { stage in
            let id = try await stage.place()
            _ = try await stage.record(of: id)
            let models = await stage.models()
            #expect(models.count == 2 && models.allSatisfy { $0.violations.isEmpty })
            let start = try JSONValue(parsing: models.last?.configuration ?? "{}")
            #expect(start["input"]?[0]?["content"]?[0]?["text"]?.string?.contains("Good day.") == true)
        }
    }

    @Test func `an option that GPT-Live does not accept is refused by name before the call is placed`()
        async throws
    {
        try await CallStage.with(.openaiLive) { stage in
            for (agent, name) in [
                (["openai": ["parallel_tool_calls": true]], "openai"),
                (["openai_live": ["delegation": ["type": "client", "tool": "nobody"]]], "openai_live.delegation.tool"),
                (["openai_live": ["acknowledgement_delay_ms": 90_000]], "acknowledgement_delay_ms"),
                (["raw": ["audio": ["format": ["type": "audio/pcma", "rate": 8000]]]], "raw.audio.format"),
                (["provider": "gemini", "api_key": "k", "openai_live": ["store": true]], "openai_live"),
            ] as [(JSONValue, String)] {
                let answer = try await stage.post("/api/calls", ["to": "+15550100199", "agent": agent])
                #expect((400..<500).contains(answer.status))
                #expect(answer.body.serializedText().contains(name))
            }
        }
    }
}
