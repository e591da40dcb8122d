internal import TalkpathAudio

/// Conversions of complete pieces of audio, outside the media path.
enum Samples {
    static func decode(_ bytes: some Collection<UInt8>, _ format: AudioFormat) -> [Int16] {
        switch format.encoding {
        case .mulaw: return bytes.map(MuLaw.decode)
        case .alaw: return bytes.map(ALaw.decode)
        case .pcm16:
            let bytes = Array(bytes)
            return (0..<bytes.count / 2).map {
                Int16(bitPattern: UInt16(bytes[2 * $0]) | UInt16(bytes[2 * $0 + 1]) << 8)
            }
        }
    }

    static func encode(_ samples: some Sequence<Int16>, _ encoding: AudioFormat.Encoding) -> [UInt8] {
        switch encoding {
        case .mulaw: samples.map(MuLaw.encode)
        case .alaw: samples.map(ALaw.encode)
        case .pcm16:
            samples.flatMap { sample in
                let bits = UInt16(bitPattern: sample)
                return [UInt8(truncatingIfNeeded: bits), UInt8(truncatingIfNeeded: bits >> 8)]
            }
        }
    }

    /// Converts between any two rates: with the product's filter if it has one for them, otherwise with the nearest
    /// sample.
    static func resample(_ samples: [Int16], from: Int, to: Int) -> [Int16] {
        guard from != to, !samples.isEmpty else { return samples }
        if var resampler = try? Resampler(from: from, to: to, profile: .wide) { return resampler.resampled(samples) }
        return (0..<samples.count * to / from).map { samples[min(samples.count - 1, $0 * from / to)] }
    }
}
