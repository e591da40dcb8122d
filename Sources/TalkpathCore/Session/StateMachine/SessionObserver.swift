/// Is told of everything that happens to a call, with the state in which it finds the call. For simulations, which
/// have to show that they have been everywhere; a call in production has none.
package protocol SessionObserver: AnyObject, Sendable {
    /// On the call's loop, before anything has come of it.
    func happened(_ input: SessionInput, in state: SessionState)
}

/// An input of a call: one for each method of its state machine, one for each way to talk with it, and one for
/// each timer.
package enum SessionInput: Hashable, Sendable {
    case begin
    case placed, placingFailed, initiated, ringing, answered, over
    case streamStarted, streamStopped, mediaClosed, carrierReported
    case agentOpened, agentReady, agentConnectFailed, agentLost, agentFault, agentSilent, agentClosed
    case endNow, endDrain
    case hungUp, hangUpFailed
    case recordSaved, recordUpdated
    case agentGoingAway, quietCame
    case transferBegan, redirected, redirectFailed, transferAnswered, transferEnded
    case abandoned, givenUp, hurried
    // Asked of the call, or noticed on the line, whether or not anything comes of it.
    case sayAsked, clipAsked, digitsAsked, collectionAsked, messageAsked, muteAsked
    case keyPressed, toolCalled, machineDetected
    case timer(SessionDeadline)

    /// Every one there is.
    package static let all: [SessionInput] =
        [
            .begin, .placed, .placingFailed, .initiated, .ringing, .answered, .over, .streamStarted, .streamStopped,
            .mediaClosed, .carrierReported, .agentOpened, .agentReady, .agentConnectFailed, .agentLost, .agentFault,
            .agentSilent,
            .agentGoingAway, .quietCame, .agentClosed, .endNow, .endDrain, .hungUp, .hangUpFailed, .recordSaved,
            .recordUpdated, .transferBegan, .redirected, .redirectFailed, .transferAnswered, .transferEnded, .abandoned,
            .givenUp, .hurried,
            .sayAsked, .clipAsked, .digitsAsked, .collectionAsked, .messageAsked, .muteAsked, .keyPressed,
            .toolCalled, .machineDetected,
        ] + SessionDeadline.allCases.map(SessionInput.timer)

    package var name: String {
        switch self {
        case .timer(let deadline): "timer \(deadline)"
        default: "\(self)"
        }
    }

    static func progress(_ progress: CarrierProgress) -> SessionInput {
        switch progress {
        case .initiated: .initiated
        case .ringing: .ringing
        case .answered: .answered
        case .over: .over
        }
    }
}

/// The state of a call, part by part, without its data.
package struct SessionState: Hashable, Sendable {
    package enum Carrier: String, CaseIterable, Sendable {
        case absent, unplaced, placing, queued, ringing, answered, over, refused, unknown
    }

    package enum Life: String, CaseIterable, Sendable {
        case live, draining, ending, ended, retired
    }

    package var carrier: Carrier
    package var media: Media
    package var agent: Agent
    package var life: Life

    package init(carrier: Carrier, media: Media, agent: Agent, life: Life) {
        self.carrier = carrier
        self.media = media
        self.agent = agent
        self.life = life
    }
}

extension CallSession {
    /// The present state. On the loop.
    package var state: SessionState { machine.state }
}

extension CallSessionMachine {
    func happened(_ input: SessionInput) {
        guard let observer else { return }
        observer.happened(input, in: state)
    }

    var state: SessionState {
        SessionState(carrier: carrierState, media: media, agent: agentMachine.state, life: lifeState)
    }

    private var carrierState: SessionState.Carrier {
        switch carrier {
        case .absent: .absent
        case .unplaced: .unplaced
        case .placing: .placing
        case .queued: .queued
        case .ringing: .ringing
        case .answered: .answered
        case .over: .over
        case .refused: .refused
        case .unknown: .unknown
        }
    }

    private var lifeState: SessionState.Life {
        switch life {
        case .live: .live
        case .draining: .draining
        case .ending: .ending
        case .ended: .ended
        case .retired: .retired
        }
    }
}
