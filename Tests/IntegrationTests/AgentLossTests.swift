import TalkpathAudio
import TalkpathCore
import TalkpathServer
import TalkpathSimulators
import TalkpathWire
import Testing

/// Losses and announced ends of the model's socket, over real sockets: the caller's line stays open, the conversation
/// goes on, and if it cannot, the caller is told.
@Suite struct AgentLossTests {
    private static func speech(_ number: Int, _ milliseconds: Int, rate: Int = 24_000) -> [Int16] {
        SyntheticSpeech.samples(number: number, lasting: .milliseconds(milliseconds), rate: rate)
    }

    private static let longWords = AgentScript.Turn(.connect, audio: speech(2, 4000), transcript: "A long story.")
    private static let later = AgentScript.Turn(.callerTurn, audio: speech(4, 400), transcript: "Where was I?")

    /// The time of the first session's loss.
    private func loss(_ stage: CallStage) async throws -> MonotonicInstant {
        try await stage.waitFor { if case .fault = $0 { true } else { false } }.instant
    }

    private func secondSession(_ stage: CallStage) async throws -> AgentRecord {
        while true {
            let models = await stage.models()
            if models.count > 1, models[1].readyAt != nil { return models[1] }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    // MARK: Lost and opened again

    @Test(
        arguments: [AgentProvider.openai, .gemini, .socket],
        [AgentFault.Action.vanish, .close(code: 1011, reason: "oops")]
    )
    func `a model that is lost in the middle of a word is connected again and the line stays open`(
        _ provider: AgentProvider,
        _ action: AgentFault.Action
    ) async throws {
        // The caller speaks while no session is open. The new session must get these words.
        let words = SyntheticSpeech.callerTurn(.agentStarts(after: .milliseconds(500)), number: 3, lasting: .seconds(1))
        let phone = PhoneScript(turns: [words], ending: .hangsUpWhenAgentEnds(after: .milliseconds(200)))
        try await CallStage.with(
            provider,
            carrier: .answers(phone),
            agent: AgentScript(turns: [Self.longWords, Self.later], otherwise: Self.later),
            agentFaults: [AgentFault(action, at: .answer(0, after: .milliseconds(600)), sessions: 0...0)]
        ) { stage in
            let id = try await stage.place()
            let lost = try await loss(stage)
            let second = try await secondSession(stage)
            let ready = try #require(second.readyAt)
            // About 0.3 s on an idle machine. A busy machine must not fail the test.
            #expect(ready - lost < .seconds(5), "away for \(ready - lost)")
            let call = try await stage.record(of: id)
            #expect(call["ended_reason"]?.string == "caller_hangup")
            let record = try #require(await stage.twilio.records().first)
            #expect(record.streams.count == 1 && record.errors.isEmpty)
            let models = await stage.models()
            #expect(models.count == 2)
            #expect(models.allSatisfy { $0.violations.isEmpty })
            // Both sessions together must get all of the caller's words, and none twice.
            let heard = models.map { $0.receivedSamples.isEmpty ? 0 : $0.arrivals.last?.cumulativeMilliseconds ?? 0 }
            let sent = record.streams[0].framesSent.last?.cumulativeMilliseconds ?? 0
            #expect(heard.reduce(0, +) <= sent + 40)
            let rate = models[1].inputFormat.sampleRate
            let said = Self.speech(7, 1000, rate: rate)
            let match = AudioCorrelation.bestLag(of: said, in: models[1].receivedSamples, maxLag: 3 * rate)
            #expect(abs(match.coefficient) > 0.9)
        }
    }

    @Test func `a session whose end is announced is replaced before it ends`() async throws {
        let notice = AgentFault(.goAway(timeLeft: .seconds(3)), at: .elapsed(.milliseconds(1200)), sessions: 0...0)
        let short = AgentScript.Turn(.connect, audio: Self.speech(2, 300), transcript: "Hello.")
        let phone = PhoneScript(
            turns: [SyntheticSpeech.callerTurn(.start(after: .seconds(3)), number: 3, lasting: .milliseconds(600))],
            ending: .hangsUpWhenAgentEnds(after: .milliseconds(200))
        )
        try await CallStage.with(
            .gemini,
            carrier: .answers(phone),
            agent: AgentScript(turns: [short, Self.later], otherwise: Self.later),
            agentFaults: [notice]
        ) { stage in
            let id = try await stage.place()
            let told = try await loss(stage)
            let second = try await secondSession(stage)
            #expect(second.resumedHandle != nil)
            let ready = try #require(second.readyAt)
            #expect(ready - told < .seconds(3))
            #expect(try await stage.record(of: id)["ended_reason"]?.string == "caller_hangup")
            #expect(await stage.models().count == 2)
            #expect(try #require(await stage.twilio.records().first).streams.count == 1)
        }
    }

    // MARK: Lost for good

    /// Runs for one second, and is then down for good.
    private static let faults = [
        AgentFault(.vanish, at: .elapsed(.seconds(1)), sessions: 0...0),
        AgentFault(.refuse(status: 503), at: .handshake, sessions: 1...100),
    ]

    private func hopeless(
        _ fallback: AgentFallback,
        settings: [String: String] = [:],
        _ body: (CallStage, String) async throws -> Void
    ) async throws {
        try await CallStage.with(
            agent: .silent,
            agentFaults: Self.faults,
            settings: settings,
            configure: {
                $0.agent.fallback = fallback
                $0.limits.agentAttempts = 2
                $0.limits.agentRetryDelay = .milliseconds(50)
            }
        ) { stage in
            try await body(stage, try await stage.place())
        }
    }

    @Test func `a lost agent is announced by the carrier's voice and the call ends`() async throws {
        try await hopeless(AgentFallback(words: "We call you back.")) { stage, id in
            let call = try await stage.record(of: id)
            #expect(call["ended_reason"]?.string == "agent_lost")
            let sid = try #require(await stage.twilio.records().first?.sid)
            let record = try await stage.twilio.waitUntilOver(sid, within: .seconds(10))
            #expect(record.said == ["We call you back."])
            #expect(record.status == "completed" && record.errors.isEmpty)
        }
    }

    @Test func `a lost agent is announced by a clip and the call ends after it`() async throws {
        let samples = Self.speech(5, 900, rate: 8000)
        let clip = try AudioClip(wav: WAV.encode(channels: [samples], sampleRate: 8000))
        try await hopeless(AgentFallback(clip: clip, words: "Not needed.")) { stage, id in
            let call = try await stage.record(of: id)
            #expect(call["ended_reason"]?.string == "agent_lost")
            let record = try #require(await stage.twilio.records().first)
            #expect(record.said.isEmpty)
            let heard = try #require(record.streams.first).heardSamples
            let match = AudioCorrelation.bestLag(of: samples, in: heard, maxLag: 40_000)
            #expect(abs(match.coefficient) > 0.98)
        }
    }

    @Test func `the call of a lost agent is transferred to the fallback number`() async throws {
        let fallback = AgentFallback(words: "One moment.", transferTo: "+15550100144")
        try await hopeless(fallback) { stage, id in
            let call = try await stage.record(of: id)
            #expect(call["ended_reason"]?.string == "transferred")
            let sid = try #require(await stage.twilio.records().first?.sid)
            let record = try await stage.twilio.waitUntilOver(sid, within: .seconds(20))
            #expect(record.said == ["One moment."])
            #expect(record.dialled == ["+15550100144"])
        }
    }
}
