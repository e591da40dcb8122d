import TalkpathCore
import TalkpathServer
import TalkpathSimulators
import TalkpathWire
import Testing

/// The guards over real sockets: the server ends calls without a conversation, and records the reason.
@Suite struct GuardTests {
    private static func machine(_ word: String) -> CallBehavior {
        CallBehavior(answeredBy: word, detectionTime: .milliseconds(50))
    }

    private func detection(_ stage: CallStage) async throws -> CallRecord.Webhook {
        try await stage.waitFor { if case .webhook("machine-detection", _) = $0 { true } else { false } }
        let record = try #require(await stage.twilio.records().first)
        return try #require(record.webhooks.first { $0.event == "machine-detection" })
    }

    // MARK: Machines

    @Test func `a call that a machine answers is hung up`() async throws {
        try await CallStage.with(
            carrier: Self.machine("machine_start"),
            configure: { $0.limits.machineDetection = .enable }
        ) { stage in
            let id = try await stage.place()
            let call = try await stage.record(of: id)
            #expect(call["ended_reason"]?.string == "voicemail")
            #expect(call["receipt"]?["ended_by"]?.string == "guard")
            #expect(call["answered_by"]?.string == "machine")
            #expect(try await detection(stage).answer == 204)
            let sid = try #require(await stage.twilio.records().first?.sid)
            #expect(try await stage.twilio.waitUntilOver(sid).errors.isEmpty)
        }
    }

    @Test(arguments: [("machine_end_beep", "machine_end"), ("fax", "fax")])
    func `a call that a machine answers goes on if the agent allows it`(word: String, recorded: String) async throws {
        try await CallStage.with(
            carrier: Self.machine(word),
            configure: {
                $0.limits.machineDetection = .detectMessageEnd
                $0.limits.onMachine = .carryOn
            }
        ) { stage in
            let id = try await stage.place()
            #expect(try await detection(stage).answer == 204)
            let call = try await stage.get("/api/calls/\(id)").body
            #expect(call["answered_by"]?.string == recorded)
            #expect(call["status"]?.string == "in_progress")
            let receipt = try await stage.end(id).body
            #expect(receipt["ended_reason"]?.string == "ended_by_api")
            #expect(try await stage.record(of: id)["answered_by"]?.string == recorded)
        }
    }

    @Test(arguments: [
        (AgentProvider.openai, "machine_end_beep", "answering machine"),
        (.gemini, "machine_end_beep", "answering machine"),
        (.openai, "human", "person"), (.openai, "fax", "fax"),
    ])
    func `an agent that waits for the announcement speaks after it and is told the kind of answer`(
        provider: AgentProvider,
        word: String,
        told: String
    ) async throws {
        let speech = SyntheticSpeech.samples(number: 1, lasting: .milliseconds(300), rate: 24_000)
        try await CallStage.with(
            provider,
            carrier: CallBehavior(answeredBy: word, detectionTime: .milliseconds(900)),
            agent: AgentScript(turns: [AgentScript.Turn(.connect, audio: speech, transcript: "Hello.")]),
            configure: {
                $0.limits.machineDetection = .detectMessageEnd
                $0.limits.onMachine = .carryOn
            }
        ) { stage in
            let id = try await stage.place()
            try await stage.waitFor { $0 == .agentHeard }
            let kinds = stage.timeline.events.map(\.kind)
            let verdict = kinds.firstIndex { if case .webhook("machine-detection", _) = $0 { true } else { false } }
            let heard = kinds.firstIndex(of: .agentHeard)
            #expect(try #require(verdict) < #require(heard))
            let texts = try #require(await stage.models().first).textsReceived
            #expect(texts.contains { $0.contains(told) }, "\(texts)")
            _ = try await stage.end(id)
        }
    }

    @Test func `a call that a person answers is not ended as a machine's`() async throws {
        try await CallStage.with(
            carrier: Self.machine("human"),
            configure: { $0.limits.machineDetection = .enable }
        ) { stage in
            let id = try await stage.place()
            #expect(try await detection(stage).answer == 204)
            let call = try await stage.get("/api/calls/\(id)").body
            #expect(call["answered_by"]?.string == "human")
            #expect(call["status"]?.string == "in_progress")
        }
    }

    @Test func `without detection the carrier gets no request for it and the call has no result of it`() async throws {
        try await CallStage.with(carrier: Self.machine("machine_start")) { stage in
            let id = try await stage.place()
            try await stage.waitFor { if case .streamStarted = $0 { true } else { false } }
            try await stage.waitFor { $0 == .sessionReady }
            #expect(try await stage.get("/api/calls/\(id)").body["answered_by"]?.isNull == true)
            _ = try await stage.end(id)
            let webhooks = try #require(await stage.twilio.records().first).webhooks
            #expect(!webhooks.contains { $0.event == "machine-detection" || $0["AnsweredBy"] != nil })
        }
    }

    // MARK: The carrier's own limit

    private func dialIn(_ stage: CallStage) async -> String {
        await stage.twilio.dialIn(
            from: "+15550100177",
            to: "+15550100100",
            voiceURL: "http://127.0.0.1:\(stage.server.port)/twilio/voice"
        )
    }

    @Test func `the carrier gets the maximum duration of an inbound call`() async throws {
        try await CallStage.with(configure: { $0.limits.maxDuration = .seconds(77) }) { stage in
            let sid = await dialIn(stage)
            try await stage.waitFor { $0 == .request(method: "POST", path: Self.updatePath(sid), status: 200) }
            // A little later than our own limit, so that the receipt has our reason.
            #expect(await stage.twilio.record(sid)?.timeLimit == .seconds(92))
        }
    }

    @Test func `a call goes on if the carrier refuses the maximum duration`() async throws {
        let refusal = RESTFault(.fail(status: 400, code: 21218, message: "Invalid TimeLimit"), on: .update, times: 1)
        try await CallStage.with(carrierFaults: [refusal]) { stage in
            let sid = await dialIn(stage)
            try await stage.waitFor { $0 == .request(method: "POST", path: Self.updatePath(sid), status: 400) }
            try await stage.waitFor { $0 == .sessionReady }
            let calls = try await stage.get("/api/calls").body["calls"]?.array ?? []
            let id = try #require(calls.first?["call_id"]?.string)
            #expect(try await stage.end(id).status == 200)
        }
    }

    private static func updatePath(_ sid: String) -> String {
        "/2010-04-01/Accounts/AC00000000000000000000000000000001/Calls/\(sid).json"
    }

    // MARK: Silence

    @Test func `a silent call prompts the agent and then ends`() async throws {
        let greeting = AgentScript.Turn(
            .connect,
            audio: SyntheticSpeech.samples(number: 1, lasting: .milliseconds(300), rate: 24_000)
        )
        let asking = AgentScript.Turn(
            .request,
            audio: SyntheticSpeech.samples(number: 1, lasting: .milliseconds(300), rate: 24_000),
            transcript: "There?"
        )
        try await CallStage.with(
            agent: AgentScript(turns: [greeting, asking]),
            configure: {
                $0.limits.idleTimeout = .milliseconds(500)
                $0.limits.idlePrompt = IdlePrompt("Ask whether they are there.", patience: .seconds(2))
            }
        ) { stage in
            let id = try await stage.place()
            let call = try await stage.record(of: id)
            #expect(call["ended_reason"]?.string == "idle_timeout")
            let said = (call["transcript"]?.array ?? []).compactMap { $0["text"]?.string }
            #expect(said.contains("There?"))
        }
    }

    @Test func `a call without audio from the caller ends`() async throws {
        try await CallStage.with(
            agent: .silent,
            configure: { $0.limits.silenceTimeout = .milliseconds(500) }
        ) { stage in
            let id = try await stage.place()
            let call = try await stage.record(of: id)
            #expect(call["ended_reason"]?.string == "silence_timeout")
            #expect(call["receipt"]?["reason"]?.string == "the caller's line was silent")
        }
    }

    @Test(arguments: [AgentProvider.openai, .gemini])
    func `an agent that does not answer gets a new session and answers in it`(_ provider: AgentProvider) async throws {
        // Longer than a sound that a model may ignore as a noise.
        let question = SyntheticSpeech.callerTurn(.start(after: .milliseconds(800)), number: 1, lasting: .seconds(2))
        let phone = PhoneScript(turns: [question], ending: .hangsUpWhenAgentEnds(after: .milliseconds(100)))
        let answer = AgentScript.Turn(
            .connect,
            audio: SyntheticSpeech.samples(number: 1, lasting: .milliseconds(400), rate: 24_000)
        )
        try await CallStage.with(
            provider,
            carrier: .answers(phone),
            agent: AgentScript(turns: [answer], otherwise: answer),
            agentFaults: [AgentFault(.fallSilent, at: .ready, sessions: 0...0)],
            configure: { $0.limits.agentSilenceTimeout = .milliseconds(1500) }
        ) { stage in
            let id = try await stage.place()
            let call = try await stage.record(of: id)
            #expect(call["ended_reason"]?.string == "caller_hangup")
            #expect(await stage.models().count == 2)
        }
    }

    @Test func `an agent that never answers is lost`() async throws {
        // Enough sessions for a machine on which one takes seconds to open.
        let turns = (0..<20).map {
            SyntheticSpeech.callerTurn(
                .start(after: .milliseconds(800 + $0 * 1500)),
                number: $0 % 4,
                lasting: .milliseconds(900)
            )
        }
        try await CallStage.with(
            carrier: .answers(PhoneScript(turns: turns)),
            agentFaults: [AgentFault(.fallSilent, at: .ready)],
            configure: {
                $0.limits.agentSilenceTimeout = .milliseconds(400)
                $0.limits.agentAttempts = 2
                // This model does not answer the close, either.
                $0.limits.endBound = .seconds(1)
            }
        ) { stage in
            let id = try await stage.place()
            let call = try await stage.record(of: id)
            #expect(call["ended_reason"]?.string == "agent_lost")
            #expect(call["receipt"]?["reason"]?.string == "the model did not answer the caller")
            #expect(await stage.models().count == 2)
        }
    }

    // MARK: Circles

    @Test func `a call of two agents that repeat themselves is ended`() async throws {
        let offer = SyntheticSpeech.samples(number: 1, lasting: .milliseconds(300), rate: 24_000)
        let turns = (0..<12).map { number in
            SyntheticSpeech.callerTurn(
                .agentEnds(after: .milliseconds(100)),
                number: number,
                lasting: .milliseconds(500)
            )
        }
        let turn = AgentScript.Turn(.callerTurn, audio: offer, transcript: "How can I help you today?")
        let script = AgentScript(
            turns: [AgentScript.Turn(.connect, audio: offer, transcript: "How can I help you today?")],
            otherwise: turn,
            callerTexts: Array(repeating: "No, how can I help you?", count: 12),
            thinkingTime: .milliseconds(50)
        )
        try await CallStage.with(
            carrier: .answers(PhoneScript(turns: turns)),
            agent: script,
            configure: { $0.limits.loopGuard = LoopGuardPolicy(warnScore: 0.05, endScore: 0.1, minimumTurns: 4) }
        ) { stage in
            let id = try await stage.place()
            let call = try await stage.record(of: id)
            #expect(call["ended_reason"]?.string == "loop_detected")
            #expect(call["loop_score"]?.double ?? 0 >= 0.1)
        }
    }
}
