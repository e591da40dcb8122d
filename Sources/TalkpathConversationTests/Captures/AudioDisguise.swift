import TalkpathAudio
import TalkpathSimulation
import TalkpathWire

/// Replaces speech by noise that is as loud, frame by frame: nothing can be understood, and what listens to levels
/// hears the same.
struct AudioDisguise {
    private var random: SplitMix64

    /// - Parameter key: random bytes, the same for the same noise.
    init(key: [UInt8]) {
        random = SplitMix64(seed: TalkpathCrypto.sha256(key).prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// Audio of a socket.
    mutating func replace(_ audio: [UInt8], _ format: AudioFormat) -> [UInt8] {
        switch format.encoding {
        case .mulaw: replace(muLaw: audio)
        case .alaw: replace(muLaw: audio.map { MuLaw.encode(ALaw.decode($0)) }).map { ALaw.encode(MuLaw.decode($0)) }
        case .pcm16: replace(pcm: audio, rate: format.sampleRate)
        }
    }

    /// µ-law at 8 kHz.
    mutating func replace(muLaw audio: [UInt8]) -> [UInt8] {
        var replaced: [UInt8] = []
        replaced.reserveCapacity(audio.count)
        for begin in stride(from: 0, to: audio.count, by: 160) {
            let frame = audio[begin..<min(begin + 160, audio.count)]
            if Set(frame).count == 1 {
                replaced += frame
                continue
            }
            replaced += noise(like: frame.map(MuLaw.decode), holding: 1).map(MuLaw.encode)
        }
        return replaced
    }

    /// Linear samples, the lower byte first.
    mutating func replace(pcm audio: [UInt8], rate: Int) -> [UInt8] {
        let samples = stride(from: 0, to: audio.count - 1, by: 2).map {
            Int16(bitPattern: UInt16(audio[$0]) | UInt16(audio[$0 + 1]) << 8)
        }
        let frame = max(1, rate / 50)
        var replaced: [UInt8] = []
        replaced.reserveCapacity(audio.count)
        for begin in stride(from: 0, to: samples.count, by: frame) {
            let piece = Array(samples[begin..<min(begin + frame, samples.count)])
            // The noise lies in the telephone's band.
            let noise = Set(piece).count == 1 ? piece : noise(like: piece, holding: max(1, rate / 8000))
            for sample in noise {
                let bits = UInt16(bitPattern: sample)
                replaced.append(UInt8(truncatingIfNeeded: bits))
                replaced.append(UInt8(truncatingIfNeeded: bits >> 8))
            }
        }
        return replaced + audio.suffix(audio.count % 2).map { _ in 0 }
    }

    /// Noise of two levels, with the power of the samples, and no constant part.
    private mutating func noise(like samples: [Int16], holding: Int) -> [Int16] {
        let count = Double(samples.count)
        let mean = samples.reduce(0) { $0 + Double($1) } / count
        let power = samples.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count
        let level = Int16(min(32_000, max(0, power.squareRoot().rounded())))
        let steps = (samples.count + holding - 1) / holding
        // As many above as below, in an order of chance.
        let signs = (0..<steps).map { $0 % 2 == 0 }.shuffled(using: &random)
        return samples.indices.map { signs[$0 / holding] ? level : -level }
    }
}
