import NIOCore

/// Asks a proxy for a tunnel to a host (RFC 9110, section 9.3.6), and then hands the connection to the handlers for
/// that host.
final class ProxyTunnel: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let longestAnswer = 16 << 10

    private let request: String
    private let attempt: WebSocketClientAttempt
    /// Inserts the handlers for the connection to the host after this one.
    private let opened: (any Channel) throws -> Void
    private var answer = ByteBuffer()
    private var isOpen = false

    init(
        to host: String,
        port: Int,
        through proxy: OutboundProxy.Server,
        attempt: WebSocketClientAttempt,
        opened: @escaping (any Channel) throws -> Void
    ) {
        let authority = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        let authorization = proxy.authorization.map { "Proxy-Authorization: \($0)\r\n" } ?? ""
        request = "CONNECT \(authority) HTTP/1.1\r\nHost: \(authority)\r\n\(authorization)\r\n"
        self.attempt = attempt
        self.opened = opened
    }

    func handlerAdded(context: ChannelHandlerContext) {
        // If the attempt timed out or was cancelled meanwhile, closes the connection.
        attempt.result.assumeIsolated().whenFailure { [weak self] _ in
            if self?.isOpen == false { context.close(promise: nil) }
        }
        if context.channel.isActive { ask(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        ask(context)
        context.fireChannelActive()
    }

    private func ask(_ context: ChannelHandlerContext) {
        context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOpen else { return context.fireChannelRead(data) }
        var piece = Self.unwrapInboundIn(data)
        answer.writeBuffer(&piece)
        let text = String(buffer: answer)
        // The server speaks only after the client, so nothing follows the head of the proxy's answer.
        guard text.hasSuffix("\r\n\r\n") else {
            if answer.readableBytes > Self.longestAnswer { fail("its answer is too long", context) }
            return
        }
        let words = text.prefix { $0 != "\r\n" }.split(separator: " ")
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            return fail("its answer is not HTTP", context)
        }
        guard (200..<300).contains(status) else { return fail("it answered \(status)", context) }
        isOpen = true
        do {
            try opened(context.channel)
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        } catch {
            attempt.fail(error)
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !isOpen { fail("it closed the connection", context) }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isOpen else { return context.fireErrorCaught(error) }
        attempt.fail(WebSocketClientError(connecting: error))
        context.close(promise: nil)
    }

    private func fail(_ words: String, _ context: ChannelHandlerContext) {
        attempt.fail(WebSocketClientError(.connectionLost, "the proxy did not open a tunnel to the host: \(words)"))
        context.close(promise: nil)
    }
}
