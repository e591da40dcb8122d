import NIOCore
import TalkpathCore

/// The carrier's media socket as a telephony leg uses it: a socket of Talkpath's server or of an embedder's server.
///
/// Use on its event loop only.
protocol MediaConnection: AnyObject {
    var eventLoop: any EventLoop { get }

    /// Limits on what the peer may send; `nil` means none.
    var budget: WebSocketBudget? { get }

    /// Makes the leg that sends the call's messages and lets the session close the socket.
    func makeLeg() -> any LegSink & LegConnection

    /// Starts the closing handshake (RFC 6455 §7).
    func beginClose(code: UInt16, reason: String)

    /// Closes the socket because the peer sent more than the budget allows.
    func overran(_ overrun: WebSocketOverrun)
}

extension WebSocketConnection: MediaConnection {
    var budget: WebSocketBudget? { limits.budget }

    func makeLeg() -> any LegSink & LegConnection { SocketLeg(self) }
}
