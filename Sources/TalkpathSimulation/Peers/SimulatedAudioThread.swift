import TalkpathAudio
import TalkpathCore

/// The audio thread of an embedder: holds the far end of a ring leg.
final class SimulatedAudioThread {
    var call: RingCall?

    /// Reads the agent's audio and writes the caller's.
    /// - Returns: the number of bytes read.
    func exchange() -> Int {
        var audio = [UInt8](repeating: 0, count: 1200)
        return audio.withUnsafeMutableBytes { memory in
            let taken = call?.leg.agentAudio.read(into: memory) ?? 0
            _ = call?.leg.callerAudio.write(UnsafeRawBufferPointer(memory))
            return taken
        }
    }
}
