import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import Synchronization
import TalkpathHTTP
import TalkpathNIO
import Testing

@Suite struct OnePortServerTests {
    private let group = MultiThreadedEventLoopGroup.singleton

    /// Routes beside a WebSocket at `/media` that echoes.
    private func withServer(
        gate: Gate = Gate(),
        configuration: OnePortServer.Configuration = .init(),
        _ body: (_ port: Int, _ stop: @escaping @Sendable () async -> Void) async throws -> Void
    ) async throws {
        let router = Router()
        router.get("hello") { _, _ in "hello" }
        router.get("slow") { _, _ in
            await gate.pass()
            return "slow"
        }
        router.post("size") { request, _ in
            var size = 0
            for try await piece in request.body { size += piece.readableBytes }
            return "\(size)"
        }
        router.get("secret") { _, _ -> String in throw HTTPError(.unauthorized, message: "no token") }
        let routes = WebSocketRoutes { request in
            switch request.path {
            case "/media": .accept { Echo() }
            case "/forbidden": .refuse(.forbidden, body: "not you")
            default: .notAWebSocket
            }
        }
        let (ports, continuation) = AsyncStream<Int>.makeStream()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let app = Application(
            router: router,
            server: OnePortServer.builder(webSockets: routes, configuration: configuration),
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { continuation.yield($0.localAddress?.port ?? 0) },
            logger: logger
        )
        let services = ServiceGroup(configuration: .init(services: [app], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await services.run() }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            try await body(port) { await services.triggerGracefulShutdown() }
            await services.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    @Test func `routes and sockets share the port`() async throws {
        try await withServer { port, _ in
            let http = try await Peer.connect(port: port)
            try await http.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(await http.read(until: "\r\n\r\nhello").hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(await http.read(until: "404 Not Found").contains("404 Not Found"))
            try await http.send("POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345")
            #expect(await http.read(until: "\r\n\r\n5").hasSuffix("\r\n\r\n5"))
            await http.close()

            let socket = try await Peer.connect(port: port)
            try await socket.send(Peer.upgrade("/media?token=1") + Peer.text("one"))
            #expect(await socket.read(until: "\u{81}\u{03}one").hasPrefix("HTTP/1.1 101 "))
            await socket.close()
        }
    }

    @Test func `a socket opens also on a connection that has served requests`() async throws {
        // A reverse proxy reuses its connections.
        try await withServer { port, _ in
            let peer = try await Peer.connect(port: port)
            for _ in 0..<3 {
                try await peer.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
                await peer.read(until: "\r\n\r\nhello")
                peer.forget()
            }
            try await peer.send(Peer.upgrade("/media") + Peer.text("first"))
            #expect(await peer.read(until: "\u{81}\u{05}first").hasPrefix("HTTP/1.1 101 "))
            // Many reads: the handler behind the socket must not delay them.
            for number in 10..<60 {
                try await peer.send(Peer.text("n\(number)"))
                #expect(await peer.read(until: "\u{81}\u{03}n\(number)").contains("n\(number)"))
            }
            try await peer.send("\u{88}\u{82}\u{00}\u{00}\u{00}\u{00}\u{03}\u{E8}")
            #expect(await peer.readToEnd().hasSuffix("\u{88}\u{02}\u{03}\u{E8}"))
            await peer.close()
        }
    }

    @Test func `an upgrade behind an unanswered request waits for its turn`() async throws {
        let gate = Gate()
        try await withServer(gate: gate) { port, _ in
            let peer = try await Peer.connect(port: port)
            try await peer.send(
                "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n" + Peer.upgrade("/media") + Peer.text("early")
            )
            await gate.waitForVisitor()
            gate.open()
            let answer = await peer.read(until: "\u{81}\u{05}early")
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
            let slow = try #require(answer.firstRange(of: "\r\n\r\nslow"))
            let upgraded = try #require(answer.firstRange(of: "HTTP/1.1 101 "))
            #expect(slow.upperBound == upgraded.lowerBound)
            await peer.close()
        }
    }

    @Test(arguments: [
        ("/secret", "401 Unauthorized", "no token"), ("/nothing", "404 Not Found", ""), ("/hello", "200 OK", "hello"),
        ("/forbidden", "403 Forbidden", "not you"),
    ])
    func `a refused upgrade is answered and the connection closed`(
        path: String,
        status: String,
        text: String
    )
        async throws
    {
        try await withServer { port, _ in
            let peer = try await Peer.connect(port: port)
            // The bytes after the head belong to a socket that is never opened.
            try await peer.send(Peer.upgrade(path) + Peer.text("lost") + "GET /hello HTTP/1.1\r\n\r\n")
            let answer = await peer.readToEnd()
            #expect(answer.hasPrefix("HTTP/1.1 \(status)\r\n"))
            #expect(answer.contains(text))
            #expect(answer.ranges(of: "HTTP/1.1").count == 1)
            await peer.close()
        }
    }

    @Test(arguments: [
        "\u{16}\u{03}\u{01}garbage\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "x", count: 20_000))\r\n\r\n",
        Peer.upgrade("/media", extra: "Content-Length: 4\r\n") + "body",
    ])
    func `broken requests are refused, also after good ones`(bytes: String) async throws {
        try await withServer { port, _ in
            for prefix in ["", "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"] {
                let peer = try await Peer.connect(port: port)
                try await peer.send(prefix)
                if !prefix.isEmpty { await peer.read(until: "\r\n\r\nhello") }
                peer.forget()
                try await peer.send(bytes)
                #expect(await peer.readToEnd().hasPrefix("HTTP/1.1 4"))
                await peer.close()
            }
        }
    }

    @Test func `random bytes in every phase do not harm the server`() async throws {
        try await withServer { port, _ in
            for round in 0..<40 {
                let peer = try await Peer.connect(port: port)
                let start = [
                    "", "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", Peer.upgrade("/media"), Peer.upgrade("/hello"),
                ][
                    round % 4
                ]
                let noise = (0..<100).map { _ in Character(UnicodeScalar(UInt8.random(in: .min ... .max))) }
                try? await peer.send(start + String(noise))
                await peer.close()
            }
            let peer = try await Peer.connect(port: port)
            try await peer.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(await peer.read(until: "hello").contains("200 OK"))
            await peer.close()
        }
    }

    @Test func `a graceful shutdown closes sockets with 1001 and finishes requests`() async throws {
        let gate = Gate()
        try await withServer(gate: gate) { port, stop in
            let first = try await Peer.connect(port: port)
            try await first.send(Peer.upgrade("/media"))
            await first.read(until: "\r\n\r\n")
            let later = try await Peer.connect(port: port)
            try await later.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
            await later.read(until: "hello")
            try await later.send(Peer.upgrade("/media"))
            await later.read(until: "101 Switching Protocols")
            let request = try await Peer.connect(port: port)
            try await request.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            await gate.waitForVisitor()
            let undecided = try await Peer.connect(port: port)
            try await undecided.send("GET /he")

            await stop()
            #expect(await first.read(until: "\u{88}").contains("\u{88}\u{14}\u{03}\u{E9}server is stopping"))
            #expect(await later.read(until: "\u{88}").contains("\u{88}\u{14}\u{03}\u{E9}server is stopping"))
            #expect(await undecided.readToEnd().isEmpty)
            await first.close()
            await later.close()
            gate.open()
            #expect(await request.readToEnd().hasSuffix("slow"))
            await request.close()
        }
    }

    @Test func `a connection without a request is closed`() async throws {
        var configuration = OnePortServer.Configuration()
        // Long enough for a part of the head to arrive.
        configuration.limits.headTimeout = .seconds(2)
        configuration.idleTimeout = .milliseconds(20)
        try await withServer(configuration: configuration) { port, _ in
            let silent = try await Peer.connect(port: port)
            #expect(await silent.readToEnd().isEmpty)
            let slow = try await Peer.connect(port: port)
            try await slow.send("GET /hello HTTP/1.1\r\n")
            #expect(await slow.readToEnd().hasPrefix("HTTP/1.1 408 "))
            for peer in [silent, slow] { await peer.close() }
        }
    }

    @Test func `a connection without a further request is closed`() async throws {
        var configuration = OnePortServer.Configuration()
        // Long enough for the first request to arrive in time on a busy machine.
        configuration.idleTimeout = .milliseconds(500)
        try await withServer(configuration: configuration) { port, _ in
            let idle = try await Peer.connect(port: port)
            try await idle.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(await idle.readToEnd().hasSuffix("hello"))
            await idle.close()
        }
    }

    @Test func `the idle time of HTTP does not end a socket`() async throws {
        var configuration = OnePortServer.Configuration()
        configuration.idleTimeout = .milliseconds(20)
        try await withServer(configuration: configuration) { port, _ in
            let socket = try await Peer.connect(port: port)
            try await socket.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n" + Peer.upgrade("/media"))
            await socket.read(until: "101 Switching Protocols")
            // A connection opened later has been idle for longer than the limit meanwhile.
            let idle = try await Peer.connect(port: port)
            try await idle.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
            _ = await idle.readToEnd()
            try await socket.send(Peer.text("alive"))
            #expect(await socket.read(until: "\u{81}\u{05}alive").hasSuffix("alive"))
            await socket.close()
            await idle.close()
        }
    }

    // MARK: Few descriptors

    @Test(arguments: [0, 1])
    func `when all connections are busy, others are refused and only a limited number of them is answered`(answers: Int)
        async throws
    {
        let gate = Gate()
        var configuration = OnePortServer.Configuration()
        configuration.budget = ConnectionBudget(maximum: 1, maximumPerAddress: 9, mostRefusals: answers)
        try await withServer(gate: gate, configuration: configuration) { port, _ in
            let busy = try await Peer.connect(port: port)
            try await busy.send("GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            await gate.waitForVisitor()
            for _ in 0..<3 {
                let other = try await Peer.connect(port: port)
                let answer = await other.readToEnd()
                #expect(answer.hasPrefix(answers == 0 ? "" : "HTTP/1.1 503 ") && answer.isEmpty == (answers == 0))
                await other.close()
            }
            gate.open()
            #expect(await busy.readToEnd().hasSuffix("slow"))
            await busy.close()
            #expect(configuration.budget?.metrics.refused == 3)
        }
    }

    /// A descriptor that another connection has closed meanwhile would hide that higher ones are in use.
    @Test func `a connection is judged by its own descriptor`() async throws {
        let seen = Mutex<[Int?]>([])
        var configuration = OnePortServer.Configuration()
        configuration.budget = ConnectionBudget(
            maximum: 9,
            maximumPerAddress: 9,
            isScarce: { descriptor in
                seen.withLock { seen in
                    seen.append(descriptor)
                    return seen.count == 3
                }
            }
        )
        try await withServer(configuration: configuration) { port, _ in
            var peers: [Peer] = []
            for count in 1...3 {
                peers.append(try await Peer.connect(port: port))
                while seen.withLock(\.count) < count { await Task.yield() }
            }
            // The first connection made room for the third.
            #expect(await peers[0].readToEnd().isEmpty)
            let numbers = seen.withLock { $0.compactMap(\.self) }
            #expect(Set(numbers).count == 3)
            for peer in peers { await peer.close() }
        }
    }
}

/// Holds requests until it is opened, and reports each request.
private final class Gate: Sendable {
    private let visitors = AsyncStream<Void>.makeStream()
    private let opening = AsyncStream<Void>.makeStream()

    func pass() async {
        visitors.continuation.yield()
        for await _ in opening.stream {}
    }

    func waitForVisitor() async {
        var iterator = visitors.stream.makeAsyncIterator()
        await iterator.next()
    }

    func open() { opening.continuation.finish() }
}

private final class Echo: WebSocketConsumer {
    private var connection: WebSocketConnection?

    func opened(_ connection: WebSocketConnection) { self.connection = connection }
    func received(_ message: RawSpan, isText: Bool) { connection?.write(message, binary: !isText) }
    func closed(_ close: WebSocketClose) { connection = nil }
}

/// A peer that sends and receives bytes, written as Latin-1: one character a byte.
private final class Peer: Sendable {
    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        let continuation: AsyncStream<String>.Continuation

        init(_ continuation: AsyncStream<String>.Continuation) { self.continuation = continuation }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Self.unwrapInboundIn(data).readableBytesView
            var text = String.UnicodeScalarView()
            for byte in bytes { text.append(UnicodeScalar(byte)) }
            continuation.yield(String(text))
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ChannelEvent.inputClosed = event { continuation.finish() }
        }

        func channelInactive(context: ChannelHandlerContext) { continuation.finish() }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    private let channel: any Channel
    private let chunks: AsyncStream<String>
    private let received = Mutex("")

    private init(_ channel: any Channel, _ chunks: AsyncStream<String>) {
        self.channel = channel
        self.chunks = chunks
    }

    static func connect(port: Int) async throws -> Peer {
        let (stream, continuation) = AsyncStream<String>.makeStream()
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(continuation))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return Peer(channel, stream)
    }

    func send(_ text: String) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: text.unicodeScalars.map { UInt8($0.value) }))
    }

    /// Everything received since `forget`, up to the moment it contains `text`, or to the end of the stream.
    @discardableResult
    func read(until text: String) async -> String { await read { $0.unicodeScalars.contains(text.unicodeScalars) } }

    func readToEnd() async -> String { await read { _ in false } }

    private func read(until isEnough: (String) -> Bool) async -> String {
        var all = received.withLock { $0 }
        if isEnough(all) { return all }
        for await chunk in chunks {
            all += chunk
            received.withLock { $0 = all }
            if isEnough(all) { break }
        }
        return all
    }

    func forget() { received.withLock { $0 = "" } }

    func close() async { try? await channel.close() }

    static func upgrade(_ target: String, extra: String = "") -> String {
        "GET \(target) HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\(extra)\r\n"
    }

    /// A short text frame, masked with zeros.
    static func text(_ text: String) -> String {
        "\u{81}" + String(UnicodeScalar(UInt8(0x80 | text.utf8.count))) + "\0\0\0\0" + text
    }
}
