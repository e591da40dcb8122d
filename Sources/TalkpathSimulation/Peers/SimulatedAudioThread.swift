import TalkpathAudio
import TalkpathCore

/// Holds the audio thread's end of a ring leg.
final class SimulatedAudioThread {
    var call: RingCall?

    func exchange() {
        var audio = [UInt8](repeating: 0, count: 1200)
        audio.withUnsafeMutableBytes { memory in
            _ = call?.leg.agentAudio.read(into: memory)
            _ = call?.leg.callerAudio.write(UnsafeRawBufferPointer(memory))
        }
    }
}
