import Logging
import NIOHTTP1
import TalkpathCore
import TalkpathNIO
import TalkpathWire
import Testing

@testable import TalkpathServer

@Suite struct TwilioRoutesTests {
    private let incoming: FormParameters = [
        "CallSid": "CA77", "CallStatus": "ringing", "From": "+14155550199", "To": "+14155550100",
    ]

    // MARK: Signatures

    @Test(arguments: ["/twilio/voice", "/twilio/status", "/twilio/stream-status", "/twilio/machine-detection"])
    func `a webhook without Twilio's signature is refused`(path: String) async throws {
        try await TestServer.run { test async throws in
            for token in [nil, "another token"] as [String?] {
                #expect(try await test.webhook(path, incoming, token: token).status == 403)
            }
            // Signed, but for another address.
            #expect(try await test.webhook(path, incoming, origin: "https://other.example.test").status == 403)
            #expect(try await test.send(.GET, "/health")["active_calls"] == 0)
        }
    }

    @Test func `the call's own origin is valid for its webhooks only`() async throws {
        let mine = ServerConfiguration.CallOrigin("https://mine.example.test")
        try await TestServer.run(configure: { $0.callOrigins = [mine] }) { test async throws in
            let own = "https://mine.example.test"
            let call = try await test.place(#","webhook_url":"\#(own)""#)
            let other = try await test.place()
            let form: FormParameters = ["CallSid": FakeCarrier.name(call), "CallStatus": "ringing"]
            #expect(try await test.webhook("/twilio/status?call_id=\(call)", form, origin: own).status == 204)
            #expect(try await test.webhook("/twilio/status?call_id=\(other)", form, origin: own).status == 403)
            #expect(try await test.webhook("/twilio/status", form, origin: own).status == 403)
            let twiml = try await test.webhook("/twilio/voice?call_id=\(call)", form, origin: own).text
            #expect(twiml.contains("wss://mine.example.test/twilio/media-stream/\(call)"))

            let path = "/twilio/media-stream/\(call)"
            let socket = try await test.mediaSocket(path, origin: "wss://mine.example.test")
            await socket.connection.close()
            for path in ["/twilio/media-stream", "/twilio/media-stream/\(other)"] {
                await #expect(throws: (any Error).self) {
                    _ = try await test.mediaSocket(path, origin: "wss://mine.example.test")
                }
            }
        }
    }

    // MARK: Faults

    @Test func `a broken stream is media lost in the receipt and in the metric, with the carrier's code`() async throws
    {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let name = FakeCarrier.name(call)
            let status = "/twilio/status?call_id=\(call)"
            _ = try await test.webhook(status, ["CallSid": name, "CallStatus": "in-progress"])
            let broken: FormParameters = [
                "CallSid": name, "StreamSid": "MZ1", "StreamEvent": "stream-error", "StreamError": "31920",
            ]
            #expect(try await test.webhook("/twilio/stream-status?call_id=\(call)", broken).status == 204)
            _ = await test.events.wait { if case .ended = $0 { true } else { false } }
            let answer = try #require(try await test.send(.GET, "/api/calls/\(call)")["receipt"])
            #expect(answer["ended_reason"] == "media_lost" && answer["ended_by"] == "carrier")
            let error: JSONValue = [
                "source": "stream", "code": 31920, "message": "the media socket was not accepted",
            ]
            #expect(answer["carrier_errors"] == [error])
            #expect(answer["reason"] == "the media socket was not accepted (31920)")
            let metrics = try await test.send(.GET, "/metrics").text
            #expect(metrics.contains(#"talkpath_carrier_errors_total{source="stream"} 1"#))
        }
    }

    @Test(arguments: [("busy", "busy"), ("failed", "failed"), ("no-answer", "no_answer")])
    func `the network's answer is in the receipt`(status: String, reason: String) async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let form: FormParameters = [
                "CallSid": FakeCarrier.name(call), "CallStatus": status, "SipResponseCode": "603",
            ]
            #expect(try await test.webhook("/twilio/status?call_id=\(call)", form).status == 204)
            _ = await test.events.wait { if case .ended = $0 { true } else { false } }
            let receipt = try await test.send(.GET, "/api/calls/\(call)")["receipt"]
            #expect(receipt?["ended_reason"]?.string == reason)
            #expect(receipt?["carrier_errors"]?.array?.first?["code"] == 603)
        }
    }

    // MARK: Machines

    @Test func `the kind of answer is in the call and reports of unknown calls are ignored`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let path = "/twilio/machine-detection?call_id=\(call)"
            let name = FakeCarrier.name(call)
            #expect(try await test.webhook(path, ["CallSid": name]).status == 400)
            // A report of another call.
            #expect(try await test.webhook(path, ["CallSid": "CA0", "AnsweredBy": "fax"]).status == 204)
            #expect(try await test.send(.GET, "/api/calls/\(call)")["answered_by"] == .null)
            let form: FormParameters = [
                "CallSid": name, "AnsweredBy": "machine_end_beep", "MachineDetectionDuration": "4100",
            ]
            #expect(try await test.webhook(path, form).status == 204)
            #expect(try await test.send(.GET, "/api/calls/\(call)")["answered_by"] == "machine_end")
            let unknown = "/twilio/machine-detection?call_id=00000000-0000-4000-8000-000000000000"
            #expect(try await test.webhook(unknown, form).status == 204)
        }
    }

    // MARK: Instructions

    @Test func `a placed call is connected to the media socket and then hung up`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let form: FormParameters = ["CallSid": FakeCarrier.name(call), "CallStatus": "in-progress"]
            let answer = try await test.webhook("/twilio/voice?call_id=\(call)", form)
            #expect(answer.status == 200)
            #expect(answer.headers["Content-Type"].first?.hasPrefix("text/xml") == true)
            let token = try #require(MediaSocket.token(inTwiML: answer.text))
            #expect(
                answer.text == #"<?xml version="1.0" encoding="UTF-8"?><Response><Connect>"#
                    + #"<Stream url="wss://voice.example.test/twilio/media-stream" "#
                    + #"statusCallback="https://voice.example.test/twilio/stream-status?call_id=\#(call)">"#
                    + #"<Parameter name="token" value="\#(token)"/><Parameter name="call_id" value="\#(call)"/>"#
                    + "</Stream></Connect><Hangup/></Response>"
            )
            // The request for instructions counts as the answer.
            #expect(try await test.send(.GET, "/api/calls/\(call)")["status"] == "in_progress")
        }
    }

    @Test func `an incoming call is accepted once, also when it is announced twice`() async throws {
        try await TestServer.run { test async throws in
            for _ in 0..<2 {
                #expect(try await test.webhook("/twilio/voice", incoming).text.contains("<Connect><Stream"))
            }
            let calls = try await test.send(.GET, "/api/calls")
            #expect(calls["count"] == 1)
            let call = try #require(calls["calls"]?[0])
            #expect(call["direction"] == "incoming" && call["from_number"] == "+14155550199")
            #expect(call["status"] == "ringing" && call["carrier_call_id"] == "CA77")
            let id = try #require(call["call_id"]?.string)
            #expect(try await test.send(.GET, "/api/calls/\(id)")["direction"] == "inbound")
            // Twilio reports it by its own id.
            let over: FormParameters = ["CallSid": "CA77", "CallStatus": "completed"]
            #expect(try await test.webhook("/twilio/status", over).status == 204)
            _ = await test.events.wait { if case .ended = $0 { true } else { false } }
            #expect(test.events.ended.first?.reason == .callerHangup)
        }
    }

    @Test func `an incoming call beyond the limit hears the busy tone`() async throws {
        try await TestServer.run(configure: { $0.maximumCalls = 1 }) { test async throws in
            _ = try await test.place()
            #expect(try await test.webhook("/twilio/voice", incoming).text.contains(#"<Reject reason="busy"/>"#))
        }
    }

    @Test func `a call that is over or unknown is hung up`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            _ = try await test.end(call)
            let form: FormParameters = ["CallSid": FakeCarrier.name(call), "CallStatus": "in-progress"]
            for id in [call.text, "none"] {
                let answer = try await test.webhook("/twilio/voice?call_id=\(id)", form)
                #expect(answer.text.hasSuffix("<Response><Hangup/></Response>"))
            }
            #expect(try await test.send(.GET, "/api/calls")["count"] == 0)
        }
    }

    @Test func `an incomplete form is refused`() async throws {
        try await TestServer.run { test async throws in
            #expect(try await test.webhook("/twilio/status", ["CallStatus": "ringing"]).status == 400)
            #expect(try await test.webhook("/twilio/status", ["CallSid": "CA1", "CallStatus": "new"]).status == 204)
            #expect(
                try await test.webhook(
                    "/twilio/stream-status",
                    ["CallSid": "CA1", "StreamSid": "MZ1", "StreamEvent": "stream-error", "StreamError": "x"]
                ).status == 204
            )
        }
    }

    // MARK: The media socket

    @Test func `an upgrade without Twilio's signature is refused`() async throws {
        try await TestServer.run { test async throws in
            for token in [nil, "another token"] as [String?] {
                await #expect(throws: WebSocketClientError.self) { _ = try await test.mediaSocket(token: token) }
            }
            await #expect(throws: WebSocketClientError.self) {
                _ = try await test.mediaSocket(origin: "wss://other.example.test")
            }
            let socket = try await test.mediaSocket()
            await socket.connection.close()
        }
    }

    @Test func `a token is valid for one socket`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let token = try await test.streamToken(of: call)
            let first = try await test.mediaSocket()
            first.start(call: FakeCarrier.name(call), token: token)
            _ = await test.events.wait { $0 == .mediaStarted }

            let second = try await test.mediaSocket()
            second.start(call: FakeCarrier.name(call), token: token)
            #expect(await second.waitForClose()?.code == WebSocketCloseCode.policyViolation)
            #expect(try await test.send(.GET, "/api/calls/\(call)")["status"] == "in_progress")
            let answer = try await test.end(call)
            #expect(answer.status == 200 && answer["status"] == "completed")
            #expect(await first.waitForClose() != nil)
        }
    }

    @Test func `a repeated announcement gives no second token and no second call`() async throws {
        let book = LogBook()
        try await TestServer.run(logger: book.logger) { test async throws in
            // Before its media has come, a repeated webhook gets the same answer.
            let first = try await test.webhook("/twilio/voice", incoming)
            #expect(try await test.webhook("/twilio/voice", incoming).text == first.text)
            let socket = try await test.mediaSocket()
            socket.start(call: "CA77", token: MediaSocket.token(inTwiML: first.text))
            _ = await test.events.wait { $0 == .mediaStarted }
            let again = try await test.webhook("/twilio/voice", incoming)
            #expect(again.status == 403 && MediaSocket.token(inTwiML: again.text) == nil)
            await book.wait(for: "asks again what to do with a call that has its media")
            #expect(try await test.send(.GET, "/health")["active_calls"] == 1)
            // The same holds after the call's end.
            _ = try await test.send(.POST, "/api/calls/end", #"{"all":true}"#)
            let late = try await test.webhook("/twilio/voice", incoming)
            #expect(late.text.hasSuffix("<Response><Hangup/></Response>"))
            await book.wait(for: "announces a call that has ended before")
            #expect(try await test.send(.GET, "/api/calls?state=all")["count"] == 1)
        }
    }

    @Test func `a socket with the token of another call is closed with the reason`() async throws {
        let book = LogBook()
        try await TestServer.run(logger: book.logger) { test async throws in
            let call = try await test.place()
            let token = try await test.streamToken(of: call)
            let wrong = try await test.mediaSocket()
            wrong.start(call: "CA-another", token: token)
            let close = await wrong.waitForClose()
            #expect(close?.code == WebSocketCloseCode.policyViolation)
            #expect(close?.reason.contains("another call") == true)
            await book.wait(for: "the start message names another call than the token's")
            // The token is still valid for its own call.
            let right = try await test.mediaSocket()
            right.start(call: FakeCarrier.name(call), token: token)
            _ = await test.events.wait { $0 == .mediaStarted }
        }
    }

    @Test func `a request with the id of another call gets no token`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let form: FormParameters = ["CallSid": "CA-another", "CallStatus": "in-progress"]
            let answer = try await test.webhook("/twilio/voice?call_id=\(call)", form)
            #expect(answer.text.hasSuffix("<Response><Hangup/></Response>"))
            #expect(try await test.send(.GET, "/api/calls/\(call)")["status"] != "in_progress")
        }
    }

    @Test func `refusals of development mode and of signatures are logged with their reason once a minute`()
        async throws
    {
        let book = LogBook()
        try await TestServer.run(configure: { $0.isDevelopment = true }, logger: book.logger) { test async throws in
            for _ in 0..<3 {
                _ = try? await test.mediaSocket(headers: [("X-Forwarded-For", "1.2.3.4")])
                _ = try? await test.mediaSocket(token: "another token")
                _ = try await test.send(.GET, "/health", headers: [("Host", "voice.example.com")])
            }
            for reason in ["no forwarded requests", "The signature is wrong", "only requests to localhost"] {
                let lines = book.all.filter { $0.text.contains(reason) }
                #expect(lines.count == 1 && lines.first?.level == .warning, "\(reason)")
            }
            let socket = try await test.mediaSocket(token: nil)
            await socket.connection.close()
            await book.wait(for: "closed before its start message")
        }
    }

    @Test(arguments: [nil, "guessed"] as [String?])
    func `a socket without a valid token gets no call`(token: String?) async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            let socket = try await test.mediaSocket()
            socket.start(call: FakeCarrier.name(call), token: token)
            #expect(await socket.waitForClose()?.code == WebSocketCloseCode.policyViolation)
            #expect(try await test.send(.GET, "/health")["active_calls"] == 1)
        }
    }

    @Test func `in development an unsigned socket begins a new call`() async throws {
        try await TestServer.run(configure: {
            $0.isDevelopment = true
            $0.apiKeys = []
        }) { test async throws in
            let socket = try await test.mediaSocket(token: nil)
            socket.start(call: "CA5", token: nil)
            _ = await test.events.wait { $0 == .mediaStarted }
            #expect(try await test.send(.GET, "/api/calls", key: nil)["calls"]?[0]?["direction"] == "incoming")
            // A signature must be valid if present, and webhooks must have one.
            await #expect(throws: WebSocketClientError.self) { _ = try await test.mediaSocket(token: "another token") }
            #expect(try await test.webhook("/twilio/voice", incoming, token: nil).status == 403)
        }
    }
}
