import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import TalkpathNIO

/// Puts Hummingbird behind a connection's upgrade handler when the first ordinary request comes.
final class RouterFallback: HTTPFallback {
    /// The protocol that the connection spoke first. Keeps Hummingbird's async channel alive until the connection is
    /// over: one that goes away earlier, unserved, traps.
    let firstProtocol: EventLoopFuture<OnePortChannel.FirstProtocol>

    private let promise: EventLoopPromise<OnePortChannel.FirstProtocol>
    private let idleTimeout: TimeAmount
    private let isSecure: Bool
    private let place: ConnectionBudget.Place?
    private let logger: Logger
    private var stateHandler: HTTPConnectionStateHandler?

    init(
        eventLoop: any EventLoop,
        idleTimeout: TimeAmount,
        isSecure: Bool,
        place: ConnectionBudget.Place?,
        logger: Logger
    ) {
        self.place = place
        promise = eventLoop.makePromise()
        firstProtocol = promise.futureResult
        self.idleTimeout = idleTimeout
        self.isSecure = isSecure
        self.logger = logger
    }

    /// The pipeline of Hummingbird's `HTTP1Channel.setup`, from the parser on.
    func serve(_ channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        let stateHandler = HTTPConnectionStateHandler(idleTimeout: Duration(idleTimeout), logger: logger)
        self.stateHandler = stateHandler
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: isSecure))
        try pipeline.addHandler(stateHandler)
        let asyncChannel = try HTTP1Channel.Value(
            wrappingChannelSynchronously: channel,
            configuration: .init(isOutboundHalfClosureEnabled: true)
        )
        promise.succeed(.http(asyncChannel))
    }

    func requestBegan() { place?.becomesBusy() }

    func becameIdle() { place?.becomesIdle() }

    func becameWebSocket(_ channel: any Channel) {
        place?.becomesBusy()
        // It would close the socket as an idle connection.
        if let stateHandler { channel.pipeline.syncOperations.removeHandler(stateHandler, promise: nil) }
        stateHandler = nil
        promise.succeed(.webSocket)
    }

    func ended() {
        promise.fail(ChannelError.ioOnClosedChannel)
    }
}
