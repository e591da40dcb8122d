package import NIOCore
package import NIOHTTP1

/// The decision about a request that asks for a WebSocket.
package struct UpgradeDecision: Sendable {
    enum Kind: Sendable {
        case accept(Acceptance)
        case refuse(Refusal)
        case notAWebSocket
    }

    struct Acceptance: Sendable {
        var subprotocol: String?
        /// Called on the event loop. The argument tells the handler whether to request its reads itself.
        var makeHandler: @Sendable (_ readsManually: Bool) -> any ChannelHandler
        /// The event loop that the socket should run on; `nil` leaves it on its own.
        var eventLoop: (any EventLoop)?
    }

    struct Refusal: Sendable {
        var status: HTTPResponseStatus
        var headers: HTTPHeaders
        var body: String
    }

    let kind: Kind

    /// Opens the socket. Its messages go to a consumer that `makeConsumer` makes on the socket's event loop.
    ///
    /// - Parameters:
    ///   - subprotocol: one of those that the client offered in `Sec-WebSocket-Protocol`.
    ///   - eventLoop: the loop that the socket should run on. A connection with TLS stays on its own.
    package static func accept<Consumer: WebSocketConsumer>(
        _ limits: WebSocketLimits = .telephony,
        subprotocol: String? = nil,
        on eventLoop: (any EventLoop)? = nil,
        makeConsumer: @escaping @Sendable () -> Consumer
    ) -> Self {
        .init(
            kind: .accept(
                Acceptance(
                    subprotocol: subprotocol,
                    makeHandler: { readsManually in
                        WebSocketHandler(
                            consumer: makeConsumer(),
                            role: .server,
                            limits: limits,
                            readsManually: readsManually
                        )
                    },
                    eventLoop: eventLoop
                )
            )
        )
    }

    /// Answers with this status and body and closes the connection. The body is plain text unless `headers` state
    /// another type.
    package static func refuse(_ status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: String = "") -> Self {
        .init(kind: .refuse(Refusal(status: status, headers: headers, body: body)))
    }

    /// Leaves the request to the HTTP routes, as if it asked for no upgrade; the connection is closed after the answer.
    /// Without HTTP routes the answer is 404.
    package static var notAWebSocket: Self { .init(kind: .notAWebSocket) }
}

/// Decides about upgrades: path, authorisation, and the consumer of the messages.
package struct WebSocketRoutes: Sendable {
    /// Called on the connection's event loop before any answer, so it must not block.
    package let decide: @Sendable (UpgradeRequest) -> UpgradeDecision

    package init(_ decide: @escaping @Sendable (UpgradeRequest) -> UpgradeDecision) {
        self.decide = decide
    }

    /// Accepts no WebSockets.
    package static let none = WebSocketRoutes { _ in .notAWebSocket }
}
