public import TalkpathWire

/// The side that dialled.
public enum CallDirection: String, Sendable, CaseIterable {
    case outbound, inbound
}

/// The state of a call, in one word. The raw values are stable.
public enum CallStatus: String, Sendable, CaseIterable {
    case initiating, ringing
    case inProgress = "in_progress"
    case ending, completed, failed, busy
    case noAnswer = "no_answer"
    case canceled

    public var isTerminal: Bool {
        switch self {
        case .initiating, .ringing, .inProgress, .ending: false
        case .completed, .failed, .busy, .noAnswer, .canceled: true
        }
    }
}

/// A point in civil time: milliseconds since 1970-01-01T00:00:00Z. For records, never for durations.
///
/// It lies in the years 0 to 9999, which is what can be written down; what lies before or behind is moved there. So its
/// milliseconds and a duration's can be added without a check.
public struct WallTime: Hashable, Comparable, Sendable {
    public let milliseconds: Int64

    /// From 0000-01-01T00:00:00.000Z to 9999-12-31T23:59:59.999Z.
    private static let range: ClosedRange<Int64> = -62_167_219_200_000...253_402_300_799_999

    public init(milliseconds: Int64) {
        self.milliseconds = min(max(milliseconds, Self.range.lowerBound), Self.range.upperBound)
    }

    public static func < (left: WallTime, right: WallTime) -> Bool {
        left.milliseconds < right.milliseconds
    }
}

/// Counters of the traffic on the line.
public struct CallMetrics: Equatable, Sendable {
    public var framesFromCaller = 0
    public var bytesFromCaller = 0
    public var bytesToAgent = 0
    public var bytesFromAgent = 0
    public var framesToCaller = 0
    public var bytesToCaller = 0
    public var interruptions = 0
    public var flushedMilliseconds = 0
    public var gaps = 0
    public var filledMilliseconds = 0
    public var duplicateFrames = 0
    /// Sequence numbers and timestamps of the caller's frames that lay outside their window and were passed over.
    public var outliers = 0
    /// The number of times that the caller's stream was followed anew, because its numbers had begun anew or stood
    /// still.
    public var resynchronisations = 0
    public var droppedMilliseconds = 0
    public var badMessages = 0
    /// The number of holes that the caller heard in the middle of an utterance, because the model did not send fast
    /// enough.
    public var underruns = 0
    /// Answers that the model did not complete, or refused to give.
    public var failedResponses = 0
    /// The most caller audio that was kept while the agent was not there, and the most agent audio that waited.
    public var longestUplinkWaitMilliseconds = 0
    public var longestBacklogMilliseconds = 0
    /// From the caller's last sound to the first of the agent's audio on the wire, over the call's turns.
    public var turnLatency = LatencySummary()
    /// From the model's word that the caller interrupts until the carrier has been told to clear.
    public var clearLatency = LatencySummary()
    /// Tokens that the model has counted.
    public var usage = AgentUsage()

    public init() {}
}

/// A call as it stands at one moment.
public struct CallSnapshot: Equatable, Sendable {
    public var id: CallID
    public var direction: CallDirection
    public var status: CallStatus
    public var from: String
    public var to: String
    public var carrierCallID: String?
    public var agent: AgentProfile
    public var metadata: [String: JSONValue]
    /// The values that filled in the agent's instructions.
    public var variables: [String: JSONValue]
    public var publicURL: String?
    public var tenant: String
    public var startedAt: WallTime
    public var answeredAt: WallTime?
    public var endedAt: WallTime?
    /// Since the start, until the end if it has ended.
    public var duration: Duration
    public var transcript: [TranscriptEntry]
    public var metrics: CallMetrics
    /// The agents that have had the call so far, in their order; empty for a call that was given one only.
    public var agentParts: [AgentPart] = []
    /// The carrier's verdict on the kind of answer, a person or a machine; `nil` without a verdict.
    public var answeredBy: AnsweredBy?
    /// The loop guard's certainty that two agents talk in circles, from 0 to 1; `nil` where it is off.
    public var loopScore: Double?
    public var receipt: EndReceipt?
    /// The analysis of the conversation after its end.
    public var analysis: CallAnalysis?
    /// The cost of a live call so far. The receipt holds the cost of an ended one.
    public var cost: CallCost?
}

extension CallSnapshot {
    /// A call at its beginning, without anything that is not given here: for stores that put calls together from columns,
    /// and for tests of stores.
    public init(
        id: CallID,
        direction: CallDirection,
        status: CallStatus = .initiating,
        from: String,
        to: String,
        agent: AgentProfile,
        tenant: String = "",
        startedAt: WallTime
    ) {
        self.init(
            id: id,
            direction: direction,
            status: status,
            from: from,
            to: to,
            carrierCallID: nil,
            agent: agent,
            metadata: [:],
            variables: [:],
            publicURL: nil,
            tenant: tenant,
            startedAt: startedAt,
            duration: .zero,
            transcript: [],
            metrics: CallMetrics()
        )
    }
}
