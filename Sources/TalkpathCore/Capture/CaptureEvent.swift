import TalkpathAudio

/// Everything but socket messages that a replay must inject or compare: reports from outside, requests to the call, and
/// the call's results.
package enum CaptureEvent: Equatable, Sendable {
    // Reports from outside, which a replay injects.

    case placed(carrierCallID: String)
    case placingFailed(CarrierError)
    case progressed(CarrierProgress, carrierCallID: String)
    case carrierReported(CarrierReport, carrierCallID: String)
    case hangUpAnswered(HangUpAnswer)
    case hangUpFailed(CarrierError)
    case redirectDone
    case redirectFailed(CarrierError)
    case machineDetected(AnsweredBy)
    /// A report of the call's transfer of that number.
    case transferTold(TransferNews, transfer: Int)
    /// The carrier's media socket was attached to the call.
    case mediaOpened(carrierCallID: String)
    /// The media socket of that number, counted from 1, was closed by either side.
    case mediaClosed(line: Int)
    /// The call has finished closing its media socket of that number.
    case mediaLegClosed(line: Int)
    case agentOpened(socket: AgentSocketID)
    case agentConnectFailed(socket: AgentSocketID, AgentConnectError)
    /// A model socket that was no longer wanted was opened, and has been closed.
    case agentUnwanted(socket: AgentSocketID)
    case agentClosed(socket: AgentSocketID, reason: String)
    case agentLegClosed(socket: AgentSocketID)
    case toolAnswered(id: String, output: String)
    case recordSaved(isSuccess: Bool)
    case recordUpdated(isSuccess: Bool)

    // Requests to the call, which a replay injects.

    case endRequested(EndRequest)
    case givenUp
    case hurried(within: Duration)
    case muted(CallLeg)
    case unmuted(CallLeg)
    case messageSent(String, as: MessageAuthor, isAnswered: Bool)
    case sayRequested(String)
    /// Audio of a clip, in the telephony leg's format.
    case clipRequested([UInt8])
    case digitsRequested(String)
    case collectionRequested(DigitRequest)
    /// A transfer, without its telephone numbers, which are private.
    case transferRequested(mode: EndMode, ringTimeout: Duration, onFailure: TransferFailurePlan)

    // Results, which a replay compares.

    /// A published event: its name, and the one number or text that distinguishes it from others of that name.
    case published(String, detail: String?)
    case ended(CaptureReceipt)
}

extension CaptureEvent {
    static func transferRequested(_ request: TransferRequest) -> CaptureEvent {
        .transferRequested(mode: request.mode, ringTimeout: request.ringTimeout, onFailure: request.onFailure)
    }

    static func redirectAnswered(_ answer: Result<Void, CarrierError>) -> CaptureEvent {
        switch answer {
        case .success: .redirectDone
        case .failure(let error): .redirectFailed(error)
        }
    }

    static func hangUpAnswered(_ answer: Result<HangUpAnswer, CarrierError>) -> CaptureEvent {
        switch answer {
        case .success(let answer): .hangUpAnswered(answer)
        case .failure(let error): .hangUpFailed(error)
        }
    }
}

/// An ``EndReceipt`` for captures: without names and wall-clock times, which differ from run to run.
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
    /// The event for captures: a name, and the detail that distinguishes it from others of that name.
    var captured: CaptureEvent {
        switch self {
        case .interrupted(let heard): .published("interrupted", detail: "\(heard)")
        case .transcript(let turn): .published("transcript", detail: "\(turn.speaker.rawValue): \(turn.text)")
        case .transcriptCorrected(let turn):
            .published("transcriptCorrected", detail: "\(turn.number): \(turn.heardMilliseconds ?? 0) ms")
        case .toolCalled(let name): .published("toolCalled", detail: name)
        case .agentLost(let message): .published("agentLost", detail: message)
        case .agentFailedOver(let failover):
            .published("agentFailedOver", detail: "\(failover.to): \(failover.reason)")
        case .carrierError(let fault): .published("carrierError", detail: fault.words)
        case .responseFailed(let status, let code): .published("responseFailed", detail: "\(status) \(code)")
        case .ended(let receipt): .ended(CaptureReceipt(receipt))
        // Uses the case's own name, so that a new event needs no code here.
        default: .published(String("\(self)".prefix { $0 != "(" }), detail: nil)
        }
    }
}
