import TalkpathAudio
import TalkpathServer
import TalkpathSimulators
import TalkpathWire
import Testing

/// A lost session that cannot be resumed, over real sockets.
@Suite struct AgentRebuildTests {
    private static func speech(_ number: Int, _ milliseconds: Int) -> [Int16] {
        SyntheticSpeech.samples(number: number, lasting: .milliseconds(milliseconds), rate: 24_000)
    }

    @Test func `a session that cannot be resumed is built anew from the transcript`() async throws {
        let greeting = AgentScript.Turn(.connect, audio: Self.speech(2, 300), transcript: "Harbour Street Clinic.")
        let later = AgentScript.Turn(.callerTurn, audio: Self.speech(4, 400), transcript: "Where was I?")
        let faults = [
            AgentFault(.vanish, at: .elapsed(.milliseconds(2000)), sessions: 0...0),
            AgentFault(
                .close(code: 1007, reason: "Request contains an invalid argument."),
                at: .setup,
                sessions: 1...1
            ),
        ]
        let phone = PhoneScript(
            turns: [SyntheticSpeech.callerTurn(.start(after: .seconds(6)), number: 3, lasting: .milliseconds(600))],
            ending: .hangsUpWhenAgentEnds(after: .milliseconds(200))
        )
        try await CallStage.with(
            .gemini,
            carrier: .answers(phone),
            agent: AgentScript(turns: [greeting, later], otherwise: later),
            agentFaults: faults
        ) { stage in
            let id = try await stage.place()
            let call = try await stage.record(of: id)
            #expect(call["ended_reason"]?.string == "caller_hangup", "\(call)")
            let models = await stage.models()
            try #require(models.count >= 3)
            let rebuilt = models[2]
            #expect(rebuilt.resumedHandle == nil && rebuilt.readyAt != nil)
            // The new session gets the former words.
            #expect(rebuilt.configuration.contains("initialHistoryInClientContent"))
            #expect(rebuilt.messages.contains("clientContent"))
            #expect(rebuilt.violations.isEmpty)
        }
    }
}
