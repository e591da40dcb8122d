import TalkpathCore

/// The carrier's media socket as a telephony leg uses it: one of our own, or one of an embedder's server.
///
/// All on the media event loop.
protocol MediaConnection: AnyObject {
    /// The bounds of what the peer may send; `nil` for none.
    var budget: WebSocketBudget? { get }

    /// Where the call's messages go, and how the session closes the socket.
    func makeLeg() -> any LegSink & LegConnection

    func beginClose(code: UInt16, reason: String)

    /// Closes the socket because the peer sent more than the budget allows.
    func overran(_ overrun: WebSocketOverrun)
}

extension WebSocketConnection: MediaConnection {
    var budget: WebSocketBudget? { limits.budget }

    func makeLeg() -> any LegSink & LegConnection { SocketLeg(self) }
}
