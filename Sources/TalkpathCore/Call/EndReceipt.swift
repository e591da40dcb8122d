public import TalkpathWire

/// The account of a call's end: every asker of `end` gets the same one.
public struct EndReceipt: Equatable, Sendable {
    public struct Step: Equatable, Sendable {
        public enum Name: String, Sendable, CaseIterable {
            case stopBridge = "stop_bridge"
            case hangUp = "hang_up"
            case closeAgent = "close_agent"
            case closeMedia = "close_media"
            case saveRecord = "save_record"
        }

        public enum Outcome: String, Sendable {
            case done
            /// There was nothing left to do.
            case alreadyGone = "already_gone"
            /// Does not apply to this call.
            case skipped
            case failed
            case timedOut = "timed_out"
        }

        /// The error of the step in which a call could not be hung up that may never have been placed.
        package static let unknownCall = "whether the carrier placed the call is not known"

        public var name: Name
        public var outcome: Outcome
        /// From the beginning of the end to the start of the step, and the step's own time.
        public var started: Duration
        public var duration: Duration
        /// The fault of the step.
        public var error: String?

        public init(name: Name, outcome: Outcome, started: Duration, duration: Duration, error: String? = nil) {
            self.name = name
            self.outcome = outcome
            self.started = started
            self.duration = duration
            self.error = error
        }
    }

    public var callID: CallID
    public var status: CallStatus
    public var reason: EndReason
    /// The asker's own words.
    public var note: String?
    /// Start to end, on a monotonic clock.
    public var duration: Duration
    /// Start to the first ring, as far as the carrier has told of it.
    public var queueing: Duration
    /// First ring to answer; until the end if it was never answered.
    public var ringing: Duration
    /// Answer to end; zero if it was never answered.
    public var talking: Duration
    public var startedAt: WallTime
    public var answeredAt: WallTime?
    public var endedAt: WallTime
    /// The carrier has said that the call is over.
    public var carrierConfirmed: Bool
    /// Faults that the carrier reported, in the order of the reports.
    public var carrierFaults: [CarrierFault]
    /// From the beginning of the end until everything was closed. Without the time of the save: every waiter gets
    /// the saved receipt, which cannot contain it.
    public var teardown: Duration
    /// In the order they were started.
    public var steps: [Step]

    /// The outcome of the call's newest transfer; `nil` without one.
    public var transferOutcome: TransferOutcome?

    /// The provider's count over the whole call.
    public var usage = AgentUsage()
    /// The cost of the call by the price table of its time; `nil` without a table.
    public var cost: CallCost?

    /// The time that the model's provider bills, if it bills time.
    public var agentSession: AgentSessionAccount?

    /// True if the call is known to be ended: false only if the carrier refused, or did not confirm in time.
    public var isSuccess: Bool {
        guard let hangUp = steps.first(where: { $0.name == .hangUp }) else { return true }
        switch hangUp.outcome {
        case .done, .alreadyGone, .skipped: return true
        case .failed, .timedOut: return false
        }
    }

    public func step(_ name: Step.Name) -> Step? {
        steps.first { $0.name == name }
    }

    public init(
        callID: CallID,
        status: CallStatus,
        reason: EndReason,
        note: String?,
        duration: Duration,
        queueing: Duration = .zero,
        ringing: Duration,
        talking: Duration,
        startedAt: WallTime,
        answeredAt: WallTime?,
        endedAt: WallTime,
        carrierConfirmed: Bool,
        carrierFaults: [CarrierFault] = [],
        teardown: Duration,
        steps: [Step]
    ) {
        self.callID = callID
        self.status = status
        self.reason = reason
        self.note = note
        self.duration = duration
        self.queueing = queueing
        self.ringing = ringing
        self.talking = talking
        self.startedAt = startedAt
        self.answeredAt = answeredAt
        self.endedAt = endedAt
        self.carrierConfirmed = carrierConfirmed
        self.carrierFaults = carrierFaults
        self.teardown = teardown
        self.steps = steps
    }
}
