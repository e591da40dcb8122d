/// The state of a call. Unknown words are kept.
public enum TwilioCallStatus: Hashable, Sendable {
    case queued, initiated, ringing, inProgress, completed, busy, failed, noAnswer, canceled
    case unknown(String)

    private static let words: [String: TwilioCallStatus] = [
        "queued": .queued, "initiated": .initiated, "ringing": .ringing, "in-progress": .inProgress,
        "completed": .completed, "busy": .busy, "failed": .failed, "no-answer": .noAnswer, "canceled": .canceled,
    ]

    public init(_ word: String) {
        self = Self.words[word] ?? .unknown(word)
    }

    /// True if the call is over and will not change any more.
    public var isTerminal: Bool {
        switch self {
        case .completed, .busy, .failed, .noAnswer, .canceled: true
        case .queued, .initiated, .ringing, .inProgress, .unknown: false
        }
    }
}

/// The party that dialled.
public enum TwilioCallDirection: Hashable, Sendable {
    /// A caller called us.
    case inbound
    /// Placed by a request, or dialled by the instructions of another call.
    case outboundAPI, outboundDial
    case unknown(String)

    /// Some status callbacks abbreviate `outbound-api` to `outbound`.
    public init(_ word: String) {
        switch word {
        case "inbound": self = .inbound
        case "outbound-api", "outbound": self = .outboundAPI
        case "outbound-dial": self = .outboundDial
        default: self = .unknown(word)
        }
    }
}

/// The kind of party that answered, if machine detection was requested.
public enum TwilioAnsweredBy: Hashable, Sendable {
    case human
    /// A machine began to speak, or finished: with a beep, with silence, or otherwise.
    case machineStart, machineEndBeep, machineEndSilence, machineEndOther
    case fax
    /// Twilio's own `unknown`, or an unknown word.
    case unknown(String)

    public init(_ word: String) {
        switch word {
        case "human": self = .human
        case "machine_start": self = .machineStart
        case "machine_end_beep": self = .machineEndBeep
        case "machine_end_silence": self = .machineEndSilence
        case "machine_end_other": self = .machineEndOther
        case "fax": self = .fax
        default: self = .unknown(word)
        }
    }

    /// True if certainly no person answered.
    public var isMachine: Bool {
        switch self {
        case .machineStart, .machineEndBeep, .machineEndSilence, .machineEndOther, .fax: true
        case .human, .unknown: false
        }
    }
}
