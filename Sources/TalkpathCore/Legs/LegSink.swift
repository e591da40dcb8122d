package import TalkpathWire

/// The receiver of a leg's outgoing messages: a socket, or a simulated one.
///
/// Called on the call's loop, once per wake with all the messages of that wake, so that they are sent in one write.
package protocol LegSink: AnyObject {
    /// Writes every message of `outbox`, in order, and flushes once.
    func drain(_ outbox: inout MessageOutbox)
}

/// A leg's connection, for the session to close.
package protocol LegConnection: Sendable {
    /// Closes the connection and returns when it is closed. Idempotent. The connection bounds the time itself, even if
    /// the calling task is cancelled.
    func close() async
}
