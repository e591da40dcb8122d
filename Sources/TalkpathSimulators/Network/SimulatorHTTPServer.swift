internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// A small HTTP/1.1 server on loopback that can also misbehave: leave requests unanswered, drop connections, become a
/// WebSocket. It uses NIO's own codecs, not those of the server under test.
final class SimulatorHTTPServer: Sendable {
    let port: Int
    private let listener: any Channel
    private let connections: Connections

    /// - Parameter handle: called on the connection's event loop for each request, when its body is complete.
    static func start(
        host: String,
        port: Int,
        on group: any EventLoopGroup,
        handle: @escaping @Sendable (SimulatorExchange) -> Void
    ) async throws -> SimulatorHTTPServer {
        let connections = Connections()
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                connections.add(channel)
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(
                        ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes))
                    )
                    try pipeline.addHandler(HTTPResponseEncoder())
                    try pipeline.addHandler(ExchangeHandler(handle: handle))
                }
            }
            .bind(host: host, port: port).get()
        return SimulatorHTTPServer(listener: listener, connections: connections)
    }

    private init(listener: any Channel, connections: Connections) {
        self.listener = listener
        self.connections = connections
        port = listener.localAddress?.port ?? 0
    }

    /// Closes the listener and every connection, and returns when they are closed.
    func shutdown() async {
        try? await listener.close().get()
        for channel in connections.all() {
            channel.close(promise: nil)
            try? await channel.closeFuture.get()
        }
    }

    /// The number of open connections.
    var connectionCount: Int { connections.all().count }

    private final class Connections: Sendable {
        private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

        func add(_ channel: any Channel) {
            let id = ObjectIdentifier(channel)
            channels.withLock { $0[id] = channel }
            channel.closeFuture.whenComplete { [weak self] _ in
                self?.channels.withLock { channels in
                    _ = channels.removeValue(forKey: id)
                }
            }
        }

        func all() -> [any Channel] { channels.withLock { Array($0.values) } }
    }
}

/// Assembles requests and passes them on.
private final class ExchangeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private static let bodyLimit = 1 << 20

    private let handle: @Sendable (SimulatorExchange) -> Void
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(handle: @escaping @Sendable (SimulatorExchange) -> Void) {
        self.handle = handle
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
        case .body(let bytes):
            body.append(contentsOf: bytes.readableBytesView)
            if body.count > Self.bodyLimit { context.close(promise: nil) }
        case .end:
            guard let head else { return }
            self.head = nil
            handle(SimulatorExchange(head: head, body: body, channel: context.channel))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

/// One request and the possible reactions to it. Without a reaction, the client keeps waiting. For the channel's event
/// loop only, except where noted.
final class SimulatorExchange: @unchecked Sendable {
    // Sendable although mutable: `isOver` is used on the event loop only, which debug builds check.
    let method: String
    let uri: String
    let headers: HTTPHeaders
    let body: [UInt8]
    let channel: any Channel
    private let keepsAlive: Bool
    private var isOver = false

    fileprivate init(head: HTTPRequestHead, body: [UInt8], channel: any Channel) {
        method = head.method.rawValue
        uri = head.uri
        headers = head.headers
        keepsAlive = head.isKeepAlive
        self.body = body
        self.channel = channel
    }

    var path: String { String(uri.prefix { $0 != "?" }) }

    var query: FormFields {
        guard let mark = uri.firstIndex(of: "?") else { return FormFields() }
        return FormFields(parsing: uri[uri.index(after: mark)...].utf8) ?? FormFields()
    }

    func header(_ name: String) -> String? { headers.first(name: name) }

    var asksForWebSocket: Bool {
        method == "GET" && headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
            && header("sec-websocket-version") == "13" && header("sec-websocket-key") != nil
    }

    /// Sends an answer. From any thread.
    func respond(_ status: Int, headers extra: [(String, String)] = [], body: [UInt8] = []) {
        guard channel.eventLoop.inEventLoop else {
            return channel.eventLoop.execute { self.respond(status, headers: extra, body: body) }
        }
        guard !isOver else { return }
        isOver = true
        var headers = HTTPHeaders(extra)
        headers.replaceOrAdd(name: "content-length", value: String(body.count))
        if !keepsAlive { headers.replaceOrAdd(name: "connection", value: "close") }
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        if !body.isEmpty {
            channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: body))), promise: nil)
        }
        let written = channel.writeAndFlush(HTTPServerResponsePart.end(nil))
        if !keepsAlive {
            let channel = channel
            written.whenComplete { _ in channel.close(promise: nil) }
        }
    }

    /// Ends the connection with a TCP reset, without an answer. From any thread.
    func drop() {
        guard channel.eventLoop.inEventLoop else { return channel.eventLoop.execute { self.drop() } }
        isOver = true
        channel.reset()
    }

    /// Answers 101 and turns the connection into a WebSocket. Returns `false` if the request did not ask for one.
    func upgrade(_ events: SimulatorSocket.Events) -> Bool {
        channel.eventLoop.preconditionInEventLoop()
        guard !isOver, asksForWebSocket, let key = header("sec-websocket-key") else { return false }
        isOver = true
        let accept = SimulatorSocket.accept(for: key)
        let answer =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Accept: \(accept)\r\n\r\n"
        let pipeline = channel.pipeline.syncOperations
        do {
            let socket = SimulatorSocket(channel: channel, role: .server, events: events)
            let encoder = try pipeline.context(handlerType: HTTPResponseEncoder.self)
            let exchange = try pipeline.context(handlerType: ExchangeHandler.self)
            let decoder = try pipeline.context(handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try socket.install(in: pipeline)
            pipeline.removeHandler(context: encoder, promise: nil)
            pipeline.removeHandler(context: exchange, promise: nil)
            channel.writeAndFlush(ByteBuffer(string: answer), promise: nil)
            events.opened(socket)
            socket.flush()
            // Remove the decoder last: it then passes on the bytes that follow the request.
            pipeline.removeHandler(context: decoder, promise: nil)
            return true
        } catch {
            channel.close(promise: nil)
            return false
        }
    }
}
