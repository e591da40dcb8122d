/// A decoded WAV file: linear samples by channel.
public struct WAV: Sendable, Hashable {
    /// All channels have the same number of samples.
    public var channels: [[Int16]]
    /// Samples per second and channel.
    public var sampleRate: Int

    public init(channels: [[Int16]], sampleRate: Int) {
        self.channels = channels
        self.sampleRate = sampleRate
    }

    /// The length of the longest channel in time.
    public var duration: Duration {
        AudioFormat(encoding: .pcm16, sampleRate: sampleRate).duration(ofBytes: 2 * (channels.map(\.count).max() ?? 0))
    }

    /// Encodes a whole file of 16-bit linear samples. Fills channels shorter than the longest with silence.
    public static func encode(channels: [[Int16]], sampleRate: Int) -> [UInt8] {
        let format = AudioFormat(encoding: .pcm16, sampleRate: sampleRate)
        let writer = WAVWriter(format: format, channelCount: channels.count)
        let length = channels.map(\.count).max() ?? 0
        var bytes = writer.header(dataBytes: length * channels.count * 2)
        bytes.reserveCapacity(bytes.count + length * channels.count * 2)
        for index in 0..<length {
            for channel in channels {
                let sample = UInt16(bitPattern: index < channel.count ? channel[index] : 0)
                bytes.append(UInt8(truncatingIfNeeded: sample))
                bytes.append(UInt8(truncatingIfNeeded: sample >> 8))
            }
        }
        return bytes
    }

    /// Decodes a file of 16-bit linear, µ-law or A-law samples.
    public static func decode(_ bytes: [UInt8]) throws(WAVError) -> WAV {
        try WAVReader(bytes).decoded()
    }
}

/// The reason why bytes cannot be read as a WAV file.
public enum WAVError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The bytes do not begin with `RIFF…WAVE`.
    case notAWAVFile
    /// A required chunk, `fmt ` or `data`, is missing or cut short.
    case missingChunk(String)
    /// A sample format other than 16-bit linear and G.711, or no channels, or a rate of zero.
    case unsupportedFormat(tag: Int, bitsPerSample: Int, channelCount: Int, sampleRate: Int)

    public var description: String {
        switch self {
        case .notAWAVFile:
            "not a WAV file: it does not begin with RIFF and WAVE"
        case .missingChunk(let name):
            "the WAV file has no complete \(name) chunk: it may have been cut off while copying"
        case .unsupportedFormat(let tag, let bits, let channels, let rate):
            """
            cannot read WAV format \(tag) with \(bits) bits, \(channels) channels, \(rate) Hz: \
            convert it to 16-bit PCM, µ-law or A-law
            """
        }
    }
}
