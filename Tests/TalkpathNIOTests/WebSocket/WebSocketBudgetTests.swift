import NIOCore
import NIOEmbedded
import Testing

@testable import TalkpathNIO

/// The limits on a peer's traffic, with a manual clock.
@Suite struct WebSocketBudgetTests {
    private final class Counting: WebSocketConsumer {
        var messages = 0
        var close: WebSocketClose?

        func opened(_ connection: WebSocketConnection) {}
        func received(_ message: RawSpan, isText: Bool) { messages += 1 }
        func closed(_ close: WebSocketClose) { self.close = close }
    }

    private struct Socket {
        let channel = EmbeddedChannel()
        let told = Counting()

        init(_ limits: WebSocketLimits = .telephony) throws {
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            var limits = limits
            limits.pingInterval = nil
            try channel.pipeline.syncOperations.addHandler(
                WebSocketHandler(consumer: told, role: .server, limits: limits)
            )
        }

        func receive(_ bytes: [UInt8]) throws { try channel.writeInbound(ByteBuffer(bytes: bytes)) }

        func advance(_ amount: TimeAmount) { channel.embeddedEventLoop.advanceTime(by: amount) }

        /// Waits until the socket is closed, because the peer does not answer the close frame.
        func end() -> WebSocketClose? {
            advance(.seconds(2))
            return told.close
        }
    }

    private static let frame = RawWebSocket.text(String(repeating: "x", count: 300))

    @Test func `a call's normal traffic and a backlog of one minute stay within the budget`() throws {
        let socket = try Socket()
        for _ in 0..<3000 { try socket.receive(Self.frame) }
        // Frames and marks, and sometimes more.
        for _ in 0..<600 {
            socket.advance(.seconds(1))
            for _ in 0..<120 { try socket.receive(Self.frame) }
        }
        #expect(socket.told.messages == 3000 + 600 * 120 && socket.told.close == nil)
    }

    @Test func `media at a hundred times its rate is closed within a second`() throws {
        let socket = try Socket()
        for _ in 0..<100 {
            for _ in 0..<50 { try socket.receive(Self.frame) }
            socket.advance(.milliseconds(10))
        }
        #expect(socket.told.messages < 3300)
        let close = try #require(socket.end())
        #expect(close.code == WebSocketCloseCode.policyViolation && close.cause == .overrun(.frames))
        #expect(close.reason == WebSocketOverrun.frames.words)
    }

    @Test func `empty fragments count as messages`() throws {
        let socket = try Socket()
        try socket.receive(RawWebSocket.frame(0x01, [0x20]))
        try socket.receive(Array((0..<4000).map { _ in RawWebSocket.frame(0x00, []) }.joined()))
        #expect(socket.end()?.cause == .overrun(.frames) && socket.told.messages == 0)
    }

    @Test func `large messages are counted by their bytes`() throws {
        let socket = try Socket()
        let large = RawWebSocket.text(String(repeating: "x", count: 60_000))
        for _ in 0..<40 { try socket.receive(large) }
        #expect(socket.told.messages < 40)
        #expect(socket.end()?.cause == .overrun(.bytes))
    }

    @Test func `without a budget nothing is limited`() throws {
        var limits = WebSocketLimits.telephony
        limits.budget = nil
        let socket = try Socket(limits)
        for _ in 0..<10_000 { try socket.receive(Self.frame) }
        #expect(socket.told.messages == 10_000 && socket.told.close == nil)
    }

    @Test func `a bucket refills with elapsed time and no more`() {
        var now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
        var bucket = RateBucket(.init(perSecond: 10, atOnce: 20), at: now)
        #expect(bucket.take(20) && !bucket.take(1))
        // Each step is shorter than one token, so frequent refills must not lose time.
        for _ in 0..<33 {
            now = now + .milliseconds(33)
            bucket.refill(at: now)
        }
        let taken = (0..<100).count { _ in bucket.take(1) }
        #expect((10...11).contains(taken))
        now = now + .hours(48)
        bucket.refill(at: now)
        #expect(bucket.take(20) && !bucket.take(1))
    }
}
