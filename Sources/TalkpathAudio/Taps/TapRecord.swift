/// The kind of content of a tap's record. The media path uses the kinds named here; other code may define more.
public struct TapKind: RawRepresentable, Sendable, Hashable {
    /// 0...63; larger numbers wrap around.
    public let rawValue: UInt8

    public init(rawValue: UInt8) {
        self.rawValue = rawValue & 63
    }

    /// The caller's audio in the telephony leg's encoding, after gaps were filled.
    public static let callerAudio = TapKind(rawValue: 0)
    /// The audio played to the caller, in the telephony leg's encoding.
    public static let agentAudio = TapKind(rawValue: 1)
    /// A whole message that came in over a leg's socket or went out over it.
    public static let fromTelephony = TapKind(rawValue: 2)
    public static let toTelephony = TapKind(rawValue: 3)
    public static let fromAgent = TapKind(rawValue: 4)
    public static let toAgent = TapKind(rawValue: 5)
    /// The telephony leg was told to drop its unplayed audio; no payload.
    public static let cleared = TapKind(rawValue: 6)
}

/// A set of record kinds that a tap wants.
public struct TapKinds: OptionSet, Sendable, Hashable {
    /// A bit for each ``TapKind``.
    public let rawValue: UInt64

    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    public init(_ kind: TapKind) {
        rawValue = 1 << UInt64(kind.rawValue)
    }

    /// Both directions of audio, and the flushes that cut the downlink.
    public static let audio: TapKinds = [
        TapKinds(.callerAudio), TapKinds(.agentAudio), TapKinds(.cleared),
    ]
    /// Every message of both legs' sockets.
    public static let messages: TapKinds = [
        TapKinds(.fromTelephony), TapKinds(.toTelephony), TapKinds(.fromAgent), TapKinds(.toAgent),
    ]
    public static let everything = TapKinds(rawValue: .max)
}

/// The header before the payload of every record in a tap's ring.
public struct TapRecord: Sendable, Hashable {
    /// The instant of the event, as the writer states it. For audio that is played later: the instant at which its
    /// first sample is played.
    public let instant: MonotonicInstant
    /// Payload lost right before this record because the tap was full, in bytes and in records. It distinguishes
    /// missing audio from silence, and tells where the audio is missing.
    public let lostBytes: UInt64
    public let lostRecords: UInt32
    /// Bytes of the payload.
    public let byteCount: UInt32
    public let kind: TapKind
}
