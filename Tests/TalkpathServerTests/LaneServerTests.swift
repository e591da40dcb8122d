import Foundation
import NIOCore
import NIOHTTP1
import TalkpathCore
import TalkpathNIO
import TalkpathWire
import Testing

@testable import TalkpathServer

/// A server whose calls are spread over lanes.
struct LaneServerTests {
    @Test(.timeLimit(.minutes(5)))
    func `a stalled lane delays neither the health nor the list of calls nor the other lane's end`()
        async throws
    {
        try await TestServer.run(configure: { $0.mediaLanes = 2 }) { test async throws in
            let calls = [try await test.place(), try await test.place()]
            let directory = test.server.manager.directory
            let lane = try #require(directory.lane(of: calls[0]))
            #expect(directory.lane(of: calls[1]) != lane)
            let stall = DispatchSemaphore(value: 0)
            test.server.bridge.lanes[lane].eventLoop.execute { stall.wait() }
            defer { stall.signal() }
            #expect(try await test.send(.GET, "/health")["active_calls"]?.int == 2)
            let listed = try await test.send(.GET, "/api/calls")["calls"]?.array?.compactMap { $0["call_id"]?.string }
            #expect(listed.map(Set.init) == Set(calls.map(\.text)))
            #expect(try await test.end(calls[1]).status == 200)
        }
    }

    @Test func `the metrics have the calls of every lane, and their sum`() async throws {
        try await TestServer.run(configure: { $0.mediaLanes = 2 }) { test async throws in
            for _ in 0..<3 { _ = try await test.place() }
            let lines = try await test.send(.GET, "/metrics").text.split(separator: "\n")
            #expect(lines.contains("talkpath_calls_active 3"))
            let byLane = lines.filter { $0.hasPrefix("talkpath_lane_calls{") }
            #expect(byLane.compactMap { $0.split(separator: " ").last }.sorted() == ["1", "2"])
        }
    }

    @Test(arguments: [1, 2])
    func `a media socket with its token finds its call, with or without the id in the path`(lanes: Int)
        async throws
    {
        try await TestServer.run(configure: { $0.mediaLanes = lanes }) { test async throws in
            for isNamed in [true, false] {
                for _ in 0..<2 {
                    let call = try await test.place()
                    let token = try await test.streamToken(of: call)
                    let socket = try await test.mediaSocket("/twilio/media-stream" + (isNamed ? "/\(call)" : ""))
                    socket.start(call: FakeCarrier.name(call), token: token)
                    await test.events.wait { $0 == .mediaStarted }
                    #expect(try await test.end(call).status == 200)
                    #expect(await socket.waitForClose() != nil)
                }
            }
        }
    }

    @Test(arguments: ["0", "abc", "9999", "1.5"])
    func `an invalid number of lanes is refused with the allowed range`(text: String) {
        let environment = ["TALKPATH_MEDIA_LANES": text]
        #expect(throws: ConfigurationError.self) { try ServerConfiguration.read(environment: environment) }
        do {
            _ = try ServerConfiguration.read(environment: environment)
        } catch {
            #expect("\(error)".contains("TALKPATH_MEDIA_LANES: must be a whole number from 1 to 256"))
        }
    }
}
