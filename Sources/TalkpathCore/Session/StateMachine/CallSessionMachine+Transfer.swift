import TalkpathAudio

/// Transfers and goodbyes in the call: the call stays ours while the caller talks with another party.
extension CallSessionMachine {
    /// The reason why the caller cannot be transferred now; nil if they can.
    var transferRefusal: CallCommandError? {
        guard case .live = life else { return .ended }
        guard transfer.isIdle else { return CallCommandError(.busy, "a transfer is under way already") }
        switch carrier {
        case .answered: break
        case .absent: return CallCommandError(.noCarrier, "there is no carrier behind this call")
        case .unplaced, .placing, .queued, .ringing, .unknown: return .unanswered
        case .over, .refused: return .ended
        }
        return media == .started ? nil : .unanswered
    }

    /// Counts the call's transfers and goodbyes, from 1; 0 before the first.
    var transferNumber: Int { transfer.number }

    mutating func beginTransfer(
        _ plan: CallTransferMachine.Plan,
        mode: EndMode,
        at now: MonotonicInstant
    ) -> [SessionAction] {
        happened(.transferBegan)
        guard transferRefusal == nil else { return [] }
        return follow(transfer.begin(plan, mode: mode, at: now), at: now)
    }

    /// Every tick.
    mutating func transferTick(at now: MonotonicInstant, isPlayedOut: () -> Bool) -> [SessionAction] {
        guard transfer.isDraining, isPlayedOut() else { return [] }
        return follow(transfer.drained(at: now), at: now)
    }

    mutating func transferIsDue(at now: MonotonicInstant) -> [SessionAction] {
        follow(transfer.due(at: now), at: now)
    }

    /// The carrier's answer to a redirect. After the end it says nothing new: the call was hung up.
    mutating func redirectAnswered(
        _ answer: Result<Void, CarrierError>,
        transfer number: Int? = nil,
        at now: MonotonicInstant
    ) -> [SessionAction] {
        switch answer {
        case .success: happened(.redirected)
        case .failure: happened(.redirectFailed)
        }
        guard isLive else { return [] }
        return follow(transfer.redirectAnswered(answer, transfer: number ?? transfer.number, at: now), at: now)
    }

    /// Takes the carrier's report of transfer number `number`.
    mutating func transferTold(
        _ news: TransferNews,
        transfer number: Int? = nil,
        at now: MonotonicInstant
    ) -> [SessionAction] {
        happened(news == .answered ? .transferAnswered : .transferEnded)
        guard isLive else { return [] }
        var mayReturn = agentLoss == nil
        if case .draining = life { mayReturn = false }
        let steps = transfer.told(news, transfer: number ?? transfer.number, mayReturn: mayReturn, at: now)
        return follow(steps, at: now)
    }

    /// The carrier's stream has ended.
    /// - Returns: nil where that is not the carrier's way to carry a transfer out: the caller has hung up.
    mutating func streamEndedForTransfer(at now: MonotonicInstant) -> [SessionAction]? {
        guard transfer.accountsForStreamEnd else { return nil }
        return follow(transfer.streamEnded(at: now), at: now)
    }

    /// The carrier calls the call over.
    /// - Returns: nil where no transfer tells why.
    mutating func transferOver(at now: MonotonicInstant) -> [SessionAction]? {
        let steps = transfer.callIsOver()
        return steps.isEmpty ? nil : follow(steps, at: now)
    }

    /// The caller's audio comes again.
    mutating func callerIsBack(at now: MonotonicInstant) -> [SessionAction] {
        guard let outcome = transfer.callerReturned() else { return [] }
        deadlines[.transfer] = transfer.deadline
        var actions: [SessionAction] = []
        // It was let go when the other party answered.
        if agentLoss == nil { actions += orders(agentMachine.takeUp(at: now), at: now) }
        actions.append(.callerReturned(outcome))
        if let agentLoss { actions += giveUpAgent(agentLoss, at: now) }
        return actions
    }

    private mutating func follow(_ steps: [CallTransferMachine.Step], at now: MonotonicInstant) -> [SessionAction] {
        deadlines[.transfer] = transfer.deadline
        var actions: [SessionAction] = []
        for step in steps where isLive { actions += follow(step, at: now) }
        return actions
    }

    private mutating func follow(_ step: CallTransferMachine.Step, at now: MonotonicInstant) -> [SessionAction] {
        switch step {
        case .ask(let plan):
            guard case .live = life, let id = carrierCallID else {
                transfer.finish()
                return []
            }
            let ask = SessionAction.redirect(carrierCallID: id, plan.instructions)
            return plan.purpose == .transfer ? [.publish(.transferring), ask] : [ask]
        case .refused(let error):
            return refused(error) + (agentLoss == nil ? [] : endWithoutAgent(at: now))
        case .callerGone(let error):
            return refused(error) + (agentLoss == nil ? end(reasonOfHangup, at: now) : endWithoutAgent(at: now))
        case .underWay:
            // The caller no longer hears the agent, and the end was requested meanwhile: transferred or not, it comes
            // now.
            return [.suspendMedia] + endIfDraining(at: now)
        case .answered:
            return [.publish(.transferAnswered), .transferSettled(.answered)] + letAgentGo(at: now)
                + endIfDraining(at: now)
        case .unknown:
            return [.transferSettled(.unknown)] + letAgentGo(at: now)
        case .failed(let outcome):
            let error = CallCommandError(transferFailed: outcome)
            return [.publish(.transferFailed(outcome, message: outcome.words)), .transferFailed(error)]
        case .returns:
            evidence.lineBegins()
            let former = mediaMachine.reopen(at: now)
            return [.reopenMedia] + (former.map { [.dropMedia(line: $0)] } ?? [])
        case .over(.callerHangup, _) where evidence.streamFault != nil && !transfer.isConfirmed && agentLoss == nil:
            // The carrier has broken the stream, and not carried out the transfer.
            return end(reasonOfHangup, at: now)
        case .over(let reason, let note):
            if let loss = agentLoss, reason != .transferred { return end(EndRequest(.agentLost, note: loss), at: now) }
            return end(EndRequest(reason ?? .agentLost, note: note ?? agentLoss), at: now)
        }
    }

    private func refused(_ error: CarrierError) -> [SessionAction] {
        let failed = SessionAction.transferFailed(CallCommandError(.carrierError, error.message))
        return agentLoss == nil ? [.publish(.transferFailed(nil, message: error.message)), failed] : [failed]
    }

    private mutating func endIfDraining(at now: MonotonicInstant) -> [SessionAction] {
        guard case .draining(let request) = life else { return [] }
        return end(EndRequest(request.reason, mode: .now, note: request.note), at: now)
    }

    /// The caller no longer talks with the agent. Should the caller return, the agent is opened again.
    private mutating func letAgentGo(at now: MonotonicInstant) -> [SessionAction] {
        isLive ? orders(agentMachine.letGo(), at: now) : []
    }
}

extension CallCommandError {
    init(transferFailed outcome: TransferOutcome) {
        self.init(.transferFailed, outcome.words)
        transferOutcome = outcome
    }
}
