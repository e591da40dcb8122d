/// The receiver of one socket's messages.
///
/// All calls come on the channel's event loop and never nest: an event during a call (a full send buffer, a close) is
/// reported after that call has returned. `opened` comes first and `closed` last, each exactly once, even after resets,
/// time-outs and protocol errors.
package protocol WebSocketConsumer: SendableMetatype {
    /// The handshake is complete. Keep `connection`: it may be written to from now on.
    func opened(_ connection: WebSocketConnection)

    /// One whole message: fragments are joined, text is valid UTF-8, the size is within the limits.
    ///
    /// The bytes belong to the socket and are valid only during the call.
    func received(_ message: RawSpan, isText: Bool)

    /// All input that the kernel had is delivered. After this call the socket flushes everything written since the
    /// first `received`, in one write.
    func readComplete()

    /// The socket's send buffer became full (`false`) or has drained again (`true`).
    func writabilityChanged(isWritable: Bool)

    /// The channel is closed. No further call follows.
    func closed(_ close: WebSocketClose)
}

extension WebSocketConsumer {
    package func readComplete() {}
    package func writabilityChanged(isWritable: Bool) {}
}
