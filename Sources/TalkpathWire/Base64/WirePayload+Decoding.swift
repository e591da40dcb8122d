extension WirePayload {
    /// Bytes of audio it stands for, provided it is base64 at all.
    ///
    /// - Parameter message: the message it came with.
    public func decodedCount(in message: RawSpan) -> Int {
        switch self {
        case .inPlace(let range): Base64.decodedCount(of: message.extracting(range))
        case .unescaped(let text): Base64.decodedCount(of: text.span.bytes)
        }
    }

    /// Decodes the audio; no allocation.
    ///
    /// - Parameter message: the message it came with.
    /// - Returns: the bytes written.
    /// - Throws: `malformedBase64`, also when `target` is shorter than ``decodedCount(in:)``.
    public func decode(from message: RawSpan, into target: inout MutableSpan<UInt8>) throws(WireError) -> Int {
        switch self {
        case .inPlace(let range): try Base64.decode(message.extracting(range), into: &target)
        case .unescaped(let text): try Base64.decode(text.span.bytes, into: &target)
        }
    }
}
