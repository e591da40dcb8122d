import TalkpathWire

/// Audio stands in messages as base64, in captures as what it means: a quarter less, and no longer text that says
/// nothing.
extension CaptureMessage {
    /// Shorter texts are left alone: they are names, not audio.
    static let shortestAudio = 64

    /// Takes a message apart. Put together again it is the same, byte for byte.
    package init(_ message: RawSpan) {
        func bytes(_ range: Range<Int>) -> [UInt8] {
            message.extracting(range).withUnsafeBytes { Array($0) }
        }
        guard let range = Self.longestString(in: message), let audio = Self.decode(message, range) else {
            self.init(prefix: bytes(0..<message.byteCount))
            return
        }
        self.init(
            prefix: bytes(0..<range.lowerBound),
            audio: .bytes(audio),
            suffix: bytes(range.upperBound..<message.byteCount)
        )
    }

    /// The message as it was; nil where only a digest of its audio was kept.
    package var bytes: [UInt8]? {
        switch audio {
        case .none: return prefix + suffix
        case .bytes(let audio): return prefix + Self.encode(audio) + suffix
        case .digest: return nil
        }
    }

    /// Everything but the audio, for whoever looks at the message's words.
    package var text: [UInt8] { prefix + suffix }

    package var audioByteCount: Int {
        switch audio {
        case .none: 0
        case .bytes(let bytes): bytes.count
        case .digest(let count, _): count
        }
    }

    /// With a digest in the place of the audio.
    package var digested: CaptureMessage {
        guard case .bytes(let bytes) = audio else { return self }
        var digested = self
        digested.audio = .digest(count: bytes.count, digest: Self.digest(of: bytes))
        return digested
    }

    package static func digest(of bytes: [UInt8]) -> UInt64 {
        TalkpathCrypto.sha256(bytes).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// As one piece of text, whatever stands in it.
    var unpacked: CaptureMessage {
        bytes.map { CaptureMessage(prefix: $0) } ?? self
    }

    /// The longest text between two quotes.
    private static func longestString(in message: RawSpan) -> Range<Int>? {
        message.withUnsafeBytes { bytes in
            var longest: Range<Int>?
            var begin = 0
            while let index = ByteSearch.first(UInt8(ascii: "\""), in: bytes, from: begin) {
                if index - begin >= shortestAudio, index - begin > longest?.count ?? 0 { longest = begin..<index }
                begin = index + 1
            }
            return longest
        }
    }

    /// What the text stands for, provided that writing it again yields the same text.
    private static func decode(_ message: RawSpan, _ range: Range<Int>) -> [UInt8]? {
        let text = message.extracting(range)
        var audio = [UInt8](repeating: 0, count: Base64.decodedCount(of: text))
        var target = audio.mutableSpan
        guard let count = try? Base64.decode(text, into: &target), count == audio.count else { return nil }
        let again = encode(audio)
        let isSame = text.withUnsafeBytes { text in again.withUnsafeBytes { areEqual(text, $0) } }
        return isSame ? audio : nil
    }

    /// Eight bytes at a time: this is done for every frame, and one byte at a time was a quarter of a capture's cost.
    private static func areEqual(_ one: UnsafeRawBufferPointer, _ other: UnsafeRawBufferPointer) -> Bool {
        guard one.count == other.count else { return false }
        var index = 0
        while index + 8 <= one.count {
            // In bounds of both: they are equally long.
            let word = one.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            guard word == other.loadUnaligned(fromByteOffset: index, as: UInt64.self) else { return false }
            index += 8
        }
        while index < one.count {
            guard one[index] == other[index] else { return false }
            index += 1
        }
        return true
    }

    private static func encode(_ audio: [UInt8]) -> [UInt8] {
        var text = [UInt8](repeating: 0, count: Base64.encodedCount(ofBytes: audio.count))
        var target = text.mutableSpan
        Base64.encode(audio.span.bytes, into: &target)
        return text
    }
}
