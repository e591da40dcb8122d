import TalkpathAudio

/// Handing the call over to the carrier: other instructions instead of our stream.
struct Handover {
    enum Phase: Equatable {
        /// The agent's words are heard first.
        case draining
        /// The carrier has been asked. Its stream may stop before its answer comes.
        case asking
        /// The carrier speaks its last words, and hangs up then.
        case speaking
        /// Given up; the answer may still say that it was done.
        case abandoned
    }

    enum Purpose: Equatable {
        /// Somebody else talks on.
        case transfer
        /// Nobody does: the carrier says goodbye, and the call is still ours to end.
        case farewell
    }

    let instructions: CarrierInstructions
    let purpose: Purpose
    var phase: Phase

    /// Longer than a carrier takes to say no.
    static let patience = Duration.seconds(20)
    /// Longer than a carrier speaks.
    static let longestFarewell = Duration.seconds(60)
}

/// A transfer, which is an ending of its own if the carrier agrees, and nothing at all if it does not.
extension CallSessionMachine {
    /// Why the call cannot be handed over now.
    var handoverRefusal: CallCommandError? {
        guard case .live = life else { return .ended }
        guard handover == nil else { return CallCommandError(.busy, "the call is being handed over already") }
        switch carrier {
        case .answered: break
        case .absent: return CallCommandError(.noCarrier, "there is no carrier behind this call")
        case .unplaced, .placing, .queued, .ringing, .unknown: return .unanswered
        case .over, .refused, .handedOver: return .ended
        }
        return media == .started ? nil : .unanswered
    }

    mutating func handOver(
        _ instructions: CarrierInstructions,
        purpose: Handover.Purpose = .transfer,
        mode: EndMode,
        at now: MonotonicInstant
    ) -> [SessionAction] {
        happened(.handOver)
        guard handoverRefusal == nil else { return [] }
        handover = Handover(instructions: instructions, purpose: purpose, phase: .draining)
        switch mode {
        case .now:
            return askForHandover(at: now)
        case .drain(let timeout):
            deadlines[.handover] = now + timeout
            return []
        }
    }

    /// Every tick.
    mutating func handoverTick(at now: MonotonicInstant, isPlayedOut: () -> Bool) -> [SessionAction] {
        guard handover?.phase == .draining, isPlayedOut() else { return [] }
        return askForHandover(at: now)
    }

    private mutating func askForHandover(at now: MonotonicInstant) -> [SessionAction] {
        guard case .live = life, let instructions = handover?.instructions, let id = carrierCallID else {
            handover = nil
            return []
        }
        handover?.phase = .asking
        deadlines[.handover] = now + Handover.patience
        let order = SessionAction.redirect(carrierCallID: id, instructions)
        return handover?.purpose == .transfer ? [.publish(.transferring), order] : [order]
    }

    mutating func handoverIsDue(at now: MonotonicInstant) -> [SessionAction] {
        switch handover?.phase {
        case .draining:
            return askForHandover(at: now)
        case .asking:
            handover?.phase = .abandoned
            return handoverFailed(CarrierError(.noAnswer, "the carrier did not answer"), at: now)
        case .speaking:
            return endWithoutAgent(at: now)
        case .abandoned, nil:
            return []
        }
    }

    /// The carrier's answer. After the end it says nothing new: the call was hung up.
    mutating func redirectAnswered(_ answer: Result<Void, CarrierError>, at now: MonotonicInstant) -> [SessionAction] {
        switch answer {
        case .success: happened(.redirected)
        case .failure: happened(.redirectFailed)
        }
        guard let answered = handover, answered.phase == .asking || answered.phase == .abandoned else { return [] }
        handover = nil
        guard isLive else { return [] }
        deadlines[.handover] = nil
        switch (answer, answered.purpose) {
        case (.success, .transfer):
            return handedOver(at: now)
        case (.success, .farewell):
            return farewellBegan(answered, at: now)
        case (.failure(let error), _):
            return answered.phase == .asking ? handoverFailed(error, at: now) : []
        }
    }

    private mutating func handedOver(at now: MonotonicInstant) -> [SessionAction] {
        // Somebody has asked for the call's end meanwhile: handed over or not, it is hung up.
        if case .draining(let request) = life {
            return end(EndRequest(request.reason, mode: .now, note: request.note), at: now)
        }
        if let id = carrierCallID { carrier = .handedOver(id) }
        return end(EndRequest(.transferred, note: agentLoss), at: now)
    }

    /// The carrier speaks, and our stream stops by itself.
    private mutating func farewellBegan(_ handover: Handover, at now: MonotonicInstant) -> [SessionAction] {
        guard case .live = life else { return [] }
        self.handover = handover
        self.handover?.phase = .speaking
        deadlines[.handover] = now + Handover.longestFarewell
        return []
    }

    private mutating func handoverFailed(_ error: CarrierError, at now: MonotonicInstant) -> [SessionAction] {
        guard agentLoss == nil else { return [.handoverFailed(error)] + endWithoutAgent(at: now) }
        let failed: [SessionAction] = [
            .publish(.transferFailed(message: error.message)), .handoverFailed(error),
        ]
        switch media {
        case .started, .none: return failed
        case .stopped, .closed: return failed + end(reasonOfHangup, at: now)
        }
    }

    var isHandedOver: Bool { if case .handedOver = carrier { true } else { false } }

    /// The stream's end is the carrier's way to take the call over, if it has been asked to.
    var awaitsHandover: Bool { handover?.phase == .asking || handover?.phase == .speaking }
}
