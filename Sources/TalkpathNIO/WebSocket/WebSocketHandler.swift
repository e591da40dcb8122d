package import NIOCore

/// Connects a channel to its consumer after the handshake: frames in, messages out, and every ending reported exactly
/// once.
///
/// It is the last active handler of the pipeline. Handlers left over from HTTP may stand after it; they neither see nor
/// disturb the socket.
package final class WebSocketHandler<Consumer: WebSocketConsumer>: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundIn = Never
    package typealias OutboundOut = ByteBuffer

    private let consumer: Consumer
    private let role: WebSocketRole
    private let limits: WebSocketLimits
    /// True if the handler must request each read itself, because a handler after it blocks the channel's automatic
    /// reads.
    private let readsManually: Bool

    private var reader: WebSocketFrameReader
    private var isReading = false
    private var nestedReads: [ByteBuffer] = []
    private(set) var connection: WebSocketConnection?

    // Calls to the consumer never nest: events during a call are recorded here and reported afterwards.
    private var callDepth = 0
    private var toldWritable = true
    private var pendingClose: WebSocketClose?
    private var isClosed = false

    package init(consumer: Consumer, role: WebSocketRole, limits: WebSocketLimits, readsManually: Bool = false) {
        self.consumer = consumer
        self.role = role
        self.limits = limits
        self.readsManually = readsManually
        self.reader = WebSocketFrameReader(role: role, maximumMessageBytes: limits.maximumMessageBytes)
    }

    // MARK: Lifecycle

    package func handlerAdded(context: ChannelHandlerContext) {
        let connection = WebSocketConnection(context: context, role: role, limits: limits)
        self.connection = connection
        tell(context) { $0.opened(connection) }
        connection.flush()
        if readsManually { context.read() }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        finish(context)
        connection = nil
    }

    package func channelInactive(context: ChannelHandlerContext) {
        finish(context)
        context.fireChannelInactive()
    }

    private func finish(_ context: ChannelHandlerContext) {
        guard !isClosed, let connection else { return }
        isClosed = true
        pendingClose = connection.ended()
        tellPending(context)
    }

    // MARK: Inbound

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = Self.unwrapInboundIn(data)
        guard !isReading else {
            // An action of the consumer made the channel read within a read, while the reader is busy.
            return nestedReads.append(buffer)
        }
        read(buffer)
        while !nestedReads.isEmpty { read(nestedReads.removeFirst()) }
        tellPending(context)
    }

    private func read(_ buffer: ByteBuffer) {
        guard let connection, connection.acceptsFrames else { return }
        connection.received(bytes: buffer.readableBytes)
        guard connection.acceptsFrames else { return }
        isReading = true
        callDepth += 1
        let failure = buffer.withUnsafeReadableBytes { reader.read($0, into: self) }
        callDepth -= 1
        isReading = false
        if let failure { connection.fail(failure) }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        if let connection, connection.deliversMessages {
            tell(context) { $0.readComplete() }
        }
        connection?.flush()
        context.fireChannelReadComplete()
        if readsManually { context.read() }
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { connection?.becameWritable() }
        tellPending(context)
        context.fireChannelWritabilityChanged()
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            connection?.receivedEndOfStream()
        case is ChannelShouldQuiesceEvent:
            guard limits.closesWhenServerStops else { return }
            let close = WebSocketClose(
                code: WebSocketCloseCode.goingAway,
                reason: "server is stopping",
                cause: .serverStopping
            )
            connection?.beginClose(close)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if TLSFailure.isEndOfStream(error) {
            connection?.receivedEndOfStream()
        } else {
            connection?.receivedError(error)
        }
    }

    // MARK: Outbound, from handlers after this one

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        // The connection writes at this handler's own place. Writes from handlers after it would corrupt the frames.
        promise?.fail(ChannelError.operationUnsupported)
    }

    package func flush(context: ChannelHandlerContext) {}

    package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .output: promise?.succeed()
        case .input, .all: context.close(mode: .all, promise: promise)
        }
    }

    // MARK: Calls to the consumer

    private func tell(_ context: ChannelHandlerContext, _ call: (Consumer) -> Void) {
        callDepth += 1
        call(consumer)
        callDepth -= 1
        tellPending(context)
    }

    /// Reports the events that occurred during a call, once no call is running.
    private func tellPending(_ context: ChannelHandlerContext) {
        guard callDepth == 0 else { return }
        if !isClosed, toldWritable != context.channel.isWritable {
            toldWritable.toggle()
            let isWritable = toldWritable
            tell(context) { $0.writabilityChanged(isWritable: isWritable) }
        }
        if let close = pendingClose {
            pendingClose = nil
            tell(context) { $0.closed(close) }
        }
    }
}

extension WebSocketHandler: WebSocketFrameSink {
    var acceptsFrames: Bool { connection?.acceptsFrames ?? false }

    func beganFrame() { connection?.beganFrame() }

    func receivedMessage(_ message: RawSpan, isText: Bool) {
        guard let connection, connection.deliversMessages else { return }
        consumer.received(message, isText: isText)
    }

    func receivedPing(_ payload: RawSpan) { connection?.receivedPing(payload) }
    func receivedPong(_ payload: RawSpan) { connection?.receivedPong() }
    func receivedClose(code: UInt16, reason: String) { connection?.receivedClose(code: code, reason: reason) }
}
