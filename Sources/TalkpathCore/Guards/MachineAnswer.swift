/// The carrier's detection of answering machines. The raw values are stable.
public enum MachineDetection: String, Sendable, CaseIterable {
    case off
    /// Tells as soon as it is known, while the call already goes on.
    case enable
    /// Tells of a machine when its announcement is over: the moment to leave a message.
    case detectMessageEnd = "detect_message_end"
}

/// The handling of a call that a machine has answered. The raw values are stable.
public enum MachinePolicy: String, Sendable, CaseIterable {
    /// It goes on; the result stands in the call's record.
    case carryOn = "continue"
    /// It ends, with the reason `voicemail`.
    case hangUp = "hangup"
}

/// The carrier's verdict on the kind of answer. The raw values are stable.
public enum AnsweredBy: String, Sendable, CaseIterable {
    case human
    /// A machine has begun to speak.
    case machine
    /// A machine's announcement is over.
    case machineEnd = "machine_end"
    case fax
    /// The carrier could not tell.
    case unknown

    /// Certainly no person.
    public var isMachine: Bool {
        switch self {
        case .machine, .machineEnd, .fax: true
        case .human, .unknown: false
        }
    }
}
