import TalkpathAudio
import TalkpathWire

/// The one ending: the same steps once, for every cause.
///
///     stop_bridge -> hang_up ----------------> (goodbye) -> close_media -\
///                 \-> close_agent -----------------------------------------> save_record -> finish
///
/// Each step has a deadline of its own; together they keep within `limits.endBound`.
extension CallSessionMachine {
    // MARK: Asking

    /// Takes a request to end the call. The first reason counts; a later `now` cuts a drain short, and so does a later
    /// drain whose bound comes sooner.
    mutating func end(_ request: EndRequest, at now: MonotonicInstant) -> [SessionAction] {
        happened(request.mode == .now ? .endNow : .endDrain)
        switch life {
        case .live:
            if case .drain(let timeout) = request.mode, media == .started {
                life = .draining(request)
                isAgentsEnd = request.reason == .agentHangup
                deadlines[.drain] = now + timeout
                return []
            }
            return beginEnding(request, at: now)
        case .draining(let first):
            if request.reason != .agentHangup { isAgentsEnd = false }
            if case .drain(let timeout) = request.mode {
                // No request waits longer than it asked for: the soonest bound counts.
                deadlines[.drain] = min(deadlines[.drain] ?? now + timeout, now + timeout)
                return []
            }
            return beginEnding(EndRequest(first.reason, mode: .now, note: first.note), at: now)
        case .ending:
            return []
        case .ended:
            hangUpMachine.askAtOnce(at: now)
            return []
        case .retired:
            return []
        }
    }

    /// True while an end or a transfer waits for the agent to be heard.
    var drains: Bool {
        if case .draining = life { return true }
        return transfer.isDraining
    }

    /// The caller speaks into the goodbye of an agent that wanted to end the call, which goes on.
    ///
    /// - Returns: true if it does.
    mutating func keepCall(at now: MonotonicInstant) -> Bool {
        guard case .draining = life, isAgentsEnd, isAgentReady else { return false }
        life = .live
        deadlines[.drain] = nil
        agentMachine.planRenewal(at: now)
        return true
    }

    private mutating func beginEnding(_ request: EndRequest, at now: MonotonicInstant) -> [SessionAction] {
        deadlines.removeAll()
        mediaMachine.disarm()
        transfer.finish()
        teardownMachine.begin(request, hasGoodbye: mediaMachine.isOver, at: now)
        life = .ending
        var actions: [SessionAction] = [.stopBridge]
        actions += startHangUp(at: now)
        actions += startClosingAgent(at: now)
        return actions + advance(at: now)
    }

    /// The request whose end is under way; `nil` before an end has begun and after it is over.
    func requestOfEnd(at now: MonotonicInstant) -> EndRequest? {
        guard case .ending = life else { return nil }
        return teardownMachine.account(isSaving: false, at: now).request
    }

    /// The account of the end that has begun, for a socket agent.
    func goodbye(at now: MonotonicInstant) -> AgentCallEnd? {
        guard let request = requestOfEnd(at: now) else { return nil }
        return AgentCallEnd(
            reason: request.reason.rawValue,
            note: request.note,
            durationMilliseconds: (now - startedOn).wholeMilliseconds,
            talkingMilliseconds: answeredOn.map { (now - $0).wholeMilliseconds } ?? 0
        )
    }

    /// The process must exit soon: all remaining steps of the ending together get that long. A call that has not begun
    /// to end ends.
    mutating func hurry(within bound: Duration, at now: MonotonicInstant) -> [SessionAction] {
        happened(.hurried)
        teardownMachine.hurry(within: bound, at: now)
        guard case .ending = life else { return isLive ? end(EndRequest(.shutdown), at: now) : [] }
        hangUpMachine.hurry(until: teardownMachine.hangUpLimit)
        return []
    }

    // MARK: Hanging up

    private mutating func startHangUp(at now: MonotonicInstant) -> [SessionAction] {
        switch carrier {
        case .absent, .unplaced:
            carrier = carrier == .unplaced ? .refused : carrier
            teardownMachine.hangUpEnded(.skipped, at: now)
            return []
        case .over:
            teardownMachine.hangUpEnded(.alreadyGone, at: now)
            return []
        case .refused:
            teardownMachine.hangUpEnded(.skipped, at: now)
            return []
        case .unknown:
            // The carrier's own time limit remains.
            teardownMachine.hangUpEnded(.failed, error: EndReceipt.Step.unknownCall, at: now)
            return []
        case .placing:
            // The carrier's name of the call is still on its way; `placed` goes on from here.
            teardownMachine.hangUpBegan(at: now)
            hangUpMachine.awaitName(until: teardownMachine.hangUpLimit)
            return []
        case .queued(let id), .ringing(let id), .answered(let id):
            teardownMachine.hangUpBegan(at: now)
            hangUpMachine.begin(until: teardownMachine.hangUpLimit, at: now)
            return [.hangUp(carrierCallID: id)]
        }
    }

    /// The create that was under way when the end came has turned into a call.
    mutating func carrierCallIDIsKnown(_ id: String, at now: MonotonicInstant) -> [SessionAction] {
        switch life {
        case .ending, .ended: return askCarrier(id, at: now)
        case .live, .draining, .retired: return []
        }
    }

    /// Asks the carrier to hang up; a call for which it was asked too often after its end retires.
    mutating func askCarrier(_ id: String, at now: MonotonicInstant) -> [SessionAction] {
        hangUpMachine.ask(at: now) ? [.hangUp(carrierCallID: id)] : retireIfDone()
    }

    /// The create that was under way when the end came has failed.
    mutating func placingCameToNothing(at now: MonotonicInstant) -> [SessionAction] {
        switch life {
        case .ending:
            if carrier == .unknown {
                teardownMachine.hangUpEnded(.failed, error: EndReceipt.Step.unknownCall, at: now)
            } else {
                teardownMachine.hangUpEnded(.skipped, at: now)
            }
            return hangUpIsKnown(at: now)
        case .ended:
            return noNameCame(at: now)
        case .live, .draining, .retired:
            return []
        }
    }

    mutating func hangUpAnswered(
        _ answer: Result<HangUpAnswer, CarrierError>,
        at now: MonotonicInstant
    ) -> [SessionAction] {
        switch answer {
        case .success(let answer):
            happened(.hungUp)
            if carrier != .absent { carrier = .over }
            switch life {
            case .ending:
                teardownMachine.hangUpEnded(answer == .done ? .done : .alreadyGone, at: now)
                return hangUpIsKnown(at: now)
            case .ended(let receipt):
                return confirmLate(receipt, at: now)
            case .live, .draining, .retired:
                return []
            }
        case .failure(let error):
            happened(.hangUpFailed)
            return hangUpFailed(error, at: now)
        }
    }

    private mutating func hangUpFailed(_ error: CarrierError, at now: MonotonicInstant) -> [SessionAction] {
        switch life {
        case .ending:
            guard !teardownMachine.isFinished(.hangUp) else { return [] }
            switch hangUpMachine.failed(error, at: now) {
            case .retried, .stale: return []
            case .final: break
            }
            let fault = CarrierFault(.hangUp, code: error.carrierCode, error.message)
            teardownMachine.hangUpEnded(.failed, error: fault.words, at: now)
            return note(fault) + hangUpIsKnown(at: now)
        case .ended:
            _ = hangUpMachine.failed(error, at: now)
            return []
        case .live, .draining, .retired:
            return []
        }
    }

    /// The carrier itself reports the call over.
    mutating func carrierConfirmed(at now: MonotonicInstant) -> [SessionAction] {
        switch life {
        case .ending:
            guard !teardownMachine.isFinished(.hangUp) else { return advance(at: now) }
            teardownMachine.hangUpEnded(.alreadyGone, at: now)
            return hangUpIsKnown(at: now)
        case .ended(let receipt):
            return confirmLate(receipt, at: now)
        case .live, .draining, .retired:
            return []
        }
    }

    private mutating func hangUpIsKnown(at now: MonotonicInstant) -> [SessionAction] {
        hangUpMachine.endWaitsNoLonger()
        return advance(at: now)
    }

    // MARK: Closing

    private mutating func startClosingAgent(at now: MonotonicInstant) -> [SessionAction] {
        let socket = agentMachine.close()
        guard !agentMachine.isClosed else {
            teardownMachine.agentIsClosed(.skipped, at: now)
            return []
        }
        teardownMachine.agentIsClosing(at: now)
        return socket.map { [.closeAgent(socket: $0)] } ?? []
    }

    /// A socket of the model is closed, or the attempt to open it has come to its end. Those that were dropped before
    /// the end are waited for as well.
    mutating func agentIsClosed(socket: AgentSocketID, at now: MonotonicInstant) -> [SessionAction] {
        happened(.agentClosed)
        guard agentMachine.closed(socket), case .ending = life else { return [] }
        teardownMachine.agentIsClosed(.done, at: now)
        return advance(at: now)
    }

    mutating func goodbyeCame(at now: MonotonicInstant) -> [SessionAction] {
        teardownMachine.goodbyeCame()
        return advance(at: now)
    }

    mutating func mediaCameToItsEnd(at now: MonotonicInstant) -> [SessionAction] {
        teardownMachine.goodbyeCame()
        return formerLineIsClosed(at: now)
    }

    /// One of the media sockets is closed: the step is done when all are.
    mutating func formerLineIsClosed(at now: MonotonicInstant) -> [SessionAction] {
        guard case .ending = life else { return [] }
        guard mediaMachine.socket != .open else { return advance(at: now) }
        teardownMachine.mediaIsClosed(at: now)
        return advance(at: now)
    }

    // MARK: Going on

    /// Takes the step that is due.
    mutating func advance(at now: MonotonicInstant) -> [SessionAction] {
        guard case .ending = life else { return [] }
        let conditions = TeardownMachine.Conditions(
            isStreaming: media == .started,
            socket: mediaMachine.socket,
            awaitsStreamReport: evidence.stream == .running
        )
        var orders: [SessionAction] = []
        for action in teardownMachine.advance(conditions, at: now) {
            switch action {
            case .closeMedia:
                orders.append(.closeMedia)
            case .saveRecord:
                let receipt = receipt(isSaving: true, at: now)
                teardownMachine.keep(receipt)
                orders.append(.saveRecord(receipt))
            }
        }
        return orders
    }

    /// - Parameter error: why the record could not be saved.
    mutating func recordSaved(error: String?, at now: MonotonicInstant) -> [SessionAction] {
        happened(.recordSaved)
        guard case .ending = life, teardownMachine.recordSaved(error: error, at: now) else { return [] }
        return finish(at: now)
    }

    private mutating func finish(at now: MonotonicInstant) -> [SessionAction] {
        guard case .ending = life else { return [] }
        let unsaved = receipt(at: now)
        // Every waiter gets the saved receipt.
        let told = teardownMachine.finish() ?? unsaved
        deadlines.removeAll()
        life = .ended(told)
        return [.finish(told)] + beginAftermath(told, at: now)
    }

    mutating func firedWhileEnding(_ reason: SessionDeadline, at now: MonotonicInstant) -> [SessionAction] {
        switch reason {
        case .hangUp:
            teardownMachine.timedOut(.hangUp, error: "the carrier did not answer in time", at: now)
            return hangUpIsKnown(at: now)
        case .hangUpRetry:
            return carrierCallID.map { askCarrier($0, at: now) } ?? []
        case .closeAgent:
            teardownMachine.timedOut(.closeAgent, error: "the model's socket did not close in time", at: now)
            return advance(at: now)
        case .goodbye, .streamReport:
            teardownMachine.waitedEnough(for: reason, at: now)
            return advance(at: now)
        case .closeMedia:
            teardownMachine.timedOut(.closeMedia, error: "the media socket did not close in time", at: now)
            return advance(at: now)
        case .saveRecord:
            teardownMachine.timedOut(.saveRecord, error: "the record was not saved in time", at: now)
            return finish(at: now)
        case .maxDuration, .queue, .ringing, .media, .agentSetup, .agentRetry, .drain, .transfer, .renewal, .lateHangUp,
            .lateName,
            .updateRecord:
            return []
        }
    }

    /// No more actions are carried out: ends at once with the known facts.
    mutating func abandon(at now: MonotonicInstant) -> [SessionAction] {
        happened(.abandoned)
        var actions = isLive ? end(EndRequest(.shutdown), at: now) : []
        if case .ending = life {
            teardownMachine.abandon(at: now)
            actions += finish(at: now)
        }
        return actions + giveUp()
    }

    // MARK: Receipt

    /// - Parameter isSaving: the step that saves the record stands as done.
    private func receipt(isSaving: Bool = false, at now: MonotonicInstant) -> EndReceipt {
        let end = teardownMachine.account(isSaving: isSaving, at: now)
        let started = startedOn
        let queueing = ringsSince.map { $0 - started } ?? .zero
        let confirmed: Bool =
            switch end.steps.first(where: { $0.name == .hangUp })?.outcome {
            case .done, .alreadyGone: true
            case .skipped: carrier == .refused || end.hasGoodbye
            case .failed, .timedOut, nil: carrier == .over
            }
        var receipt = EndReceipt(
            callID: callID,
            status: end.request.reason.status(wasAnswered: answeredOn != nil),
            reason: end.request.reason,
            note: end.request.note,
            duration: end.began - started,
            queueing: queueing,
            ringing: (answeredOn ?? end.began) - started - queueing,
            talking: answeredOn.map { end.began - $0 } ?? .zero,
            startedAt: startedAt,
            answeredAt: answeredAt,
            endedAt: WallTime(
                milliseconds: startedAt.milliseconds + Int64((end.began - started).wholeMilliseconds)
            ),
            carrierConfirmed: confirmed,
            carrierFaults: evidence.faults,
            teardown: now - end.began,
            steps: end.steps
        )
        receipt.usage = usage
        receipt.cost = cost(at: end.began)
        receipt.agentSession = account
        receipt.transferOutcome = transfer.outcome
        return receipt
    }
}
