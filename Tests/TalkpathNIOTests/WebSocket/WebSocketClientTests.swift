import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import TalkpathNIO

/// The client against servers whose answers the tests choose.
@Suite struct WebSocketClientTests {
    private let group = MultiThreadedEventLoopGroup.singleton

    /// Answers the first request with given bytes.
    private final class Scripted: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        let answer: @Sendable (String) -> [UInt8]?
        private var request = ""

        init(_ answer: @escaping @Sendable (String) -> [UInt8]?) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard !request.hasSuffix("\r\n\r\n") else { return }
            request += String(buffer: Self.unwrapInboundIn(data))
            guard request.hasSuffix("\r\n\r\n") else { return }
            guard let bytes = answer(request) else { return context.close(promise: nil) }
            context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
        }
    }

    private func withServer(
        answering answer: @escaping @Sendable (String) -> [UInt8]?,
        _ body: (Int) async throws -> Void
    ) async throws {
        let listener = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Scripted(answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        try await body(listener.localAddress!.port!)
        try await listener.close()
    }

    private func connect(
        _ url: String,
        headers: [(String, String)] = [],
        tls: NIOSSLContext? = nil,
        resolver: (any Resolver & Sendable)? = nil,
        timeout: Duration = .seconds(10),
        consumer: RecordingConsumer = RecordingConsumer()
    ) async throws(WebSocketClientError) -> WebSocketConnection {
        try await WebSocketClient.connect(
            url: url,
            headers: headers,
            eventLoop: group.next(),
            tls: tls,
            resolver: resolver,
            timeout: timeout,
            makeConsumer: { consumer }
        )
    }

    private func failure(_ body: () async throws(WebSocketClientError) -> WebSocketConnection) async
        -> WebSocketClientError?
    {
        do throws(WebSocketClientError) {
            _ = try await body()
            return nil
        } catch {
            return error
        }
    }

    private static func accepting(_ request: String, extra: String = "") -> [UInt8] {
        let line = request.split(separator: "\r\n").first { $0.hasPrefix("Sec-WebSocket-Key: ") }!
        let accept = WebSocketHandshake.accept(for: String(line.dropFirst(19)))
        return Array(
            ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n"
                + "Sec-WebSocket-Accept: \(accept)\r\n\(extra)\r\n").utf8
        )
    }

    @Test func `frames in the same segment as the answer are not lost`() async throws {
        try await withServer { request in
            Self.accepting(request) + RawWebSocket.text("session", masked: false)
                + RawWebSocket.frame(0x88, [0x03, 0xE8], masked: false)
        } _: { port in
            let consumer = RecordingConsumer()
            let connection = try await connect("ws://127.0.0.1:\(port)/", consumer: consumer)
            await connection.close()
            #expect(
                await consumer.untilClosed() == [
                    .opened, .text("session"), .closed(WebSocketClose(code: 1000, reason: "", cause: .peer)),
                ]
            )
            #expect(consumer.readCompletes > 0)
        }
    }

    @Test func `the request has the target and headers that a server needs`() async throws {
        let (requests, continuation) = AsyncStream<String>.makeStream()
        try await withServer { request in
            continuation.yield(request)
            return nil
        } _: { port in
            let failure = await failure { () async throws(WebSocketClientError) in
                try await connect(
                    "ws://127.0.0.1:\(port)/v1/realtime?model=a%20b&x=/?",
                    headers: [("Authorization", "Bearer k")]
                )
            }
            #expect(failure?.code == .connectionLost)
            var iterator = requests.makeAsyncIterator()
            let lines = try #require(await iterator.next()).split(separator: "\r\n")
            #expect(lines.first == "GET /v1/realtime?model=a%20b&x=/? HTTP/1.1")
            #expect(lines.contains("Host: 127.0.0.1:\(port)"))
            #expect(lines.contains("Authorization: Bearer k"))
            #expect(lines.contains("Sec-WebSocket-Version: 13"))
            #expect(!lines.contains { $0.lowercased().hasPrefix("sec-websocket-extensions") })
        }
    }

    @Test(arguments: [
        ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n\r\n{\"e\":\"x\"}", 401, "{\"e\":\"x\"}"),
        ("HTTP/1.1 302 Found\r\nLocation: ws://other/\r\nContent-Length: 0\r\n\r\n", 302, ""),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + String(repeating: "x", count: 5000), 200,
            String(repeating: "x", count: 1024)
        ),
        ("HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", 500, "abc"),
    ])
    func `any other answer is reported with its status and body`(answer: String, status: Int, body: String) async throws
    {
        try await withServer(answering: { _ in Array(answer.utf8) }) { port in
            let failure = await failure { () async throws(WebSocketClientError) in
                try await connect("ws://127.0.0.1:\(port)/")
            }
            #expect(failure?.code == .rejected)
            #expect(failure?.status == status)
            #expect(failure?.body == body)
        }
    }

    @Test(arguments: [
        "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
        "HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        "SSH-2.0-OpenSSH_9\r\n",
        "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n\u{1}\u{2}",
    ])
    func `an answer that does not match the request is refused`(answer: String) async throws {
        try await withServer(answering: { _ in Array(answer.utf8) }) { port in
            let failure = await failure { () async throws(WebSocketClientError) in
                try await connect("ws://127.0.0.1:\(port)/")
            }
            #expect(failure?.code == .invalidHandshake)
        }
    }

    @Test func `an extension or subprotocol that was not offered is refused`() async throws {
        for extra in ["Sec-WebSocket-Extensions: permessage-deflate\r\n", "Sec-WebSocket-Protocol: chat\r\n"] {
            try await withServer(answering: { Self.accepting($0, extra: extra) }) { port in
                let failure = await failure { () async throws(WebSocketClientError) in
                    try await connect("ws://127.0.0.1:\(port)/")
                }
                #expect(failure?.code == .invalidHandshake)
            }
        }
    }

    @Test func `a server that never answers times out`() async throws {
        try await withServer(answering: { _ in [] }) { port in
            let failure = await failure { () async throws(WebSocketClientError) in
                try await connect("ws://127.0.0.1:\(port)/", timeout: .milliseconds(50))
            }
            #expect(failure?.code == .timedOut)
        }
    }

    @Test func `a cancelled attempt ends and leaves no connection`() async throws {
        let (requests, continuation) = AsyncStream<Void>.makeStream()
        try await withServer { _ in
            continuation.yield()
            return []
        } _: { port in
            let task = Task { try await connect("ws://127.0.0.1:\(port)/") }
            var iterator = requests.makeAsyncIterator()
            await iterator.next()
            task.cancel()
            await #expect { try await task.value } throws: { ($0 as? WebSocketClientError)?.code == .cancelled }
        }
    }

    /// Resolves a host to several addresses.
    private struct Addresses: Resolver, Sendable {
        let ports: [Int]
        let eventLoop: any EventLoop

        func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
            eventLoop.makeCompletedFuture { try ports.map { try SocketAddress(ipAddress: "127.0.0.1", port: $0) } }
        }

        func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
            eventLoop.makeSucceededFuture([])
        }

        func cancelQueries() {}
    }

    @Test func `an address without a listener is skipped for the host's next address`() async throws {
        try await withServer {
            Self.accepting($0)
        } _: { port in
            let resolver = Addresses(ports: [1, 1, port], eventLoop: group.next())
            let connection = try await connect("ws://several.example/", resolver: resolver)
            await connection.drop()
        }
    }

    @Test func `a refused connection and an unknown host give different errors`() async throws {
        // A port that the system reserves, so no other test can get it meanwhile.
        let refused = await failure { () async throws(WebSocketClientError) in
            try await connect("ws://127.0.0.1:1/")
        }
        #expect(refused?.code == .connectionRefused, "\(refused.map(\.description) ?? "")")
        let unknown = await failure { () async throws(WebSocketClientError) in
            try await connect("ws://no-such-host.invalid/")
        }
        #expect(unknown?.code == .nameResolution)
    }

    @Test(arguments: [
        "http://host/", "ws:/host", "ws://", "ws://:80/", "ws://user@host/", "ws://host:0/", "ws://host:99999/",
        "ws://host/#fragment", "ws://host/a b", "ws://host/\r\nX: y", "ws://[::1/", "wss://hörst/",
    ])
    func `a malformed URL is refused`(url: String) async {
        let failure = await failure { () async throws(WebSocketClientError) in try await connect(url) }
        #expect(failure?.code == .invalidURL)
    }

    @Test(arguments: [
        ("X", "a\r\nY: b"), ("X:", "a"), ("", "a"), ("Sec-WebSocket-Key", "a"), ("Host", "other"),
        ("Sec-WebSocket-Extensions", "permessage-deflate"),
    ])
    func `a header that cannot be sent is refused`(name: String, value: String) async {
        let failure = await failure { () async throws(WebSocketClientError) in
            try await connect("ws://127.0.0.1:1/", headers: [(name, value)])
        }
        #expect(failure?.code == .invalidHeader)
    }

    @Test func `URLs are parsed into their parts`() throws {
        let plain = try WebSocketURL("WS://Example.com")
        #expect(plain.target == "/" && plain.port == 80 && plain.hostHeader == "Example.com" && !plain.isSecure)
        let query = try WebSocketURL("wss://h:8443?x=1")
        #expect(query.target == "/?x=1" && query.port == 8443 && query.hostHeader == "h:8443" && query.isSecure)
        let six = try WebSocketURL("wss://[::1]:443/p//q?a=%7B")
        #expect(six.host == "::1" && six.hostHeader == "[::1]" && six.target == "/p//q?a=%7B")
    }
}
