import NIOCore
package import NIOHTTP1

/// What becomes of a request that asks for a WebSocket.
package struct UpgradeDecision: Sendable {
    enum Kind: Sendable {
        case accept(Acceptance)
        case refuse(Refusal)
        case notAWebSocket
    }

    struct Acceptance: Sendable {
        var subprotocol: String?
        /// Called on the event loop. The argument: whether the handler must ask for its reads itself.
        var makeHandler: @Sendable (_ readsManually: Bool) -> any ChannelHandler
    }

    struct Refusal: Sendable {
        var status: HTTPResponseStatus
        var headers: HTTPHeaders
        var body: String
    }

    let kind: Kind

    /// Opens the socket; its messages go to a consumer made for it, on its event loop.
    ///
    /// - Parameter subprotocol: one of those the client offered in `Sec-WebSocket-Protocol`.
    package static func accept<Consumer: WebSocketConsumer>(
        _ limits: WebSocketLimits = .telephony,
        subprotocol: String? = nil,
        makeConsumer: @escaping @Sendable () -> Consumer
    ) -> Self {
        .init(
            kind: .accept(
                Acceptance(subprotocol: subprotocol) { readsManually in
                    WebSocketHandler(
                        consumer: makeConsumer(),
                        role: .server,
                        limits: limits,
                        readsManually: readsManually
                    )
                }
            )
        )
    }

    /// Answers with this status and body (plain text, or what `headers` say it is) and closes the connection.
    package static func refuse(_ status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: String = "") -> Self {
        .init(kind: .refuse(Refusal(status: status, headers: headers, body: body)))
    }

    /// Leaves the request to the HTTP routes, as if it had not asked for an upgrade; the connection is closed after
    /// the answer. Where there are no routes the answer is 404.
    package static var notAWebSocket: Self { .init(kind: .notAWebSocket) }
}

/// Decides about upgrades: path, authorisation, who receives the messages.
package struct WebSocketRoutes: Sendable {
    /// Called on the connection's event loop, before anything is answered: it must not block.
    package let decide: @Sendable (UpgradeRequest) -> UpgradeDecision

    package init(_ decide: @escaping @Sendable (UpgradeRequest) -> UpgradeDecision) {
        self.decide = decide
    }

    /// No WebSockets at all.
    package static let none = WebSocketRoutes { _ in .notAWebSocket }
}
