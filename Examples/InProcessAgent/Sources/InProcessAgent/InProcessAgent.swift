import Foundation
import TalkpathAudio
import TalkpathCore
import TalkpathNIO

/// A call between `Clinic`, an agent of this process, and a caller who asks the question in a WAV file (8 kHz, one channel),
/// and asks it again into the answer. No telephone, no model, no network.
///
///     swift run InProcessAgent question.wav
@main
struct Call {
    static func main() async throws {
        guard CommandLine.arguments.count == 2 else {
            FileHandle.standardError.write(Data("usage: InProcessAgent QUESTION.wav\n".utf8))
            exit(64)
        }
        let file = try WAV.decode([UInt8](Data(contentsOf: URL(filePath: CommandLine.arguments[1]))))
        let question = file.channels[0].map(MuLaw.encode)

        let bridge = VoiceBridge(agents: ["clinic": Clinic()])
        async let running: Void = bridge.run()
        var call = try await bridge.startCall(agent: .inProcess("clinic"))

        var heard = await say(question, on: &call.leg)
        print("the agent was \(heard > 0 ? "heard for \(heard) ms" : "not heard")")
        heard = await say(question, on: &call.leg)
        print("it was heard for \(heard) ms more")

        let receipt = await call.end()
        print("ended: \(receipt.reason.rawValue), after \(receipt.duration)")
        await bridge.shutDown()
        await running
    }

    /// Speaks at the speed of real time, then listens until the agent has been heard for a second.
    /// - Returns: the milliseconds in which the agent was heard.
    private static func say(_ words: [UInt8], on leg: inout RingLeg) async -> Int {
        var (position, heard, frame) = (0, 0, [UInt8](repeating: 0, count: 160))
        var due = ContinuousClock.now
        while position < words.count || heard < 1000, position < words.count + 80_000, !leg.isEnded {
            let said = (0..<160).map { position + $0 < words.count ? words[position + $0] : MuLaw.silence }
            _ = leg.callerAudio.write(said.span.bytes)
            var target = frame.mutableSpan
            if leg.agentAudio.read(into: &target) > 0 { heard += 20 }
            position += 160
            due += .milliseconds(20)
            try? await Task.sleep(until: due)
        }
        return heard
    }
}
