import TalkpathAudio
import TalkpathCore
import TalkpathServer
import TalkpathSimulators
import TalkpathWire
import Testing

/// Two models behind one server: the second takes a call over that the first refuses or loses for good.
@Suite struct AgentFailoverTests {
    private static let greeting = AgentScript.Turn(
        .connect,
        audio: SyntheticSpeech.samples(number: 2, lasting: .milliseconds(600), rate: 24_000),
        transcript: "Hello from the second."
    )
    private static let answer = AgentScript.Turn(
        .callerTurn,
        audio: SyntheticSpeech.samples(number: 4, lasting: .milliseconds(400), rate: 24_000),
        transcript: "Where was I?"
    )

    /// A call over OpenAI with these faults, whose agent names Gemini as the next one.
    private func play(
        _ script: AgentScript,
        _ faults: [AgentFault],
        _ body: (CallStage, FakeGeminiLive, JSONValue) async throws -> Void
    ) async throws {
        let next = try await FakeGeminiLive.start(
            FakeAgentConfiguration(
                apiKey: "key",
                script: AgentScript(turns: [Self.greeting], otherwise: Self.answer),
                timeline: SimulatorTimeline()
            )
        )
        let words = SyntheticSpeech.callerTurn(.start(after: .seconds(2)), number: 3, lasting: .seconds(1))
        let phone = PhoneScript(turns: [words], ending: .hangsUpWhenAgentEnds(after: .seconds(1)))
        let result: Result<Void, any Error>
        do {
            try await CallStage.with(
                carrier: .answers(phone),
                agent: script,
                agentFaults: faults,
                settings: ["GEMINI_API_KEY": "key", "GEMINI_LIVE_URL": next.url],
                configure: {
                    $0.limits.agentAttempts = 2
                    $0.limits.agentRetryDelay = .milliseconds(50)
                }
            ) { stage in
                let order: JSONValue = [
                    "to": "+15550100199",
                    "agent": ["instructions": "Be brief.", "failover": [["provider": "gemini"]]],
                ]
                let placed = try await stage.post("/api/calls", order)
                let id = try #require(placed.body["call_id"]?.string, "\(placed.body)")
                try await body(stage, next, try await stage.record(of: id))
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await next.shutdown()
        try result.get()
    }

    @Test(arguments: [401, 404, 429, 503])
    func `a model that refuses the call is followed by the next, which greets and answers the caller`(
        status: Int
    ) async throws {
        try await play(.silent, [AgentFault(.refuse(status: status), at: .handshake, sessions: 0...100)]) {
            stage,
            next,
            call in
            #expect(call["ended_reason"]?.string == "caller_hangup", "\(call)")
            let agents = call["agents"]?.array ?? []
            #expect(agents.map { $0["provider"]?.string } == ["openai", "gemini"])
            #expect(agents.first?["ready_ms"]?.isNull == true)
            #expect(agents.first?["left_reason"]?.string?.contains("\(status)") == true, "\(agents)")
            #expect(agents.last?["left_reason"]?.isNull == true)
            let sessions = await next.sessions()
            #expect(
                sessions.count == 1 && sessions.allSatisfy { $0.violations.isEmpty },
                "\(sessions.map(\.violations))"
            )
            let words = (call["transcript"]?.array ?? []).compactMap { $0["text"]?.string }
            #expect(words.contains("Hello from the second."), "\(words)")
            // All of the caller's audio, and in its own format.
            let session = try #require(sessions.first)
            let rate = session.inputFormat.sampleRate
            let said = SyntheticSpeech.samples(number: 7, lasting: .seconds(1), rate: rate)
            let match = AudioCorrelation.bestLag(of: said, in: session.receivedSamples, maxLag: 8 * rate)
            #expect(abs(match.coefficient) > 0.9)
            let heard = try #require(await stage.twilio.records().first?.streams.first).heardSamples
            let greeting = SyntheticSpeech.samples(number: 2, lasting: .milliseconds(600), rate: 8000)
            #expect(abs(AudioCorrelation.bestLag(of: greeting, in: heard, maxLag: 40_000).coefficient) > 0.9)
        }
    }

    @Test func `a model that is lost for good in mid-call is followed by the next`() async throws {
        let faults = [
            AgentFault(.vanish, at: .elapsed(.milliseconds(1500)), sessions: 0...0),
            AgentFault(.refuse(status: 503), at: .handshake, sessions: 1...100),
        ]
        let first = AgentScript.Turn(
            .connect,
            audio: SyntheticSpeech.samples(number: 5, lasting: .milliseconds(500), rate: 24_000),
            transcript: "Hello from the first."
        )
        try await play(AgentScript(turns: [first], otherwise: Self.answer), faults) { _, next, call in
            #expect(call["ended_reason"]?.string == "caller_hangup", "\(call)")
            let agents = call["agents"]?.array ?? []
            #expect(agents.map { $0["provider"]?.string } == ["openai", "gemini"])
            #expect(agents.first?["ready_ms"]?.int != nil)
            #expect(agents.first?["until_ms"] == agents.last?["from_ms"])
            let sessions = await next.sessions()
            #expect(
                sessions.count == 1 && sessions.allSatisfy { $0.violations.isEmpty },
                "\(sessions.map(\.violations))"
            )
        }
    }
}
