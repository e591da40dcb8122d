import TalkpathWire
import Testing

@Suite("Twilio's webhooks")
struct TwilioWebhookTests {
    @Test func `the last status callback is read`() throws {
        let form = try FormParameters(
            decoding: "Called=%2B15551230002&CallSid=CA1&AccountSid=AC1&From=%2B15551230001&To=%2B15551230002"
                + "&CallStatus=busy&Direction=outbound-api&SequenceNumber=3&CallDuration=61&Duration=2"
                + "&SipResponseCode=486&AnsweredBy=human&Timestamp=Tue%2C+31+Mar+2026+10%3A00%3A00+%2B0000"
        )
        let callback = try TwilioStatusCallback(form)
        #expect(callback.call.callSID == "CA1" && callback.call.accountSID == "AC1")
        #expect(callback.call.from == "+15551230001" && callback.call.to == "+15551230002")
        #expect(callback.call.direction == .outboundAPI)
        #expect(callback.status == .busy && callback.sequenceNumber == 3)
        #expect(callback.callDuration == 61)
        #expect(callback.sipResponseCode == 486 && callback.answeredBy == .human)
        #expect(callback.timestamp == "Tue, 31 Mar 2026 10:00:00 +0000")
        var text = "\(callback)"
        dump(callback, to: &text)
        #expect(!text.contains("1555"))
    }

    @Test func `minutes are not read as seconds`() throws {
        let callback = try TwilioStatusCallback(["CallSid": "CA1", "CallStatus": "completed", "Duration": "2"])
        #expect(callback.callDuration == nil)
    }

    @Test func `the voice webhook is read`() throws {
        let webhook = try TwilioVoiceWebhook([
            "CallSid": "CA1", "From": "anonymous", "To": "+15551230002", "Direction": "inbound",
            "CallStatus": "ringing", "ForwardedFrom": "+15551230009", "CallerName": "A", "AnsweredBy": "unknown",
        ])
        #expect(webhook.status == .ringing && webhook.call.direction == .inbound)
        #expect(webhook.call.from == "anonymous" && webhook.call.forwardedFrom == "+15551230009")
        #expect(webhook.call.callerName == "A")
        #expect(webhook.answeredBy == .unknown("unknown") && webhook.answeredBy?.isMachine == false)
    }

    @Test func `the answering party is read`() throws {
        let callback = try TwilioMachineDetectionCallback([
            "CallSid": "CA1", "AnsweredBy": "machine_start", "MachineDetectionDuration": "3200",
        ])
        #expect(callback.callSID == "CA1" && callback.detectionMilliseconds == 3200)
        #expect(callback.answeredBy == .machineStart && callback.answeredBy.isMachine)
    }

    @Test(
        arguments: [
            ("stream-started", .started), ("stream-stopped", .stopped),
            ("stream-error", .failed(TwilioStreamError("31921"))),
            ("stream-paused", .unknown("stream-paused")),
        ] as [(String, TwilioStreamStatusCallback.Event)]
    )
    func `the stream's status is read`(word: String, event: TwilioStreamStatusCallback.Event) throws {
        let callback = try TwilioStreamStatusCallback([
            "CallSid": "CA1", "StreamSid": "MZ1", "StreamName": "n", "StreamEvent": word, "StreamError": "31921",
            "Timestamp": "t",
        ])
        #expect(callback.event == event)
        #expect(callback.callSID == "CA1" && callback.streamSID == "MZ1")
        #expect(callback.streamName == "n" && callback.timestamp == "t")
    }

    @Test func `the error names the missing field`() {
        #expect(throws: WireError(.malformedMessage, "CallSid")) { try TwilioStatusCallback(["CallStatus": "busy"]) }
        #expect(throws: WireError(.malformedMessage, "CallSid")) { try TwilioVoiceWebhook(["CallSid": ""]) }
        #expect(throws: WireError(.malformedMessage, "CallStatus")) { try TwilioVoiceWebhook(["CallSid": "CA1"]) }
        #expect(throws: WireError(.malformedMessage, "AnsweredBy")) {
            try TwilioMachineDetectionCallback(["CallSid": "CA1"])
        }
        #expect(throws: WireError(.malformedMessage, "StreamEvent")) {
            try TwilioStreamStatusCallback(["CallSid": "CA1", "StreamSid": "MZ1"])
        }
    }

    @Test(
        arguments: [
            ("queued", .queued), ("initiated", .initiated), ("ringing", .ringing), ("in-progress", .inProgress),
            ("completed", .completed), ("busy", .busy), ("failed", .failed), ("no-answer", .noAnswer),
            ("canceled", .canceled), ("in_progress", .unknown("in_progress")),
        ] as [(String, TwilioCallStatus)]
    )
    func `every status is known`(word: String, status: TwilioCallStatus) {
        #expect(TwilioCallStatus(word) == status)
    }
}
