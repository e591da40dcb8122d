import NIOCore
import NIOEmbedded
import Testing

@testable import TalkpathNIO

/// One handler on an embedded channel: bytes in, bytes out, and a manual clock.
@Suite struct WebSocketHandlerTests {
    /// A channel of one thread, and the calls that its consumer received.
    private struct Socket {
        let channel: EmbeddedChannel
        let told: Told
        let writes = WriteCounter()

        var connection: WebSocketConnection { told.connection! }

        init(role: WebSocketRole = .server, limits: WebSocketLimits = .telephony) throws {
            channel = EmbeddedChannel()
            told = Told()
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            try channel.pipeline.syncOperations.addHandler(writes)
            try channel.pipeline.syncOperations.addHandler(
                WebSocketHandler(consumer: told, role: role, limits: limits)
            )
        }

        func receive(_ bytes: [UInt8]) throws { try channel.writeInbound(ByteBuffer(bytes: bytes)) }

        func sent() throws -> [UInt8] {
            var bytes: [UInt8] = []
            while let buffer = try channel.readOutbound(as: ByteBuffer.self) { bytes += buffer.readableBytesView }
            return bytes
        }

        func advance(_ amount: TimeAmount) { channel.embeddedEventLoop.advanceTime(by: amount) }
    }

    private final class WriteCounter: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        var flushes = 0
        var writes = 0

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            writes += 1
            context.write(data, promise: promise)
        }

        func flush(context: ChannelHandlerContext) {
            flushes += 1
            context.flush()
        }
    }

    private final class Told: WebSocketConsumer {
        var connection: WebSocketConnection?
        var log: [String] = []
        var close: WebSocketClose?
        var onMessage: (String) -> Void = { _ in }

        func opened(_ connection: WebSocketConnection) {
            self.connection = connection
            log.append("opened")
        }

        func received(_ message: RawSpan, isText: Bool) {
            let text = message.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            log.append("<" + text)
            onMessage(text)
            log.append(text + ">")
        }

        func readComplete() { log.append("read") }
        func writabilityChanged(isWritable: Bool) { log.append("writable \(isWritable)") }

        func closed(_ close: WebSocketClose) {
            self.close = close
            log.append("closed")
        }
    }

    // MARK: Messages

    @Test func `several messages of one read are answered in one write`() throws {
        let socket = try Socket()
        socket.told.onMessage = { socket.connection.write(text: $0) }
        try socket.receive(RawWebSocket.text("a") + RawWebSocket.text("b"))
        #expect(socket.told.log == ["opened", "<a", "a>", "<b", "b>", "read"])
        #expect(try socket.sent() == RawWebSocket.text("a", masked: false) + RawWebSocket.text("b", masked: false))
        #expect(socket.writes.writes == 1)
        #expect(socket.writes.flushes == 1)
    }

    @Test func `a read without an answer flushes nothing`() throws {
        let socket = try Socket()
        try socket.receive(RawWebSocket.text("a"))
        #expect(socket.writes.flushes == 0)
    }

    @Test func `a client masks each frame with a different key`() throws {
        let socket = try Socket(role: .client)
        for _ in 0..<200 { socket.connection.write(binary: [0, 0, 0, 0]) }
        #expect(socket.connection.bufferedBytes == 200 * 10)
        socket.connection.flush()
        let sent = try socket.sent()
        let keys = stride(from: 0, to: sent.count, by: 10).map { Array(sent[$0 + 2..<$0 + 6]) }
        #expect(keys.count == 200)
        #expect(Set(keys).count > 195)
        for (index, key) in keys.enumerated() { #expect(Array(sent[index * 10 + 6..<index * 10 + 10]) == key) }
    }

    // MARK: Closing

    @Test func `a peer's close is answered and the server ends the stream`() throws {
        let socket = try Socket()
        try socket.receive(RawWebSocket.frame(0x88, [0x0F, 0xA1] + Array("why".utf8)))
        #expect(try socket.sent() == RawWebSocket.close(4001, masked: false))
        #expect(!socket.channel.isActive)
        #expect(socket.told.close == WebSocketClose(code: 4001, reason: "why", cause: .peer))
        #expect(!socket.connection.isOpen)
        #expect(!socket.connection.write(text: "late"))
    }

    @Test func `a close without a code is answered without one`() throws {
        let socket = try Socket()
        try socket.receive(RawWebSocket.frame(0x88, []))
        #expect(try socket.sent() == RawWebSocket.frame(0x88, [], masked: false))
        #expect(socket.told.close == WebSocketClose(code: 1005, reason: "", cause: .peer))
    }

    @Test func `a client waits a second for the server to end the stream`() throws {
        let socket = try Socket(role: .client)
        try socket.receive(RawWebSocket.close(1000, masked: false))
        #expect(socket.channel.isActive)
        #expect(socket.told.close == nil)
        socket.advance(.seconds(1))
        #expect(!socket.channel.isActive)
        #expect(socket.told.close == WebSocketClose(code: 1000, reason: "", cause: .peer))
    }

    @Test func `our close is complete when the peer answers`() throws {
        let socket = try Socket()
        socket.connection.write(text: "last words")
        socket.connection.beginClose(code: 1001, reason: "x")
        socket.connection.beginClose(code: 4999, reason: "ignored")
        let expected =
            RawWebSocket.text("last words", masked: false)
            + RawWebSocket.frame(0x88, [0x03, 0xE9] + Array("x".utf8), masked: false)
        #expect(try socket.sent() == expected)
        try socket.receive(RawWebSocket.text("too late"))
        #expect(socket.channel.isActive)
        try socket.receive(RawWebSocket.close(1001))
        #expect(!socket.channel.isActive)
        #expect(socket.told.log == ["opened", "closed"])
        #expect(socket.told.close == WebSocketClose(code: 1001, reason: "x", cause: .local))
    }

    @Test func `our close ends after its time-out if the peer never answers`() throws {
        let socket = try Socket()
        socket.connection.beginClose()
        socket.advance(.milliseconds(999))
        #expect(socket.channel.isActive)
        socket.advance(.milliseconds(1))
        #expect(!socket.channel.isActive)
        #expect(socket.told.close?.cause == .local)
    }

    @Test func `a long reason is cut between characters`() throws {
        let socket = try Socket()
        socket.connection.beginClose(code: 1000, reason: String(repeating: "€", count: 100))
        let sent = try socket.sent()
        #expect(sent.count == 2 + 125)
        #expect(String(validating: sent[4...], as: UTF8.self) == String(repeating: "€", count: 41))
    }

    @Test func `a breach of the protocol is answered by a close frame and further input is ignored`() throws {
        let socket = try Socket()
        try socket.receive(RawWebSocket.frame(0xF1, []) + RawWebSocket.text("never seen"))
        #expect(Array(try socket.sent().prefix(4)).dropFirst(2) == [0x03, 0xEA])
        try socket.receive([1, 2, 3, 4, 5, 6])
        socket.advance(.seconds(1))
        #expect(!socket.channel.isActive)
        #expect(socket.told.log.filter { $0.hasPrefix("<") }.isEmpty)
        #expect(socket.told.log.last == "closed")
        #expect(socket.told.close?.cause == .protocolError)
        #expect(socket.told.close?.code == 1002)
    }

    @Test func `an end of stream without a close frame is reported as such`() throws {
        let socket = try Socket()
        socket.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(!socket.channel.isActive)
        #expect(socket.told.close == WebSocketClose(code: 1006, reason: "", cause: .endOfStream))
    }

    @Test func `a connection error is reported as a reset`() throws {
        let socket = try Socket()
        socket.channel.pipeline.fireErrorCaught(IOError(errnoCode: 104, reason: "read"))
        #expect(!socket.channel.isActive)
        #expect(socket.told.close?.cause == .reset)
        #expect(socket.told.log == ["opened", "closed"])
    }

    @Test func `a stopping server closes with 1001 unless the limits forbid it`() throws {
        let socket = try Socket()
        socket.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(Array(try socket.sent().prefix(4)).dropFirst(2) == [0x03, 0xE9])
        try socket.receive(RawWebSocket.close(1001))
        #expect(socket.told.close?.cause == .serverStopping)

        var limits = WebSocketLimits.telephony
        limits.closesWhenServerStops = false
        let other = try Socket(limits: limits)
        other.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(other.connection.isOpen)
        #expect(try other.sent().isEmpty)
        _ = try other.channel.finish()
    }

    // MARK: Calls to the consumer do not nest

    @Test func `a close during a message is reported after the message`() throws {
        let socket = try Socket()
        socket.told.onMessage = { _ in
            socket.channel.close(promise: nil)
            socket.channel.embeddedEventLoop.run()
        }
        try? socket.receive(RawWebSocket.text("a") + RawWebSocket.text("b"))
        #expect(socket.told.log.prefix(4) == ["opened", "<a", "a>", "closed"])
        #expect(socket.told.log.filter { $0 == "closed" }.count == 1)
    }

    @Test func `a read during a message waits for its end`() throws {
        let socket = try Socket()
        socket.told.onMessage = { text in
            if text == "a" { try? socket.receive(RawWebSocket.text("c")) }
        }
        try socket.receive(RawWebSocket.text("a") + RawWebSocket.text("b"))
        #expect(socket.told.log.filter { $0 != "read" } == ["opened", "<a", "a>", "<b", "b>", "<c", "c>"])
        _ = try socket.channel.finish()
    }

    @Test func `a change of writability during a message is reported after the message`() throws {
        let socket = try Socket()
        socket.told.onMessage = { _ in
            socket.channel.isWritable = false
            socket.channel.pipeline.fireChannelWritabilityChanged()
        }
        try socket.receive(RawWebSocket.text("a"))
        #expect(socket.told.log == ["opened", "<a", "a>", "writable false", "read"])
        _ = try socket.channel.finish()
    }

    // MARK: Pings, silence, peers that do not read

    @Test func `a ping is answered with its payload`() throws {
        let socket = try Socket()
        try socket.receive(RawWebSocket.frame(0x89, [1, 2, 3]))
        #expect(try socket.sent() == RawWebSocket.frame(0x8A, [1, 2, 3], masked: false))
        _ = try socket.channel.finish()
    }

    @Test func `a peer that pings and does not read gets only the last pong`() throws {
        let socket = try Socket()
        socket.channel.isWritable = false
        socket.channel.pipeline.fireChannelWritabilityChanged()
        for number in 0..<UInt8(50) { try socket.receive(RawWebSocket.frame(0x89, [number])) }
        #expect(try socket.sent().isEmpty)
        #expect(socket.connection.bufferedBytes == 0)
        socket.channel.isWritable = true
        socket.channel.pipeline.fireChannelWritabilityChanged()
        #expect(try socket.sent() == RawWebSocket.frame(0x8A, [49], masked: false))
        _ = try socket.channel.finish()
    }

    @Test func `a flood of pings is closed with 1008 and a slow series is not`() throws {
        let flooded = try Socket()
        for _ in 0..<101 { try flooded.receive(RawWebSocket.frame(0x89, [])) }
        flooded.advance(.seconds(1))
        #expect(flooded.told.close?.code == 1008)
        #expect(flooded.told.close?.cause == .protocolError)

        let calm = try Socket()
        for _ in 0..<300 {
            try calm.receive(RawWebSocket.frame(0x89, []))
            calm.advance(.milliseconds(11))
        }
        #expect(calm.connection.isOpen)
        _ = try calm.channel.finish()
    }

    @Test func `a silent peer is pinged and then dropped within fifteen seconds`() throws {
        let socket = try Socket()
        socket.advance(.seconds(7))
        #expect(try socket.sent().isEmpty)
        socket.advance(.seconds(1))
        #expect(try socket.sent() == RawWebSocket.frame(0x89, [], masked: false))
        socket.advance(.milliseconds(4999))
        #expect(socket.channel.isActive)
        socket.advance(.milliseconds(1))
        #expect(!socket.channel.isActive)
        #expect(socket.told.close?.cause == .timedOut)
    }

    @Test func `a model that takes audio may ignore pings and one that takes nothing is dropped`() throws {
        let working = try Socket(role: .client, limits: .agent)
        working.advance(.seconds(20))
        #expect(try working.sent().first == 0x89, "a ping")
        working.advance(.seconds(30))
        try working.receive(RawWebSocket.frame(0x8A, [], masked: false))
        working.advance(.seconds(39))
        #expect(working.channel.isActive)
        working.advance(.seconds(600))
        #expect(working.channel.isActive, "it takes all that it is sent")
        let frozen = try Socket(role: .client, limits: .agent)
        frozen.advance(.seconds(20))
        // Stays in the buffer, because nothing flushes it.
        frozen.connection.write([1, 2, 3].span.bytes)
        frozen.advance(.seconds(39))
        #expect(frozen.channel.isActive)
        frozen.advance(.seconds(1))
        #expect(!frozen.channel.isActive)
        #expect(frozen.told.close?.cause == .timedOut)
    }

    @Test func `any byte from the peer proves that it is alive`() throws {
        let socket = try Socket()
        for _ in 0..<20 {
            socket.advance(.seconds(8))
            #expect(try socket.sent() == RawWebSocket.frame(0x89, [], masked: false))
            socket.advance(.seconds(4))
            try socket.receive(RawWebSocket.frame(0x8A, []))
        }
        for _ in 0..<20 {
            socket.advance(.seconds(7))
            try socket.receive(RawWebSocket.text("x"))
        }
        #expect(try socket.sent().isEmpty)
        #expect(socket.connection.isOpen)
        _ = try socket.channel.finish()
    }

    @Test func `more unsent bytes than allowed drop the connection`() throws {
        var limits = WebSocketLimits.telephony
        limits.maximumBufferedBytes = 1000
        let socket = try Socket(limits: limits)
        #expect(socket.connection.write(binary: [UInt8](repeating: 0, count: 990)))
        #expect(!socket.connection.write(binary: [UInt8](repeating: 0, count: 990)))
        #expect(!socket.channel.isActive)
        #expect(socket.told.close?.cause == .peerDoesNotRead)
        #expect(socket.told.log == ["opened", "closed"])
    }

    @Test func `handlers after the socket's cannot write to it`() throws {
        let socket = try Socket()
        #expect(throws: (any Error).self) { try socket.channel.writeOutbound(ByteBuffer(string: "HTTP/1.1 200 OK")) }
        #expect(try socket.sent().isEmpty)
        _ = try socket.channel.finish()
    }
}
