/// An event of a call, for its observers. `ended` comes once, last.
public struct CallEvent: Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
        case started
        case ringing
        case answered
        /// The carrier's media has begun.
        case mediaStarted
        /// The agent's socket is ready.
        case agentReady
        case callerSpeechStarted
        case callerSpeechEnded
        case agentSpeechStarted
        /// The first audio of an answer goes to the caller, this long after the caller's last sound.
        case agentAnswered(after: Duration)
        /// The caller spoke over the agent, who had been heard this long.
        case interrupted(heardMilliseconds: Int)
        case transcript(TranscriptEntry)
        /// A turn that was told as said to its end was cut short: takes the place of the one of the same number.
        case transcriptCorrected(TranscriptEntry)
        case dtmf
        case toolCalled(name: String)
        case agentLost(message: String)
        /// The agent in use was refused or lost for good, and the next of the call's list takes over.
        case agentFailedOver(AgentFailover)
        case carrierError(CarrierFault)
        /// The model did not complete an answer, or refused to give one; the caller may have heard silence.
        case responseFailed(status: String, code: String)
        /// The carrier is being asked to connect the caller with another number.
        case transferring
        /// The other party has answered, and the two talk.
        case transferAnswered
        /// The other number did not answer; or, without an outcome, the carrier did not carry out the transfer.
        case transferFailed(TransferOutcome?, message: String)
        /// The carrier has found out what answered.
        case machineDetected(AnsweredBy)
        /// Neither side has spoken for a while, and the agent is asked to.
        case idlePrompted
        /// A listener has joined the live call. Published by the listener's service, not by the session.
        case listenerJoined
        /// It looks as if two agents were talking to each other in circles; the call may soon be ended for it.
        case loopSuspected(score: Double)
        case ended(EndReceipt)
    }

    public var callID: CallID
    /// Since the call started.
    public var at: Duration
    public var kind: Kind

    public init(callID: CallID, at: Duration, kind: Kind) {
        self.callID = callID
        self.at = at
        self.kind = kind
    }
}

/// Takes events. Called on the call's loop: must return at once and never block.
public protocol CallEventSink: Sendable {
    func publish(_ event: CallEvent)
}
