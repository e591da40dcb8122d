/// What a record of a tap holds. The media path uses those named here; more numbers may be given to more subjects.
public struct TapKind: RawRepresentable, Sendable, Hashable {
    /// 0...63; further numbers wrap around.
    public let rawValue: UInt8

    public init(rawValue: UInt8) {
        self.rawValue = rawValue & 63
    }

    /// What the caller says, in the telephony leg's encoding, after gaps were filled.
    public static let callerAudio = TapKind(rawValue: 0)
    /// What the caller is played, in the telephony leg's encoding.
    public static let agentAudio = TapKind(rawValue: 1)
    /// A whole message as it came over a leg's socket or went out on it.
    public static let fromTelephony = TapKind(rawValue: 2)
    public static let toTelephony = TapKind(rawValue: 3)
    public static let fromAgent = TapKind(rawValue: 4)
    public static let toAgent = TapKind(rawValue: 5)
    /// The caller's end was told to throw away what it had not played; no payload.
    public static let cleared = TapKind(rawValue: 6)
}

/// Several kinds of records: what a tap wants.
public struct TapKinds: OptionSet, Sendable, Hashable {
    /// A bit for each ``TapKind``.
    public let rawValue: UInt64

    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    public init(_ kind: TapKind) {
        rawValue = 1 << UInt64(kind.rawValue)
    }

    /// Both directions of audio, and what cuts them.
    public static let audio: TapKinds = [
        TapKinds(.callerAudio), TapKinds(.agentAudio), TapKinds(.cleared),
    ]
    /// Every message of both legs' sockets.
    public static let messages: TapKinds = [
        TapKinds(.fromTelephony), TapKinds(.toTelephony), TapKinds(.fromAgent), TapKinds(.toAgent),
    ]
    public static let everything = TapKinds(rawValue: .max)
}

/// What stands before the payload of every record in a tap's ring.
public struct TapRecord: Sendable, Hashable {
    /// When it happened, as the writer says: for audio that is played later, when its first sample is played.
    public let instant: MonotonicInstant
    /// Payload that was lost right before this record because the tap was full, in bytes and in records. Audio is told
    /// from silence by it: what is missing is missing *here*.
    public let lostBytes: UInt64
    public let lostRecords: UInt32
    /// Bytes of the payload.
    public let byteCount: UInt32
    public let kind: TapKind
}
