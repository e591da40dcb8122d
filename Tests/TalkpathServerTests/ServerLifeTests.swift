import NIOHTTP1
import NIOCore
import NIOPosix
import TalkpathCore
import TalkpathNIO
import TalkpathWire
import Testing

@testable import TalkpathServer

@Suite struct ServerLifeTests {
    @Test func `a stop refuses new calls, ends the live ones and closes the port`() async throws {
        let carrier = FakeCarrier()
        try await TestServer.run(carrier: carrier) { test async throws in
            let call = try await test.place()
            await test.server.shutDown()
            #expect(test.events.ended.map(\.reason) == [.shutdown])
            #expect(test.events.ended.first?.callID == call)
            #expect(carrier.hungUp == [FakeCarrier.name(call)])
            await #expect(throws: (any Error).self) {
                _ = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connect(host: "127.0.0.1", port: test.server.port).get()
            }
        }
    }

    @Test func `a stopping server is not ready and accepts no calls`() async throws {
        let carrier = GatedHangUp()
        var parts = TalkpathServer.Parts()
        parts.carrier = carrier
        var configuration = TestServer.configuration()
        configuration.drainTimeout = .zero
        let server = try await TalkpathServer.start(configuration, parts: parts, logger: TestServer.silent)
        let test = TestServer(server: server, carrier: FakeCarrier(), events: EventLog())
        _ = try await test.place()
        await server.beginShutdown()
        // The live call is being hung up, so the server drains from here on.
        await carrier.gate.waitForVisitor()
        let ready = try await test.send(.GET, "/ready")
        #expect(ready.status == 503 && ready["status"] == "draining")
        #expect(try await test.send(.GET, "/health").status == 200)
        let refused = try await test.send(.POST, "/api/calls", #"{"to":"+14155550101"}"#)
        #expect(refused.status == 503 && refused["code"] == "draining")
        #expect(refused.headers["Retry-After"].isEmpty == false)
        let incoming = try await test.webhook("/twilio/voice", ["CallSid": "CA7", "CallStatus": "ringing"])
        #expect(incoming.text.contains(#"<Reject reason="busy"/>"#))
        carrier.gate.open()
        try await server.waitUntilStopped()
    }

    @Test func `a live call may finish while the server stops`() async throws {
        try await TestServer.run { test async throws in
            let call = try await test.place()
            await test.server.beginShutdown()
            while try await test.send(.GET, "/ready").status == 200 { await Task.yield() }
            // The stop does not end the call. The API still can.
            let answer = try await test.end(call)
            #expect(answer.status == 200 && answer["ended_reason"] == "ended_by_api")
            try await test.server.waitUntilStopped()
            #expect(test.events.ended.map(\.reason) == [.endedByAPI])
        }
    }

    @Test func `a second stop signal waits for no call`() async throws {
        try await TestServer.run { test async throws in
            _ = try await test.place()
            await test.server.beginShutdown()
            while try await test.send(.GET, "/ready").status == 200 { await Task.yield() }
            await test.server.endNow()
            try await test.server.waitUntilStopped()
            #expect(test.events.ended.map(\.reason) == [.shutdown])
        }
    }

    @Test func `calls that do not finish in time are ended`() async throws {
        try await TestServer.run(configure: { $0.drainTimeout = .milliseconds(1) }) { test async throws in
            _ = try await test.place()
            await test.server.beginShutdown()
            try await test.server.waitUntilStopped()
            #expect(test.events.ended.map(\.reason) == [.shutdown])
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `every waiter for a server with a folder returns once it has stopped`() async throws {
        try await ServerFolder.run { folder async throws in
            try await TestServer.run(configure: {
                $0.storage = .init(folder: folder.path)
                $0.recordings = Recordings(folder: folder.path)
            }) { test async throws in
                await test.server.beginShutdown()
                // One waiter handles the signals, and one runs the process.
                try await test.server.waitUntilStopped()
                try await test.server.waitUntilStopped()
                await test.server.shutDown()
            }
        }
    }

    private struct GatedHangUp: Carrier {
        let gate = Gate()
        func place(_ request: PlaceCallRequest) async throws(CarrierError) -> String {
            FakeCarrier.name(request.callID)
        }
        func hangUp(_ carrierCallID: String) async throws(CarrierError) -> HangUpAnswer {
            await gate.pass()
            return .done
        }
    }

    @Test func `a port in use is an error and the server leaves no socket open`() async throws {
        try await TestServer.run { test async throws in
            var configuration = TestServer.configuration()
            configuration.port = test.server.port
            await #expect(throws: (any Error).self) {
                _ = try await TalkpathServer.start(configuration, logger: TestServer.silent)
            }
        }
    }

    @Test func `a wrong configuration is an error before the server opens a file or a socket`() async throws {
        var configuration = TestServer.configuration()
        configuration.apiKeys = []
        let error = await #expect(throws: ConfigurationError.self) {
            _ = try await TalkpathServer.start(configuration, logger: TestServer.silent)
        }
        #expect(error?.problems.map(\.setting) == ["TALKPATH_API_KEYS"])
    }

    /// A model that opens its socket and sends no message.
    private final class SilentModel: WebSocketConsumer {
        private let gone: AsyncStream<Void>.Continuation
        init(_ gone: AsyncStream<Void>.Continuation) { self.gone = gone }
        func opened(_ connection: WebSocketConnection) {}
        func received(_ message: RawSpan, isText: Bool) {}
        func closed(_ close: WebSocketClose) { gone.yield() }
    }

    @Test func `the model's socket is closed once the call has ended`() async throws {
        let (goings, gone) = AsyncStream.makeStream(of: Void.self)
        let (comings, come) = AsyncStream.makeStream(of: Void.self)
        let model = try await WebSocketServer.bind(
            group: MultiThreadedEventLoopGroup.singleton,
            routes: WebSocketRoutes { _ in
                .accept(.agent) {
                    come.yield()
                    return SilentModel(gone)
                }
            }
        )
        try await TestServer.run(configure: {
            $0.isDevelopment = true
            $0.agent.baseURL = "ws://127.0.0.1:\(model.port)/v1/realtime"
        }) { test async throws in
            let call = try await test.place()
            try await test.progress("in-progress", of: call)
            for await _ in comings { break }
            let receipt = try await test.end(call)
            let step = receipt["steps"]?.array?.first { $0["step"] == "close_agent" }
            #expect(step?["outcome"] == "done")
            for await _ in goings { break }
        }
        await model.close()
    }
}
