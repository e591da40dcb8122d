/// The reason for a call's end. The raw values are stable: they stand in receipts, records and events.
public enum EndReason: String, Sendable, CaseIterable {
    case endedByAPI = "ended_by_api"
    case callerHangup = "caller_hangup"
    case voicemail
    case agentHangup = "agent_hangup"
    case maxDuration = "max_duration"
    case idleTimeout = "idle_timeout"
    case silenceTimeout = "silence_timeout"
    case loopDetected = "loop_detected"
    case agentLost = "agent_lost"
    case mediaLost = "media_lost"
    case noAnswer = "no_answer"
    /// The carrier kept the call in its queue and did not dial in time.
    case queueTimeout = "queue_timeout"
    case busy
    case failed
    case canceled
    case transferred
    /// The other number did not answer a transfer, and the caller did not come back to the agent.
    case transferFailed = "transfer_failed"
    case shutdown
    case nodeLost = "node_lost"

    /// The party that brought it about.
    public var endedBy: String {
        switch self {
        case .endedByAPI: "api"
        case .callerHangup, .noAnswer, .busy: "caller"
        case .agentHangup, .agentLost: "agent"
        case .failed, .canceled, .mediaLost, .queueTimeout, .transferFailed: "carrier"
        case .voicemail, .maxDuration, .idleTimeout, .silenceTimeout, .loopDetected: "guard"
        case .transferred: "api"
        case .shutdown, .nodeLost: "server"
        }
    }

    /// The call's status once it has ended for this reason.
    package func status(wasAnswered: Bool) -> CallStatus {
        switch self {
        case .noAnswer: .noAnswer
        case .busy: .busy
        case .failed: .failed
        case .canceled, .queueTimeout: .canceled
        case .agentLost: wasAnswered ? .completed : .failed
        case .endedByAPI, .callerHangup, .voicemail, .agentHangup, .maxDuration, .idleTimeout, .silenceTimeout,
            .loopDetected, .mediaLost, .transferred, .transferFailed, .shutdown, .nodeLost:
            wasAnswered ? .completed : .canceled
        }
    }
}

/// The manner of the end.
public enum EndMode: Equatable, Sendable {
    /// At once.
    case now
    /// Let the agent's audio play out first, but wait no longer than this.
    case drain(timeout: Duration)
}

/// A request to end a call.
public struct EndRequest: Equatable, Sendable {
    public var reason: EndReason
    public var mode: EndMode
    /// In the asker's own words; stands in the receipt.
    public var note: String?

    public init(_ reason: EndReason, mode: EndMode = .now, note: String? = nil) {
        self.reason = reason
        self.mode = mode
        self.note = note
    }
}
