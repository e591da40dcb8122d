/// Parses a WAV file that is in memory. Skips unknown chunks. A `data` chunk whose length is unknown, or larger than
/// the file, ends with the file. No input traps.
public struct WAVReader: Sendable {
    public let format: AudioFormat
    public let channelCount: Int
    /// The bytes of the interleaved samples, in whole samples of all channels.
    public let dataRange: Range<Int>
    private let bytes: [UInt8]

    public init(_ bytes: [UInt8]) throws(WAVError) {
        guard bytes.count >= 12, bytes[0..<4].elementsEqual("RIFF".utf8), bytes[8..<12].elementsEqual("WAVE".utf8)
        else { throw .notAWAVFile }
        var found: (format: AudioFormat, channelCount: Int)?
        var data: Range<Int>?
        var position = 12
        while data == nil, position + 8 <= bytes.count {
            let name = bytes[position..<position + 4]
            let size = Self.integer(bytes, at: position + 4, bytes: 4)
            let start = position + 8
            let end = min(bytes.count, start + size)
            if name.elementsEqual("fmt ".utf8) {
                found = try Self.parseFormat(bytes[start..<end])
            } else if name.elementsEqual("data".utf8) {
                data = start..<end
            }
            // Chunks begin at even offsets.
            position = start + size + (size & 1)
        }
        guard let found else { throw .missingChunk("fmt") }
        guard let data else { throw .missingChunk("data") }
        format = found.format
        channelCount = found.channelCount
        let blockBytes = found.format.bytesPerSample * found.channelCount
        dataRange = data.lowerBound..<data.upperBound - data.count % blockBytes
        self.bytes = bytes
    }

    /// The interleaved samples as the file's bytes.
    public var data: ArraySlice<UInt8> { bytes[dataRange] }

    /// All samples, linear, by channel.
    public func decoded() -> WAV {
        let size = format.bytesPerSample
        let blockBytes = size * channelCount
        let channels = (0..<channelCount).map { channel in
            stride(from: dataRange.lowerBound + channel * size, to: dataRange.upperBound, by: blockBytes).map { place in
                switch format.encoding {
                case .pcm16: Int16(truncatingIfNeeded: Self.integer(bytes, at: place, bytes: 2))
                case .mulaw: MuLaw.decode(bytes[place])
                case .alaw: ALaw.decode(bytes[place])
                }
            }
        }
        return WAV(channels: channels, sampleRate: format.sampleRate)
    }

    private static func parseFormat(
        _ chunk: ArraySlice<UInt8>
    ) throws(WAVError) -> (format: AudioFormat, channelCount: Int) {
        guard chunk.count >= 16 else { throw .missingChunk("fmt") }
        let bytes = Array(chunk)
        var tag = integer(bytes, at: 0, bytes: 2)
        let channelCount = integer(bytes, at: 2, bytes: 2)
        let sampleRate = integer(bytes, at: 4, bytes: 4)
        let bits = integer(bytes, at: 14, bytes: 2)
        if tag == WAVFormatTag.extensible.rawValue, bytes.count >= 26 {
            tag = integer(bytes, at: 24, bytes: 2)
        }
        let encoding: AudioFormat.Encoding? =
            switch (WAVFormatTag(rawValue: tag), bits) {
            case (.linear, 16): .pcm16
            case (.mulaw, 8): .mulaw
            case (.alaw, 8): .alaw
            default: nil
            }
        guard let encoding, channelCount > 0, sampleRate > 0 else {
            throw .unsupportedFormat(
                tag: tag,
                bitsPerSample: bits,
                channelCount: channelCount,
                sampleRate: sampleRate
            )
        }
        return (AudioFormat(encoding: encoding, sampleRate: sampleRate), channelCount)
    }

    /// A little-endian unsigned integer; the caller has checked that its bytes exist.
    private static func integer(_ bytes: [UInt8], at place: Int, bytes count: Int) -> Int {
        (0..<count).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
    }
}
