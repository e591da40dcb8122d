/// The end of a WebSocket: code, reason and cause.
package struct WebSocketClose: Equatable, Sendable {
    package enum Cause: Equatable, Sendable {
        /// The peer sent a close frame.
        case peer
        /// This side closed the socket.
        case local
        /// The peer broke RFC 6455 or a limit; `code` tells which.
        case protocolError
        /// The stream ended without a close frame.
        case endOfStream
        /// The connection broke: reset, unreachable, TLS failure.
        case reset
        /// The peer was silent and did not answer a ping.
        case timedOut
        /// More than `WebSocketLimits.maximumBufferedBytes` waited to be sent.
        case peerDoesNotRead
        /// The peer sent more than its ``WebSocketBudget`` allows.
        case overrun(WebSocketOverrun)
        /// The server is shutting down.
        case serverStopping
    }

    /// The close code (RFC 6455 §7.4): the peer's for `.peer`; ours for `.local`, `.protocolError`, `.overrun` and
    /// `.serverStopping`; 1005 for a close frame without a code; 1006 if there was no close frame.
    package var code: UInt16
    /// The peer's text for `.peer`, else ours. The peer's text must be escaped before logging.
    package var reason: String
    package var cause: Cause

    package init(code: UInt16, reason: String, cause: Cause) {
        self.code = code
        self.reason = reason
        self.cause = cause
    }
}

/// The registered close codes that this side sends or reports (RFC 6455 §7.4.1).
package enum WebSocketCloseCode {
    package static let normal: UInt16 = 1000
    package static let goingAway: UInt16 = 1001
    package static let protocolError: UInt16 = 1002
    package static let noStatus: UInt16 = 1005
    package static let abnormal: UInt16 = 1006
    package static let invalidPayload: UInt16 = 1007
    package static let policyViolation: UInt16 = 1008
    package static let messageTooBig: UInt16 = 1009
    package static let internalError: UInt16 = 1011

    /// True if a peer may send this code in a close frame: the registered codes that endpoints may send, and the ranges
    /// for libraries (3000) and applications (4000).
    package static func maySend(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
