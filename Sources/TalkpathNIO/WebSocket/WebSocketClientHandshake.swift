import NIOCore
import NIOHTTP1
import TalkpathCore

/// The client's request of the opening handshake as bytes, with the key that the answer must match.
struct WebSocketClientRequest: Sendable {
    let key: String
    let head: HTTPRequestHead
    let bytes: ByteBuffer

    init(_ address: WebSocketURL, headers extra: [(String, String)]) throws(WebSocketClientError) {
        key = WebSocketHandshake.makeKey()
        var headers: HTTPHeaders = [
            "Host": address.hostHeader, "Upgrade": "websocket", "Connection": "Upgrade",
            "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": WebSocketHandshake.version,
        ]
        let own = ["host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "content-length"]
        let forbidden = own + ["sec-websocket-extensions", "transfer-encoding"]
        for (name, value) in extra {
            guard Self.isToken(name), value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                throw WebSocketClientError(.invalidHeader, "the header \(name.debugDescription) cannot be sent")
            }
            guard !forbidden.contains(name.lowercased()) else {
                throw WebSocketClientError(.invalidHeader, "the header \(name) belongs to the handshake")
            }
            headers.add(name: name, value: value)
        }
        if !headers.contains(name: "User-Agent") { headers.add(name: "User-Agent", value: TalkpathVersion.userAgent) }
        head = HTTPRequestHead(version: .http1_1, method: .GET, uri: address.target, headers: headers)
        var text = "GET \(address.target) HTTP/1.1\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        bytes = ByteBuffer(string: text + "\r\n")
    }

    /// RFC 9110 §5.6.2.
    private static func isToken(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    /// The reason why a 101 answer is invalid (RFC 6455 §4.1); `nil` if it is valid.
    func flaw(in answer: HTTPResponseHead) -> String? {
        let headers = answer.headers
        guard headers[canonicalForm: "upgrade"].contains(where: { $0.lowercased() == "websocket" }),
            headers[canonicalForm: "connection"].contains(where: { $0.lowercased() == "upgrade" })
        else { return "the server changed to another protocol" }
        guard headers["sec-websocket-accept"] == [WebSocketHandshake.accept(for: key)] else {
            return "Sec-WebSocket-Accept does not match the key"
        }
        guard headers["sec-websocket-extensions"].isEmpty else {
            return "the server uses an extension that was not offered"
        }
        let chosen = headers["sec-websocket-protocol"]
        guard
            chosen.isEmpty
                || chosen.count == 1 && head.headers[canonicalForm: "sec-websocket-protocol"].contains(chosen[0][...])
        else { return "the server chose a subprotocol that was not offered" }
        return nil
    }
}

/// Sends the request, checks the answer, and replaces itself by the WebSocket handler.
final class WebSocketClientHandshake<Consumer: WebSocketConsumer>: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = ByteBuffer

    private enum State {
        case waiting
        /// The 101 is valid; its end has not arrived.
        case accepted
        /// Another answer, with the first part of its body.
        case rejected(HTTPResponseHead, body: ByteBuffer)
        case done
    }

    private static var maximumBody: Int { 1024 }

    private let request: WebSocketClientRequest
    private let attempt: WebSocketClientAttempt
    private let parser: ProtocolSwitch<HTTPResponseDecoder>
    private let makeHandler: @Sendable () -> WebSocketHandler<Consumer>
    private var state = State.waiting
    private var wasConnected = false

    private init(
        request: WebSocketClientRequest,
        attempt: WebSocketClientAttempt,
        parser: ProtocolSwitch<HTTPResponseDecoder>,
        makeHandler: @escaping @Sendable () -> WebSocketHandler<Consumer>
    ) {
        self.request = request
        self.attempt = attempt
        self.parser = parser
        self.makeHandler = makeHandler
    }

    static func configure(
        _ channel: any Channel,
        request: WebSocketClientRequest,
        attempt: WebSocketClientAttempt,
        makeHandler: @escaping @Sendable () -> WebSocketHandler<Consumer>
    ) throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderListSize = 64 << 10
        limits.maxHeaderFieldSize = 16 << 10
        let decoder = HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
        // The parser must know the request that an answer belongs to.
        decoder.write(data: .head(request.head))
        let parser = ProtocolSwitch(decoder, maximumBufferedBytes: 128 << 10)
        let handler = WebSocketClientHandshake(
            request: request,
            attempt: attempt,
            parser: parser,
            makeHandler: makeHandler
        )
        try channel.pipeline.syncOperations.addHandler(parser.handler)
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        // If the attempt timed out or was cancelled, while connecting or later, closes the connection.
        attempt.result.assumeIsolated().whenFailure { [weak self] _ in
            if self?.isDone == false { self?.leave(context) }
        }
        if context.channel.isActive { send(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        send(context)
        context.fireChannelActive()
    }

    private func send(_ context: ChannelHandlerContext) {
        wasConnected = true
        context.writeAndFlush(Self.wrapOutboundOut(request.bytes), promise: nil)
    }

    // MARK: The answer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard parser.decoder.isParsing else { return context.fireChannelRead(data) }
        switch (state, Self.unwrapInboundIn(data)) {
        case (.waiting, .head(let head)):
            guard head.status == .switchingProtocols else {
                state = .rejected(head, body: ByteBuffer())
                return
            }
            if let flaw = request.flaw(in: head) {
                fail(WebSocketClientError(.invalidHandshake, flaw), context)
            } else {
                state = .accepted
            }
        case (.accepted, .end):
            open(context)
        case (.rejected(let head, var body), .body(let piece)):
            body.writeBytes(piece.readableBytesView.prefix(Self.maximumBody - body.readableBytes))
            state = .rejected(head, body: body)
            if body.readableBytes >= Self.maximumBody { reject(head, body, context) }
        case (.rejected(let head, let body), .end):
            reject(head, body, context)
        case (.waiting, _), (.accepted, _), (.rejected, .head), (.done, _):
            break
        }
    }

    private func open(_ context: ChannelHandlerContext) {
        state = .done
        let handler = makeHandler()
        do {
            try parser.complete(context, handler: self, next: handler)
            guard let connection = handler.connection else { throw ChannelError.ioOnClosedChannel }
            attempt.succeed(connection)
        } catch {
            attempt.fail(error)
            context.close(promise: nil)
        }
    }

    private func reject(_ head: HTTPResponseHead, _ body: ByteBuffer, _ context: ChannelHandlerContext) {
        let message = "the server answered \(head.status.code) instead of 101"
        let text = String(decoding: body.readableBytesView, as: UTF8.self)
        fail(WebSocketClientError(.rejected, message, status: Int(head.status.code), body: text), context)
    }

    // MARK: Endings

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event, !isDone { return ended(context) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !isDone { ended(context) }
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        // If never connected, the connecting code knows the cause, and may try another of the host's addresses.
        if !isDone, wasConnected { ended(context) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isDone { return context.fireErrorCaught(error) }
        if TLSFailure.isEndOfStream(error) { return }
        fail(WebSocketClientError(connecting: error), context)
    }

    private var isDone: Bool {
        if case .done = state { true } else { false }
    }

    private func ended(_ context: ChannelHandlerContext) {
        if case .rejected(let head, let body) = state { return reject(head, body, context) }
        fail(WebSocketClientError(.connectionLost, "the server closed the connection before its answer"), context)
    }

    private func fail(_ error: WebSocketClientError, _ context: ChannelHandlerContext) {
        state = .done
        attempt.fail(error)
        leave(context)
    }

    private func leave(_ context: ChannelHandlerContext) {
        state = .done
        parser.decoder.mode = .discard
        if let transport = try? context.pipeline.syncOperations.handler(type: TransportHandle.self) {
            transport.drop()
        } else {
            context.close(promise: nil)
        }
    }
}
