import TalkpathAudio
import TalkpathWire

extension HotPath {
    /// Audio as the sockets carry it, with the instructions of the processor: a frame of the telephone's, and one of a
    /// model's PCM at 24 kHz.
    static let base64: [HotPath] = [160, 960].flatMap { count in
        [
            HotPath("base64 encode, \(count) bytes") {
                let (bytes, text) = buffers(count)
                return {
                    var target = text.mutableSpan
                    _ = Base64.encode(bytes.span.bytes, into: &target)
                }
            },
            HotPath("base64 decode, \(count) bytes") {
                let (bytes, text) = buffers(count)
                var target = text.mutableSpan
                _ = Base64.encode(bytes.span.bytes, into: &target)
                return {
                    var target = bytes.mutableSpan
                    _ = try Base64.decode(text.span.bytes, into: &target)
                }
            },
        ]
    }

    private static func buffers(
        _ count: Int
    ) -> (bytes: UnsafeMutableBufferPointer<UInt8>, text: UnsafeMutableBufferPointer<UInt8>) {
        let bytes = noise(count: count).map { UInt8(truncatingIfNeeded: $0 >> 4) }
        return (memory(bytes), memory([UInt8](repeating: 0, count: Base64.encodedCount(ofBytes: count))))
    }
}
