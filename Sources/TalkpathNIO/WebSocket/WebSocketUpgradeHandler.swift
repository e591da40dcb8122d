package import NIOCore
package import NIOHTTP1

/// The limits for a peer before and between its requests.
package struct HTTPConnectionLimits: Equatable, Sendable {
    /// From the start of the connection to the end of its first request's head.
    package var headTimeout: Duration = .seconds(10)
    /// From the end of a request's head to the end of its body.
    package var requestTimeout: Duration = .seconds(30)
    /// From the last answer until the connection is closed, so that the peer can close first.
    package var refusalTimeout: Duration = .seconds(1)
    package var maximumHeaderBytes = 16 << 10
    /// The longest header field in bytes; also limits the request's path with its query.
    package var maximumHeaderFieldBytes = 8 << 10
    package var maximumHeaderFieldCount = 100

    package init() {}
}

/// Serves the requests that are not WebSockets. One object for each connection, used on its event loop.
package protocol HTTPFallback: AnyObject {
    /// The first ordinary request has arrived: add the handlers for HTTP at the end of the pipeline. They receive NIO's
    /// `HTTPServerRequestPart`.
    func serve(_ channel: any Channel) throws
    /// The head of a request has arrived.
    func requestBegan()
    /// All requests so far are answered, and the next one may come.
    func becameIdle()
    /// The connection is a WebSocket from now on. Handlers added by `serve`, if it was called, are told that the input
    /// is closed, and nothing after that. Remove those that would close the connection.
    ///
    /// - Parameter moved: the channel that the connection goes on with, on another event loop; `channel` is closed then.
    ///   `nil` if it stays. Fails if the connection is lost on the way.
    func becameWebSocket(_ channel: any Channel, moved: EventLoopFuture<any Channel>?)
    /// The connection has ended, or HTTP no longer owns it.
    func ended()
}

/// Stands after HTTP's parser and finds the requests that ask for a WebSocket, whether first on their connection or
/// later (reverse proxies reuse connections). It passes all others to the fallback.
///
/// It must never let bytes of one protocol reach a handler of the other, which traps: see `ProtocolSwitch`.
package final class WebSocketUpgradeHandler: ChannelDuplexHandler, RemovableChannelHandler {
    package typealias InboundIn = HTTPServerRequestPart
    package typealias InboundOut = HTTPServerRequestPart
    package typealias OutboundIn = HTTPServerResponsePart
    package typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// Waiting for a request's head.
        case waiting
        /// A request goes to the fallback. If it is the last one that the parser reads, its answer is the last one too.
        case passing(isLast: Bool)
        /// The last request has been passed on.
        case passedLast
        /// An accepted upgrade whose request has not ended.
        case accepting(UpgradeDecision.Acceptance, key: String)
        /// An accepted upgrade whose request has ended, while earlier requests are being answered.
        case accepted(UpgradeDecision.Acceptance, key: String)
        /// A refusal, while earlier requests are being answered.
        case refusing(UpgradeDecision.Refusal, withBody: Bool)
        /// The last answer has been written.
        case leaving
        case upgraded
    }

    private let routes: WebSocketRoutes
    private let limits: HTTPConnectionLimits
    private let fallback: (any HTTPFallback)?
    private let encoder: HTTPResponseEncoder
    private let parser: ProtocolSwitch<HTTPRequestDecoder>

    private var state = State.waiting
    private var isFallbackServing = false
    private var isStopping = false
    private var isRemoved = false
    /// Requests passed to the fallback whose answers are not complete.
    private var unanswered = 0
    /// True if the answer to the first of them has begun.
    private var isAnswering = false
    /// True if the client waits for "100 Continue" before it sends its body. That is sent once earlier requests are
    /// answered.
    private var awaitsContinue = false
    /// True if the last request was given up: the fallback's further output for it is discarded.
    private var isAbandoned = false
    private var timer: Scheduled<Void>?

    private init(
        routes: WebSocketRoutes,
        limits: HTTPConnectionLimits,
        fallback: (any HTTPFallback)?,
        encoder: HTTPResponseEncoder,
        parser: ProtocolSwitch<HTTPRequestDecoder>
    ) {
        self.routes = routes
        self.limits = limits
        self.fallback = fallback
        self.encoder = encoder
        self.parser = parser
    }

    /// Makes `channel` a server's connection: HTTP, and WebSockets as `routes` decide.
    ///
    /// - Parameter fallback: answers ordinary requests. With `nil` all of them get 404.
    package static func configure(
        _ channel: any Channel,
        routes: WebSocketRoutes,
        limits: HTTPConnectionLimits = .init(),
        fallback: (any HTTPFallback)? = nil
    ) throws {
        var parserLimits = NIOHTTPDecoderLimitConfiguration()
        parserLimits.maxHeaderListSize = limits.maximumHeaderBytes
        parserLimits.maxHeaderFieldSize = limits.maximumHeaderFieldBytes
        parserLimits.maxHeaderFieldCount = limits.maximumHeaderFieldCount
        let encoder = HTTPResponseEncoder()
        let parser = ProtocolSwitch(
            HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: parserLimits),
            maximumBufferedBytes: 128 << 10
        )
        let handler = WebSocketUpgradeHandler(
            routes: routes,
            limits: limits,
            fallback: fallback,
            encoder: encoder,
            parser: parser
        )
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(encoder)
        try pipeline.addHandler(parser.handler)
        try pipeline.addHandler(handler)
    }

    // MARK: Lifecycle

    package func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { arm(limits.headTimeout, context) }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        isRemoved = true
        disarm()
        fallback?.ended()
    }

    package func channelActive(context: ChannelHandlerContext) {
        arm(limits.headTimeout, context)
        context.fireChannelActive()
    }

    // MARK: Requests

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard parser.decoder.isParsing else { return context.fireChannelRead(data) }
        let part = Self.unwrapInboundIn(data)
        switch (state, part) {
        case (.waiting, .head(let head)):
            disarm()
            received(head, context)
        case (.passing, .body):
            context.fireChannelRead(data)
        case (.passing(let isLast), .end):
            disarm()
            state = isLast ? .passedLast : .waiting
            // The router may have answered before the body arrived.
            if !isLast, unanswered == 0 { fallback?.becameIdle() }
            context.fireChannelRead(data)
        case (.accepting(let acceptance, let key), .end):
            disarm()
            state = .accepted(acceptance, key: key)
            proceed(context)
        case (.accepting, .body):
            refuse(.badRequest, "A WebSocket's request has no body.\n", context)
        case (.waiting, _), (.passing, .head), (.accepting, .head):
            // The parser never gives these.
            break
        case (.passedLast, _), (.accepted, _), (.refusing, _), (.leaving, _), (.upgraded, _):
            // Input after the last request that counts.
            break
        }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        switch state {
        case .passing, .accepting:
            if timer == nil { arm(limits.requestTimeout, context) }
        case .waiting, .passedLast, .accepted, .refusing, .leaving, .upgraded:
            break
        }
        context.fireChannelReadComplete()
    }

    private func received(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        fallback?.requestBegan()
        if let breach = HTTPRequestRules.breach(in: head) {
            return refuse(breach.status, breach.words, breach.headers, withBody: head.method != .HEAD, context)
        }
        guard WebSocketHandshake.asksForWebSocket(head) else {
            return pass(head, isLast: WebSocketHandshake.mayEndParsing(head), context)
        }
        switch routes.decide(UpgradeRequest(head: head, channel: context.channel)).kind {
        case .notAWebSocket: pass(head, isLast: true, context)
        case .refuse(let refusal): refuse(refusal, withBody: true, context)
        case .accept(let acceptance): accept(acceptance, head, context)
        }
    }

    private func accept(
        _ acceptance: UpgradeDecision.Acceptance,
        _ head: HTTPRequestHead,
        _ context: ChannelHandlerContext
    ) {
        guard !isStopping else { return refuse(.serviceUnavailable, "The server is stopping.\n", context) }
        guard !WebSocketHandshake.announcesBody(head) else {
            return refuse(.badRequest, "A WebSocket's request has no body.\n", context)
        }
        guard head.headers["sec-websocket-version"] == [WebSocketHandshake.version] else {
            let refusal = UpgradeDecision.Refusal(
                status: .upgradeRequired,
                headers: ["sec-websocket-version": WebSocketHandshake.version],
                body: "Only WebSocket version \(WebSocketHandshake.version) is supported.\n"
            )
            return refuse(refusal, withBody: true, context)
        }
        let keys = head.headers["sec-websocket-key"]
        guard keys.count == 1, let key = keys.first, WebSocketHandshake.isValidKey(key) else {
            return refuse(.badRequest, "Sec-WebSocket-Key is missing or wrong.\n", context)
        }
        state = .accepting(acceptance, key: key)
    }

    private func pass(_ head: HTTPRequestHead, isLast: Bool, _ context: ChannelHandlerContext) {
        guard let fallback else {
            let refusal = UpgradeDecision.Refusal(
                status: .notFound,
                headers: [:],
                body: "This server accepts WebSockets only.\n"
            )
            return refuse(refusal, withBody: head.method != .HEAD, context)
        }
        if !isFallbackServing {
            isFallbackServing = true
            do {
                try fallback.serve(context.channel)
            } catch {
                isFallbackServing = false
                return refuse(.internalServerError, "", context)
            }
        }
        var head = head
        // An HTTP/1.0 connection ends with its answer, unless the client asks to keep it.
        if HTTPRequestRules.isTheLast(head) {
            head.headers.replaceOrAdd(name: "connection", value: "close")
        }
        if isLast {
            // The answering code must not keep a connection open on which nothing more is read.
            head.headers.remove(name: "upgrade")
            head.headers.replaceOrAdd(name: "connection", value: "close")
            parser.decoder.mode = .discard
        }
        unanswered += 1
        state = .passing(isLast: isLast)
        awaitsContinue = HTTPRequestRules.awaitsContinue(head)
        sayContinue(context)
        context.fireChannelRead(Self.wrapInboundOut(.head(head)))
    }

    private func refuse(_ status: HTTPResponseStatus, _ body: String, _ context: ChannelHandlerContext) {
        refuse(UpgradeDecision.Refusal(status: status, headers: [:], body: body), withBody: true, context)
    }

    private func refuse(
        _ status: HTTPResponseStatus,
        _ words: String,
        _ headers: HTTPHeaders,
        withBody: Bool,
        _ context: ChannelHandlerContext
    ) {
        refuse(HTTPRequestRules.refusal(status, words, headers), withBody: withBody, context)
    }

    private func refuse(_ refusal: UpgradeDecision.Refusal, withBody: Bool, _ context: ChannelHandlerContext) {
        parser.decoder.mode = .discard
        state = .refusing(refusal, withBody: withBody)
        proceed(context)
    }

    // MARK: Answers

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .upgraded = state { return context.write(data, promise: promise) }
        guard !isAbandoned else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        let part = Self.unwrapOutboundIn(data)
        if case .head(let head) = part, head.status.code >= 200 { isAnswering = true }
        context.write(data, promise: promise)
        guard case .end = part, unanswered > 0 else { return }
        isAnswering = false
        unanswered -= 1
        guard unanswered == 0 else { return sayContinue(context) }
        switch state {
        case .passedLast:
            arm(limits.refusalTimeout, context)
        case .waiting:
            fallback?.becameIdle()
        case .accepted, .refusing:
            // Deferred, because the handlers after this one are in the middle of this write.
            context.eventLoop.assumeIsolated().execute {
                if !self.isRemoved { self.proceed(context) }
            }
        case .passing, .accepting, .leaving, .upgraded:
            break
        }
    }

    /// Sends "100 Continue" to a client that waits for it before its body (RFC 9110, section 10.1.1).
    private func sayContinue(_ context: ChannelHandlerContext) {
        guard awaitsContinue, unanswered == 1, case .passing = state else { return }
        awaitsContinue = false
        let head = HTTPResponseHead(version: .http1_1, status: .continue)
        context.writeAndFlush(Self.wrapOutboundOut(.head(head)), promise: nil)
    }

    /// Ends a request that was not complete in time.
    private func timedOut(_ context: ChannelHandlerContext) {
        let words: String
        switch state {
        // A client that has sent nothing may be keeping connections ready, so it gets no answer.
        case .waiting where unanswered == 0 && !isFallbackServing && parser.decoder.hasSeenBytes:
            words = "The request's head did not arrive in time"
        case .passing where unanswered == 1 && !isAnswering:
            words = "The request's body did not arrive in time"
        case .accepting where unanswered == 0:
            words = "The request did not end in time"
        case .waiting, .passing, .accepting, .passedLast, .accepted, .refusing, .leaving, .upgraded:
            return context.close(promise: nil)
        }
        isAbandoned = true
        parser.decoder.mode = .discard
        answer(HTTPRequestRules.refusal(.requestTimeout, words), withBody: true, context)
    }

    /// Continues with an upgrade or a refusal once everything before it is answered.
    private func proceed(_ context: ChannelHandlerContext) {
        guard unanswered == 0 else { return }
        switch state {
        case .accepted(let acceptance, let key): upgrade(acceptance, key: key, context)
        case .refusing(let refusal, let withBody): answer(refusal, withBody: withBody, context)
        case .waiting, .passing, .passedLast, .accepting, .leaving, .upgraded: break
        }
    }

    private func upgrade(_ acceptance: UpgradeDecision.Acceptance, key: String, _ context: ChannelHandlerContext) {
        var headers: HTTPHeaders = [
            "upgrade": "websocket", "connection": "Upgrade",
            "sec-websocket-accept": WebSocketHandshake.accept(for: key),
        ]
        if let subprotocol = acceptance.subprotocol { headers.add(name: "sec-websocket-protocol", value: subprotocol) }
        if let eventLoop = acceptance.eventLoop, SocketHandOver.isPossible(context, to: eventLoop) {
            return handOver(to: eventLoop, acceptance, headers, context)
        }
        let head = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers)
        context.writeAndFlush(Self.wrapOutboundOut(.head(head)), promise: nil)
        guard context.channel.isActive else { return }
        state = .upgraded
        do {
            try leaveHTTP(context, moved: nil)
            try parser.complete(context, handler: self, next: acceptance.makeHandler(isFallbackServing))
        } catch {
            context.close(promise: nil)
        }
    }

    /// The other event loop answers the handshake, so that no frame comes before the socket is there.
    private func handOver(
        to eventLoop: any EventLoop,
        _ acceptance: UpgradeDecision.Acceptance,
        _ headers: HTTPHeaders,
        _ context: ChannelHandlerContext
    ) {
        state = .upgraded
        var answer = "HTTP/1.1 101 Switching Protocols\r\n"
        for (name, value) in headers { answer += "\(name): \(value)\r\n" }
        let handOver = SocketHandOver(
            to: eventLoop,
            answer: context.channel.allocator.buffer(string: answer + "\r\n"),
            makeHandler: acceptance.makeHandler
        )
        do {
            try leaveHTTP(context, moved: handOver.moved.futureResult)
            let channel = context.channel
            try parser.complete(context, handler: self, next: handOver) { handOver.go(channel) }
        } catch {
            handOver.moved.fail(error)
            context.close(promise: nil)
        }
    }

    private func leaveHTTP(_ context: ChannelHandlerContext, moved: EventLoopFuture<any Channel>?) throws {
        context.pipeline.syncOperations.removeHandler(encoder, promise: nil)
        if isFallbackServing {
            // NIO's async channel stays after the socket's handler. It is told that its input has ended, and then lets
            // no read through any more, so the WebSocket's handler requests its reads itself.
            try context.channel.syncOptions?.setOption(ChannelOptions.autoRead, value: false)
            context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }
        fallback?.becameWebSocket(context.channel, moved: moved)
    }

    private func answer(_ refusal: UpgradeDecision.Refusal, withBody: Bool, _ context: ChannelHandlerContext) {
        state = .leaving
        var headers = refusal.headers
        headers.replaceOrAdd(name: "connection", value: "close")
        headers.replaceOrAdd(name: "content-length", value: String(refusal.body.utf8.count))
        if !refusal.body.isEmpty, !headers.contains(name: "content-type") {
            headers.add(name: "content-type", value: "text/plain; charset=utf-8")
        }
        let head = HTTPResponseHead(version: .http1_1, status: refusal.status, headers: headers)
        context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
        if withBody, !refusal.body.isEmpty {
            let body = context.channel.allocator.buffer(string: refusal.body)
            context.write(Self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        }
        context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: nil)
        // Closes only our direction and gives the peer a moment to close its own. Closing with unread input would reset
        // the connection and could destroy the answer on its way.
        arm(limits.refusalTimeout, context)
        context.close(mode: .output, promise: nil)
    }

    // MARK: Endings

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            switch state {
            case .waiting, .passing, .passedLast:
                // The fallback may still be answering.
                guard isFallbackServing else { return context.close(promise: nil) }
                context.fireUserInboundEventTriggered(event)
            case .accepting, .accepted, .refusing, .leaving:
                context.close(promise: nil)
            case .upgraded:
                context.fireUserInboundEventTriggered(event)
            }
        case is ChannelShouldQuiesceEvent:
            isStopping = true
            if case .waiting = state, !isFallbackServing { return context.close(promise: nil) }
            context.fireUserInboundEventTriggered(event)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch state {
        case .upgraded:
            context.fireErrorCaught(error)
        case .refusing, .leaving, .passedLast:
            // The answer is being sent, and the timer closes. A failed parser reports an error for every further byte.
            if !(error is HTTPParserError || error is ByteToMessageDecoderError) { context.close(promise: nil) }
        case .waiting, .passing, .accepting, .accepted:
            failed(error, context)
        }
    }

    private func failed(_ error: any Error, _ context: ChannelHandlerContext) {
        guard let parserError = error as? HTTPParserError else { return context.close(promise: nil) }
        if isFallbackServing {
            // The fallback answers 400 after its other answers.
            state = .passedLast
            arm(limits.requestTimeout, context)
            context.fireErrorCaught(error)
        } else if case .headerOverflow = parserError {
            refuse(.requestHeaderFieldsTooLarge, "The path and the headers are too long", context)
        } else {
            refuse(.badRequest, "This is not HTTP", context)
        }
    }

    private func arm(_ delay: Duration, _ context: ChannelHandlerContext) {
        disarm()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) {
            if !self.isRemoved { self.timedOut(context) }
        }
    }

    private func disarm() {
        timer?.cancel()
        timer = nil
    }
}
