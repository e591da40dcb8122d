/// Writes a WAV file as it is spoken: sans-IO, every call appends the bytes that come next in the file.
///
/// The first header tells no length, which players take for "until the end": whatever was written when a process dies
/// is a file that plays. When the stream has ended well, ``finalHeader()`` goes over the first one.
public struct WAVStream: Sendable {
    public let writer: WAVWriter
    /// Samples of every channel that came in.
    public var sampleCount: Int { dataBytes / writer.blockBytes }

    private var dataBytes = 0

    public init(format: AudioFormat, channelCount: Int = 1) {
        writer = WAVWriter(format: format, channelCount: channelCount)
    }

    /// What the file begins with.
    public func header() -> [UInt8] { writer.header(dataBytes: nil) }

    /// Takes samples, any number of them, the channels' by turns; appends them in the file's encoding.
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

    /// Appends what the format wants at the end: a byte that makes the length even, if need be.
    public mutating func finish(to bytes: inout [UInt8]) {
        if !dataBytes.isMultiple(of: 2) { bytes.append(0) }
    }

    /// Replaces the first header, byte for byte, once the length is known.
    public func finalHeader() -> [UInt8] { writer.header(dataBytes: dataBytes) }
}
