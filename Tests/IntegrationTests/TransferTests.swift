import TalkpathAudio
import TalkpathCore
import TalkpathServer
import TalkpathWire
import Testing

@testable import TalkpathSimulators

/// Transfers over real sockets: the carrier dials, and the outcome is reported, played and recorded.
@Suite struct TransferTests {
    private static let anywhere = ["TALKPATH_ALLOWED_DESTINATIONS": "+1555"]
    private static let number = "+15550100142"
    private static let greeting = AgentScript.Turn(.connect, audio: speech(1, 300), transcript: "Hello.")
    private static let sorry = AgentScript.Turn(.request, audio: speech(3, 500), transcript: "Nobody is there.")

    private static func speech(_ number: Int, _ milliseconds: Int, rate: Int = 24_000) -> [Int16] {
        SyntheticSpeech.samples(number: number, lasting: .milliseconds(milliseconds), rate: rate)
    }

    private static func dialling(
        _ fate: CallBehavior.Dialled.Fate,
        _ callbacks: CallBehavior.Dialled.Callbacks = .prompt,
        talking: Duration = .milliseconds(600)
    ) -> CallBehavior {
        var behavior = CallBehavior(dialDuration: talking)
        behavior.dialled = .init(fate, callbacks: callbacks)
        return behavior
    }

    private func waitTwice(
        _ stage: CallStage,
        for isWanted: @escaping @Sendable (SimulatorEvent.Kind) -> Bool
    ) async throws {
        try await stage.waitFor(isWanted)
        let first = try #require(stage.timeline.events.firstIndex { isWanted($0.kind) })
        try await stage.timeline.waitFor(after: first + 1) { isWanted($0.kind) }
    }

    private func transfer(_ stage: CallStage, _ id: String, _ more: JSONValue = [:]) async throws -> CallStage.Answer {
        var body: JSONValue = ["to": .string(Self.number), "mode": "now", "ring_timeout_s": 5]
        for member in more.object ?? [] { body.set(member.key, member.value) }
        return try await stage.post("/api/calls/\(id)/transfer", body)
    }

    /// The carrier's call once it has ended.
    private func over(_ stage: CallStage) async throws -> CallRecord {
        let sid = try #require(await stage.twilio.records().first?.sid)
        return try await stage.twilio.waitUntilOver(sid, within: .seconds(20))
    }

    private func heard(_ samples: [Int16], in record: CallRecord, stream: Int) throws -> Bool {
        try #require(record.streams.indices.contains(stream), "\(record.streams.count) streams")
        let match = AudioCorrelation.bestLag(of: samples, in: record.streams[stream].heardSamples, maxLag: 80_000)
        return abs(match.coefficient) > 0.9
    }

    // MARK: Answered

    @Test func `an answered transfer continues without the agent until the parties hang up`() async throws {
        try await CallStage.with(
            carrier: Self.dialling(.answers(ringing: .milliseconds(100))),
            agent: .silent,
            settings: Self.anywhere
        ) { stage in
            let id = try await stage.bridged()
            let answer = try await transfer(stage, id)
            #expect(answer.status == 200 && answer.body["outcome"]?.string == "answered", "\(answer)")
            #expect(try await stage.get("/api/calls/\(id)").body["status"]?.string == "in_progress")
            let call = try await stage.record(of: id)
            #expect(call["ended_reason"]?.string == "transferred")
            #expect(call["receipt"]?["carrier_confirmed"]?.bool == true)
            #expect(call["receipt"]?["transfer_outcome"]?.string == "answered")
            #expect(await stage.openModels() == 0)
            let record = try await over(stage)
            #expect(record.dialled == [Self.number])
            #expect(record.status == "completed" && record.errors.isEmpty, "\(record.errors)")
        }
    }

    @Test func `a transferred call is hung up when the API ends it`() async throws {
        try await CallStage.with(
            carrier: Self.dialling(.answers(ringing: .milliseconds(100)), talking: .seconds(60)),
            agent: .silent,
            settings: Self.anywhere
        ) { stage in
            let id = try await stage.bridged()
            #expect(try await transfer(stage, id).status == 200)
            let receipt = try await stage.end(id)
            #expect(receipt.body["ended_reason"]?.string == "ended_by_api")
            #expect(receipt.body["carrier_confirmed"]?.bool == true)
            #expect(try await over(stage).status == "completed")
        }
    }

    @Test func `the agent transfers the call after its words were played`() async throws {
        let words = AgentScript.Turn(
            .connect,
            audio: Self.speech(2, 600),
            transcript: "I put you through.",
            toolCall: AgentScript.ToolCall(name: "transfer_call", arguments: #"{"to":"sales"}"#)
        )
        try await CallStage.with(
            carrier: Self.dialling(.answers(ringing: .milliseconds(100))),
            agent: AgentScript(turns: [words]),
            settings: Self.anywhere,
            configure: { $0.agent.transferTargets = [TransferTarget(name: "sales", number: Self.number)] }
        ) { stage in
            let call = try await stage.record(of: try await stage.place())
            #expect(call["ended_reason"]?.string == "transferred")
            let record = try await over(stage)
            #expect(record.dialled == [Self.number])
            #expect(try heard(Self.speech(2, 600, rate: 8000), in: record, stream: 0))
        }
    }

    // MARK: Not answered

    @Test(arguments: [
        (AgentProvider.openai, CallBehavior.Dialled.Fate.busy, "busy"), (.gemini, .busy, "busy"),
        (.openai, .fails, "failed"),
    ])
    func `a caller whose transfer is not answered returns to the agent`(
        provider: AgentProvider,
        fate: CallBehavior.Dialled.Fate,
        outcome: String
    ) async throws {
        try await CallStage.with(
            provider,
            carrier: Self.dialling(fate),
            agent: AgentScript(turns: [Self.greeting, Self.sorry]),
            settings: Self.anywhere
        ) { stage in
            let id = try await stage.bridged()
            try await stage.waitFor { $0 == .agentFellSilent }
            let answer = try await transfer(stage, id)
            #expect(answer.status == 409 && answer.body["code"]?.string == "transfer_failed", "\(answer)")
            #expect(answer.body["outcome"]?.string == outcome)
            try await waitTwice(stage) { $0 == .agentFellSilent }
            #expect(try await stage.get("/api/calls/\(id)").body["status"]?.string == "in_progress")
            let receipt = try await stage.end(id)
            #expect(receipt.body["ended_reason"]?.string == "ended_by_api")
            #expect(receipt.body["transfer_outcome"]?.string == outcome)
            let record = try await over(stage)
            #expect(record.errors.isEmpty, "\(record.errors)")
            #expect(try heard(Self.speech(3, 500, rate: 8000), in: record, stream: 1))
        }
    }

    @Test(arguments: [AgentProvider.openai, .gemini])
    func `the agent gets the result of a failed transfer and speaks to the caller again`(_ provider: AgentProvider)
        async throws
    {
        let asking = AgentScript.Turn(
            .connect,
            audio: Self.speech(2, 400),
            transcript: "I put you through.",
            toolCall: AgentScript.ToolCall(name: "transfer_call", arguments: #"{"to":"sales"}"#)
        )
        let answering = AgentScript.Turn(.toolResult, audio: Self.speech(4, 400), transcript: "It is busy.")
        try await CallStage.with(
            provider,
            carrier: Self.dialling(.busy),
            agent: AgentScript(turns: [asking, answering]),
            settings: Self.anywhere,
            configure: { $0.agent.transferTargets = [TransferTarget(name: "sales", number: Self.number)] }
        ) { stage in
            let id = try await stage.bridged()
            // The first line may end before the phone has noticed the silence on it.
            let isAnswer: @Sendable (SimulatorEvent.Kind) -> Bool = { kind in
                if case .toolAnswered = kind { true } else { false }
            }
            try await stage.waitFor(isAnswer)
            let answered = try #require(stage.timeline.events.firstIndex { isAnswer($0.kind) })
            try await stage.timeline.waitFor(after: answered + 1) { $0.kind == .agentFellSilent }
            let outputs = await stage.models().flatMap(\.toolResults).map(\.output)
            #expect(outputs.count == 1 && outputs.allSatisfy { $0.contains("busy") }, "\(outputs)")
            _ = try await stage.end(id)
            #expect(try heard(Self.speech(4, 400, rate: 8000), in: try await over(stage), stream: 1))
        }
    }

    @Test func `a failed transfer plays the carrier's last words if the plan says so`() async throws {
        try await CallStage.with(carrier: Self.dialling(.busy), agent: .silent, settings: Self.anywhere) { stage in
            let id = try await stage.bridged()
            let plan: JSONValue = ["on_failure": "say_goodbye", "goodbye": "We call you back."]
            #expect(try await transfer(stage, id, plan).status == 409)
            let record = try await over(stage)
            #expect(record.said == ["We call you back."] && record.streams.count == 1)
            #expect(try await stage.record(of: id)["ended_reason"]?.string == "transfer_failed")
        }
    }

    @Test func `the words of the agent's own target are played if that target does not answer`() async throws {
        let asking = AgentScript.Turn(
            .connect,
            audio: Self.speech(2, 400),
            transcript: "I put you through.",
            toolCall: AgentScript.ToolCall(name: "transfer_call", arguments: #"{"to":"sales"}"#)
        )
        try await CallStage.with(
            carrier: Self.dialling(.busy),
            agent: AgentScript(turns: [asking]),
            settings: Self.anywhere,
            configure: {
                let plan = TransferFailurePlan.sayGoodbye("Sales is closed.", language: nil)
                $0.agent.transferTargets = [TransferTarget(name: "sales", number: Self.number, onFailure: plan)]
            }
        ) { stage in
            let call = try await stage.record(of: try await stage.place())
            #expect(call["ended_reason"]?.string == "transfer_failed")
            let record = try await over(stage)
            #expect(record.said == ["Sales is closed."] && record.streams.count == 1)
        }
    }

    // MARK: The carrier's callbacks

    @Test(arguments: [
        CallBehavior.Dialled.Callbacks.late(.milliseconds(700)), .repeated, .statusLost,
    ])
    func `late, repeated and missing callbacks bring the caller back once`(
        _ callbacks: CallBehavior.Dialled.Callbacks
    ) async throws {
        try await CallStage.with(
            carrier: Self.dialling(.busy, callbacks),
            agent: AgentScript(turns: [Self.greeting, Self.sorry]),
            settings: Self.anywhere
        ) { stage in
            let id = try await stage.bridged()
            let answer = try await transfer(stage, id)
            #expect(answer.status == 409 && answer.body["outcome"]?.string == "busy", "\(answer)")
            try await waitTwice(stage) { if case .streamStarted = $0 { true } else { false } }
            _ = try await stage.end(id)
            #expect(try await over(stage).streams.count == 2)
        }
    }

    @Test func `a transfer of which the carrier reports nothing does not count as answered`() async throws {
        try await CallStage.with(
            carrier: Self.dialling(.busy, .lost),
            agent: .silent,
            settings: Self.anywhere
        ) { stage in
            let id = try await stage.bridged()
            let answer = try await transfer(stage, id)
            #expect(answer.status == 409 && answer.body["code"]?.string == "call_already_ended", "\(answer)")
            let call = try await stage.record(of: id)
            #expect(call["ended_reason"]?.string != "transferred")
            #expect(call["receipt"]?["transfer_outcome"] == .null)
        }
    }
}
