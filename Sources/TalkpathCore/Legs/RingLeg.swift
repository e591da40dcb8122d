public import TalkpathAudio

/// A telephony leg without a socket. The embedder's audio thread writes the caller's audio and reads the agent's, on
/// wait-free rings.
///
/// Both halves are noncopyable: move each to the one thread that uses it, in a `HandOver`. Writing and reading never
/// wait, lock or allocate. The reader sets the pace of the agent's audio: at most 200 ms of it wait in the ring, and an
/// interruption empties the ring.
@frozen
public struct RingLeg: ~Copyable, Sendable {
    /// Takes the caller's audio as it is recorded. The ring holds 10 s. A write accepts only the bytes that fit, so it
    /// accepts fewer once the session has not read for 10 s or has ended.
    public var callerAudio: ByteRing.Producer
    /// Gives the audio that the caller is to hear. Play silence for the bytes that a read leaves missing.
    public var agentAudio: ByteRing.Consumer

    /// True once the call has ended and all of the agent's audio has been read. The session no longer reads the
    /// caller's audio. For the audio thread that owns ``agentAudio``; never waits.
    public var isEnded: Bool { agentAudio.isFinished }

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

/// A call over a ring leg. Noncopyable, as its rings are.
///
/// Keep `session` and give `leg` to your audio thread, each in one step:
///
/// ```swift
/// let session = call.session
/// let parcel = HandOver(call.leg)
/// ```
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
