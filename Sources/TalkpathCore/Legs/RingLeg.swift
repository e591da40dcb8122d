public import TalkpathAudio

/// A telephony leg without a socket: the caller's audio is written, and the agent's read, by an audio thread of the
/// embedder's own, on wait-free rings.
///
/// Both halves are noncopyable: move each to the one thread that uses it. Writing and reading never wait, lock or
/// allocate. What is read is paced by the reader: at most 200 ms wait in the ring, and an interruption empties it.
@frozen
public struct RingLeg: ~Copyable, Sendable {
    /// Write here what the caller says, as it is recorded. What does not fit is refused: nobody has read for 10 s.
    public var callerAudio: ByteRing.Producer
    /// Read here what the caller is to hear. If there is less than was asked for, play silence for the rest.
    public var agentAudio: ByteRing.Consumer

    /// Both ends of a new leg.
    ///
    /// - Parameter format: what the rings carry, in both directions.
    static func make(format: AudioFormat) -> Ends {
        let uplink = ByteRing(minimumCapacity: 10_000 * format.bytesPerMillisecond)
        let downlink = ByteRing(minimumCapacity: 400 * format.bytesPerMillisecond)
        return Ends(
            leg: RingLeg(callerAudio: uplink.producer, agentAudio: downlink.consumer),
            callerAudio: uplink.consumer,
            agentAudio: downlink.producer
        )
    }

    struct Ends: ~Copyable {
        var leg: RingLeg
        var callerAudio: ByteRing.Consumer
        var agentAudio: ByteRing.Producer
    }

    init(callerAudio: consuming ByteRing.Producer, agentAudio: consuming ByteRing.Consumer) {
        self.callerAudio = callerAudio
        self.agentAudio = agentAudio
    }
}

/// A call over a ring leg. Noncopyable, as its rings are: move `leg` to your audio thread.
@frozen
public struct RingCall: ~Copyable, Sendable {
    public let session: CallSession
    public var leg: RingLeg

    init(session: CallSession, leg: consuming RingLeg) {
        self.session = session
        self.leg = leg
    }

    /// Ends the call, and returns when it is known to be ended.
    @discardableResult
    public func end(_ request: EndRequest = EndRequest(.endedByAPI)) async -> EndReceipt {
        await session.end(request)
    }
}
