public import TalkpathAudio

/// A telephony leg without a socket: an audio thread of the embedder writes the caller's audio and reads the agent's,
/// on wait-free rings.
///
/// Both halves are noncopyable: move each to the one thread that uses it. Writing and reading never wait, lock or
/// allocate. The reader sets the pace of the agent's audio: at most 200 ms of it wait in the ring, and an interruption
/// empties the ring.
@frozen
public struct RingLeg: ~Copyable, Sendable {
    /// Write the caller's audio here as it is recorded. The ring holds 10 s; it refuses more, which means that the
    /// agent is not connected.
    public var callerAudio: ByteRing.Producer
    /// Read the audio for the caller here. If there is less than requested, play silence for the rest.
    public var agentAudio: ByteRing.Consumer

    /// Makes both ends of a new leg.
    ///
    /// - Parameter format: the audio format of the rings, in both directions.
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

/// A call over a ring leg. Noncopyable like its rings: move `leg` to your audio thread.
@frozen
public struct RingCall: ~Copyable, Sendable {
    public let session: CallSession
    public var leg: RingLeg

    init(session: CallSession, leg: consuming RingLeg) {
        self.session = session
        self.leg = leg
    }

    /// Ends the call, and returns when it has ended.
    @discardableResult
    public func end(_ request: EndRequest = EndRequest(.endedByAPI)) async -> EndReceipt {
        await session.end(request)
    }
}
