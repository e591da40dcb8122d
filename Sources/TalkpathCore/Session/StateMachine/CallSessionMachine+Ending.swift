import TalkpathAudio
import TalkpathWire

/// The one ending: whatever asked for it, the same steps once.
///
///     stop_bridge -> hang_up ----------------> (farewell) -> close_media -\
///                 \-> close_agent -----------------------------------------> save_record -> finish
///
/// Each step has a deadline of its own; together they keep within `limits.endBound`.
extension CallSessionMachine {
    // MARK: Asking

    /// Somebody wants the call to end. The first reason counts; a later `now` cuts a drain short, and so does a later drain
    /// whose bound comes sooner.
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
                // Nobody waits longer than asked for: the soonest bound counts.
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

    /// Somebody waits for the agent to be heard: an end, or a transfer.
    var drains: Bool {
        if case .draining = life { return true }
        return transfer.isDraining
    }

    /// The caller speaks into the goodbye of an agent that wanted to end the call, which goes on.
    ///
    /// - Returns: whether it does.
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
        var ending = Ending(request: request, began: now)
        ending.hasFarewell = mediaMachine.isOver
        ending.finish(.stopBridge, .done, at: now)
        life = .ending(ending)
        var actions: [SessionAction] = [.stopBridge]
        actions += startHangUp(at: now)
        actions += startClosingAgent(at: now)
        return actions + advance(at: now)
    }

    /// What an agent of one's own is told of the end that has begun.
    func farewell(at now: MonotonicInstant) -> AgentCallEnd? {
        guard case .ending(let ending) = life else { return nil }
        return AgentCallEnd(
            reason: ending.request.reason.rawValue,
            note: ending.request.note,
            durationMilliseconds: (now - startedOn).wholeMilliseconds,
            talkingMilliseconds: answeredOn.map { (now - $0).wholeMilliseconds } ?? 0
        )
    }

    mutating func change(_ body: (inout Ending) -> Void) {
        guard case .ending(var ending) = life else { return }
        body(&ending)
        life = .ending(ending)
    }

    /// A share of the bound, counted from the beginning of the end.
    func bound(_ share: Double, from began: MonotonicInstant) -> MonotonicInstant {
        let due = began + limits.endBound * share
        guard let hurry else { return due }
        // The store gets the second half of the time: the record comes before everything else that is waited for.
        return min(due, hurry.began + hurry.bound * (share < 1 ? share / 2 : 1))
    }

    /// The process is about to leave: what the ending still waits for gets so long in all. A call that has not begun to
    /// end ends.
    mutating func hurry(within bound: Duration, at now: MonotonicInstant) -> [SessionAction] {
        happened(.hurried)
        if hurry == nil { hurry = Hurry(began: now, bound: bound) }
        guard case .ending(let ending) = life else {
            return isLive ? end(EndRequest(.shutdown), at: now) : []
        }
        for (reason, share) in Self.shares {
            guard let due = deadlines[reason] else { continue }
            deadlines[reason] = min(due, self.bound(share, from: ending.began))
        }
        hangUpMachine.hurry(until: self.bound(0.8, from: ending.began))
        return []
    }

    private static let shares: [(SessionDeadline, Double)] = [
        (.closeAgent, 0.8), (.streamReport, 0.8), (.farewell, 0.85), (.closeMedia, 0.9), (.saveRecord, 1),
    ]

    // MARK: Hanging up

    private mutating func startHangUp(at now: MonotonicInstant) -> [SessionAction] {
        guard case .ending(let ending) = life else { return [] }
        switch carrier {
        case .absent, .unplaced:
            carrier = carrier == .unplaced ? .refused : carrier
            change { $0.finish(.hangUp, .skipped, at: now) }
            return []
        case .over:
            change { $0.finish(.hangUp, .alreadyGone, at: now) }
            return []
        case .refused:
            change { $0.finish(.hangUp, .skipped, at: now) }
            return []
        case .unknown:
            // The carrier's own time limit is what is left.
            change { $0.finish(.hangUp, .failed, error: Self.unknownCall, at: now) }
            return []
        case .placing:
            // The carrier's name of the call is still on its way; `placed` goes on from here.
            change { $0.start(.hangUp, at: now) }
            hangUpMachine.awaitName(until: bound(0.8, from: ending.began))
            return []
        case .queued(let id), .ringing(let id), .answered(let id):
            change { $0.start(.hangUp, at: now) }
            hangUpMachine.begin(until: bound(0.8, from: ending.began), at: now)
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
                change { $0.finish(.hangUp, .failed, error: Self.unknownCall, at: now) }
            } else {
                change { $0.finish(.hangUp, .skipped, at: now) }
            }
            return hangUpIsKnown(at: now)
        case .ended:
            return noNameCame(at: now)
        case .live, .draining, .retired:
            return []
        }
    }

    private static var unknownCall: String { "whether the carrier placed the call is not known" }

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
                change { $0.finish(.hangUp, answer == .done ? .done : .alreadyGone, at: now) }
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
        case .ending(let ending):
            guard !ending.isFinished(.hangUp) else { return [] }
            switch hangUpMachine.failed(error, at: now) {
            case .retried, .stale: return []
            case .final: break
            }
            let fault = CarrierFault(.hangUp, code: error.carrierCode, error.message)
            change { $0.finish(.hangUp, .failed, error: fault.words, at: now) }
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
        case .ending(let ending):
            guard !ending.isFinished(.hangUp) else { return advance(at: now) }
            change { $0.finish(.hangUp, .alreadyGone, at: now) }
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
        guard case .ending(let ending) = life else { return [] }
        let socket = agentMachine.close()
        guard !agentMachine.isClosed else {
            change { $0.finish(.closeAgent, .skipped, at: now) }
            return []
        }
        change { $0.start(.closeAgent, at: now) }
        deadlines[.closeAgent] = bound(0.8, from: ending.began)
        return socket.map { [.closeAgent(socket: $0)] } ?? []
    }

    /// A socket of the model is closed, or the attempt to open it has come to its end. Those that were dropped before
    /// the end are waited for as well.
    mutating func agentIsClosed(socket: AgentSocketID, at now: MonotonicInstant) -> [SessionAction] {
        happened(.agentClosed)
        guard agentMachine.closed(socket), case .ending = life else { return [] }
        change { $0.finish(.closeAgent, .done, at: now) }
        deadlines[.closeAgent] = nil
        return advance(at: now)
    }

    mutating func farewellCame(at now: MonotonicInstant) -> [SessionAction] {
        change { $0.hasFarewell = true }
        return advance(at: now)
    }

    mutating func mediaCameToItsEnd(at now: MonotonicInstant) -> [SessionAction] {
        change { $0.hasFarewell = true }
        return formerLineIsClosed(at: now)
    }

    /// One of the media sockets is closed: the step is done when all are.
    mutating func formerLineIsClosed(at now: MonotonicInstant) -> [SessionAction] {
        guard case .ending = life else { return [] }
        guard mediaMachine.socket != .open else { return advance(at: now) }
        change {
            if $0.isStarted(.closeMedia) { $0.finish(.closeMedia, .done, at: now) }
        }
        deadlines[.closeMedia] = nil
        return advance(at: now)
    }

    // MARK: Going on

    /// Takes whatever step is due.
    mutating func advance(at now: MonotonicInstant) -> [SessionAction] {
        guard case .ending(let ending) = life, ending.isFinished(.hangUp) else { return [] }
        var actions: [SessionAction] = []
        if !ending.isStarted(.closeMedia) {
            guard farewellIsOver(ending, at: now) else { return [] }
            actions += startClosingMedia(at: now)
        }
        guard case .ending(let ending) = life, ending.isFinished(.closeMedia), ending.isFinished(.closeAgent),
            !ending.isStarted(.saveRecord)
        else { return actions }
        if awaitsStreamReport(ending, at: now) { return actions }
        deadlines[.streamReport] = nil
        change { $0.start(.saveRecord, at: now) }
        deadlines[.saveRecord] = bound(1, from: ending.began)
        if case .ending(let ending) = life {
            let receipt = receipt(ending, steps: ending.steps(assumingDone: .saveRecord), at: now)
            change { $0.savedReceipt = receipt }
            actions.append(.saveRecord(receipt))
        }
        return actions
    }

    /// A carrier that has hung up closes the stream itself, and takes it amiss if we are quicker.
    private mutating func farewellIsOver(_ ending: Ending, at now: MonotonicInstant) -> Bool {
        guard media == .started, !ending.hasFarewell else { return true }
        switch ending.outcome(.hangUp) {
        case .done, .alreadyGone: break
        case .skipped, .failed, .timedOut, nil: return true
        }
        if let due = deadlines[.farewell] { return due <= now }
        deadlines[.farewell] = min(now + limits.farewell, bound(0.85, from: ending.began))
        return false
    }

    private mutating func startClosingMedia(at now: MonotonicInstant) -> [SessionAction] {
        guard case .ending(let ending) = life else { return [] }
        deadlines[.farewell] = nil
        switch mediaMachine.socket {
        case .none:
            change { $0.finish(.closeMedia, .skipped, at: now) }
            return []
        case .closed:
            change { $0.finish(.closeMedia, .alreadyGone, at: now) }
            return []
        case .open:
            change { $0.start(.closeMedia, at: now) }
            deadlines[.closeMedia] = bound(0.9, from: ending.began)
            return [.closeMedia]
        }
    }

    /// - Parameter error: why the record could not be saved.
    mutating func recordSaved(error: String?, at now: MonotonicInstant) -> [SessionAction] {
        happened(.recordSaved)
        guard case .ending(let ending) = life, !ending.isFinished(.saveRecord) else { return [] }
        change { $0.finish(.saveRecord, error == nil ? .done : .failed, error: error, at: now) }
        return finish(at: now)
    }

    private mutating func finish(at now: MonotonicInstant) -> [SessionAction] {
        guard case .ending(let ending) = life else { return [] }
        // What was saved is what everybody is told: record, event and answers are one receipt.
        let saved = ending.outcome(.saveRecord) == .done ? ending.savedReceipt : nil
        let receipt = saved ?? receipt(ending, steps: ending.steps, at: now)
        deadlines.removeAll()
        life = .ended(receipt)
        return [.finish(receipt)] + beginAftermath(receipt, at: now)
    }

    mutating func firedWhileEnding(_ reason: SessionDeadline, at now: MonotonicInstant) -> [SessionAction] {
        switch reason {
        case .hangUp:
            change { $0.finish(.hangUp, .timedOut, error: "the carrier did not answer in time", at: now) }
            return hangUpIsKnown(at: now)
        case .hangUpRetry:
            return carrierCallID.map { askCarrier($0, at: now) } ?? []
        case .closeAgent:
            change { $0.finish(.closeAgent, .timedOut, error: "the model's socket did not close in time", at: now) }
            return advance(at: now)
        case .farewell:
            // Set again to a moment that has come, so that `advance` sees that it has been waited for.
            deadlines[.farewell] = now
            return advance(at: now)
        case .closeMedia:
            change { $0.finish(.closeMedia, .timedOut, error: "the media socket did not close in time", at: now) }
            return advance(at: now)
        case .streamReport:
            // Set again to a moment that has come, so that `advance` sees that it has been waited for.
            deadlines[.streamReport] = now
            return advance(at: now)
        case .saveRecord:
            change { $0.finish(.saveRecord, .timedOut, error: "the record was not saved in time", at: now) }
            return finish(at: now)
        case .maxDuration, .queue, .ringing, .media, .agentSetup, .agentRetry, .drain, .transfer, .renewal, .lateHangUp,
            .lateName,
            .updateRecord:
            return []
        }
    }

    /// Nobody will carry out orders any more: ends at once with what is known.
    mutating func abandon(at now: MonotonicInstant) -> [SessionAction] {
        happened(.abandoned)
        var actions = isLive ? end(EndRequest(.shutdown), at: now) : []
        if case .ending(let ending) = life {
            for name in EndReceipt.Step.Name.allCases where !ending.isFinished(name) {
                change { $0.finish(name, .failed, error: "the server stopped without waiting", at: now) }
            }
            actions += finish(at: now)
        }
        return actions + giveUp()
    }

    // MARK: Receipt

    private func receipt(_ ending: Ending, steps: [EndReceipt.Step], at now: MonotonicInstant) -> EndReceipt {
        let started = startedOn
        let queueing = ringsSince.map { $0 - started } ?? .zero
        let confirmed: Bool =
            switch steps.first(where: { $0.name == .hangUp })?.outcome {
            case .done, .alreadyGone: true
            case .skipped: carrier == .refused || ending.hasFarewell
            case .failed, .timedOut, nil: carrier == .over
            }
        var receipt = EndReceipt(
            callID: callID,
            status: ending.request.reason.status(wasAnswered: answeredOn != nil),
            reason: ending.request.reason,
            note: ending.request.note,
            duration: ending.began - started,
            queueing: queueing,
            ringing: (answeredOn ?? ending.began) - started - queueing,
            talking: answeredOn.map { ending.began - $0 } ?? .zero,
            startedAt: startedAt,
            answeredAt: answeredAt,
            endedAt: WallTime(
                milliseconds: startedAt.milliseconds + Int64((ending.began - started).wholeMilliseconds)
            ),
            carrierConfirmed: confirmed,
            carrierFaults: evidence.faults,
            teardown: now - ending.began,
            steps: steps
        )
        receipt.usage = usage
        receipt.transferOutcome = transfer.outcome
        return receipt
    }
}
