import Foundation
import TalkpathAudio
import TalkpathCore
import TalkpathNIO

/// Talks with a speech model without a telephone: an audio thread plays the given WAV file (8 kHz, one channel), and
/// writes the model's audio to another.
///
///     export OPENAI_API_KEY=…          # and OPENAI_REALTIME_URL=ws://127.0.0.1:9101/v1/realtime for the simulator
///     swift run VoiceThread question.wav heard.wav
@main
struct VoiceThread {
    static func main() async throws {
        let environment = ProcessInfo.processInfo.environment
        guard CommandLine.arguments.count == 3, let key = environment["OPENAI_API_KEY"] else {
            FileHandle.standardError.write(Data("usage: OPENAI_API_KEY=… VoiceThread QUESTION.wav HEARD.wav\n".utf8))
            exit(64)
        }
        let file = try WAV.decode([UInt8](Data(contentsOf: URL(fileURLWithPath: CommandLine.arguments[1]))))
        let question = file.channels[0].map(MuLaw.encode)
        var agent = AgentProfile.openAI(key: key, instructions: "Be brief.")
        agent.format = .pcmu
        if let address = environment["OPENAI_REALTIME_URL"] { agent.baseURL = address }

        let bridge = VoiceBridge()
        async let running: Void = bridge.run()
        let call = try await bridge.startCall(agent: agent)
        let session = call.session
        let parcel = HandOver(call.leg)

        // The audio thread of a sound card, a radio, a meeting: here, a clock of 20 ms.
        let (recordings, recorder) = AsyncStream.makeStream(of: [UInt8].self)
        Thread.detachNewThread {
            guard var leg = parcel.take() else { return }
            recorder.yield(converse(on: &leg, saying: question))
            recorder.finish()
        }
        for await recording in recordings { try write(recording, to: CommandLine.arguments[2]) }

        let receipt = await session.end(EndRequest(.endedByAPI))
        print("ended: \(receipt.reason.rawValue), after \(receipt.duration)")
        await bridge.shutDown()
        await running
    }

    /// Plays the question, then listens for eight seconds or until the call ends. Returns the heard audio, as µ-law.
    private static func converse(on leg: inout RingLeg, saying question: [UInt8]) -> [UInt8] {
        let frameBytes = 160
        var frame = [UInt8](repeating: MuLaw.silence, count: frameBytes)
        var heard: [UInt8] = []
        var position = 0
        let ends = question.count + 400 * frameBytes
        var due = Date()
        while position < ends, !leg.isEnded {
            let next = position + frameBytes
            let said =
                next <= question.count
                ? Array(question[position..<next]) : [UInt8](repeating: MuLaw.silence, count: frameBytes)
            _ = leg.callerAudio.write(said.span.bytes)
            var target = frame.mutableSpan
            let count = leg.agentAudio.read(into: &target)
            heard += frame[..<count]
            // A loudspeaker plays silence where nothing is said.
            heard += repeatElement(MuLaw.silence, count: frameBytes - count)
            position = next
            due += 0.02
            Thread.sleep(until: due)
        }
        return heard
    }

    private static func write(_ muLaw: [UInt8], to path: String) throws {
        let samples = muLaw.map(MuLaw.decode)
        try Data(WAV.encode(channels: [samples], sampleRate: 8000)).write(to: URL(fileURLWithPath: path))
        let level = LevelMeter.level(of: samples.span)
        print("heard \(muLaw.count / 8) ms, peak \(Int(level.peak.rounded())) dBFS, in \(path)")
    }
}
