import TalkpathCore
import TalkpathServer
import TalkpathSimulators
import TalkpathWire
import Testing

/// Requests to place a call that the carrier does not answer, over real sockets.
@Suite struct UnansweredCreateTests {
    private static let ringsForEver = CallBehavior(outcome: .noAnswer(ringing: .seconds(30)))

    private func creates(_ stage: CallStage) -> Int {
        stage.timeline.events.count { event in
            if case .request("POST", let path, _) = event.kind { path.hasSuffix("/Calls.json") } else { false }
        }
    }

    @Test func `a placed call whose answer was lost is found and goes on`() async throws {
        let lost = RESTFault(.performAndDrop, on: .create)
        try await CallStage.with(carrierFaults: [lost]) { stage in
            let id = try await stage.place()
            try await stage.waitFor { if case .streamStarted = $0 { true } else { false } }
            let records = await stage.twilio.records()
            #expect(records.count == 1 && creates(stage) == 1)
            #expect(try await stage.get("/api/calls/\(id)").body["carrier_call_id"]?.string == records.first?.sid)
            #expect(try await stage.end(id).body["carrier_confirmed"]?.bool == true)
        }
    }

    @Test func `a request that was not carried out is looked for and not repeated`() async throws {
        let lost = RESTFault(.drop, on: .create)
        try await CallStage.with(carrier: Self.ringsForEver, carrierFaults: [lost]) { stage in
            let answer = try await stage.post("/api/calls", ["to": "+15550100199"])
            #expect(answer.status == 502 && answer.body["may_be_placed"]?.bool == true, "\(answer)")
            #expect(creates(stage) == 1)
            #expect(await stage.twilio.records().isEmpty)
        }
    }

    @Test func `another call between the same numbers is not mistaken for it`() async throws {
        let lost = RESTFault(.drop, on: .create)
        try await CallStage.with(carrier: Self.ringsForEver) { stage in
            let first = try await stage.place()
            await stage.twilio.inject(lost)
            let answer = try await stage.post("/api/calls", ["to": "+15550100199"])
            #expect(answer.status == 502, "\(answer)")
            #expect(try await stage.get("/api/calls/\(first)").body["receipt"]?.isNull == true)
            _ = try await stage.end(first)
        }
    }
}
