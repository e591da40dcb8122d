import TalkpathAudio
import TalkpathCore
import TalkpathServer
import TalkpathSimulators
import TalkpathWire
import Testing

/// Calls with a socket agent over real sockets, judged by a strict fake of such an agent.
@Suite struct OwnAgentTests {
    private static func speech(_ number: Int, _ milliseconds: Int) -> [Int16] {
        SyntheticSpeech.samples(number: number, lasting: .milliseconds(milliseconds), rate: 24_000)
    }

    private static let hello = AgentScript.Turn(.connect, audio: speech(2, 500), transcript: "Good day.")

    @Test(arguments: [AudioFormat.telephony, .pcm8k, .pcm16k, .pcm24k])
    func `audio arrives intact in both directions in the agent's format`(format: AudioFormat) async throws {
        let words = SyntheticSpeech.callerTurn(.start(after: .milliseconds(700)), number: 1, lasting: .seconds(1))
        let phone = PhoneScript(turns: [words], ending: .hangsUp(after: .milliseconds(600)))
        let quiet = ["TALKPATH_AGENT_FIRST_MESSAGE": ""]
        try await CallStage.with(.socket, carrier: .answers(phone), agent: .echo, format: format, settings: quiet) {
            stage in
            let id = try await stage.place()
            _ = try await stage.record(of: id)
            let stream = try #require(await stage.twilio.records().first?.streams.first)
            let agent = try #require(await stage.models().first)
            #expect(agent.inputFormat == format && agent.violations.isEmpty && stream.violations.isEmpty)
            // The caller's own voice interrupts the echo at times, but the agent hears all of it. The pitch is that of
            // a caller's first turn.
            let said = SyntheticSpeech.samples(number: 3, lasting: .seconds(1), rate: format.sampleRate)
            let match = AudioCorrelation.bestLag(of: said, in: agent.receivedSamples, maxLag: 3 * format.sampleRate)
            #expect(abs(match.coefficient) > 0.9)
            #expect(stream.playedBytes > 1600)
        }
    }

    @Test func `the agent is told of the call, its turns, its keys and its end`() async throws {
        let phone = PhoneScript(
            turns: [
                SyntheticSpeech.callerTurn(.agentEnds(after: .milliseconds(200)), number: 3, lasting: .seconds(1)),
                .init(.agentEnds(after: .milliseconds(200)), .keys("7")),
            ],
            ending: .hangsUp(after: .milliseconds(300))
        )
        let answer = AgentScript.Turn(.callerTurn, audio: Self.speech(4, 500), transcript: "I see.")
        let script = AgentScript(turns: [Self.hello, answer], callerTexts: ["Hello there."])
        try await CallStage.with(.socket, carrier: .answers(phone), agent: script) { stage in
            let placed = try await stage.post(
                "/api/calls",
                ["to": "+15550100199", "metadata": ["order": 7], "variables": ["name": "Ada"]]
            )
            let id = try #require(placed.body["call_id"]?.string)
            let call = try await stage.record(of: id)
            let agent = try #require(await stage.models().first)
            #expect(agent.violations.isEmpty)
            let start = try JSONValue(parsing: agent.configuration)
            #expect(start["call_id"]?.string == id && start["direction"] == "outbound")
            #expect(start["to"] == "+15550100199" && start["metadata"] == ["order": 7])
            #expect(start["variables"]?["name"] == "Ada")
            #expect((start["tools"]?.array ?? []).contains { $0["name"] == "end_call" })
            #expect(agent.textsReceived == ["Greet the caller.", "key 7"])
            #expect(agent.messages.filter { $0 == "caller_started" }.count == 1)
            #expect(agent.messages.filter { $0 == "caller_stopped" }.count == 1)
            // Both answers were played to the end.
            #expect(agent.messages.filter { $0 == "mark_played" }.count == 2)
            #expect(agent.messages.last == "ended")
            #expect(agent.closeCode == 1000)
            let texts = (call["transcript"]?.array ?? []).compactMap { $0["text"]?.string }
            #expect(texts == ["Good day.", "Hello there.", "I see."])
        }
    }

    @Test func `the agent calls functions, and ends the call with its last words`() async throws {
        let conversation = Conversation.synthetic(
            turns: 1,
            callerSpeech: .milliseconds(800),
            agentSpeech: .milliseconds(700),
            pause: .milliseconds(100),
            endsWith: AgentScript.ToolCall(name: "end_call", arguments: #"{"reason":"done"}"#)
        )
        try await CallStage.with(.socket, carrier: .answers(conversation.phone), agent: conversation.agent) { stage in
            let id = try await stage.place()
            let call = try await stage.record(of: id)
            #expect(call["receipt"]?["ended_reason"]?.string == "agent_hangup")
            let stream = try #require(await stage.twilio.records().first?.streams.first)
            let agent = try #require(await stage.models().first)
            #expect(agent.violations.isEmpty && agent.messages.last == "ended")
            let said = agent.items.reduce(0) { $0 + $1.producedBytes } / agent.outputFormat.bytesPerMillisecond
            #expect(abs(stream.playedBytes / 8 - said) <= 100)
        }
    }

    @Test func `a resumed session gets its token and the conversation so far`() async throws {
        let words = SyntheticSpeech.callerTurn(.agentStarts(after: .milliseconds(500)), number: 3, lasting: .seconds(1))
        let phone = PhoneScript(turns: [words], ending: .hangsUpWhenAgentEnds(after: .milliseconds(200)))
        let long = AgentScript.Turn(.connect, audio: Self.speech(2, 4000), transcript: "A long story.")
        let later = AgentScript.Turn(.callerTurn, audio: Self.speech(4, 400), transcript: "Where was I?")
        try await CallStage.with(
            .socket,
            carrier: .answers(phone),
            agent: AgentScript(turns: [long, later], otherwise: later),
            agentFaults: [AgentFault(.vanish, at: .answer(0, after: .milliseconds(600)), sessions: 0...0)]
        ) { stage in
            let id = try await stage.place()
            _ = try await stage.record(of: id)
            let models = await stage.models()
            #expect(models.count == 2 && models.allSatisfy { $0.violations.isEmpty })
            #expect(models.last?.resumedHandle?.hasPrefix("token-0-") == true)
        }
    }

    @Test(arguments: FakeAgentSocket.Misbehavior.allCases)
    func `a call outlives an agent that breaks its protocol`(_ misbehavior: FakeAgentSocket.Misbehavior) async throws {
        let phone = PhoneScript(
            turns: [
                SyntheticSpeech.callerTurn(.agentStarts(after: .milliseconds(400)), number: 3, lasting: .seconds(1))
            ],
            ending: .hangsUp(after: .milliseconds(1500))
        )
        let script = AgentScript(
            turns: [AgentScript.Turn(.connect, audio: Self.speech(2, 3000), transcript: "A long story.")],
            otherwise: AgentScript.Turn(.callerTurn, audio: Self.speech(4, 400), transcript: "Yes.")
        )
        try await CallStage.with(
            .socket,
            carrier: .answers(phone),
            agent: script,
            misbehaviors: [misbehavior]
        ) { stage in
            let id = try await stage.place()
            let call = try await stage.record(of: id)
            #expect(call["receipt"]?["ended_reason"]?.string == "caller_hangup")
            let stream = try #require(await stage.twilio.records().first?.streams.first)
            #expect(stream.violations.isEmpty && stream.playedBytes > 800)
            let told = await stage.models().flatMap(\.messages).filter { $0 == "error" }.count
            let isToldOf = [.earlyAudio, .staleResponse, .brokenJSON, .oddAudio].contains(misbehavior)
            #expect(isToldOf == (told > 0))
        }
    }

    @Test func `an agent that refuses the secret ends the call as agent_lost`() async throws {
        try await CallStage.with(.socket, settings: ["TALKPATH_SOCKET_KEY": "another"]) { stage in
            let id = try await stage.place()
            let call = try await stage.record(of: id)
            #expect(call["receipt"]?["ended_reason"]?.string == "agent_lost")
        }
    }

    @Test func `a tenant's agent is reached at its own address, with its own secret`() async throws {
        let own = try await FakeAgentSocket.start(
            FakeAgentConfiguration(apiKey: "tenant-secret", script: AgentScript(turns: [Self.hello]))
        )
        let phone = PhoneScript(ending: .hangsUpWhenAgentEnds(after: .milliseconds(100)))
        try await CallStage.with(.openai, carrier: .answers(phone)) { stage in
            let placed = try await stage.post(
                "/api/calls",
                [
                    "to": "+15550100199",
                    "agent": [
                        "provider": "socket", "api_key": "tenant-secret", "first_message": "Greet the caller.",
                        "socket": ["url": .string(own.url), "sample_rate": 24000],
                    ],
                ]
            )
            let id = try #require(placed.body["call_id"]?.string, "\(placed.body)")
            let call = try await stage.record(of: id)
            #expect(call["receipt"]?["ended_reason"]?.string == "caller_hangup")
        }
        let agent = try #require(await own.sessions().first)
        #expect(agent.violations.isEmpty && agent.inputFormat == .pcm24k)
        await own.shutdown()
    }
}
