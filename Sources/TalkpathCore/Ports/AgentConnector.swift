package import TalkpathWire

/// Opens sockets to speech models. Contract:
///
/// * When the socket is open, and before `connect` returns, `session.agentSocketOpened` is called on the session's
///   executor; if it says false, nothing of this socket may reach `session.media`.
/// * The socket's messages are given to `session.media` on the session's executor, and its end to
///   `session.agentClosed(socket:reason:)`, once, with the number given here.
/// * `connect` returns when the socket is open, or throws; it bounds itself by `timeout`. A task that is cancelled
///   meanwhile leaves no socket open.
package protocol AgentConnector: Sendable {
    func connect(
        _ target: WebSocketTarget,
        socket: AgentSocketID,
        timeout: Duration,
        session: CallSession
    ) async throws(AgentConnectError) -> any LegConnection
}

/// The model's socket could not be opened.
package struct AgentConnectError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Free of secrets.
    package var message: String
    /// The provider said no: the key, the model or the address is wrong, and trying again changes nothing.
    package var isFinal: Bool

    package init(_ message: String, isFinal: Bool = false) {
        self.message = message
        self.isFinal = isFinal
    }

    package var description: String { message }
}
