/// Makes the headers of WAV files (RIFF, Microsoft "Multimedia Programming Interface"). Sans-IO, for streaming audio
/// into a file.
///
/// Write ``header(dataBytes:)`` first, then interleaved samples, and at the end overwrite the header with one that
/// states the true length. Both are ``headerBytes`` long.
public struct WAVWriter: Sendable, Hashable {
    public let format: AudioFormat
    /// The number of channels, clamped to 1...65535.
    public let channelCount: Int

    public init(format: AudioFormat, channelCount: Int = 1) {
        self.format = format
        self.channelCount = min(max(1, channelCount), Int(UInt16.max))
    }

    /// The size of the header: 44 bytes for linear samples, 58 for G.711, whose header also states the length in
    /// samples.
    public var headerBytes: Int { format.encoding == .pcm16 ? 44 : 58 }

    /// Bytes of one sample of all channels.
    public var blockBytes: Int { format.bytesPerSample * channelCount }

    /// The header of a file with `dataBytes` bytes of samples. `nil` means that the length is unknown, which readers
    /// take for "until the end of the file". If the sample rate exceeds 32 bits, the header holds its lower 32 bits.
    public func header(dataBytes: Int?) -> [UInt8] {
        let isPCM = format.encoding == .pcm16
        var bytes: [UInt8] = []
        bytes.reserveCapacity(headerBytes)
        func append(_ value: Int, bytes count: Int) {
            for shift in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * shift))) }
        }
        // The length field has 32 bits. A larger file is marked as of unknown length, like one still being written.
        let known = dataBytes.flatMap { (0..<Int(UInt32.max) - headerBytes).contains($0) ? $0 : nil }
        let padding = (known ?? 0) & 1
        bytes += Array("RIFF".utf8)
        append(known.map { headerBytes - 8 + $0 + padding } ?? Int(UInt32.max), bytes: 4)
        bytes += Array("WAVEfmt ".utf8)
        append(isPCM ? 16 : 18, bytes: 4)
        append(WAVFormatTag(format.encoding).rawValue, bytes: 2)
        append(channelCount, bytes: 2)
        append(format.sampleRate, bytes: 4)
        append(format.sampleRate &* blockBytes, bytes: 4)
        append(blockBytes, bytes: 2)
        append(format.bytesPerSample * 8, bytes: 2)
        if !isPCM {
            append(0, bytes: 2)
            bytes += Array("fact".utf8)
            append(4, bytes: 4)
            append(known.map { $0 / blockBytes } ?? 0, bytes: 4)
        }
        bytes += Array("data".utf8)
        append(known ?? Int(UInt32.max), bytes: 4)
        return bytes
    }
}

/// The format tags of `fmt ` chunks that Talkpath reads and writes.
enum WAVFormatTag: Int {
    case linear = 1
    case alaw = 6
    case mulaw = 7
    /// The real tag is in the first two bytes of a GUID further on.
    case extensible = 0xFFFE

    init(_ encoding: AudioFormat.Encoding) {
        switch encoding {
        case .pcm16: self = .linear
        case .mulaw: self = .mulaw
        case .alaw: self = .alaw
        }
    }
}
