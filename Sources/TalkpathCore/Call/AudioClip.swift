public import TalkpathAudio

/// Recorded audio that is played to the caller exactly as it is, as far as the line carries it. One channel.
public struct AudioClip: Sendable, Hashable, CustomStringConvertible {
    public let format: AudioFormat
    /// Whole samples.
    public let bytes: [UInt8]

    /// The longest clip that is taken: what plays longer belongs into pieces.
    public static let longest = Duration.seconds(300)

    /// - Throws: `CallCommandError`, `invalid_clip`, if there is nothing to hear, or more than ``longest``.
    public init(format: AudioFormat, bytes: [UInt8]) throws(CallCommandError) {
        let whole = bytes.count - bytes.count % format.bytesPerSample
        guard whole > 0, format.bytesPerMillisecond > 0 else {
            throw CallCommandError(.invalidClip, "there is no audio in the clip")
        }
        guard format.duration(ofBytes: whole) <= Self.longest else {
            throw CallCommandError(.invalidClip, "the clip is longer than \(Self.longest)")
        }
        self.format = format
        self.bytes = whole == bytes.count ? bytes : Array(bytes[..<whole])
    }

    /// A clip from a WAV file in memory; of several channels, the first.
    public init(wav: [UInt8]) throws(CallCommandError) {
        let reader: WAVReader
        do {
            reader = try WAVReader(wav)
        } catch {
            throw CallCommandError(.invalidClip, error.description)
        }
        if reader.channelCount == 1 {
            try self.init(format: reader.format, bytes: Array(reader.data))
            return
        }
        let size = reader.format.bytesPerSample
        var bytes: [UInt8] = []
        for place in stride(from: reader.data.startIndex, to: reader.data.endIndex, by: size * reader.channelCount) {
            bytes += reader.data[place..<place + size]
        }
        try self.init(format: reader.format, bytes: bytes)
    }

    public var duration: Duration { format.duration(ofBytes: bytes.count) }

    public var description: String { "clip of \(duration), \(format)" }

    /// The same audio in the line's own format.
    func converted(to line: AudioFormat) throws(CallCommandError) -> [UInt8] {
        guard format != line else { return bytes }
        var converted: [UInt8] = []
        do {
            var converter = try AudioConverter(from: format, to: line)
            func take(_ piece: RawSpan) {
                piece.withUnsafeBytes { converted += $0 }
            }
            converter.convert(bytes.span.bytes, take)
            converter.finish(take)
        } catch {
            throw CallCommandError(.invalidClip, "the clip's sample rate cannot be played here: \(error)")
        }
        return converted
    }
}
