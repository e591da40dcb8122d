import TalkpathWire
import Testing

private let callSID = "CA00000000000000000000000000000001"

@Suite("Requests to Twilio")
struct TwilioRequestTests {
    let account: TwilioAccount

    init() throws {
        account = try TwilioAccount(accountSID: "AC0002", authToken: "s3cret")
    }

    @Test func `a request to create a call has every parameter`() throws {
        let call = TwilioCallCreation(
            to: "+15551230002",
            from: "+15551230001",
            instructions: .url("https://voice.example.com/twilio/voice?a=1"),
            statusCallback: "https://voice.example.com/twilio/status",
            statusCallbackEvents: [.initiated, .ringing, .answered, .completed],
            ringTimeoutSeconds: 30,
            timeLimitSeconds: 600,
            machineDetection: TwilioMachineDetection(
                mode: .detectMessageEnd,
                asyncStatusCallback: "https://voice.example.com/amd",
                timeoutSeconds: 20
            ),
            extra: ["CallReason": "A & B"]
        )
        let request = try account.createCall(call)
        #expect(request.method == .post)
        #expect(request.url == "https://api.twilio.com/2010-04-01/Accounts/AC0002/Calls.json")
        #expect(request.headers.map(\.name) == ["Authorization", "Accept", "Content-Type"])
        #expect(
            request.headers.map(\.value) == [
                "Basic QUMwMDAyOnMzY3JldA==", "application/json", "application/x-www-form-urlencoded",
            ]
        )
        #expect(
            String(decoding: request.body, as: UTF8.self).hasPrefix("To=%2B15551230002&From=%2B15551230001&Url=http")
        )
        let expected: FormParameters = [
            "To": "+15551230002", "From": "+15551230001", "Url": "https://voice.example.com/twilio/voice?a=1",
            "StatusCallback": "https://voice.example.com/twilio/status", "StatusCallbackEvent": "initiated",
            "StatusCallbackEvent": "ringing", "StatusCallbackEvent": "answered", "StatusCallbackEvent": "completed",
            "Timeout": "30", "TimeLimit": "600", "MachineDetection": "DetectMessageEnd",
            "MachineDetectionTimeout": "20", "AsyncAmd": "true",
            "AsyncAmdStatusCallback": "https://voice.example.com/amd", "CallReason": "A & B",
        ]
        #expect(try FormParameters(decoding: request.body) == expected)
    }

    @Test func `a request to create a call has only the required parameters`() throws {
        let call = TwilioCallCreation(to: "+2", from: "+1", instructions: .twiml(.hangup))
        let form = try FormParameters(decoding: try account.createCall(call).body)
        #expect(form == ["To": "+2", "From": "+1", "Twiml": TwiML.hangup.xml])
    }

    @Test func `instructions too long for a request are refused`() throws {
        let long = try TwiML.say(String(repeating: "x", count: 4000))
        let call = TwilioCallCreation(to: "+2", from: "+1", instructions: .twiml(long))
        #expect(code { try account.createCall(call) } == .twimlTooLong)
    }

    @Test(
        arguments: [
            (.complete, "Status=completed"), (.cancel, "Status=canceled"), (.timeLimit(seconds: 90), "TimeLimit=90"),
            (.redirect(.url("https://h/x")), "Url=https%3A%2F%2Fh%2Fx"),
            (.redirect(.application(sid: "AP1")), "ApplicationSid=AP1"),
        ] as [(TwilioCallUpdate, String)]
    )
    func `a request to update a call has its parameters`(update: TwilioCallUpdate, body: String) throws {
        let request = try account.updateCall(sid: callSID, update)
        #expect(request.method == .post)
        #expect(request.url == "https://api.twilio.com/2010-04-01/Accounts/AC0002/Calls/\(callSID).json")
        #expect(String(decoding: request.body, as: UTF8.self) == body)
    }

    @Test func `a call in another region is fetched with an API key`() throws {
        let account = try TwilioAccount(
            accountSID: "AC0002",
            username: "SK1",
            secret: "x",
            baseURL: "https://api.dublin.ie1.twilio.com/"
        )
        let request = try account.fetchCall(sid: callSID)
        #expect(request.method == .get && request.body.isEmpty)
        #expect(request.url == "https://api.dublin.ie1.twilio.com/2010-04-01/Accounts/AC0002/Calls/\(callSID).json")
        #expect(request.headers.first?.value == "Basic U0sxOng=")
        #expect(!request.headers.contains { $0.name == "Content-Type" })
    }

    @Test(arguments: ["", "CA", "CA1/../../x", "CA1?x", "CA..", "XX1", "CA1\r\n", "CA%2e", "CAé", "ca1"])
    func `call SIDs that could lead to another resource are refused`(sid: String) {
        #expect(code { try account.fetchCall(sid: sid) } == .invalidCallSID)
        #expect(code { try account.updateCall(sid: sid, .complete) } == .invalidCallSID)
    }

    @Test func `a malformed account SID is refused`() {
        #expect(code { try TwilioAccount(accountSID: "AC/..", authToken: "x") } == .invalidAccountSID)
    }

    @Test func `descriptions contain neither secrets nor numbers`() throws {
        let call = TwilioCallCreation(to: "+15551230002", from: "+15551230001", instructions: .twiml(.hangup))
        let request = try account.createCall(call)
        var text = "\(account) \(request) \(call) \(String(reflecting: account)) \(String(reflecting: request))"
        dump(account, to: &text)
        dump(request, to: &text)
        dump(call, to: &text)
        #expect(text.contains("AC0002"))
        #expect(!text.contains("s3cret") && !text.contains("QUMw") && !text.contains("1555"))
    }
}

private func code(_ make: () throws -> some Any) -> TwilioRequestError.Code? {
    do {
        _ = try make()
        return nil
    } catch {
        return (error as? TwilioRequestError)?.code
    }
}
