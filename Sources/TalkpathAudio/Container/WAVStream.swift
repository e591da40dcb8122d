/// Writes a WAV file while its audio arrives. Sans-IO: every call appends the next bytes of the file.
///
/// The first header states an unknown length, which players read as "until the end of the file". So the bytes written
/// before a process dies are a file that plays. When the stream ends normally, overwrite the first header with
/// ``finalHeader()``.
public struct WAVStream: Sendable {
    public let writer: WAVWriter
    /// Samples received for every channel.
    public var sampleCount: Int { dataBytes / writer.blockBytes }

    private var dataBytes = 0

    public init(format: AudioFormat, channelCount: Int = 1) {
        writer = WAVWriter(format: format, channelCount: channelCount)
    }

    /// The first bytes of the file.
    public func header() -> [UInt8] { writer.header(dataBytes: nil) }

    /// Accepts any number of samples, the channels interleaved, and appends them in the file's encoding.
    public mutating func append(_ samples: Span<Int16>, to bytes: inout [UInt8]) {
        dataBytes += samples.count * writer.format.bytesPerSample
        bytes.reserveCapacity(bytes.count + samples.count * writer.format.bytesPerSample)
        for index in samples.indices {
            let sample = samples[index]
            switch writer.format.encoding {
            case .pcm16:
                bytes.append(UInt8(truncatingIfNeeded: sample))
                bytes.append(UInt8(truncatingIfNeeded: sample >> 8))
            case .mulaw: bytes.append(MuLaw.encode(sample))
            case .alaw: bytes.append(ALaw.encode(sample))
            }
        }
    }

    /// Appends the padding byte that the format requires after an odd number of bytes.
    public mutating func finish(to bytes: inout [UInt8]) {
        if !dataBytes.isMultiple(of: 2) { bytes.append(0) }
    }

    /// The header with the final length. It has the size of the first one, which it replaces.
    public func finalHeader() -> [UInt8] { writer.header(dataBytes: dataBytes) }
}
