import COpus

/// The reason why Opus cannot encode or decode.
public enum OpusError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Not one of 8000, 12000, 16000, 24000 and 48000 samples per second.
    case unsupportedRate(Int)
    /// Neither mono nor stereo.
    case unsupportedChannelCount(Int)
    /// Bits per second outside 500...512000, or a complexity outside 0...10.
    case settingOutOfRange(String, Int)
    /// A frame whose length is not 2.5, 5, 10, 20, 40 or 60 ms.
    case unsupportedFrame(samples: Int)
    /// The caller's buffer, of this size, is too small for the packet or for its samples.
    case bufferTooSmall(Int)
    /// Bytes that are not an Opus packet.
    case invalidPacket
    /// Any other failure, in libopus' own words.
    case failed(String)

    public var description: String {
        switch self {
        case .unsupportedRate(let rate): "Opus does not run at \(rate) Hz: use 8000, 12000, 16000, 24000 or 48000"
        case .unsupportedChannelCount(let count): "only one or two channels are supported for Opus, not \(count)"
        case .settingOutOfRange(let name, let value): "Opus cannot be set to a \(name) of \(value)"
        case .unsupportedFrame(let samples):
            "Opus cannot encode \(samples) samples at a time: pass 2.5, 5, 10, 20, 40 or 60 ms of every channel"
        case .bufferTooSmall(let size): "a buffer of \(size) is too small for the output of Opus"
        case .invalidPacket: "these bytes are not an Opus packet: they may be damaged"
        case .failed(let message): "libopus failed: \(message)"
        }
    }

    static func from(_ code: Int32, bufferSize: Int) -> OpusError {
        switch code {
        case OPUS_BUFFER_TOO_SMALL: .bufferTooSmall(bufferSize)
        case OPUS_INVALID_PACKET: .invalidPacket
        default: .failed(opus_strerror(code).map { String(cString: $0) } ?? "error \(code)")
        }
    }

    static func check(sampleRate: Int, channelCount: Int) throws(OpusError) {
        guard [8000, 12_000, 16_000, 24_000, 48_000].contains(sampleRate) else { throw .unsupportedRate(sampleRate) }
        guard (1...2).contains(channelCount) else { throw .unsupportedChannelCount(channelCount) }
    }
}
