import TalkpathCore
import TalkpathSimulators
import TalkpathWire
import Testing

/// `POST /api/calls/{id}/end`, over real sockets, in every state of a call.
@Suite struct EndTests {
    private static let ringsForEver = CallBehavior(outcome: .noAnswer(ringing: .seconds(30)))

    private func expectWhole(_ answer: CallStage.Answer, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(answer.status == 200, sourceLocation: sourceLocation)
        #expect(answer.body["success"]?.bool == true, sourceLocation: sourceLocation)
        #expect(answer.body["carrier_confirmed"]?.bool == true, sourceLocation: sourceLocation)
        let steps = (answer.body["steps"]?.array ?? []).compactMap { $0["step"]?.string }
        #expect(
            Set(steps) == ["stop_bridge", "hang_up", "close_agent", "close_media", "save_record"],
            sourceLocation: sourceLocation
        )
    }

    private func carrierStatus(_ stage: CallStage) async throws -> String {
        let sid = try #require(await stage.twilio.records().first?.sid)
        return try await stage.twilio.waitUntilOver(sid, within: .seconds(10)).status
    }

    @Test func `a call that the carrier is still placing is hung up as soon as its id is known`() async throws {
        let late = RESTFault(.answerLate(.milliseconds(300)), on: .create)
        try await CallStage.with(carrier: Self.ringsForEver, carrierFaults: [late]) { stage in
            let id = try await stage.place()
            expectWhole(try await stage.end(id))
            #expect(["canceled", "completed"].contains(try await carrierStatus(stage)))
        }
    }

    @Test func `a ringing call is ended at the carrier`() async throws {
        try await CallStage.with(carrier: Self.ringsForEver) { stage in
            let id = try await stage.place()
            try await stage.waitFor { $0 == .callStatus("ringing") }
            let answer = try await stage.end(id, ["reason": "Changed my mind"])
            expectWhole(answer)
            #expect(answer.body["reason"]?.string == "Changed my mind")
            #expect(answer.body["talk_ms"]?.int == 0)
            #expect(["canceled", "completed"].contains(try await carrierStatus(stage)))
        }
    }

    @Test(arguments: [AgentProvider.openai, .gemini])
    func `a bridged call is closed on both sides`(_ provider: AgentProvider) async throws {
        try await CallStage.with(provider) { stage in
            let id = try await stage.bridged()
            let answer = try await stage.end(id)
            expectWhole(answer)
            #expect(answer.body["ended_reason"]?.string == "ended_by_api")
            #expect(try await carrierStatus(stage) == "completed")
            #expect(await stage.openModels() == 0)
            #expect(try await stage.get("/api/calls").body["count"]?.int == 0)
        }
    }

    @Test func `an end while the model's socket is being opened leaves no socket`() async throws {
        let slow = AgentFault(.pause(.seconds(1)), at: .handshake)
        try await CallStage.with(agentFaults: [slow]) { stage in
            let id = try await stage.place()
            try await stage.waitFor { if case .streamStarted = $0 { true } else { false } }
            expectWhole(try await stage.end(id))
            #expect(await stage.openModels() == 0)
        }
    }

    @Test func `many requests to end one call get the same receipt`() async throws {
        try await CallStage.with { stage in
            let id = try await stage.place()
            try await stage.waitFor { $0 == .sessionReady }
            let answers = try await withThrowingTaskGroup(of: CallStage.Answer.self) { group in
                for _ in 0..<20 { group.addTask { try await stage.end(id) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            // Requests after the end are refused, with the same receipt.
            let receipts = answers.map { $0.status == 409 ? $0.body["receipt"] : $0.body }
            #expect(answers.contains { $0.status == 200 })
            for field in ["duration_ms", "ended_at", "teardown_ms", "steps", "ended_reason"] {
                #expect(Set(receipts.map { $0?[field]?.serializedText() }).count == 1, "\(field) differs")
            }
            let record = try await stage.record(of: id)["receipt"]
            #expect(record?["steps"]?.serializedText() == receipts.first??["steps"]?.serializedText())
        }
    }

    @Test func `a second end is refused because the call is over`() async throws {
        try await CallStage.with { stage in
            let id = try await stage.place()
            try await stage.waitFor { $0 == .callStatus("ringing") }
            let first = try await stage.end(id)
            let second = try await stage.end(id)
            #expect(second.status == 409)
            #expect(second.body["code"]?.string == "call_already_ended")
            #expect(second.body["receipt"]?["duration_ms"]?.int == first.body["duration_ms"]?.int)
        }
    }

    @Test func `an unknown call is not found`() async throws {
        try await CallStage.with { stage in
            let answer = try await stage.end("00000000-0000-4000-8000-000000000000")
            #expect(answer.status == 404)
            #expect(answer.body["error"]?.string == "Call not found")
            #expect(answer.body["code"]?.string == "call_not_found")
        }
    }

    @Test func `a refused hang-up is reported and everything else is closed`() async throws {
        let refusal = RESTFault(.fail(status: 401, code: 20003, message: "Authenticate"), on: .update, times: nil)
        try await CallStage.with(carrierFaults: [refusal]) { stage in
            let id = try await stage.place()
            try await stage.waitFor { $0 == .sessionReady }
            let answer = try await stage.end(id)
            #expect(answer.status == 502)
            #expect(answer.body["code"]?.string == "carrier_error")
            #expect(answer.body["receipt"]?["carrier_confirmed"]?.bool == false)
            #expect(await stage.openModels() == 0)
            #expect(try await stage.get("/api/calls").body["count"]?.int == 0)
        }
    }

    @Test func `a hang-up that fails once is tried again`() async throws {
        let hiccup = RESTFault(.fail(status: 503, code: 20500, message: "Try again"), on: .update, times: 1)
        try await CallStage.with(carrierFaults: [hiccup]) { stage in
            let id = try await stage.place()
            try await stage.waitFor { $0 == .sessionReady }
            expectWhole(try await stage.end(id))
            #expect(try await carrierStatus(stage) == "completed")
        }
    }
}
