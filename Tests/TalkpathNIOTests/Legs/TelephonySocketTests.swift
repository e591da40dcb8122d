import Logging
import NIOCore
import NIOPosix
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathWire
import Testing

/// The carrier's media socket over loopback: sockets that get a call, and sockets that are refused.
@Suite struct TelephonySocketTests {
    /// The bridge behind a WebSocket port, an echoing model, and the carrier's end of a socket.
    final class Stage: Sendable {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let model: WebSocketServer
        let modelLog = EchoingModel.Log()
        let bridge: MediaBridge
        let port: WebSocketServer
        let agent: AgentProfile

        init(admission: (@Sendable (AgentProfile) -> TelephonyAdmission)? = nil) async throws {
            model = try await EchoingModel.serve(on: .singletonMultiThreadedEventLoopGroup, log: modelLog)
            var agent = AgentProfile.openAI(key: "test", instructions: "Echo.")
            agent.baseURL = "ws://127.0.0.1:\(model.port)/v1/realtime"
            self.agent = agent
            let bridge = MediaBridge(
                eventLoops: [group.next()],
                carrier: nil,
                store: InMemoryCallStore(),
                events: NoEvents(),
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            )
            self.bridge = bridge
            let admission = admission?(agent) ?? .token
            port = try await WebSocketServer.bind(
                group: group,
                routes: WebSocketRoutes { _ in
                    .accept(.telephony) { bridge.telephonySocket(admission: admission) }
                }
            )
        }

        func run<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
            async let running: Void = bridge.run()
            let result: Swift.Result<Result, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            await bridge.manager.shutDown()
            await running
            await port.close()
            await model.close()
            try await group.shutdownGracefully()
            return try result.get()
        }

        func connect() async throws -> CarrierEnd {
            let end = CarrierEnd()
            let connection = try await WebSocketClient.connect(
                url: "ws://127.0.0.1:\(port.port)/media",
                eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
                limits: .telephony
            ) { end.consumer() }
            end.connection.set(connection)
            return end
        }

        static func open(_ agent: AgentProfile) -> TelephonyAdmission {
            .open { InboundCall(from: "", to: "", carrierCallID: $0.carrierCallID, agent: agent) }
        }
    }

    /// The messages that a carrier receives, and methods to send some.
    final class CarrierEnd: Sendable {
        let messages: AsyncStream<JSONValue>
        let queue: AsyncStream<JSONValue>.Continuation
        let close: AsyncStream<WebSocketClose>
        let closeQueue: AsyncStream<WebSocketClose>.Continuation
        let connection = Connection()

        final class Connection: @unchecked Sendable {
            // Set once, before the test uses it.
            private(set) var value: WebSocketConnection!
            func set(_ connection: WebSocketConnection) { value = connection }
        }

        struct Consumer: WebSocketConsumer {
            let end: CarrierEnd
            func opened(_ connection: WebSocketConnection) {}
            func received(_ message: RawSpan, isText: Bool) {
                if let json = try? JSONValue(parsing: message) { end.queue.yield(json) }
            }
            func closed(_ close: WebSocketClose) {
                end.queue.finish()
                end.closeQueue.yield(close)
                end.closeQueue.finish()
            }
        }

        init() {
            (messages, queue) = AsyncStream.makeStream()
            (close, closeQueue) = AsyncStream.makeStream()
        }

        func consumer() -> Consumer { Consumer(end: self) }

        func send(_ text: String) async throws {
            let connection = connection.value!
            try await connection.eventLoop.submit {
                _ = connection.write(Array(text.utf8).span.bytes)
                connection.flush()
            }.get()
        }

        func start(call: String = "CA1", parameters: String = "{}") async throws {
            try await send(#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#)
            try await send(
                #"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"streamSid":"MZ1","accountSid":"AC1","#
                    + #""callSid":"\#(call)","tracks":["inbound"],"customParameters":"# + parameters
                    + #","mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#
            )
        }

        /// Sends `count` frames of one µ-law code.
        func sendFrames(_ count: Int, code: UInt8 = 0x30) async throws {
            let payload = TalkpathCrypto.base64([UInt8](repeating: code, count: 160))
            for frame in 0..<count {
                try await send(
                    #"{"event":"media","sequenceNumber":"\#(frame + 2)","streamSid":"MZ1","media":{"track":"inbound","#
                        + #""chunk":"\#(frame + 1)","timestamp":"\#(frame * 20)","payload":"\#(payload)"}}"#
                )
            }
        }

        func waitForClose() async -> WebSocketClose? {
            for await close in close { return close }
            return nil
        }
    }

    @Test func `the caller's audio goes to the model and its answer comes back in 20 ms frames`() async throws {
        let stage = try await Stage(admission: Stage.open)
        try await stage.run {
            let carrier = try await stage.connect()
            try await carrier.start()
            try await carrier.sendFrames(10)
            var bytes = 0
            for await message in carrier.messages {
                #expect(message["streamSid"]?.string == "MZ1")
                guard message["event"]?.string == "media" else { continue }
                let size = Base64Size.of(message["media"]?["payload"]?.string ?? "")
                #expect(size <= 160)
                bytes += size
                if bytes >= 9 * 160 { break }
            }
            let calls = await stage.bridge.manager.active()
            #expect(calls.count == 1)
            #expect(calls.first?.metrics.framesFromCaller == 10)
            #expect(calls.first?.status == .inProgress)
            let result = try await stage.bridge.manager.end(calls[0].id, EndRequest(.endedByAPI))
            guard case .ended(let receipt) = result else {
                Issue.record("the call was over before")
                return
            }
            #expect(receipt.step(.closeMedia)?.outcome == .done)
            #expect(await carrier.waitForClose() != nil)
        }
    }

    @Test func `a stream without a token is closed and counted`() async throws {
        let stage = try await Stage()
        try await stage.run {
            let carrier = try await stage.connect()
            try await carrier.start()
            #expect(await carrier.waitForClose()?.code == WebSocketCloseCode.policyViolation)
            #expect(stage.bridge.refusals.withoutCall == 1)
        }
    }

    @Test func `a token is valid for one socket only`() async throws {
        let stage = try await Stage()
        try await stage.run {
            let call = try await stage.bridge.manager.accept(
                InboundCall(from: "", to: "", carrierCallID: "CA1", agent: stage.agent)
            )
            let token = try #require(await stage.bridge.manager.makeStreamToken(for: call))
            let first = try await stage.connect()
            try await first.start(parameters: #"{"token":"\#(token)"}"#)
            try await first.sendFrames(3)
            for await message in first.messages where message["event"]?.string == "media" { break }
            let second = try await stage.connect()
            try await second.start(parameters: #"{"token":"\#(token)"}"#)
            #expect(await second.waitForClose()?.code == WebSocketCloseCode.policyViolation)
            // The first socket's call goes on.
            #expect(await stage.bridge.manager.active().count == 1)
        }
    }

    @Test func `media before start and garbage are counted and do not harm the call`() async throws {
        let stage = try await Stage(admission: Stage.open)
        try await stage.run {
            let carrier = try await stage.connect()
            try await carrier.send("{ this is no JSON")
            try await carrier.sendFrames(2)
            try await carrier.start()
            try await carrier.send(#"{"event":"media","streamSid":"MZ1","media":{"payload":"!!!"}}"#)
            try await carrier.send(#"{"event":"media","streamSid":"MZ2","media":{"payload":"AAAA"}}"#)
            try await carrier.sendFrames(3)
            for await message in carrier.messages where message["event"]?.string == "media" { break }
            let call = try #require(await stage.bridge.manager.active().first)
            #expect(call.metrics.framesFromCaller == 3)
            #expect(call.metrics.badMessages >= 2)
            #expect(stage.bridge.refusals.badMessages == 3)
        }
    }

    @Test func `a socket that closes without stop ends the call as media lost`() async throws {
        let stage = try await Stage(admission: Stage.open)
        try await stage.run {
            let carrier = try await stage.connect()
            try await carrier.start()
            await stage.modelLog.waitFor("session.update")
            let session = try #require(await stage.bridge.manager.onlySession())
            await carrier.connection.value.drop()
            let receipt = await session.waitForEnd()
            #expect(receipt.reason == .mediaLost)
        }
    }

    @Test func `a stop message ends the call as hung up by the caller`() async throws {
        let stage = try await Stage(admission: Stage.open)
        try await stage.run {
            let carrier = try await stage.connect()
            try await carrier.start()
            await stage.modelLog.waitFor("session.update")
            let session = try #require(await stage.bridge.manager.onlySession())
            try await carrier.send(
                #"{"event":"stop","sequenceNumber":"9","streamSid":"MZ1","stop":{"accountSid":"AC1","callSid":"CA1"}}"#
            )
            #expect(await session.waitForEnd().reason == .callerHangup)
        }
    }
}

private enum Base64Size {
    static func of(_ text: String) -> Int {
        text.utf8.count / 4 * 3 - text.utf8.suffix(2).count { $0 == UInt8(ascii: "=") }
    }
}

extension CallManager {
    /// The only live call of a test.
    fileprivate func onlySession() async -> CallSession? {
        guard let call = await active().first else { return nil }
        return await session(call.id)
    }
}
