extension FuzzTarget {
    /// The bytes of a WebSocket, whole and in pieces, say the same. The first byte chooses the role and the pieces.
    static let frames = FuzzTarget(name: "frames") { input in
        guard let first = input.first else { return }
        let bytes = Array(input.dropFirst())
        let role: WebSocketRole = first & 1 == 0 ? .server : .client
        let whole = Sink()
        let failure = read(bytes, role, bytes.count, whole)
        let pieces = Sink()
        let other = read(bytes, role, 1 + Int(first >> 1) % 13, pieces)
        expect(failure?.code == other?.code, "\(String(describing: failure)) is not \(String(describing: other))")
        // A breach may be seen before what came in front of it, in one piece, was told; never after.
        expect(whole.told == pieces.told, "\(whole.told) is not \(pieces.told)")
    }

    private static func read(_ bytes: [UInt8], _ role: WebSocketRole, _ size: Int, _ sink: Sink) -> WebSocketFailure? {
        var reader = WebSocketFrameReader(role: role, maximumMessageBytes: 4096)
        return bytes.withUnsafeBytes { buffer in
            var offset = 0
            while offset < buffer.count {
                let end = min(offset + max(size, 1), buffer.count)
                if let failure = reader.read(UnsafeRawBufferPointer(rebasing: buffer[offset..<end]), into: sink) {
                    return failure
                }
                offset = end
            }
            return nil
        }
    }

    private final class Sink: WebSocketFrameSink {
        var told: [String] = []
        var acceptsFrames: Bool { true }
        func beganFrame() { told.append("frame") }

        func receivedMessage(_ message: RawSpan, isText: Bool) {
            let bytes = message.withUnsafeBytes { Array($0) }
            expect(bytes.count <= 4096, "a message beyond its limit")
            expect(!isText || String(validating: bytes, as: UTF8.self) != nil, "a text that is not UTF-8")
            told.append("\(isText) \(bytes)")
        }

        func receivedPing(_ payload: RawSpan) { told.append("ping \(payload.byteCount)") }
        func receivedPong(_ payload: RawSpan) { told.append("pong \(payload.byteCount)") }
        func receivedClose(code: UInt16, reason: String) { told.append("close \(code) \(reason)") }
    }
}
