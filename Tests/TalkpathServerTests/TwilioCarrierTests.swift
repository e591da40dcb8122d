import AsyncHTTPClient
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

@Suite struct TwilioCarrierTests {
    private static let callRequest = PlaceCallRequest(
        callID: CallID("c0ffee"),
        from: "+14155550100",
        to: "+14155550101",
        ringTimeout: .seconds(30),
        timeLimit: .milliseconds(90_500),
        publicURL: nil
    )

    private static let call = #"{"sid":"CA1","status":"queued"}"#

    /// Gives every request the same answer, and keeps the requests.
    private final class Twilio: Sendable {
        struct Received: Sendable {
            var path: String
            var authorization: String?
            var form: FormParameters
        }

        private let log = Mutex<[Received]>([])
        var received: [Received] { log.withLock { $0 } }

        func run(
            status: HTTPResponseStatus = .created,
            body: String = TwilioCarrierTests.call,
            headers: HTTPFields = [:],
            _ test: (TwilioCarrier) async throws -> Void
        ) async throws {
            let router = Router()
            router.post("/**") { request, _ in
                let bytes = Array(try await request.body.collect(upTo: 1 << 20).readableBytesView)
                let received = Received(
                    path: request.head.path ?? "",
                    authorization: request.headers[.authorization],
                    form: try FormParameters(decoding: bytes)
                )
                self.log.withLock { $0.append(received) }
                return Response(
                    status: .init(code: Int(status.code)),
                    headers: headers,
                    body: ResponseBody(byteBuffer: ByteBuffer(string: body))
                )
            }
            let (ports, bound) = AsyncStream.makeStream(of: Int.self)
            let app = Application(
                router: router,
                configuration: .init(address: .hostname("127.0.0.1", port: 0)),
                onServerRunning: { bound.yield($0.localAddress?.port ?? 0) },
                logger: TestServer.silent
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await app.run() }
                let port = try #require(await ports.first { _ in true })
                try await TwilioCarrierTests.withCarrier(at: "http://127.0.0.1:\(port)", test)
                group.cancelAll()
            }
        }
    }

    private static func withCarrier(
        at url: String,
        _ test: (TwilioCarrier) async throws -> Void
    ) async throws {
        let account = try TwilioAccount(accountSID: "AC1", authToken: "secret", baseURL: url)
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: TwilioCarrier.clientConfiguration
        )
        let origin = PublicOrigin("https://voice.example.test", allowsPlain: false)
        do {
            try await test(TwilioCarrier(account: account, client: client, allowsPlain: false) { origin })
        } catch {
            try await client.shutdown()
            throw error
        }
        try await client.shutdown()
    }

    @Test func `a call is placed with all of its limits`() async throws {
        let twilio = Twilio()
        try await twilio.run { carrier async throws in
            #expect(try await carrier.place(Self.callRequest) == "CA1")
        }
        let request = try #require(twilio.received.first)
        #expect(request.path == "/2010-04-01/Accounts/AC1/Calls.json")
        #expect(request.authorization == "Basic QUMxOnNlY3JldA==")
        #expect(request.form["To"] == "+14155550101" && request.form["From"] == "+14155550100")
        #expect(request.form["Url"] == "https://voice.example.test/twilio/voice?call_id=c0ffee")
        #expect(request.form["StatusCallback"] == "https://voice.example.test/twilio/status?call_id=c0ffee")
        #expect(request.form.values(of: "StatusCallbackEvent") == ["initiated", "ringing", "answered", "completed"])
        #expect(request.form["Timeout"] == "30" && request.form["TimeLimit"] == "91")
    }

    @Test(
        arguments: [
            (.enable, "Enable"), (.detectMessageEnd, "DetectMessageEnd"), (.off, nil),
        ] as [(MachineDetection, String?)]
    )
    func `the detection of a machine runs while the call goes on`(detection: MachineDetection, word: String?)
        async throws
    {
        let twilio = Twilio()
        var callRequest = Self.callRequest
        callRequest.machineDetection = detection
        try await twilio.run { [callRequest] carrier async throws in _ = try await carrier.place(callRequest) }
        let form = try #require(twilio.received.first).form
        #expect(form["MachineDetection"] == word)
        #expect(form["AsyncAmd"] == word.map { _ in "true" })
        let callback = "https://voice.example.test/twilio/machine-detection?call_id=c0ffee"
        #expect(form["AsyncAmdStatusCallback"] == word.map { _ in callback })
    }

    @Test(arguments: [(.milliseconds(90_500), "91"), (.seconds(100_000), "14400")] as [(Duration, String)])
    func `a time limit is set on a live call`(limit: Duration, seconds: String) async throws {
        let twilio = Twilio()
        try await twilio.run(status: .ok, body: #"{"sid":"CA9","status":"in-progress"}"#) { carrier async throws in
            try await carrier.limitDuration(of: "CA9", to: limit)
        }
        #expect(twilio.received.first?.path == "/2010-04-01/Accounts/AC1/Calls/CA9.json")
        #expect(twilio.received.first?.form == ["TimeLimit": seconds])
    }

    @Test func `a refused time limit is reported`() async throws {
        let body = #"{"code":21220,"message":"Call is not in-progress. Cannot redirect.","status":400}"#
        try await Twilio().run(status: .badRequest, body: body) { carrier async throws in
            await #expect(throws: CarrierError.self) { try await carrier.limitDuration(of: "CA9", to: .seconds(9)) }
        }
    }

    @Test func `a hang-up completes the call`() async throws {
        let twilio = Twilio()
        try await twilio.run(status: .ok, body: #"{"sid":"CA9","status":"completed"}"#) { carrier async throws in
            #expect(try await carrier.hangUp("CA9") == .done)
        }
        #expect(twilio.received.first?.path == "/2010-04-01/Accounts/AC1/Calls/CA9.json")
        #expect(twilio.received.first?.form == ["Status": "completed"])
    }

    @Test(arguments: [(404, 20404), (400, 21220)])
    func `a call that is over counts as hung up`(status: Int, code: Int) async throws {
        let body = #"{"code":\#(code),"message":"over","status":\#(status)}"#
        try await Twilio().run(status: .init(statusCode: status), body: body) { carrier async throws in
            #expect(try await carrier.hangUp("CA9") == .alreadyGone)
        }
    }

    @Test(arguments: [
        (
            400, #"{"code":21211,"message":"+14155550101 is not a number"}"#,
            CarrierError(.refused, "… is not a number", carrierCode: 21211, retryAfter: .seconds(3))
        ),
        (
            401, #"{"code":20003,"message":"Authenticate"}"#,
            CarrierError(.unauthorized, "Authenticate", carrierCode: 20003, retryAfter: .seconds(3))
        ),
        (
            429, #"{"code":20429,"message":"Slow"}"#,
            CarrierError(.unavailable, "Slow", carrierCode: 20429, retryAfter: .seconds(3))
        ),
        // A failure at an unknown point: the carrier may have placed the call.
        (500, "<html>", CarrierError(.noAnswer, "HTTP status 500")),
        (503, "", CarrierError(.noAnswer, "HTTP status 503")),
        (504, "", CarrierError(.noAnswer, "HTTP status 504")),
        (201, "not JSON", CarrierError(.noAnswer, "the answer holds no call")),
    ])
    func `a failed create is sent once and reports whether a call may exist`(
        status: Int,
        body: String,
        expected: CarrierError
    ) async throws {
        let twilio = Twilio()
        try await twilio.run(status: .init(statusCode: status), body: body, headers: [.retryAfter: "3"]) {
            carrier async throws in
            await #expect(throws: expected) { _ = try await carrier.place(Self.callRequest) }
        }
        #expect(twilio.received.count == 1)
    }

    @Test func `a create that was never sent counts as not placed`() async throws {
        // A port that was free a moment ago.
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(listener.localAddress?.port)
        try await listener.close()
        try await Self.withCarrier(at: "http://127.0.0.1:\(port)") { carrier async throws in
            let error = await #expect(throws: CarrierError.self) { _ = try await carrier.place(Self.callRequest) }
            #expect(error?.code == .unavailable)
        }
    }

    @Test func `a connection that breaks leaves the create's outcome unknown`() async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(HangUpOnRead()) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(listener.localAddress?.port)
        try await Self.withCarrier(at: "http://127.0.0.1:\(port)") { carrier async throws in
            let error = await #expect(throws: CarrierError.self) { _ = try await carrier.place(Self.callRequest) }
            #expect(error?.code == .noAnswer)
        }
        try await listener.close()
    }

    private final class HangUpOnRead: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.close(promise: nil) }
    }

    @Test func `an invalid id is not sent to the carrier`() async throws {
        let twilio = Twilio()
        try await twilio.run { carrier async throws in
            await #expect(throws: CarrierError(.refused, "invalidCallSID")) { _ = try await carrier.hangUp("../x") }
        }
        #expect(twilio.received.isEmpty)
    }
}
