extension WirePayload {
    /// The number of bytes of audio that the payload decodes to, if it is valid Base64.
    ///
    /// - Parameter message: the message that the payload came with.
    public func decodedCount(in message: RawSpan) -> Int {
        switch self {
        case .inPlace(let range): Base64.decodedCount(of: message.extracting(range))
        case .unescaped(let text): Base64.decodedCount(of: text.span.bytes)
        case .raw(let range): range.count
        }
    }

    /// Decodes the audio without allocation.
    ///
    /// - Parameter message: the message that the payload came with.
    /// - Returns: the number of bytes written.
    /// - Throws: `malformedBase64`, also if `target` is shorter than ``decodedCount(in:)``.
    public func decode(from message: RawSpan, into target: inout MutableSpan<UInt8>) throws(WireError) -> Int {
        switch self {
        case .inPlace(let range): return try Base64.decode(message.extracting(range), into: &target)
        case .unescaped(let text): return try Base64.decode(text.span.bytes, into: &target)
        case .raw(let range):
            guard target.count >= range.count else { throw WireError(.malformedBase64, "the target is too short") }
            let audio = message.extracting(range)
            for index in 0..<range.count { target[index] = audio.unsafeLoad(fromByteOffset: index, as: UInt8.self) }
            return range.count
        }
    }
}
