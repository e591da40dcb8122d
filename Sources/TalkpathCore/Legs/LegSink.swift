package import TalkpathWire

/// Where a leg's outgoing messages go: a socket, or a simulator's idea of one.
///
/// Called on the call's loop, once per wake with all the messages of that wake, so that they leave in one write.
package protocol LegSink: AnyObject {
    /// Writes every message of `outbox`, in order, and flushes once.
    func drain(_ outbox: inout MessageOutbox)
}

/// A leg's connection, as the session closes it.
package protocol LegConnection: Sendable {
    /// Closes the connection and returns when it is closed. Idempotent; bounded by the connection itself, also if the
    /// task that asks is cancelled.
    func close() async
}
