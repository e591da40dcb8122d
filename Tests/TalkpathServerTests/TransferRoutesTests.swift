import TalkpathCore
import NIOHTTP1
import TalkpathWire
import Testing

@testable import TalkpathServer

/// Twilio's webhooks about transfers.
@Suite struct TransferRoutesTests {
    private func form(_ call: CallID, _ status: String = "busy", _ parent: String = "in-progress") -> FormParameters {
        ["CallSid": FakeCarrier.name(call), "CallStatus": parent, "DialCallStatus": status, "DialCallSid": "CA9"]
    }

    /// A call with its media, whose carrier was asked to dial.
    private func dialling(_ test: TestServer) async throws -> (call: CallID, answer: Task<Int, any Error>) {
        test.carrier.answerRedirecting(with: .success(()))
        let call = try await test.place()
        let token = try await test.streamToken(of: call)
        let socket = try await test.mediaSocket()
        socket.start(call: FakeCarrier.name(call), token: token)
        _ = await test.events.wait { $0 == .mediaStarted }
        let answer = Task {
            try await test.send(
                .POST,
                "/api/calls/\(call)/transfer",
                #"{"to":"+14155550133","mode":"now","ring_timeout_s":20}"#
            ).status
        }
        _ = await test.events.wait { $0 == .transferring }
        return (call, answer)
    }

    @Test func `only signed reports of the right call and transfer count`() async throws {
        try await TestServer.run { test async throws in
            let (call, answer) = try await dialling(test)
            let path = "/twilio/transfer?call_id=\(call)&transfer=1"
            #expect(try await test.webhook(path, form(call), token: nil).status == 403)
            #expect(try await test.webhook(path, form(call), token: "another token").status == 403)
            #expect(try await test.webhook("/twilio/transfer?call_id=\(call)", form(call)).status == 400)
            #expect(try await test.webhook(path, ["CallSid": FakeCarrier.name(call)]).status == 400)
            // A report of an earlier transfer, and one of another call.
            #expect(try await test.webhook("/twilio/transfer?call_id=\(call)&transfer=0", form(call)).status == 403)
            let unknown = "/twilio/transfer?call_id=00000000-0000-4000-8000-000000000000&transfer=1"
            #expect(try await test.webhook(unknown, form(call)).text.contains("<Hangup/>"))
            let back = try await test.webhook(path, form(call))
            #expect(back.text.contains("<Connect><Stream"))
            // A repeated request gets the same answer.
            #expect(try await test.webhook(path, form(call)).text == back.text)
            #expect(try await answer.value == 409)
            _ = try await test.end(call)
            #expect(try await test.webhook(path, form(call)).text.contains("<Hangup/>"))
        }
    }

    @Test func `the other leg's status reports its answer`() async throws {
        try await TestServer.run { test async throws in
            let (call, answer) = try await dialling(test)
            let path = "/twilio/transfer-status?call_id=\(call)&transfer=1"
            var leg: FormParameters = ["CallSid": "CA9", "CallStatus": "in-progress"]
            #expect(try await test.webhook(path, leg).status == 400)
            leg.append("ParentCallSid", FakeCarrier.name(call))
            #expect(try await test.webhook(path, leg).status == 204)
            #expect(try await answer.value == 200)
            let over = "/twilio/transfer?call_id=\(call)&transfer=1"
            #expect(try await test.webhook(over, form(call, "completed", "completed")).text.contains("<Hangup/>"))
            _ = await test.events.wait { if case .ended = $0 { true } else { false } }
            #expect(test.events.ended.first?.reason == .transferred)
            #expect(
                try await test.send(.GET, "/metrics").text.contains(#"talkpath_transfers_total{outcome="answered"} 1"#)
            )
        }
    }

    @Test func `the network's refusal of the other leg is in the receipt`() async throws {
        try await TestServer.run { test async throws in
            let (call, answer) = try await dialling(test)
            let leg: FormParameters = [
                "CallSid": "CA9", "ParentCallSid": FakeCarrier.name(call), "CallStatus": "busy",
                "SipResponseCode": "486",
            ]
            _ = try await test.webhook("/twilio/transfer-status?call_id=\(call)&transfer=1", leg)
            _ = try await test.webhook(
                "/twilio/status?call_id=\(call)",
                [
                    "CallSid": FakeCarrier.name(call), "CallStatus": "completed",
                ]
            )
            #expect(try await answer.value == 409)
            _ = await test.events.wait { if case .ended = $0 { true } else { false } }
            let receipt = try await test.send(.GET, "/api/calls/\(call)")["receipt"]
            #expect(receipt?["ended_reason"] == "transfer_failed" && receipt?["transfer_outcome"] == "busy")
            #expect(receipt?["carrier_errors"]?.array?.first?["code"] == 486)
        }
    }
}
