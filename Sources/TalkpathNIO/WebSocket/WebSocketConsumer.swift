/// The receiver of one socket's messages.
///
/// All calls come on the channel's event loop and never into one another: what happens while a call is running (a write
/// that fills the socket, a close) is reported after that call has returned. `opened` comes first, `closed` last, each
/// exactly once, also for resets, time-outs and protocol errors.
package protocol WebSocketConsumer: SendableMetatype {
    /// The handshake is done; `connection` may be written to from now on, and is kept for that.
    func opened(_ connection: WebSocketConnection)

    /// One whole message: fragments are put together, text is valid UTF-8, the size is within the limits.
    ///
    /// The bytes belong to the socket and are gone when the call returns.
    func received(_ message: RawSpan, isText: Bool)

    /// What the kernel had for us has been handed over. What was written since the first `received` is flushed after
    /// this call, in one write.
    func readComplete()

    /// The socket's send buffer ran full (`false`) or has drained again (`true`).
    func writabilityChanged(isWritable: Bool)

    /// The channel is closed. Nothing follows.
    func closed(_ close: WebSocketClose)
}

extension WebSocketConsumer {
    package func readComplete() {}
    package func writabilityChanged(isWritable: Bool) {}
}
