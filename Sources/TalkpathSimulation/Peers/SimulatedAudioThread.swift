import TalkpathAudio
import TalkpathCore

/// The audio thread of an embedder: holds the far end of a ring leg.
final class SimulatedAudioThread {
    var call: RingCall?

    /// Takes what the agent says and gives what the caller says.
    /// - Returns: the bytes taken.
    func exchange() -> Int {
        var audio = [UInt8](repeating: 0, count: 1200)
        return audio.withUnsafeMutableBytes { memory in
            let taken = call?.leg.agentAudio.read(into: memory) ?? 0
            _ = call?.leg.callerAudio.write(UnsafeRawBufferPointer(memory))
            return taken
        }
    }
}
