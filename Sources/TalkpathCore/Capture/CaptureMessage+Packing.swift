import TalkpathWire

/// Messages hold audio as Base64; captures hold the decoded bytes, which are a quarter smaller.
extension CaptureMessage {
    /// The shortest text, in characters, that may be audio; shorter ones are names.
    static let shortestAudio = 64

    /// Splits a message into text and audio. ``bytes`` gives the same message again, byte for byte.
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

    /// The original message; `nil` if only a digest of its audio was kept.
    package var bytes: [UInt8]? {
        switch audio {
        case .none: return prefix + suffix
        case .bytes(let audio): return prefix + Self.encode(audio) + suffix
        case .digest: return nil
        }
    }

    /// Everything but the audio, for code that searches the message's text.
    package var text: [UInt8] { prefix + suffix }

    package var audioByteCount: Int {
        switch audio {
        case .none: 0
        case .bytes(let bytes): bytes.count
        case .digest(let count, _): count
        }
    }

    /// The message with a digest in place of the audio.
    package var digested: CaptureMessage {
        guard case .bytes(let bytes) = audio else { return self }
        var digested = self
        digested.audio = .digest(count: bytes.count, digest: Self.digest(of: bytes))
        return digested
    }

    package static func digest(of bytes: [UInt8]) -> UInt64 {
        TalkpathCrypto.sha256(bytes).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The message as one piece of text, audio included.
    var unpacked: CaptureMessage {
        bytes.map { CaptureMessage(prefix: $0) } ?? self
    }

    /// The range of a message's possible audio: its longest text between two quotes. The text need not be Base64.
    static func longestString(in message: UnsafeRawBufferPointer) -> Range<Int>? {
        var longest: Range<Int>?
        var begin = 0
        while let index = ByteSearch.first(UInt8(ascii: "\""), in: message, from: begin) {
            if index - begin >= shortestAudio, index - begin > longest?.count ?? 0 { longest = begin..<index }
            begin = index + 1
        }
        return longest
    }

    /// The number of bytes that a text decodes to, if it is Base64.
    static func decodedCount(of text: UnsafeRawBufferPointer) -> Int { Base64.decodedCount(of: text.bytes) }

    /// Decodes Base64 into memory for ``decodedCount(of:)`` bytes.
    ///
    /// - Returns: false if the text is not Base64, or if encoding the bytes again would give another text: one with the
    ///   URL-safe alphabet or without padding. Apart from these, and from trailing bits that the decoder checks, every
    ///   byte string has one text.
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
