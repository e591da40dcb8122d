// The README's embedding example. One test runs it, and another checks that the README contains these lines.
import TalkpathAudio
import TalkpathCore
import TalkpathNIO

func converse(with agent: AgentProfile, microphone: [[UInt8]], speaker: inout [UInt8]) async throws -> EndReceipt {
    // begin
    let bridge = VoiceBridge()
    async let running: Void = bridge.run()
    var call = try await bridge.startCall(agent: agent)

    // On your audio thread, every 20 ms: 160 bytes of µ-law in, up to 160 out. Never waits, locks or allocates.
    for frame in microphone {
        _ = call.leg.callerAudio.write(frame.span.bytes)
        var heard = speaker.mutableSpan
        _ = call.leg.agentAudio.read(into: &heard)
    }

    let receipt = await call.end()
    await bridge.shutDown()
    await running
    // end
    return receipt
}
