import TalkpathAudio
import TalkpathCore
import TalkpathServer
import TalkpathSimulators
import TalkpathWire
import Testing

/// Conversations over real sockets: the audio of both sides, and calls that end without an API request.
@Suite struct ConversationTests {
    @Test(arguments: [AgentProvider.openai, .gemini, .socket])
    func `an interruption clears the line and the record has the heard part`(_ provider: AgentProvider) async throws {
        var conversation = Conversation.synthetic(
            turns: 2,
            callerSpeech: .milliseconds(700),
            agentSpeech: .milliseconds(600),
            longAnswer: .seconds(5),
            pause: .milliseconds(100),
            interruption: (turn: 1, after: .milliseconds(800))
        )
        // The model still generates when the caller interrupts, even on a machine that delays both by a second.
        conversation.agent.generationSpeed = 1.5
        try await CallStage.with(
            provider,
            carrier: .answers(conversation.phone),
            agent: conversation.agent
        ) { stage in
            let id = try await stage.place()
            let call = try await stage.record(of: id)
            #expect(call["receipt"]?["ended_reason"]?.string == "caller_hangup")
            let stream = try #require(await stage.twilio.records().first?.streams.first)
            let agent = try #require(await stage.models().first)
            #expect(stream.violations.isEmpty)
            #expect(agent.violations.isEmpty)
            #expect(stream.clears.count >= 1)

            let cut = try #require(agent.items.first { $0.wasInterrupted })
            let began = try #require(cut.sent.first?.instant)
            let clear = try #require(stream.clears.first { $0.instant >= began })
            let before = stream.mediaReceived.last { $0.instant < began }?.cumulativeBytes ?? 0
            let sent = stream.mediaReceived.last { $0.instant <= clear.instant }?.cumulativeBytes ?? 0
            let heard = (sent - before) / 8 - clear.discardedMilliseconds
            if provider != .gemini {
                let told = try #require(agent.truncations.first { $0.itemID == cut.id })
                #expect(told.audioEndMilliseconds <= told.producedMilliseconds)
                // The simulators' grids are 20 ms; a loaded machine adds its own delays.
                #expect(abs(told.audioEndMilliseconds - heard) <= 100)
            }
            let recorded = (call["transcript"]?.array ?? []).compactMap { $0["heard_ms"]?.int }
            #expect(recorded.contains { abs($0 - heard) <= 100 })
        }
    }

    @Test func `audio arrives intact in both directions`() async throws {
        let speech = SyntheticSpeech.callerTurn(.start(after: .milliseconds(700)), number: 1, lasting: .seconds(1))
        let phone = PhoneScript(turns: [speech], ending: .hangsUp(after: .milliseconds(600)))
        try await CallStage.with(carrier: .answers(phone), agent: .echo) { stage in
            let id = try await stage.place()
            _ = try await stage.record(of: id)
            let stream = try #require(await stage.twilio.records().first?.streams.first)
            // On a busy machine the echo has gaps. Each piece that no gap divides comes back as it was said.
            let pieces = stride(from: 0, to: stream.saidSamples.count - 1600, by: 1600).compactMap { start -> Double? in
                let piece = Array(stream.saidSamples[start..<start + 1600])
                guard piece.contains(where: { abs(Int($0)) > 1000 }) else { return nil }
                let heard = Array(stream.heardSamples.dropFirst(start))
                return AudioCorrelation.bestLag(of: piece, in: heard, maxLag: 8000).coefficient
            }.sorted()
            try #require(pieces.count >= 4)
            #expect(pieces[pieces.count / 2] > 0.95, "\(pieces)")
            #expect(stream.violations.isEmpty)
        }
    }

    @Test func `words that the caller says before hanging up are in the record`() async throws {
        let speech = SyntheticSpeech.callerTurn(.start(after: .milliseconds(700)), number: 1, lasting: .seconds(1))
        // The model has not noticed the end of the words, let alone written them down.
        let phone = PhoneScript(turns: [speech], ending: .hangsUp(after: .milliseconds(60)))
        let script = AgentScript(turns: [], callerTexts: ["Cancel it, please."])
        try await CallStage.with(carrier: .answers(phone), agent: script) { stage in
            let id = try await stage.place()
            let call = try await stage.record(of: id)
            let turns = (call["transcript"]?.array ?? []).map { [$0["role"]?.string, $0["text"]?.string] }
            #expect(turns == [["user", "Cancel it, please."]])
            #expect(call["receipt"]?["ended_reason"]?.string == "caller_hangup")
            let agent = try #require(await stage.models().first)
            #expect(agent.violations.isEmpty)
        }
    }

    @Test func `the agent ends the call after its last words were played`() async throws {
        let conversation = Conversation.synthetic(
            turns: 1,
            callerSpeech: .milliseconds(500),
            agentSpeech: .milliseconds(700),
            pause: .milliseconds(100),
            endsWith: AgentScript.ToolCall(name: "end_call", arguments: #"{"reason":"done"}"#)
        )
        try await CallStage.with(carrier: .answers(conversation.phone), agent: conversation.agent) { stage in
            let id = try await stage.place()
            let call = try await stage.record(of: id)
            #expect(call["receipt"]?["ended_reason"]?.string == "agent_hangup")
            let stream = try #require(await stage.twilio.records().first?.streams.first)
            let agent = try #require(await stage.models().first)
            let said = agent.items.reduce(0) { $0 + $1.producedBytes } / agent.outputFormat.bytesPerMillisecond
            #expect(abs(stream.playedBytes / 8 - said) <= 100)
        }
    }

    @Test(arguments: [
        (CallBehavior.Outcome.busy, "busy"), (.noAnswer(ringing: .milliseconds(100)), "no_answer"), (.fails, "failed"),
    ])
    func `a call that is not connected ends with the carrier's reason`(
        _ outcome: CallBehavior.Outcome,
        _ reason: String
    ) async throws {
        try await CallStage.with(carrier: CallBehavior(outcome: outcome)) { stage in
            let id = try await stage.place()
            let call = try await stage.record(of: id)
            #expect(call["receipt"]?["ended_reason"]?.string == reason)
            #expect(call["status"]?.string == reason)
            #expect(await stage.openModels() == 0)
        }
    }

    @Test func `a model that refuses the key ends the call as agent lost`() async throws {
        let refusal = AgentFault(.refuse(status: 401), at: .handshake)
        try await CallStage.with(agentFaults: [refusal]) { stage in
            let id = try await stage.place()
            let call = try await stage.record(of: id)
            #expect(call["receipt"]?["ended_reason"]?.string == "agent_lost")
        }
    }

    @Test func `an inbound call is answered and the agent hears its caller`() async throws {
        let speech = SyntheticSpeech.callerTurn(
            .start(after: .milliseconds(300)),
            number: 2,
            lasting: .milliseconds(800)
        )
        let phone = PhoneScript(turns: [speech], ending: .hangsUp(after: .milliseconds(300)))
        try await CallStage.with(agent: .echo) { stage in
            let sid = await stage.twilio.dialIn(
                from: "+15550100199",
                to: "+15550100100",
                voiceURL: "http://127.0.0.1:\(stage.server.port)/twilio/voice",
                behavior: .answers(phone)
            )
            let record = try await stage.twilio.waitUntilOver(sid, within: .seconds(10))
            #expect(record.status == "completed")
            #expect(record.errors.isEmpty)
            let agent = try #require(await stage.models().first)
            #expect(agent.arrivals.last?.cumulativeMilliseconds ?? 0 > 800)
        }
    }
}
