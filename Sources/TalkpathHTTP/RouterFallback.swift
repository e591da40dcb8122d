import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import TalkpathNIO

/// Adds Hummingbird's handlers to a connection, behind its upgrade handler, when the first ordinary request arrives.
final class RouterFallback: HTTPFallback {
    /// The protocol that the connection spoke first. The future keeps Hummingbird's async channel alive until the
    /// connection ends: a channel that is released unserved traps.
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

    func becameWebSocket(_ channel: any Channel, moved: EventLoopFuture<any Channel>?) {
        place?.becomesBusy()
        if let moved { place?.stays(for: moved) }
        // Remove the state handler, which would close the WebSocket as an idle connection.
        if let stateHandler { channel.pipeline.syncOperations.removeHandler(stateHandler, promise: nil) }
        stateHandler = nil
        promise.succeed(.webSocket(moved: moved))
    }

    func ended() {
        promise.fail(ChannelError.ioOnClosedChannel)
    }
}
