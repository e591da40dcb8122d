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
        guard let range = message.withUnsafeBytes({ Self.longestString(in: $0) }),
            let audio = Self.decoded(message.extracting(range))
        else {
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

    /// Where the audio of a message stands, if it has any: its longest text between two quotes. Whether that is base64
    /// is yet to be seen.
    static func longestString(in message: UnsafeRawBufferPointer) -> Range<Int>? {
        var longest: Range<Int>?
        var begin = 0
        while let index = ByteSearch.first(UInt8(ascii: "\""), in: message, from: begin) {
            if index - begin >= shortestAudio, index - begin > longest?.count ?? 0 { longest = begin..<index }
            begin = index + 1
        }
        return longest
    }

    /// Bytes that a text stands for, if it is base64.
    static func decodedCount(of text: UnsafeRawBufferPointer) -> Int { Base64.decodedCount(of: text.bytes) }

    /// Reads base64 into memory for ``decodedCount(of:)`` bytes.
    ///
    /// - Returns: false if it is none, or if what it stands for would be written otherwise: in the standard alphabet, with
    ///   padding. Other than by those two, and by bits that the decoder insists on, no two texts mean the same.
    static func decode(_ text: UnsafeRawBufferPointer, into target: UnsafeMutableBufferPointer<UInt8>) -> Bool {
        guard text.count % 4 == 0, ByteSearch.first(UInt8(ascii: "-"), in: text, from: 0) == nil,
            ByteSearch.first(UInt8(ascii: "_"), in: text, from: 0) == nil
        else { return false }
        var span = target.mutableSpan
        return (try? Base64.decode(text.bytes, into: &span)) == target.count
    }

    private static func decoded(_ text: RawSpan) -> [UInt8]? {
        text.withUnsafeBytes { text in
            var audio = [UInt8](repeating: 0, count: decodedCount(of: text))
            return audio.withUnsafeMutableBufferPointer { decode(text, into: $0) } ? audio : nil
        }
    }

    private static func encode(_ audio: [UInt8]) -> [UInt8] {
        var text = [UInt8](repeating: 0, count: Base64.encodedCount(ofBytes: audio.count))
        var target = text.mutableSpan
        Base64.encode(audio.span.bytes, into: &target)
        return text
    }
}
