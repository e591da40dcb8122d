import NIOPosix
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathWire
import Testing

/// Calls over a carrier's line with messages of its own.
@Suite struct AudioLineTests {
    struct Line: AudioLine {
        enum Event: Equatable {
            case message(AudioLineMessage)
            case close(UInt16)
        }

        let events: AsyncStream<Event>
        private let queue: AsyncStream<Event>.Continuation

        init() { (events, queue) = AsyncStream.makeStream() }

        func send(_ messages: [AudioLineMessage]) { for message in messages { queue.yield(.message(message)) } }
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

    /// 20 ms of a level, in the format.
    private static func frame(_ level: Int16, _ format: AudioFormat) -> [UInt8] {
        let samples = [Int16](repeating: level, count: format.frameSamples)
        return switch format.encoding {
        case .mulaw: samples.map(MuLaw.encode)
        case .alaw: samples.map(ALaw.encode)
        case .pcm16: samples.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
        }
    }

    private static func samples(_ bytes: [UInt8], _ format: AudioFormat) -> [Int16] {
        switch format.encoding {
        case .mulaw: bytes.map(MuLaw.decode)
        case .alaw: bytes.map(ALaw.decode)
        case .pcm16:
            stride(from: 0, to: bytes.count - 1, by: 2).map {
                Int16(truncatingIfNeeded: Int(bytes[$0]) | Int(bytes[$0 + 1]) << 8)
            }
        }
    }

    @Test(arguments: [AudioFormat.telephony, .alaw8k, .pcm8k, .pcm16k])
    func `a call over a line of its own format talks with the model, and its end closes the line`(
        format: AudioFormat
    ) async throws {
        try await Self.run { bridge, agent in
            let call = InboundCall(from: "+15550100001", to: "+15550100002", carrierCallID: "V1", agent: agent)
            let id = try await bridge.calls.accept(call)
            let token = await bridge.calls.makeStreamToken(for: id)
            let line = Line()
            let start = AudioLineStart(carrierCallID: "V1", token: token, format: format)
            let stream = try bridge.openLine(start, on: line)
            for frame in 0..<20 { stream.audio(Self.frame(8000, format), at: frame * 20) }
            var heard: [Int16] = []
            for await event in line.events {
                switch event {
                case .message(.audio(let bytes)): heard += Self.samples(bytes, format)
                case .message(.mark(let name)): stream.played(mark: name)
                case .message(.clear): break
                case .close: Issue.record("closed before the end")
                }
                if heard.count >= 12 * format.frameSamples { break }
            }
            // The echo of a steady level is that level, but for the filters at its beginning.
            let middle = heard[(4 * format.frameSamples)..<(10 * format.frameSamples)]
            #expect(middle.allSatisfy { abs(Int($0) - 8000) < 600 }, "\(middle.min() ?? 0)...\(middle.max() ?? 0)")
            async let receipt = bridge.calls.end(id, EndRequest(.endedByAPI))
            for await event in line.events {
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
        }
    }

    @Test func `a caller's hang-up ends the call`() async throws {
        try await Self.run { bridge, agent in
            let stream = try bridge.openLine(AudioLineStart(carrierCallID: "V2"), on: Line()) { start in
                InboundCall(from: "", to: "", carrierCallID: start.carrierCallID, agent: agent)
            }
            while await bridge.calls.session(carrierCallID: "V2") == nil { await Task.yield() }
            let session = try #require(await bridge.calls.session(carrierCallID: "V2"))
            stream.stopped()
            stream.closed()
            #expect(await session.waitForEnd().reason == .callerHangup)
        }
    }

    @Test func `keys of the caller reach the call, and other characters do not`() async throws {
        try await Self.run { bridge, agent in
            let stream = try bridge.openLine(AudioLineStart(carrierCallID: "V3"), on: Line()) { start in
                InboundCall(from: "", to: "", carrierCallID: start.carrierCallID, agent: agent)
            }
            for key in "5#x9" { stream.pressed(key) }
            while await bridge.calls.session(carrierCallID: "V3") == nil { await Task.yield() }
            let session = try #require(await bridge.calls.session(carrierCallID: "V3"))
            while await session.snapshot().metrics.badMessages == 0 { await Task.yield() }
            #expect(await session.snapshot().metrics.badMessages == 1)
            _ = await session.end(EndRequest(.endedByAPI))
        }
    }

    @Test func `a line without a token is closed as a breach of policy`() async throws {
        try await Self.run { bridge, _ in
            let line = Line()
            let stream = try bridge.openLine(AudioLineStart(carrierCallID: "V4"), on: line)
            for await event in line.events {
                #expect(event == .close(1008))
                break
            }
            stream.closed()
        }
    }

    @Test(arguments: [0, -8000, 8_000_000])
    func `a format that cannot be converted is refused`(rate: Int) async throws {
        try await Self.run { bridge, _ in
            let start = AudioLineStart(carrierCallID: "V5", format: AudioFormat(encoding: .pcm16, sampleRate: rate))
            #expect(throws: AudioLineError.self) { try bridge.openLine(start, on: Line()) }
        }
    }
}
