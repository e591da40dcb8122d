/// The resources that one peer may use, and the time until its absence is noticed.
package struct WebSocketLimits: Equatable, Sendable {
    /// The longest message in bytes, its fragments joined. A longer one is answered by close 1009.
    package var maximumMessageBytes: Int
    /// The most bytes that may wait to be sent. With more, the connection is dropped as `.peerDoesNotRead`.
    package var maximumBufferedBytes: Int
    /// The most pings and pongs within one second. More are answered by close 1008.
    package var maximumControlFramesPerSecond: Int = 100
    /// The rates at which the peer may send; `nil` sets no bound.
    package var budget: WebSocketBudget?
    /// The time without a byte from the peer after which a ping is sent; `nil` sends none.
    package var pingInterval: Duration? = .seconds(8)
    /// The time without a byte after the ping until the connection is dropped as `.timedOut`.
    package var pongTimeout: Duration = .seconds(5)
    /// True if a peer that takes everything sent to it counts as alive, even if it answers no ping.
    package var countsTakenBytesAsLife = false
    /// The time without any acknowledgement from the peer's system after which the kernel drops the connection (RFC
    /// 5482, `TCP_USER_TIMEOUT` on Linux). `nil` leaves it to the system, which takes a quarter of an hour. Only for
    /// connections that this process opens.
    package var unacknowledgedTimeout: Duration?
    /// The longest time that a closing handshake may take before the connection is dropped.
    package var closeTimeout: Duration = .seconds(1)
    /// True if the socket is closed with 1001 when its server begins to shut down. `false` leaves that to the socket's
    /// owner; the server then waits for the socket.
    package var closesWhenServerStops = true

    package init(maximumMessageBytes: Int, maximumBufferedBytes: Int) {
        self.maximumMessageBytes = maximumMessageBytes
        self.maximumBufferedBytes = maximumBufferedBytes
    }

    /// For a carrier's media socket: messages have some hundred bytes, and 1 MiB unsent is more than a minute of audio.
    package static let telephony: WebSocketLimits = {
        var limits = WebSocketLimits(maximumMessageBytes: 64 << 10, maximumBufferedBytes: 1 << 20)
        limits.budget = .telephony
        return limits
    }()

    /// For a speech model's socket: a model may send much audio, or a long transcript, in one message.
    ///
    /// A busy model may leave pings unanswered for half a minute and longer; it is healthy as long as it takes the
    /// caller's audio. The kernel notices within fifteen seconds a peer that is gone and acknowledges nothing. The ping
    /// notices a service that stops reading. The call's own guards notice a service that reads but never answers the
    /// caller.
    package static let agent: WebSocketLimits = {
        var limits = WebSocketLimits(maximumMessageBytes: 16 << 20, maximumBufferedBytes: 4 << 20)
        limits.budget = .agent
        limits.pingInterval = .seconds(20)
        limits.pongTimeout = .seconds(40)
        limits.countsTakenBytesAsLife = true
        limits.unacknowledgedTimeout = .seconds(15)
        return limits
    }()
}
