import Foundation
import NIOPosix
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathWire
import Testing

/// Calls in an embedder's server: the server owns the sockets and passes their messages to the bridge.
@Suite struct TelephonyBridgeTests {
    /// A server's socket in memory: yields the messages and the close that the bridge asks for.
    struct Socket: MediaSocket {
        enum Event: Equatable {
            case message(String)
            case close(UInt16)
        }

        let events: AsyncStream<Event>
        private let queue: AsyncStream<Event>.Continuation

        init() { (events, queue) = AsyncStream.makeStream() }

        func send(_ messages: [String]) { for message in messages { queue.yield(.message(message)) } }
        func close(code: UInt16, reason: String) { queue.yield(.close(code)) }
    }

    private static func run(
        _ body: (TelephonyBridge, AgentProfile) async throws -> Void
    ) async throws {
        let model = try await EchoingModel.serve(on: .singletonMultiThreadedEventLoopGroup, log: EchoingModel.Log())
        var agent = AgentProfile.openAI(key: "test", instructions: "Echo.")
        agent.baseURL = "ws://127.0.0.1:\(model.port)/v1/realtime"
        agent.format = .pcmu
        let bridge = TelephonyBridge()
        async let running: Void = bridge.run()
        let result: Result<Void, any Error>
        do { result = .success(try await body(bridge, agent)) } catch { result = .failure(error) }
        await bridge.shutDown()
        await running
        await model.close()
        try result.get()
    }

    private static func start(token: String? = nil, call: String = "CA1") -> String {
        let parameters = token.map { #"{"token":"\#($0)"}"# } ?? "{}"
        return #"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"streamSid":"MZ1","#
            + #""accountSid":"AC1","callSid":"\#(call)","tracks":["inbound"],"customParameters":"# + parameters
            + #","mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#
    }

    private static func media(_ frame: Int) -> String {
        let payload = TalkpathCrypto.base64([UInt8](repeating: 0x30, count: 160))
        return #"{"event":"media","sequenceNumber":"\#(frame + 2)","streamSid":"MZ1","media":{"track":"inbound","#
            + #""chunk":"\#(frame + 1)","timestamp":"\#(frame * 20)","payload":"\#(payload)"}}"#
    }

    @Test func `a call over a foreign socket talks with the model, and its end closes the socket`() async throws {
        try await Self.run { bridge, agent in
            let call = InboundCall(from: "+15550100001", to: "+15550100002", carrierCallID: "CA1", agent: agent)
            let id = try await bridge.calls.accept(call)
            let token = try #require(await bridge.calls.makeStreamToken(for: id))
            let socket = Socket()
            let stream = bridge.openStream(on: socket)
            stream.receive(#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#)
            stream.receive(Array(Self.start(token: token).utf8))
            for frame in 0..<10 { stream.receive(Self.media(frame)) }
            var frames = 0
            for await event in socket.events {
                guard case .message(let text) = event else {
                    Issue.record("closed before the end: \(event)")
                    return
                }
                if text.contains(#""event":"media""#) { frames += 1 }
                if frames == 9 { break }
            }
            #expect(frames == 9)
            async let receipt = bridge.calls.end(id, EndRequest(.endedByAPI))
            for await event in socket.events {
                guard case .close(let code) = event else { continue }
                #expect(code == 1000)
                stream.closed()
                break
            }
            guard case .ended(let receipt) = try await receipt else {
                Issue.record("the call was over before")
                return
            }
            #expect(receipt.step(.closeMedia)?.outcome == .done)
            #expect(receipt.reason == .endedByAPI)
        }
    }

    @Test func `a server that never tells of its closed socket does not hold up the end`() async throws {
        try await Self.run { bridge, agent in
            let stream = bridge.openStream(on: Socket()) { start in
                InboundCall(from: "", to: "", carrierCallID: start.carrierCallID, agent: agent)
            }
            stream.receive(Self.start(call: "CA2"))
            while await bridge.calls.session(carrierCallID: "CA2") == nil { await Task.yield() }
            let session = try #require(await bridge.calls.session(carrierCallID: "CA2"))
            let receipt = await session.end(EndRequest(.endedByAPI))
            #expect(receipt.reason == .endedByAPI)
            #expect(receipt.step(.closeMedia) != nil)
        }
    }

    @Test func `a stream without a token is closed as a breach of policy`() async throws {
        try await Self.run { bridge, _ in
            let socket = Socket()
            let stream = bridge.openStream(on: socket)
            stream.receive(Self.start())
            for await event in socket.events {
                #expect(event == .close(1008))
                break
            }
            stream.closed()
        }
    }

    @Test func `a caller's hang-up ends the call`() async throws {
        try await Self.run { bridge, agent in
            let stream = bridge.openStream(on: Socket()) { start in
                InboundCall(from: "", to: "", carrierCallID: start.carrierCallID, agent: agent)
            }
            stream.receive(Self.start(call: "CA3"))
            while await bridge.calls.session(carrierCallID: "CA3") == nil { await Task.yield() }
            let session = try #require(await bridge.calls.session(carrierCallID: "CA3"))
            stream.receive(
                #"{"event":"stop","sequenceNumber":"9","streamSid":"MZ1","stop":{"accountSid":"AC1","callSid":"CA3"}}"#
            )
            stream.closed()
            #expect(await session.waitForEnd().reason == .callerHangup)
        }
    }

    @Test func `a flood over a foreign socket is closed as a breach of policy`() async throws {
        try await Self.run { bridge, agent in
            let socket = Socket()
            let stream = bridge.openStream(on: socket) { start in
                InboundCall(from: "", to: "", carrierCallID: start.carrierCallID, agent: agent)
            }
            stream.receive(Self.start(call: "CA4"))
            for _ in 0..<4000 { stream.receive("{}") }
            for await event in socket.events where event == .close(1008) {
                stream.closed()
                return
            }
            Issue.record("the flood was taken")
        }
    }
}
