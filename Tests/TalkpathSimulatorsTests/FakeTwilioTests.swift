import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathSimulators

/// The server that a carrier talks to: answers voice webhooks with a stream, keeps callbacks, echoes audio.
private final class Application: Sendable {
    struct State {
        var twiml = ""
        var forms: [(path: String, form: FormFields, signature: String?)] = []
        var messages: [JSONValue] = []
        var handshakeSignature: String?
        var socket: SimulatorSocket?
        var onMessage: (@Sendable (SimulatorSocket, JSONValue) -> Void)?
    }

    static let publicHost = "voice.example.com"
    static let twiml =
        #"<Response><Connect><Stream url="wss://voice.example.com/media"><Parameter name="token" value="t-1"/></Stream>"#
        + "</Connect><Hangup/></Response>"

    let state = Mutex(State())
    private let server = Mutex<SimulatorHTTPServer?>(nil)

    static func start(twiml: String = Application.twiml) async throws -> Application {
        let application = Application()
        application.state.withLock { $0.twiml = twiml }
        let server = try await SimulatorHTTPServer.start(
            host: "127.0.0.1",
            port: 0,
            on: MultiThreadedEventLoopGroup.singleton
        ) { application.handle($0) }
        application.server.withLock { $0 = server }
        return application
    }

    var address: String { "127.0.0.1:\(server.withLock { $0?.port ?? 0 })" }
    var messages: [JSONValue] { state.withLock { $0.messages } }

    func statusEvents() -> [FormFields] {
        state.withLock { state in state.forms.filter { $0.path == "/status" }.map(\.form) }
    }

    /// The carrier may see its stream before the application has its socket.
    func onSocket(_ body: @escaping @Sendable (SimulatorSocket) -> Void) async throws {
        var known = state.withLock { $0.socket }
        while known == nil {
            try await Task.sleep(for: .milliseconds(2))
            known = state.withLock { $0.socket }
        }
        guard let socket = known else { return }
        socket.channel.eventLoop.execute {
            body(socket)
            socket.flush()
        }
    }

    func shutdown() async { await server.withLock { $0 }?.shutdown() }

    private func handle(_ exchange: SimulatorExchange) {
        if exchange.asksForWebSocket {
            state.withLock { $0.handshakeSignature = exchange.header("x-twilio-signature") }
            _ = exchange.upgrade(
                .init(
                    opened: { socket in self.state.withLock { $0.socket = socket } },
                    received: { socket, message, _ in self.take(socket, JSONValue(message)) },
                    closed: { _, _ in }
                )
            )
            return
        }
        let form = FormFields(parsing: exchange.body) ?? FormFields()
        let twiml = state.withLock { state in
            state.forms.append((exchange.path, form, exchange.header("x-twilio-signature")))
            return state.twiml
        }
        let isVoice = exchange.path == "/voice"
        exchange.respond(
            isVoice ? 200 : 204,
            headers: isVoice ? [("content-type", "text/xml")] : [],
            body: isVoice ? Array(twiml.utf8) : []
        )
    }

    private func take(_ socket: SimulatorSocket, _ message: JSONValue) {
        let onMessage = state.withLock { state in
            state.messages.append(message)
            return state.onMessage
        }
        onMessage?(socket, message)
    }
}

struct FakeTwilioTests {
    /// The answer to a REST request.
    private struct Reply {
        var status: Int
        var body: JSONValue
        var retryAfter: String?
    }

    private func post(
        _ twilio: FakeTwilio,
        _ path: String,
        _ form: [(String, String)],
        token: String = "12345678901234567890123456789012"
    ) async throws -> Reply {
        var request = HTTPClientRequest(
            url: "\(twilio.baseURL)/2010-04-01/Accounts/AC00000000000000000000000000000001/\(path)"
        )
        request.method = .POST
        let credentials = PlainBase64.encode("AC00000000000000000000000000000001:\(token)".utf8)
        request.headers.add(name: "Authorization", value: "Basic \(credentials)")
        request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
        request.body = .bytes(ByteBuffer(string: FormFields(form).encoded))
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let body = try await response.body.collect(upTo: 1 << 20)
        return Reply(
            status: Int(response.status.code),
            body: JSONValue(Array(body.readableBytesView)),
            retryAfter: response.headers.first(name: "retry-after")
        )
    }

    private let call = [
        ("To", "+15550199"), ("From", "+15550100"), ("Url", "https://voice.example.com/voice"),
        ("StatusCallback", "https://voice.example.com/status"), ("StatusCallbackEvent", "initiated"),
        ("StatusCallbackEvent", "ringing"), ("StatusCallbackEvent", "answered"), ("StatusCallbackEvent", "completed"),
    ]

    private func start(
        _ application: Application,
        _ behavior: CallBehavior = CallBehavior(
            outcome: .answers(ringing: .milliseconds(20)),
            dialing: .milliseconds(10)
        )
    ) async throws -> FakeTwilio {
        try await FakeTwilio.start(FakeTwilioConfiguration(connectTo: application.address, behavior: behavior))
    }

    private func waitForStream(_ twilio: FakeTwilio) async throws {
        try await twilio.timeline.waitFor {
            if case .streamStarted = $0.kind { true } else { false }
        }
    }

    @Test func `an outgoing call runs and is ended by REST`() async throws {
        let application = try await Application.start()
        let twilio = try await start(application)
        let created = try await post(twilio, "Calls.json", call)
        #expect(created.status == 201)
        #expect(created.body["status"] == "queued")
        let sid = try #require(created.body["sid"]?.string)
        try await waitForStream(twilio)
        let ended = try await post(twilio, "Calls/\(sid).json", [("Status", "completed")])
        #expect(ended.status == 200)
        let record = try await twilio.waitUntilOver(sid)
        #expect(record.statuses.map(\.status) == ["queued", "ringing", "in-progress", "completed"])
        let events = application.statusEvents()
        #expect(events.map { $0["CallStatus"] } == ["initiated", "ringing", "in-progress", "completed"])
        #expect(events.map { $0["SequenceNumber"] } == ["0", "1", "2", "3"])
        #expect((events.last?["CallDuration"]).flatMap { Int($0) } ?? 0 >= 1)
        #expect(record.errors.isEmpty)
        let again = try await post(twilio, "Calls/\(sid).json", [("Status", "completed")])
        #expect(again.status == 400)
        #expect(again.body["code"] == 21220)
        await twilio.shutdown()
        await application.shutdown()
    }

    @Test func `requests and handshakes are signed over the public URL`() async throws {
        let application = try await Application.start()
        let twilio = try await start(application)
        let sid = await twilio.dialIn(
            from: "+15550100",
            to: "+15550199",
            voiceURL: "https://voice.example.com/voice?tenant=a%20b"
        )
        try await waitForStream(twilio)
        await twilio.hangUp(sid)
        _ = try await twilio.waitUntilOver(sid)
        let token = "12345678901234567890123456789012"
        let voice = try #require(application.state.withLock { $0.forms.first })
        #expect(
            voice.signature
                == WebhookClient.signature(
                    "https://voice.example.com/voice?tenant=a%20b",
                    voice.form,
                    token: token
                )
        )
        #expect(
            application.state.withLock { $0.handshakeSignature }
                == WebhookClient.signature("wss://voice.example.com/media", FormFields(), token: token)
        )
        await twilio.shutdown()
        await application.shutdown()
    }

    @Test func `the media stream starts, sends audio and stops`() async throws {
        let application = try await Application.start()
        let twilio = try await start(application)
        let sid = await twilio.dialIn(from: "+15550100", to: "+15550199", voiceURL: "https://voice.example.com/voice")
        try await waitForStream(twilio)
        application.state.withLock { state in
            state.onMessage = { socket, message in
                guard message["media"] != nil, let streamSID = message["streamSid"]?.string,
                    let chunk = message["media"]?["chunk"]?.string.flatMap({ Int($0) }), chunk.isMultiple(of: 5)
                else { return }
                socket.send(Array(#"{"event":"mark","streamSid":"\#(streamSID)","mark":{"name":"now"}}"#.utf8))
            }
        }
        try await twilio.timeline.waitFor { $0.kind == .markPlayed(name: "now") }
        await twilio.press("7", in: sid)
        await twilio.hangUp(sid)
        let record = try await twilio.waitUntilOver(sid)
        #expect(record.status == "completed")
        // The other side reads the end of the socket once it has read everything before it.
        try await twilio.timeline.waitFor { if case .streamClosed = $0.kind { true } else { false } }
        let messages = application.messages
        #expect(messages.prefix(2).map { $0["event"]?.string } == ["connected", "start"])
        #expect(messages[1]["start"]?["customParameters"] == ["token": "t-1"])
        #expect(messages.last?["event"] == "stop")
        #expect(messages.contains { $0["mark"]?["name"] == "now" })
        #expect(messages.contains { $0["dtmf"]?["digit"] == "7" })
        let numbers = messages.dropFirst().compactMap { $0["sequenceNumber"]?.string }
        #expect(numbers == (1...numbers.count).map(String.init))
        #expect(record.streams[0].framesSent.count == messages.filter { $0["event"] == "media" }.count)
        await twilio.shutdown()
        await application.shutdown()
    }

    @Test func `a closed socket continues after the connect element`() async throws {
        let application = try await Application.start()
        let twilio = try await start(application)
        let sid = await twilio.dialIn(from: "+15550100", to: "+15550199", voiceURL: "https://voice.example.com/voice")
        try await waitForStream(twilio)
        try await twilio.timeline.waitFor { $0.kind == .callStatus("in-progress") }
        try await application.onSocket { $0.close(code: 1000) }
        let record = try await twilio.waitUntilOver(sid)
        #expect(record.status == "completed")
        #expect(record.streams.count == 1)
        await twilio.shutdown()
        await application.shutdown()
    }

    @Test func `a redirection stops the stream and is followed`() async throws {
        let application = try await Application.start()
        let twilio = try await start(application)
        let sid = try #require(try await post(twilio, "Calls.json", call).body["sid"]?.string)
        try await waitForStream(twilio)
        let twiml = "<Response><Say>Bye</Say><Hangup/></Response>"
        #expect(try await post(twilio, "Calls/\(sid).json", [("Twiml", twiml)]).status == 200)
        let record = try await twilio.waitUntilOver(sid)
        #expect(record.said == ["Bye"])
        #expect(application.messages.last?["event"] == "stop")
        await twilio.shutdown()
        await application.shutdown()
    }

    @Test(arguments: [
        (CallBehavior.Outcome.busy, "busy"), (.noAnswer(ringing: .milliseconds(30)), "no-answer"), (.fails, "failed"),
    ])
    func `a call that is not answered ends without a webhook`(
        outcome: CallBehavior.Outcome,
        status: String
    ) async throws {
        let application = try await Application.start()
        let twilio = try await start(application, CallBehavior(outcome: outcome, dialing: .milliseconds(5)))
        let sid = try #require(try await post(twilio, "Calls.json", call).body["sid"]?.string)
        let record = try await twilio.waitUntilOver(sid)
        #expect(record.status == status)
        #expect(application.statusEvents().last?["CallStatus"] == status)
        #expect(application.statusEvents().last?["CallDuration"] == "0")
        #expect(!record.webhooks.contains { $0.event == "voice" })
        await twilio.shutdown()
        await application.shutdown()
    }

    @Test func `a ringing call can be canceled and one in progress cannot`() async throws {
        let application = try await Application.start()
        let twilio = try await start(application, CallBehavior(outcome: .answers(ringing: .seconds(30))))
        let sid = try #require(try await post(twilio, "Calls.json", call).body["sid"]?.string)
        try await twilio.timeline.waitFor { $0.kind == .callStatus("ringing") }
        #expect(try await post(twilio, "Calls/\(sid).json", [("Twiml", "<Response/>")]).body["code"] == 21220)
        #expect(try await post(twilio, "Calls/\(sid).json", [("Status", "canceled")]).status == 200)
        #expect(try await twilio.waitUntilOver(sid).status == "canceled")
        await twilio.shutdown()
        await application.shutdown()
    }

    @Test func `the time limit ends the call`() async throws {
        let application = try await Application.start()
        var configuration = FakeTwilioConfiguration(connectTo: application.address)
        configuration.pace = .fast(20)
        let twilio = try await FakeTwilio.start(configuration)
        let sid = try #require(try await post(twilio, "Calls.json", call + [("TimeLimit", "3")]).body["sid"]?.string)
        let record = try await twilio.waitUntilOver(sid)
        #expect(record.status == "completed")
        // The delay after three seconds depends on the machine, at twenty times the speed.
        #expect((record.durationSeconds ?? 0) >= 3)
        await twilio.shutdown()
        await application.shutdown()
    }

    @Test func `bad credentials, unknown calls and faults are answered as the carrier does`() async throws {
        let application = try await Application.start()
        let twilio = try await start(application)
        let refused = try await post(twilio, "Calls.json", call, token: "wrong")
        #expect(refused.status == 401 && refused.body["code"] == 20003)
        let unknown = try await post(twilio, "Calls/CA1.json", [("Status", "completed")])
        #expect(unknown.status == 404 && unknown.body["code"] == 20404)
        await twilio.inject(RESTFault(.tooManyRequests(retryAfter: 3), on: .create))
        let busy = try await post(twilio, "Calls.json", call)
        #expect(busy.status == 429 && busy.body["code"] == 20429 && busy.retryAfter == "3")
        await twilio.inject(RESTFault(.drop))
        await #expect(throws: (any Error).self) { _ = try await post(twilio, "Calls.json", call) }
        await twilio.inject(RESTFault(.performAndDrop))
        await #expect(throws: (any Error).self) { _ = try await post(twilio, "Calls.json", call) }
        #expect(await twilio.records().count == 1)
        await twilio.shutdown()
        await application.shutdown()
    }

    @Test func `a recording is played as this call's own audio`() async throws {
        let application = try await Application.start()
        let twilio = try await start(application)
        let replay = try MediaStreamReplay(file: "\(fixtures)/twilio/odd-sizes.jsonl", isTimed: false)
        let sid = await twilio.dialIn(
            from: "+15550100",
            to: "+15550199",
            voiceURL: "https://voice.example.com/voice",
            behavior: CallBehavior(party: .replay(replay))
        )
        let record = try await twilio.waitUntilOver(sid)
        #expect(record.status == "completed")
        try await twilio.timeline.waitFor { if case .streamClosed = $0.kind { true } else { false } }
        let messages = application.messages
        #expect(messages.count == replay.lines.count)
        let start = try #require(messages.first { $0["event"] == "start" })
        #expect(start["start"]?["callSid"]?.string == sid)
        #expect(start["start"]?["customParameters"] == ["token": "t-1"])
        await twilio.shutdown()
        await application.shutdown()
    }

    @Test func `a socket that disappears is detected and the call goes on`() async throws {
        let application = try await Application.start()
        let twilio = try await start(application)
        let sid = await twilio.dialIn(
            from: "+15550100",
            to: "+15550199",
            voiceURL: "https://voice.example.com/voice",
            behavior: CallBehavior(streamFault: .vanish(after: .milliseconds(50)))
        )
        let record = try await twilio.waitUntilOver(sid)
        #expect(record.status == "completed")
        #expect(!application.messages.contains { $0["event"] == "stop" })
        await twilio.shutdown()
        await application.shutdown()
    }

    @Test func `a shutdown ends live calls`() async throws {
        let application = try await Application.start()
        let twilio = try await start(application)
        await twilio.dialIn(from: "+15550100", to: "+15550199", voiceURL: "https://voice.example.com/voice")
        try await waitForStream(twilio)
        await twilio.shutdown()
        #expect(await twilio.records().allSatisfy(\.isOver))
        await application.shutdown()
    }
}
