import TalkpathAudio

/// The parameters that all callers' voices share.
enum LoadVoice {
    /// µ-law to samples.
    static let decodingTable: [Float] = (0..<256).map { Float(MuLaw.decode(UInt8($0))) }

    /// The number of damaged frames of all callers that hold the voice of another caller.
    static func foreignFrames(in evidence: [[[Float]]], delay: Double) -> Int {
        guard evidence.contains(where: { !$0.isEmpty }) else { return 0 }
        let voices = evidence.indices.map { CallCode(call: $0).samples(delayedBy: delay) }
        var count = 0
        for (caller, frames) in evidence.enumerated() {
            for frame in frames {
                let isForeign = voices.indices.contains { $0 != caller && CallCodeListener.holds(frame, voices[$0]) }
                if isForeign { count += 1 }
            }
        }
        return count
    }
}
