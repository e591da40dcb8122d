import Foundation
import Logging
import NIOCore
import NIOPosix
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathWire
import Testing

/// Calls on several real lanes.
@Suite struct LaneTests {
    typealias CarrierEnd = TelephonySocketTests.CarrierEnd

    /// The way of a media socket to its call's lane.
    enum Way: CaseIterable {
        case handedOver, relayed
    }

    /// Two lanes, a port on a third thread, and a model that echoes.
    final class Stage: Sendable {
        let lanes = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let port = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let model: WebSocketServer
        let bridge: MediaBridge
        let server: WebSocketServer
        let agent: AgentProfile

        init(maximumCalls: Int = 100) async throws {
            model = try await EchoingModel.serve(on: .singletonMultiThreadedEventLoopGroup, log: EchoingModel.Log())
            var agent = AgentProfile.openAI(key: "test", instructions: "Echo.")
            agent.baseURL = "ws://127.0.0.1:\(model.port)/v1/realtime"
            agent.format = .pcmu
            self.agent = agent
            let bridge = MediaBridge(
                eventLoops: Array(lanes.makeIterator()),
                carrier: nil,
                store: InMemoryCallStore(),
                events: NoEvents(),
                maximumCalls: maximumCalls,
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            )
            self.bridge = bridge
            server = try await WebSocketServer.bind(
                group: port,
                routes: WebSocketRoutes { request in
                    // "/call" moves the socket to its call's lane, "/" leaves it on the port's loop.
                    let lane = request.path.count > 1 ? bridge.lane(of: CallID(String(request.path.dropFirst()))) : nil
                    return .accept(.telephony, on: lane?.eventLoop) { bridge.telephonySocket(admission: .token) }
                }
            )
        }

        func run<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
            async let running: Void = bridge.run()
            let result: Swift.Result<Result, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            await bridge.manager.shutDown()
            await running
            await server.close()
            await model.close()
            try await lanes.shutdownGracefully()
            try await port.shutdownGracefully()
            return try result.get()
        }

        func accept(_ name: String) async throws -> CallID {
            try await bridge.manager.accept(InboundCall(from: "", to: "", carrierCallID: name, agent: agent))
        }

        func connect(_ call: CallID, _ name: String, _ way: Way) async throws -> CarrierEnd {
            let token = try #require(await bridge.manager.makeStreamToken(for: call))
            let end = CarrierEnd()
            let connection = try await WebSocketClient.connect(
                url: "ws://127.0.0.1:\(server.port)/\(way == .handedOver ? call.text : "")",
                eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
                limits: .telephony
            ) { end.consumer() }
            end.connection.set(connection)
            try await end.start(call: name, parameters: #"{"token":"\#(token)"}"#)
            return end
        }

        /// Blocks a lane until the result is signalled.
        func stall(_ lane: Int) -> DispatchSemaphore {
            let end = DispatchSemaphore(value: 0)
            bridge.lanes[lane].eventLoop.execute { end.wait() }
            return end
        }
    }

    @Test(arguments: Way.allCases)
    func `callers on two lanes each hear their own voice only`(way: Way) async throws {
        let stage = try await Stage()
        try await stage.run {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<6 {
                    let code = UInt8(0x10 + number)
                    let name = "CA\(number)"
                    let call = try await stage.accept(name)
                    group.addTask {
                        let carrier = try await stage.connect(call, name, way)
                        try await carrier.sendFrames(25, code: code)
                        var heard: [UInt8] = []
                        for await message in carrier.messages {
                            guard let payload = message["media"]?["payload"]?.string else { continue }
                            heard += Data(base64Encoded: payload) ?? Data()
                            if heard.count >= 20 * 160 { break }
                        }
                        #expect(heard.count >= 20 * 160)
                        #expect(heard.allSatisfy { $0 == code })
                        let result = try await stage.bridge.manager.end(call, EndRequest(.endedByAPI))
                        guard case .ended(let receipt) = result else { throw CancellationError() }
                        #expect(receipt.step(.closeMedia)?.outcome == .done)
                        #expect(await carrier.waitForClose()?.code == WebSocketCloseCode.normal)
                    }
                }
                #expect(stage.bridge.lanes.map { stage.bridge.manager.directory.count(on: $0.index) } == [3, 3])
                try await group.waitForAll()
            }
        }
    }

    @Test func `of a thousand calls that begin at once under a limit of ten, exactly ten begin`() async throws {
        let stage = try await Stage(maximumCalls: 10)
        try await stage.run {
            let begun = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<1000 {
                    group.addTask { (try? await stage.accept("CA\(number)")) != nil }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(begun == 10)
            #expect(await stage.bridge.manager.active().count == 10)
            #expect(await !stage.bridge.manager.acceptsCalls)
        }
    }

    @Test func `an announcement that comes a hundred times at once begins one call`() async throws {
        let stage = try await Stage()
        try await stage.run {
            let calls = try await withThrowingTaskGroup(of: CallID.self) { group in
                for _ in 0..<100 { group.addTask { try await stage.accept("CA1") } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(calls.count == 1)
            #expect(await stage.bridge.manager.activeCalls == 1)
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `a stalled lane delays neither another lane's end nor a listing nor a new call`() async throws {
        let stage = try await Stage()
        try await stage.run {
            let stalled = try await stage.accept("CA1")
            let free = try await stage.accept("CA2")
            let directory = stage.bridge.manager.directory
            let lane = try #require(directory.lane(of: stalled))
            #expect(directory.lane(of: free) != lane)
            let carrier = try await stage.connect(free, "CA2", .handedOver)
            let stall = stage.stall(lane)
            defer { stall.signal() }
            try await carrier.sendFrames(5)
            for await message in carrier.messages where message["event"]?.string == "media" { break }
            guard case .ended = try await stage.bridge.manager.end(free, EndRequest(.endedByAPI)) else {
                throw CancellationError()
            }
            let listed = await stage.bridge.manager.active()
            // The list shows the stalled lane's call in its last known state.
            #expect(listed.map(\.id) == [stalled])
            #expect(directory.lane(of: try await stage.accept("CA3")) != lane)
        }
    }

    @Test func `a new call goes to the lane with the fewest calls, and among equals to the one with less lag`()
        throws
    {
        let directory = LaneDirectory(lanes: 3, maximumCalls: 100)
        let now = MonotonicInstant(nanoseconds: 1_000_000_000)
        directory.load(of: 0, lag: .milliseconds(9), busy: 0.5)
        directory.load(of: 1, lag: .milliseconds(5), busy: 0.5)
        directory.load(of: 2, lag: .milliseconds(7), busy: 0.5)
        let lanes = try (0..<4).map { try directory.reserve(CallID("\($0)"), at: now).lane }
        #expect(lanes == [1, 2, 0, 1])
        directory.forget(CallID("2"))
        #expect(directory.laneWithMostRoom(at: now) == 0)
        #expect(throws: CallManager.Refusal.knownID) { try directory.reserve(CallID("1"), at: now) }
    }

    @Test func `a look into the directory takes less than a microsecond`() throws {
        let directory = LaneDirectory(lanes: 4, maximumCalls: 10_000)
        let now = MonotonicInstant(nanoseconds: 1)
        let calls = (0..<1000).map { CallID("call-of-some-usual-length-\($0)") }
        for call in calls { _ = try directory.reserve(call, carrierCallID: "CA\(call)", at: now) }
        var best = Duration.seconds(1)
        for _ in 0..<20 {
            let began = ContinuousClock.now
            for call in calls { _ = directory.lane(of: call) }
            best = min(best, (ContinuousClock.now - began) / calls.count)
        }
        // A debug build takes longer; a wait for a lane would take a hundred times as long.
        #expect(best < .microseconds(10))
    }
}
