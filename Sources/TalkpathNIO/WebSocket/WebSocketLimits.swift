/// What one peer may cost us, and how soon its absence is noticed.
package struct WebSocketLimits: Equatable, Sendable {
    /// The longest message, its fragments put together, in bytes. Longer: close 1009.
    package var maximumMessageBytes: Int
    /// The most that may wait to be sent, in bytes. More: the connection is dropped as `.peerDoesNotRead`.
    package var maximumBufferedBytes: Int
    /// The most pings and pongs within one second. More: close 1008.
    package var maximumControlFramesPerSecond: Int = 100
    /// How fast messages may come; nil bounds nothing.
    package var budget: WebSocketBudget?
    /// After this long without a byte from the peer a ping is sent. `nil`: never.
    package var pingInterval: Duration? = .seconds(8)
    /// After this long without a byte following the ping the connection is dropped as `.timedOut`.
    package var pongTimeout: Duration = .seconds(5)
    /// Whether a peer that takes all that is sent to it counts as alive, though it answers no ping.
    package var countsTakenBytesAsLife = false
    /// After this long in which the peer's system has acknowledged nothing of what was sent to it, the kernel gives the
    /// connection up (RFC 5482, Linux' `TCP_USER_TIMEOUT`). `nil` leaves it to the system, which takes a quarter of an
    /// hour. Only for connections that we open.
    package var unacknowledgedTimeout: Duration?
    /// How long a closing handshake may take before the connection is dropped.
    package var closeTimeout: Duration = .seconds(1)
    /// Whether the socket is closed with 1001 when its server begins to shut down. `false` leaves that to its owner:
    /// the server then waits for the socket.
    package var closesWhenServerStops = true

    package init(maximumMessageBytes: Int, maximumBufferedBytes: Int) {
        self.maximumMessageBytes = maximumMessageBytes
        self.maximumBufferedBytes = maximumBufferedBytes
    }

    /// For a carrier's media socket: messages are some hundred bytes, and 1 MiB unsent is more than a minute of audio.
    package static let telephony: WebSocketLimits = {
        var limits = WebSocketLimits(maximumMessageBytes: 64 << 10, maximumBufferedBytes: 1 << 20)
        limits.budget = .telephony
        return limits
    }()

    /// For a speech model's socket: a model may send much audio, or a long transcript, in one message.
    ///
    /// A model that is at work may leave pings unanswered for half a minute and longer, and is healthy as long as it
    /// takes the caller's audio. A peer that is gone acknowledges nothing: the kernel notices that within fifteen seconds.
    /// A service that reads nothing any more is noticed by its ping; one that reads and never answers the caller is the
    /// matter of the call's own guards.
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
