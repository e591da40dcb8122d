import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing

@testable import TalkpathNIO

/// Records what a reader delivers.
private final class Collected: WebSocketFrameSink {
    enum Item: Equatable {
        case message([UInt8], isText: Bool)
        case ping([UInt8])
        case pong([UInt8])
        case close(UInt16, String)
    }

    var items: [Item] = []
    var acceptsFrames: Bool { true }

    func beganFrame() {}
    func receivedMessage(_ message: RawSpan, isText: Bool) { items.append(.message(array(message), isText: isText)) }
    func receivedPing(_ payload: RawSpan) { items.append(.ping(array(payload))) }
    func receivedPong(_ payload: RawSpan) { items.append(.pong(array(payload))) }
    func receivedClose(code: UInt16, reason: String) { items.append(.close(code, reason)) }

    private func array(_ span: RawSpan) -> [UInt8] { span.withUnsafeBytes { Array($0) } }
}

@Suite struct WebSocketFrameReaderTests {
    /// Feeds `bytes` in pieces of `size`.
    private func read(
        _ bytes: [UInt8],
        as role: WebSocketRole = .server,
        pieces size: Int = .max,
        maximum: Int = 1 << 20
    ) -> (items: [Collected.Item], failure: WebSocketFailure?) {
        var reader = WebSocketFrameReader(role: role, maximumMessageBytes: maximum)
        let sink = Collected()
        var rest = bytes[...]
        while !rest.isEmpty {
            let failure = Array(rest.prefix(size)).withUnsafeBytes { reader.read($0, into: sink) }
            if let failure { return (sink.items, failure) }
            rest = rest.dropFirst(size)
        }
        return (sink.items, nil)
    }

    @Test(arguments: [1, 2, 3, 5, 13, 64, Int.max], [WebSocketRole.server, .client])
    func `messages do not depend on how the bytes are split`(pieces: Int, role: WebSocketRole) {
        let masked = role == .server
        let long = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let stream =
            RawWebSocket.text("grüß", masked: masked)
            + RawWebSocket.frame(0x01, Array("ein ".utf8) + [0xC3], masked: masked)
            + RawWebSocket.frame(0x89, [1, 2, 3], masked: masked)
            + RawWebSocket.frame(0x00, [0xA4], masked: masked)
            + RawWebSocket.frame(0x8A, [], masked: masked)
            + RawWebSocket.frame(0x80, Array("hnlich".utf8), masked: masked)
            + RawWebSocket.frame(0x82, long, masked: masked)
            + RawWebSocket.frame(0x82, [], masked: masked)
            + RawWebSocket.frame(0x02, [], masked: masked) + RawWebSocket.frame(0x80, [9], masked: masked)
            + RawWebSocket.frame(0x88, [0x03, 0xE8] + Array("bye".utf8), masked: masked)
        let (items, failure) = read(stream, as: role, pieces: pieces)
        #expect(failure == nil)
        #expect(
            items == [
                .message(Array("grüß".utf8), isText: true), .ping([1, 2, 3]), .pong([]),
                .message(Array("ein ähnlich".utf8), isText: true), .message(long, isText: false),
                .message([], isText: false), .message([9], isText: false), .close(1000, "bye"),
            ]
        )
    }

    @Test(
        arguments: [
            ("first reserved bit", RawWebSocket.frame(0xC1, [65]), 1002),
            ("second reserved bit", RawWebSocket.frame(0xA1, [65]), 1002),
            ("third reserved bit", RawWebSocket.frame(0x91, [65]), 1002),
            ("reserved data opcode", RawWebSocket.frame(0x83, []), 1002),
            ("reserved control opcode", RawWebSocket.frame(0x8B, []), 1002),
            ("not masked", RawWebSocket.text("a", masked: false), 1002),
            ("fragmented ping", RawWebSocket.frame(0x09, []), 1002),
            ("long ping", RawWebSocket.frame(0x89, [UInt8](repeating: 0, count: 126)), 1002),
            ("continuation of nothing", RawWebSocket.frame(0x80, []), 1002),
            ("text within a message", RawWebSocket.frame(0x01, []) + RawWebSocket.text("a"), 1002),
            ("length with the highest bit", [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], 1002),
            ("close of one byte", RawWebSocket.frame(0x88, [3]), 1002),
            ("close code 999", RawWebSocket.close(999), 1002),
            ("close code 1004", RawWebSocket.close(1004), 1002),
            ("close code 1005", RawWebSocket.close(1005), 1002),
            ("close code 1006", RawWebSocket.close(1006), 1002),
            ("close code 1015", RawWebSocket.close(1015), 1002),
            ("close code 2999", RawWebSocket.close(2999), 1002),
            ("close code 5000", RawWebSocket.close(5000), 1002),
            ("close reason not UTF-8", RawWebSocket.frame(0x88, [3, 232, 0xFF]), 1007),
            ("text not UTF-8", RawWebSocket.frame(0x81, [0xC0, 0xAF]), 1007),
            ("text cut within a character", RawWebSocket.frame(0x81, [0xE2, 0x82]), 1007),
            (
                "wrong continuation in the next fragment",
                RawWebSocket.frame(0x01, [0xE2]) + RawWebSocket.frame(0x00, [65]), 1007
            ),
            ("frame too long", RawWebSocket.frame(0x82, [UInt8](repeating: 0, count: 1001)), 1009),
            (
                "fragments too long together",
                RawWebSocket.frame(0x02, [UInt8](repeating: 0, count: 600))
                    + RawWebSocket.frame(0x80, [UInt8](repeating: 0, count: 401)), 1009
            ),
        ] as [(String, [UInt8], UInt16)]
    )
    func `each breach of the protocol is refused with its close code`(what: String, bytes: [UInt8], code: UInt16) {
        let (items, failure) = read(bytes, maximum: 1000)
        #expect(failure?.code == code)
        #expect(items.isEmpty)
        #expect(read(bytes, pieces: 1, maximum: 1000).failure == failure)
    }

    @Test func `a client refuses masked frames`() {
        #expect(read(RawWebSocket.text("a"), as: .client).failure?.code == 1002)
    }

    @Test func `an oversized frame is refused at its header`() {
        let header = Array(RawWebSocket.frame(0x82, [UInt8](repeating: 0, count: 2000)).prefix(8))
        #expect(read(header, maximum: 1000).failure?.code == 1009)
    }

    @Test func `an invalid UTF-8 byte is refused before its frame is complete`() {
        let start = Array(RawWebSocket.frame(0x81, Array("aaaaaaaaa".utf8) + [0xFF] + Array("bbbb".utf8)).prefix(16))
        #expect(read(start).failure?.code == 1007)
    }

    @Test(arguments: [0, 1, 125, 126, 4000, 65_535, 65_536, 100_000])
    func `frames of NIO's encoder are read`(size: Int) throws {
        let payload = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        let channel = EmbeddedChannel(handler: WebSocketFrameEncoder())
        for mask in [nil, WebSocketMaskingKey([1, 200, 3, 77])] {
            let frame = WebSocketFrame(fin: true, opcode: .binary, maskKey: mask, data: ByteBuffer(bytes: payload))
            try channel.writeOutbound(frame)
            var bytes: [UInt8] = []
            while let buffer = try channel.readOutbound(as: ByteBuffer.self) { bytes += buffer.readableBytesView }
            #expect(read(bytes, as: mask == nil ? .client : .server).items == [.message(payload, isText: false)])
        }
        _ = try channel.finish()
    }

    @Test(arguments: [0, 1, 3, 8, 125, 126, 4000, 65_535, 65_536, 100_000])
    func `NIO's decoder reads the frames that we write`(size: Int) throws {
        let payload = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        for mask: UInt32? in [nil, 0xDEAD_BEEF] {
            var buffer = ByteBuffer()
            buffer.writeInteger(UInt8(7))
            buffer.moveReaderIndex(forwardBy: 1)
            payload.withUnsafeBytes { buffer.writeWebSocketFrame(.text, $0, mask: mask) }
            let channel = EmbeddedChannel(
                handler: ByteToMessageHandler(NIOWebSocket.WebSocketFrameDecoder(maxFrameSize: 1 << 20))
            )
            try channel.writeInbound(buffer)
            let frame = try #require(try channel.readInbound(as: WebSocketFrame.self))
            #expect(frame.fin && frame.opcode == .text && frame.reservedBits.isEmpty)
            #expect((frame.maskKey != nil) == (mask != nil))
            #expect(Array(frame.unmaskedData.readableBytesView) == payload)
            _ = try channel.finish()
        }
    }

    @Test func `masking from any phase equals masking byte by byte`() {
        let source = (0..<41).map { UInt8($0 &* 5) }
        let key: [UInt8] = [0x12, 0x34, 0x56, 0x78]
        let packed = key.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
        for phase in 0..<9 {
            var target = [UInt8](repeating: 0, count: source.count)
            target.withUnsafeMutableBytes { target in
                source.withUnsafeBytes {
                    copyMasked(from: $0, to: target.baseAddress!, key: packed, phase: phase)
                }
            }
            #expect(target == source.enumerated().map { $1 ^ key[($0 + phase) % 4] })
        }
    }

    @Test func `random bytes never trap`() {
        var generator = Seeded(state: 1)
        for _ in 0..<3000 {
            let count = Int.random(in: 0...80, using: &generator)
            var bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            // Half of them begin like a frame, to get further into the reader.
            if Bool.random(using: &generator), count > 1 {
                bytes[0] = [0x81, 0x01, 0x82, 0x89, 0x88, 0x00].randomElement(using: &generator)!
                bytes[1] |= 0x80
            }
            let whole = read(bytes, maximum: 60)
            let split = read(bytes, pieces: 1, maximum: 60)
            #expect(whole.items == split.items)
            #expect(whole.failure == split.failure)
        }
    }
}

@Suite struct UTF8ValidatorTests {
    private func isValid(_ bytes: [UInt8], pieces: Int) -> Bool {
        var validator = UTF8Validator()
        var rest = bytes[...]
        while !rest.isEmpty {
            guard Array(rest.prefix(pieces)).withUnsafeBytes({ validator.accept($0) }) else { return false }
            rest = rest.dropFirst(pieces)
        }
        return validator.isComplete
    }

    @Test func `byte sequences are judged as the standard library judges them`() {
        let interesting: [UInt8] = [
            0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
            0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
        ]
        for first in interesting {
            for second in interesting {
                for third in interesting {
                    for fourth: UInt8 in [0x41, 0x80, 0xBF] {
                        let bytes = [first, second, third, fourth]
                        let expected = String(validating: bytes, as: UTF8.self) != nil
                        #expect(isValid(bytes, pieces: 4) == expected, "\(bytes)")
                        #expect(isValid(bytes, pieces: 1) == expected, "\(bytes)")
                    }
                }
            }
        }
    }

    @Test func `a character across an eight-byte step is validated`() {
        for offset in 0..<20 {
            let bytes = [UInt8](repeating: 0x41, count: offset) + Array("€𝄞".utf8) + [UInt8](repeating: 0x42, count: 20)
            #expect(isValid(bytes, pieces: .max))
            #expect(!isValid(bytes.map { $0 == 0x82 ? 0x02 : $0 }, pieces: .max))
        }
    }
}

/// SplitMix64, which gives the same numbers on every machine.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
