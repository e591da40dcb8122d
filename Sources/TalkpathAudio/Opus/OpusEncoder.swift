import COpus

/// Encodes 16-bit samples as Opus packets (RFC 6716), with libopus.
///
/// For one thread at a time, and not for the media thread: a frame takes some hundred microseconds. `encode` allocates
/// nothing.
public struct OpusEncoder: ~Copyable, @unchecked Sendable {
    // Unchecked: this noncopyable value alone owns the state, which moves with it.

    /// The use that the encoder is tuned for.
    public enum Application: Sendable, Hashable, CaseIterable {
        /// Speech: intelligible at a low bitrate.
        case voice
        /// Any audio, with the best fidelity.
        case audio
        /// Any audio, with the lowest latency.
        case lowDelay

        fileprivate var number: Int32 {
            switch self {
            case .voice: OPUS_APPLICATION_VOIP
            case .audio: OPUS_APPLICATION_AUDIO
            case .lowDelay: OPUS_APPLICATION_RESTRICTED_LOWDELAY
            }
        }
    }

    public let sampleRate: Int
    public let channelCount: Int
    /// Samples at `sampleRate` by which the decoder's output is late; it begins with that much silence.
    public let lookahead: Int

    /// Bytes that hold any packet of up to 20 ms.
    public static let maximumPacketBytes = 1275

    private let state: OpaquePointer

    /// - Parameters:
    ///   - sampleRate: 8000, 12000, 16000, 24000 or 48000 samples per second.
    ///   - channelCount: 1 or 2.
    ///   - bitrate: bits per second of all channels, 500...512000; `nil` leaves the choice to libopus.
    ///   - complexity: 0 (fast) ... 10 (good).
    public init(
        sampleRate: Int,
        channelCount: Int = 1,
        application: Application = .voice,
        bitrate: Int? = nil,
        complexity: Int = 5
    ) throws(OpusError) {
        try OpusError.check(sampleRate: sampleRate, channelCount: channelCount)
        if let bitrate, !(500...512_000).contains(bitrate) { throw .settingOutOfRange("bitrate", bitrate) }
        guard (0...10).contains(complexity) else { throw .settingOutOfRange("complexity", complexity) }
        var code: Int32 = 0
        guard
            let state = opus_encoder_create(Int32(sampleRate), Int32(channelCount), application.number, &code),
            code == OPUS_OK
        else { throw .from(code, bufferSize: 0) }
        var lookahead: Int32 = 0
        code = talkpath_opus_set_complexity(state, Int32(complexity))
        if let bitrate, code == OPUS_OK { code = talkpath_opus_set_bitrate(state, Int32(bitrate)) }
        if code == OPUS_OK { code = talkpath_opus_get_lookahead(state, &lookahead) }
        guard code == OPUS_OK else {
            opus_encoder_destroy(state)
            throw .from(code, bufferSize: 0)
        }
        self.state = state
        self.sampleRate = sampleRate
        self.channelCount = channelCount
        self.lookahead = Int(lookahead)
    }

    deinit {
        // Safety: created in `init`; no other code holds it.
        opus_encoder_destroy(state)
    }

    /// Encodes one frame.
    /// - Parameters:
    ///   - samples: 2.5, 5, 10, 20, 40 or 60 ms; the channels interleaved.
    ///   - packet: ``maximumPacketBytes`` hold any packet of up to 20 ms, three times as many hold any packet.
    /// - Returns: the number of bytes written to the front of `packet`.
    public mutating func encode(
        _ samples: Span<Int16>,
        into packet: inout MutableSpan<UInt8>
    ) throws(OpusError) -> Int {
        let perChannel = samples.count / channelCount
        let unit = sampleRate / 400
        guard samples.count == perChannel * channelCount,
            [1, 2, 4, 8, 16, 24].contains(where: { $0 * unit == perChannel })
        else { throw .unsupportedFrame(samples: samples.count) }
        guard packet.count > 0 else { throw .bufferTooSmall(0) }
        let room = packet.count
        let written = samples.withUnsafeBufferPointer { source in
            packet.withUnsafeMutableBufferPointer { target in
                // Safety: both buffers have the stated sizes; libopus keeps neither pointer.
                opus_encode(state, source.baseAddress!, Int32(perChannel), target.baseAddress!, Int32(clamping: room))
            }
        }
        guard written >= 0 else { throw .from(written, bufferSize: room) }
        return Int(written)
    }

    /// Clears all state, as in a new instance.
    public mutating func reset() {
        _ = talkpath_opus_reset_encoder(state)
    }
}
