import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOPosix
import Testing

@testable import TalkpathNIO

/// Talks to the server's opening handshake in raw bytes.
@Suite struct WebSocketServerTests {
    private let group = MultiThreadedEventLoopGroup.singleton

    private func withServer(
        consumer: RecordingConsumer = RecordingConsumer(echoes: true),
        decide: (@Sendable (UpgradeRequest) -> UpgradeDecision)? = nil,
        _ body: (WebSocketServer) async throws -> Void
    ) async throws {
        let server = try await WebSocketServer.bind(
            group: group,
            routes: WebSocketRoutes(decide ?? { _ in .accept { consumer } })
        )
        try await body(server)
        await server.close()
    }

    /// Sends bytes and returns everything received until the server ends the stream.
    private func exchange(_ text: String, with server: WebSocketServer) async throws -> String {
        let peer = try await RawPeer.connect(port: server.port)
        try await peer.send(text)
        let answer = await peer.readToEnd()
        await peer.close()
        return answer
    }

    @Test func `frames in the same segment as the request are not lost`() async throws {
        let consumer = RecordingConsumer(echoes: true, greeting: "hello")
        try await withServer(consumer: consumer) { server in
            let peer = try await RawPeer.connect(port: server.port)
            try await peer.send(
                Array(RawWebSocket.request().utf8) + RawWebSocket.text("one") + RawWebSocket.text("two")
                    + RawWebSocket.close(1000)
            )
            let answer = await peer.read { _ in false }
            let text = String(decoding: answer, as: UTF8.self)
            #expect(text.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
            #expect(text.contains("sec-websocket-accept: \(RawWebSocket.accept)\r\n"))
            let frames =
                RawWebSocket.text("hello", masked: false) + RawWebSocket.text("one", masked: false)
                + RawWebSocket.text("two", masked: false) + RawWebSocket.close(1000, masked: false)
            #expect(Array(answer.suffix(frames.count)) == frames)
            #expect(
                await consumer.untilClosed() == [
                    .opened, .text("one"), .text("two"),
                    .closed(WebSocketClose(code: 1000, reason: "", cause: .peer)),
                ]
            )
            #expect(consumer.readCompletes > 0)
            await peer.close()
        }
    }

    @Test func `a request that arrives byte by byte is accepted`() async throws {
        let consumer = RecordingConsumer(echoes: true)
        try await withServer(consumer: consumer) { server in
            let peer = try await RawPeer.connect(port: server.port)
            for byte in RawWebSocket.request().utf8 { try await peer.send([byte]) }
            for byte in RawWebSocket.text("slow") { try await peer.send([byte]) }
            let expected = RawWebSocket.text("slow", masked: false)
            let answer = await peer.read { $0.suffix(expected.count) == expected[...] }
            #expect(Array(answer.suffix(expected.count)) == expected)
            await peer.close()
            #expect(await consumer.close()?.code == 1006)
        }
    }

    @Test func `the decision gets path, query, headers and address`() async throws {
        let (seen, continuation) = AsyncStream<UpgradeRequest>.makeStream()
        try await withServer(decide: { request in
            continuation.yield(request)
            return .refuse(.unauthorized, headers: ["www-authenticate": "Bearer"], body: "who are you?")
        }) { server in
            let answer = try await exchange(
                RawWebSocket.request("/a%20b/c?x=1?&y=%2F", extra: "X-Token: abc\r\n"),
                with: server
            )
            #expect(answer.hasPrefix("HTTP/1.1 401 Unauthorized\r\n"))
            #expect(answer.contains("www-authenticate: Bearer\r\n"))
            #expect(answer.contains("connection: close\r\n"))
            #expect(answer.contains("content-length: 12\r\n"))
            #expect(answer.hasSuffix("\r\n\r\nwho are you?"))
            var iterator = seen.makeAsyncIterator()
            let request = try #require(await iterator.next())
            #expect(request.path == "/a%20b/c")
            #expect(request.query == "x=1?&y=%2F")
            #expect(request.headers.first(name: "x-token") == "abc")
            #expect(request.remoteAddress?.ipAddress == "127.0.0.1")
        }
    }

    @Test(
        arguments: [
            ("an ordinary request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
            ("a POST", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "404"),
            ("another protocol", "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "404"),
            ("CONNECT", "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\nbytes", "404"),
            ("garbage", "\u{16}\u{3}\u{1}hello\r\n\r\n", "400"),
            ("a broken header", "GET / HTTP/1.1\r\nHo st: x\r\n\r\n", "400"),
            ("an upgrade with a body", request(extra: "Content-Length: 3\r\n") + "abc", "400"),
            (
                "an upgrade with chunks", request(extra: "Transfer-Encoding: chunked\r\n") + "3\r\nabc\r\n0\r\n\r\n",
                "400"
            ),
            ("an old version", request(version: "8"), "426"),
            ("a short key", request(key: "YWJj"), "400"),
            ("no key", request(key: nil), "400"),
            ("a huge header", request(extra: "X: \(String(repeating: "x", count: 9000))\r\n"), "431"),
            ("a huge path", "GET /\(String(repeating: "x", count: 9000)) HTTP/1.1\r\n\r\n", "431"),
            ("many headers", request(extra: String(repeating: "X: y\r\n", count: 120)), "431"),
        ])
    func `a request that is not a valid handshake is answered and closed`(what: String, text: String, status: String)
        async throws
    {
        try await withServer { server in
            let answer = try await exchange(text, with: server)
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(what): \(answer)")
        }
    }

    private static func request(key: String? = RawWebSocket.key, version: String = "13", extra: String = "") -> String {
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: \(version)\r\n"
            + (key.map { "Sec-WebSocket-Key: \($0)\r\n" } ?? "") + extra + "\r\n"
    }

    @Test func `a request after an upgrade is not parsed as HTTP`() async throws {
        // Two handshakes at once: to the socket, the second one's bytes are a malformed frame.
        let consumer = RecordingConsumer()
        try await withServer(consumer: consumer) { server in
            _ = try await exchange(RawWebSocket.request() + RawWebSocket.request(), with: server)
            #expect(await consumer.close()?.cause == .protocolError)
        }
    }

    @Test func `random bytes in every phase do not harm the server`() async throws {
        var generator = SystemRandomNumberGenerator()
        try await withServer { server in
            for round in 0..<60 {
                let peer = try await RawPeer.connect(port: server.port)
                let request = Array(RawWebSocket.request().utf8)
                let kept = round % 3 == 0 ? request.count : Int.random(in: 0..<request.count, using: &generator)
                let noise = (0..<200).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
                try? await peer.send(Array(request.prefix(kept)) + noise)
                await peer.close()
            }
            // The server still answers.
            let answer = try await exchange("GET / HTTP/1.1\r\nHost: x\r\n\r\n", with: server)
            #expect(answer.hasPrefix("HTTP/1.1 404"))
        }
    }

    @Test func `a peer that does not read is dropped`() async throws {
        let consumer = RecordingConsumer(recordsWritability: true)
        try await withServer(consumer: consumer) { server in
            let peer = try await RawPeer.connect(port: server.port)
            try await peer.channel.setOption(.autoRead, value: false).get()
            try await peer.send(RawWebSocket.request())
            #expect(await consumer.next() == .opened)
            let connection = try #require(consumer.connection)
            let block = [UInt8](repeating: 7, count: 64 << 10)
            while connection.isOpen { try await connection.send(binary: block) }
            let events = await consumer.untilClosed()
            #expect(events.contains(.writable(false)))
            #expect(events.last == .closed(WebSocketClose(code: 1006, reason: "", cause: .peerDoesNotRead)))
            await peer.close()
        }
    }

    @Test func `closing the server closes its sockets with 1001`() async throws {
        let consumer = RecordingConsumer()
        let server = try await WebSocketServer.bind(
            group: group,
            routes: WebSocketRoutes { _ in .accept { RecordingConsumer() } }
        )
        _ = try await WebSocketClient.connect(
            url: "ws://127.0.0.1:\(server.port)",
            eventLoop: group.next(),
            makeConsumer: { consumer }
        )
        // A connection without a request must not delay the shutdown.
        let idle = try await RawPeer.connect(port: server.port)
        await server.close()
        #expect(await consumer.close() == WebSocketClose(code: 1001, reason: "server is stopping", cause: .peer))
        #expect(await idle.readToEnd().isEmpty)
        await idle.close()
    }

    // MARK: Time, on an embedded channel

    private func embedded() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        try WebSocketUpgradeHandler.configure(
            channel,
            routes: WebSocketRoutes { _ in .accept { RecordingConsumer() } }
        )
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    @Test func `a request that is not complete in ten seconds ends the connection`() throws {
        let channel = try embedded()
        for byte in RawWebSocket.request().utf8.prefix(100) {
            channel.embeddedEventLoop.advanceTime(by: .milliseconds(99))
            #expect(channel.isActive)
            try channel.writeInbound(ByteBuffer(bytes: [byte]))
        }
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(100))
        #expect(!channel.isActive)
    }

    @Test func `HTTP's timers do not end an upgraded connection`() throws {
        let channel = try embedded()
        try channel.writeInbound(ByteBuffer(string: RawWebSocket.request()))
        channel.embeddedEventLoop.run()
        for _ in 0..<20 {
            channel.embeddedEventLoop.advanceTime(by: .seconds(4))
            try channel.writeInbound(ByteBuffer(bytes: RawWebSocket.text("x")))
        }
        #expect(channel.isActive)
        _ = try channel.finish()
    }

    @Test func `a refused peer that stays is closed after a second`() throws {
        let channel = EmbeddedChannel()
        try WebSocketUpgradeHandler.configure(channel, routes: .none)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        try channel.writeInbound(ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"))
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
    }
}

@Suite struct WebSocketHandshakeTests {
    @Test func `the accept key equals that of the RFC`() {
        #expect(WebSocketHandshake.accept(for: RawWebSocket.key) == RawWebSocket.accept)
    }

    @Test func `SHA-1 equals the standard's examples`() {
        func hex(_ text: String) -> String {
            SHA1.hash(Array(text.utf8)).map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
        }
        #expect(hex("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
        #expect(hex("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(
            hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
                == "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        )
        #expect(hex(String(repeating: "a", count: 1000)) == "291e9a6c66994949b57ba5e650361e98fc36b1ba")
    }

    @Test func `each key has sixteen fresh bytes`() {
        let keys = (0..<50).map { _ in WebSocketHandshake.makeKey() }
        #expect(Set(keys).count == 50)
        #expect(keys.allSatisfy(WebSocketHandshake.isValidKey))
        #expect(!WebSocketHandshake.isValidKey("dGhlIHNhbXBsZSBub25jZQ"))
        #expect(!WebSocketHandshake.isValidKey("dGhlIHNhbXBsZSBub25j*Q=="))
    }
}
