package import HummingbirdCore
package import Logging
package import NIOCore
package import NIOSSL
package import TalkpathNIO

/// One port for Hummingbird's routes and for WebSockets.
///
///     let app = Application(
///         router: router,
///         server: OnePortServer.builder(webSockets: WebSocketRoutes { request in … })
///     )
///
/// If `webSockets` accepts an upgrade request, the connection becomes a WebSocket, on the connection's event loop. The
/// request may be the connection's first or, behind a reverse proxy, a later one. The router gets all other requests.
/// Hummingbird's graceful shutdown also notifies the WebSockets (see `WebSocketLimits.closesWhenServerStops`) and waits
/// for them.
package enum OnePortServer {
    package struct Configuration: Sendable {
        package var limits = HTTPConnectionLimits()
        /// A connection without a request for this long is closed.
        package var idleTimeout: TimeAmount = .seconds(60)
        /// Returns the certificate for a new connection; called for each of them. `nil` for plain HTTP.
        package var tls: (@Sendable () -> NIOSSLContext)?
        /// The limit of connections, and the order in which they are closed. `nil` for no limit.
        package var budget: ConnectionBudget?

        package init() {}
    }

    /// The server for `Application(router:server:)`.
    package static func builder(
        webSockets: WebSocketRoutes,
        configuration: Configuration = .init()
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            childChannel(responder: responder, webSockets: webSockets, configuration: configuration)
        }
    }

    /// Builds a Hummingbird `Server`.
    package static func childChannel(
        responder: @escaping HTTPChannelHandler.Responder,
        webSockets: WebSocketRoutes,
        configuration: Configuration = .init()
    ) -> OnePortChannel {
        OnePortChannel(http: HTTP1Channel(responder: responder), webSockets: webSockets, configuration: configuration)
    }
}

/// The handlers of each connection of the port.
package struct OnePortChannel: ServerChildChannel {
    /// A connection whose first request decides its protocol.
    package struct Value: ServerChildChannelValue {
        package let channel: any Channel
        let firstProtocol: EventLoopFuture<FirstProtocol>
    }

    enum FirstProtocol: Sendable {
        case http(HTTP1Channel.Value)
        /// - Parameter moved: its channel on another event loop; `nil` if it has the connection's own.
        case webSocket(moved: EventLoopFuture<any Channel>?)
    }

    let http: HTTP1Channel
    let webSockets: WebSocketRoutes
    let configuration: OnePortServer.Configuration

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        // Set up synchronously: a connection whose set-up waits or fails would hold up or end the listening channel.
        channel.eventLoop.makeCompletedFuture {
            var place: ConnectionBudget.Place?
            if let budget = configuration.budget {
                guard let admitted = budget.admit(channel) else { return try turnAway(channel, budget) }
                place = admitted
            }
            if let tls = configuration.tls {
                try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls()))
            }
            let fallback = RouterFallback(
                eventLoop: channel.eventLoop,
                idleTimeout: configuration.idleTimeout,
                isSecure: configuration.tls != nil,
                place: place,
                logger: logger
            )
            try WebSocketUpgradeHandler.configure(
                channel,
                routes: webSockets,
                limits: configuration.limits,
                fallback: fallback
            )
            return Value(channel: channel, firstProtocol: fallback.firstProtocol)
        }
    }

    private func turnAway(_ channel: any Channel, _ budget: ConnectionBudget) throws -> Value {
        let handlers = channel.pipeline.syncOperations
        if configuration.tls == nil, budget.mayAnswer(refused: channel) {
            try handlers.addHandler(NoRoomHandler())
        } else {
            try handlers.addHandler(NoAnswerHandler())
        }
        return Value(
            channel: channel,
            firstProtocol: channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
        )
    }

    /// Returns when the connection is closed.
    package func handle(value: Value, logger: Logger) async {
        // Fails when the connection ends before its first request.
        guard let first = try? await closing(value.channel, onCancelOf: value.firstProtocol) else { return }
        switch first {
        case .http(let channel): await http.handle(value: channel, logger: logger)
        case .webSocket(let moved):
            guard let channel = moved == nil ? value.channel : try? await moved?.get() else { return }
            try? await closing(channel, onCancelOf: channel.closeFuture)
        }
    }

    private func closing<Result: Sendable>(
        _ channel: any Channel,
        onCancelOf future: EventLoopFuture<Result>
    ) async throws -> Result {
        try await withTaskCancellationHandler {
            try await future.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }
}
