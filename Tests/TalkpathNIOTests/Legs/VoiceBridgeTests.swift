import Foundation
import NIOPosix
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import Testing

/// The bridge inside a program, as the README shows it: an audio thread on one side, a model on the other.
@Suite struct VoiceBridgeTests {
    @Test func `audio written to the ring comes back from an echoing model and the call ends with a receipt`()
        async throws
    {
        let log = EchoingModel.Log()
        let server = try await EchoingModel.serve(on: .singletonMultiThreadedEventLoopGroup, log: log)
        var agent = AgentProfile.openAI(key: "test", instructions: "Echo.")
        agent.baseURL = "ws://127.0.0.1:\(server.port)/v1/realtime"
        agent.format = .pcmu

        let bridge = VoiceBridge()
        async let running: Void = bridge.run()
        var call = try await bridge.startCall(agent: agent)

        let said = (0..<1600).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        #expect(call.leg.callerAudio.write(said.span.bytes) == said.count)
        var heard: [UInt8] = []
        var frame = [UInt8](repeating: 0, count: 160)
        while heard.count < said.count {
            var target = frame.mutableSpan
            let count = call.leg.agentAudio.read(into: &target)
            heard += frame[..<count]
            if count == 0 { try await Task.sleep(for: .milliseconds(1)) }
        }
        #expect(heard == said)

        let receipt = await call.end()
        #expect(receipt.isSuccess)
        #expect(receipt.reason == .endedByAPI)
        #expect(receipt.step(.closeAgent)?.outcome == .done)
        #expect(receipt.step(.hangUp)?.outcome == .skipped)
        await log.waitFor("closed")

        await bridge.shutDown()
        await running
        await server.close()
    }

    @Test func `an audio thread that takes the leg learns from the leg that the call has ended`() async throws {
        let server = try await EchoingModel.serve(on: .singletonMultiThreadedEventLoopGroup, log: EchoingModel.Log())
        var agent = AgentProfile.openAI(key: "test", instructions: "Echo.")
        agent.baseURL = "ws://127.0.0.1:\(server.port)/v1/realtime"
        agent.format = .pcmu
        let bridge = VoiceBridge()
        async let running: Void = bridge.run()
        let call = try await bridge.startCall(agent: agent)
        let session = call.session
        let parcel = HandOver(call.leg)
        let (heard, hears) = AsyncStream.makeStream(of: Int.self)
        Thread.detachNewThread {
            guard var leg = parcel.take() else { return }
            let said = [UInt8](repeating: 0x55, count: 160)
            var frame = [UInt8](repeating: 0, count: 160)
            while !leg.isEnded {
                _ = leg.callerAudio.write(said.span.bytes)
                var target = frame.mutableSpan
                hears.yield(leg.agentAudio.read(into: &target))
                Thread.sleep(forTimeInterval: 0.001)
            }
            hears.finish()
        }
        var bytes = 0
        for await count in heard {
            bytes += count
            // The thread must run until the call has ended, and not stop earlier.
            if bytes >= 1600 { _ = await session.end(EndRequest(.endedByAPI)) }
        }
        #expect(bytes >= 1600)
        let isTakenOnce = parcel.take() == nil
        #expect(isTakenOnce)
        #expect(await session.waitForEnd().reason == .endedByAPI)
        await bridge.shutDown()
        await running
        await server.close()
    }

    @Test func `no call starts after shutdown`() async throws {
        let bridge = VoiceBridge()
        async let running: Void = bridge.run()
        await bridge.shutDown()
        await #expect(throws: CallManager.Refusal.draining) {
            _ = try await bridge.startCall(agent: .openAI(key: "test", instructions: "")).session.id
        }
        await running
    }

    @Test func `an unreachable model ends the call as agent lost`() async throws {
        var agent = AgentProfile.openAI(key: "test", instructions: "")
        agent.baseURL = "ws://127.0.0.1:1/v1/realtime"
        let bridge = VoiceBridge()
        async let running: Void = bridge.run()
        var limits = CallLimits()
        limits.agentRetryDelay = .milliseconds(1)
        let call = try await bridge.startCall(agent: agent, limits: limits)
        let receipt = await call.session.waitForEnd()
        #expect(receipt.reason == .agentLost)
        #expect(receipt.step(.closeAgent)?.outcome == .skipped)
        await bridge.shutDown()
        await running
    }
}
