import TalkpathAudio
import TalkpathWire

/// Speech that can be recognised after any conversion: each item of a simulated model has one constant level.
enum SpokenLevels {
    /// The number of items that have a level of their own.
    static let count = 20

    /// The length of one piece of speech.
    static let pieceMilliseconds = 250

    private static let amplitudes: [Double] = {
        var levels: [Double] = []
        var level = 300.0
        for _ in 0..<count {
            levels.append(level)
            level *= 1.22
        }
        return levels
    }()

    /// A piece of speech, in Base64.
    static func piece(_ item: Int, _ format: AudioFormat) -> String {
        format.encoding == .mulaw ? mulaw[item] : pcm24k[item]
    }

    private static let pcm24k: [String] = amplitudes.map { level in
        let sample = UInt16(bitPattern: Int16(level))
        let bytes = [UInt8(truncatingIfNeeded: sample), UInt8(truncatingIfNeeded: sample >> 8)]
        return base64(Array(repeatElement(bytes, count: pieceMilliseconds * 24).joined()))
    }

    private static let mulaw: [String] = amplitudes.map { level in
        let linear = [Int16(level)]
        var byte: [UInt8] = [0]
        var target = byte.mutableSpan
        _ = MuLaw.encode(linear.span, into: &target)
        return base64([UInt8](repeating: byte[0], count: pieceMilliseconds * 8))
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        var text = [UInt8](repeating: 0, count: Base64.encodedCount(ofBytes: bytes.count))
        var target = text.mutableSpan
        _ = Base64.encode(bytes.span.bytes, into: &target)
        return String(decoding: text, as: UTF8.self)
    }

    // MARK: Hearing

    private static let linear: [Int16] = {
        let codes = (0...255).map { UInt8($0) }
        var samples = [Int16](repeating: 0, count: 256)
        var target = samples.mutableSpan
        _ = MuLaw.decode(codes.span.bytes, into: &target)
        return samples
    }()

    /// The item that this µ-law audio belongs to; `nil` if it cannot be determined, or if the audio is something else.
    static func item(in audio: [UInt8]) -> Int? {
        guard audio.count >= 80 else { return nil }
        // A few samples are enough. Those at the ends, where the filter swings in and out, are ignored.
        let levels = stride(from: 4, to: audio.count, by: 8).map { linear[Int(audio[$0])] }.sorted()
        guard let low = nearest(levels[levels.count * 2 / 5]), let high = nearest(levels[levels.count * 3 / 5]) else {
            return nil
        }
        return low == high ? low : nil
    }

    private static func nearest(_ sample: Int16) -> Int? {
        guard sample > 0 else { return nil }
        let level = Double(sample)
        return amplitudes.firstIndex { abs($0 - level) <= 0.07 * $0 }
    }
}
