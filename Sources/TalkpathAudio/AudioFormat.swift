/// The byte format of one channel of audio: the encoding of a sample and the sample rate.
public struct AudioFormat: Sendable, Hashable {
    /// The encoding of one sample.
    public enum Encoding: String, Sendable, Hashable, CaseIterable {
        /// Linear 16-bit signed, little endian.
        case pcm16
        /// ITU-T G.711 µ-law, one byte a sample.
        case mulaw
        /// ITU-T G.711 A-law, one byte a sample, even bits inverted as on the wire.
        case alaw
    }

    public var encoding: Encoding
    /// Samples per second. The computed properties below clamp it to 0...2³⁰, so that no rate makes them trap.
    public var sampleRate: Int

    @inlinable
    public init(encoding: Encoding, sampleRate: Int) {
        self.encoding = encoding
        self.sampleRate = sampleRate
    }

    /// The format of a telephony leg: µ-law at 8 kHz.
    public static let telephony = AudioFormat(encoding: .mulaw, sampleRate: 8000)
    public static let alaw8k = AudioFormat(encoding: .alaw, sampleRate: 8000)
    public static let pcm8k = AudioFormat(encoding: .pcm16, sampleRate: 8000)
    public static let pcm16k = AudioFormat(encoding: .pcm16, sampleRate: 16000)
    public static let pcm24k = AudioFormat(encoding: .pcm16, sampleRate: 24000)
    public static let pcm48k = AudioFormat(encoding: .pcm16, sampleRate: 48000)

    /// The length of a frame, the unit of the media path.
    public static let frameMilliseconds = 20

    @inlinable
    public var bytesPerSample: Int {
        switch encoding {
        case .pcm16: 2
        case .mulaw, .alaw: 1
        }
    }

    /// The sample rate, clamped so that the arithmetic below cannot overflow.
    @inlinable
    var countedRate: Int { min(max(0, sampleRate), 1 << 30) }

    /// Bytes of one millisecond; exact for every rate that is a multiple of 1 kHz, else rounded down.
    @inlinable
    public var bytesPerMillisecond: Int { bytesPerSample * countedRate / 1000 }

    /// Samples of one 20 ms frame.
    @inlinable
    public var frameSamples: Int { countedRate * Self.frameMilliseconds / 1000 }

    /// Bytes of one 20 ms frame.
    @inlinable
    public var frameBytes: Int { frameSamples * bytesPerSample }

    /// The byte value that means silence when repeated.
    @inlinable
    public var silenceByte: UInt8 {
        switch encoding {
        case .pcm16: 0
        case .mulaw: MuLaw.silence
        case .alaw: ALaw.silence
        }
    }

    /// The playing time of `bytes` bytes in this format, rounded down to nanoseconds.
    @inlinable
    public func duration(ofBytes bytes: Int) -> Duration {
        let bytesPerSecond = max(1, bytesPerSample * countedRate)
        let (seconds, rest) = bytes.quotientAndRemainder(dividingBy: bytesPerSecond)
        return .seconds(seconds) + .nanoseconds(Int64(rest) * 1_000_000_000 / Int64(bytesPerSecond))
    }
}

extension AudioFormat: CustomStringConvertible {
    /// For logs: `mulaw 8000 Hz`.
    public var description: String { "\(encoding.rawValue) \(sampleRate) Hz" }
}
