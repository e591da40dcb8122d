import TalkpathAudio

/// What befell a call besides messages, and what it came to: everything that a replay has to do again, or to compare.
package enum CaptureHappening: Equatable, Sendable {
    // What the world reported.

    case placed(carrierCallID: String)
    case placingFailed(CarrierError)
    case progressed(CarrierProgress, carrierCallID: String)
    case carrierReported(CarrierReport, carrierCallID: String)
    case hangUpAnswered(HangUpAnswer)
    case hangUpFailed(CarrierError)
    case redirectDone
    case redirectFailed(CarrierError)
    case machineDetected(AnsweredBy)
    /// The carrier's media socket was given to the call.
    case mediaOpened(carrierCallID: String)
    /// It is gone, whoever closed it.
    case mediaClosed
    /// The call's own closing of it has come to its end.
    case mediaLegClosed
    case agentOpened(socket: Int)
    case agentConnectFailed(socket: Int, AgentConnectError)
    /// A socket was opened that was no longer wanted, and has been closed.
    case agentUnwanted(socket: Int)
    case agentClosed(socket: Int, reason: String)
    case agentLegClosed(socket: Int)
    case toolAnswered(id: String, output: String)
    case recordSaved(isSuccess: Bool)
    case recordUpdated(isSuccess: Bool)

    // What was asked of the call.

    case endRequested(EndRequest)
    case givenUp
    case hurried(within: Duration)
    case muted(CallLeg)
    case unmuted(CallLeg)
    case messageSent(String, as: MessageAuthor, isAnswered: Bool)
    case sayRequested(String)
    /// A clip, in the line's own format.
    case clipRequested([UInt8])
    case digitsRequested(String)
    case collectionRequested(DigitRequest)
    /// Without the numbers, which are private.
    case transferRequested(mode: EndMode, ringTimeout: Duration)

    // What it came to.

    /// An event went out: its name, and the one figure or text that tells it from others of its name.
    case published(String, detail: String?)
    case ended(CaptureReceipt)
}

extension CaptureHappening {
    static func transferRequested(_ order: TransferOrder) -> CaptureHappening {
        .transferRequested(mode: order.mode, ringTimeout: order.ringTimeout)
    }

    static func redirectAnswered(_ answer: Result<Void, CarrierError>) -> CaptureHappening {
        switch answer {
        case .success: .redirectDone
        case .failure(let error): .redirectFailed(error)
        }
    }

    static func hangUpAnswered(_ answer: Result<HangUpAnswer, CarrierError>) -> CaptureHappening {
        switch answer {
        case .success(let answer): .hangUpAnswered(answer)
        case .failure(let error): .hangUpFailed(error)
        }
    }
}

/// An ``EndReceipt`` as it stands in captures: without names and civil times, which differ from run to run.
package struct CaptureReceipt: Equatable, Sendable {
    package struct Step: Equatable, Sendable {
        package var name: String
        package var outcome: String
        package var startedMilliseconds: Double
        package var milliseconds: Double
        package var error: String?
    }

    package var status: String
    package var reason: String
    package var note: String?
    package var durationMilliseconds: Double
    package var talkMilliseconds: Double
    package var teardownMilliseconds: Double
    package var carrierConfirmed: Bool
    package var steps: [Step]

    package init(_ receipt: EndReceipt) {
        status = receipt.status.rawValue
        reason = receipt.reason.rawValue
        note = receipt.note
        durationMilliseconds = receipt.duration.milliseconds
        talkMilliseconds = receipt.talking.milliseconds
        teardownMilliseconds = receipt.teardown.milliseconds
        carrierConfirmed = receipt.carrierConfirmed
        steps = receipt.steps.map {
            Step(
                name: $0.name.rawValue,
                outcome: $0.outcome.rawValue,
                startedMilliseconds: $0.started.milliseconds,
                milliseconds: $0.duration.milliseconds,
                error: $0.error
            )
        }
    }
}

extension CallEvent.Kind {
    /// For captures: a name, and what tells this event from others of its name.
    var captured: CaptureHappening {
        switch self {
        case .interrupted(let heard): .published("interrupted", detail: "\(heard)")
        case .transcript(let turn): .published("transcript", detail: "\(turn.speaker.rawValue): \(turn.text)")
        case .transcriptCorrected(let turn):
            .published("transcriptCorrected", detail: "\(turn.number): \(turn.heardMilliseconds ?? 0) ms")
        case .toolCalled(let name): .published("toolCalled", detail: name)
        case .agentLost(let message): .published("agentLost", detail: message)
        case .carrierError(let fault): .published("carrierError", detail: fault.words)
        case .responseFailed(let status, let code): .published("responseFailed", detail: "\(status) \(code)")
        case .ended(let receipt): .ended(CaptureReceipt(receipt))
        // By the case's own name, so that an event that is new needs nothing here.
        default: .published(String("\(self)".prefix { $0 != "(" }), detail: nil)
        }
    }
}
