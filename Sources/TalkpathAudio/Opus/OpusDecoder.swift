import COpus

/// Decodes Opus packets (RFC 6716) to 16-bit samples, with libopus. Any packet can be decoded at any supported rate.
///
/// For one thread at a time. `decode` allocates nothing, and no packet makes it trap.
public struct OpusDecoder: ~Copyable, @unchecked Sendable {
    // Unchecked: this noncopyable value alone owns the state, which moves with it.

    public let sampleRate: Int
    public let channelCount: Int

    private let state: OpaquePointer

    /// - Parameters:
    ///   - sampleRate: the output's rate: 8000, 12000, 16000, 24000 or 48000 samples per second.
    ///   - channelCount: the output's channels: 1 or 2, also if the packets have another number.
    public init(sampleRate: Int, channelCount: Int = 1) throws(OpusError) {
        try OpusError.check(sampleRate: sampleRate, channelCount: channelCount)
        var code: Int32 = 0
        guard let state = opus_decoder_create(Int32(sampleRate), Int32(channelCount), &code), code == OPUS_OK
        else { throw .from(code, bufferSize: 0) }
        self.state = state
        self.sampleRate = sampleRate
        self.channelCount = channelCount
    }

    deinit {
        // Safety: created in `init`; no other code holds it.
        opus_decoder_destroy(state)
    }

    /// The most samples of all channels that one packet decodes to: 120 ms.
    public var maximumSampleCount: Int { sampleRate * 120 / 1000 * channelCount }

    /// Decodes one packet.
    /// - Parameter samples: ``maximumSampleCount`` are enough for any packet; the channels are interleaved.
    /// - Returns: the number of samples of all channels written to the front of `samples`.
    public mutating func decode(_ packet: RawSpan, into samples: inout MutableSpan<Int16>) throws(OpusError) -> Int {
        // libopus takes an empty packet for a lost one.
        guard packet.byteCount > 0, packet.byteCount <= Int(Int32.max) else { throw .invalidPacket }
        let room = samples.count
        let perChannel = packet.withUnsafeBytes { source in
            samples.withUnsafeMutableBufferPointer { target -> Int32 in
                guard let target = target.baseAddress else { return OPUS_BUFFER_TOO_SMALL }
                let bytes = source.baseAddress!.assumingMemoryBound(to: UInt8.self)
                // Safety: both buffers have the stated sizes; libopus keeps neither pointer.
                return opus_decode(state, bytes, Int32(source.count), target, Int32(clamping: room / channelCount), 0)
            }
        }
        guard perChannel >= 0 else { throw .from(perChannel, bufferSize: room) }
        return Int(perChannel) * channelCount
    }

    /// Conceals a lost packet: fills its place with an estimate.
    /// - Parameter samples: as long as the lost packet; a multiple of 2.5 ms.
    public mutating func conceal(into samples: inout MutableSpan<Int16>) throws(OpusError) {
        let room = samples.count
        let perChannel = samples.withUnsafeMutableBufferPointer { target -> Int32 in
            guard let target = target.baseAddress else { return OPUS_BUFFER_TOO_SMALL }
            // Safety: the target has the stated size.
            return opus_decode(state, nil, 0, target, Int32(clamping: room / channelCount), 0)
        }
        guard perChannel >= 0 else {
            throw perChannel == OPUS_BAD_ARG ? .unsupportedFrame(samples: room) : .from(perChannel, bufferSize: room)
        }
    }

    /// Clears all state, as in a new instance.
    public mutating func reset() {
        _ = talkpath_opus_reset_decoder(state)
    }
}
