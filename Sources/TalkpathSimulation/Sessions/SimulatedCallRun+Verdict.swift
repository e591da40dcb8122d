import TalkpathAudio
import TalkpathCore

/// Checks everything that a caller of `end` may rely on.
extension SimulatedCallRun {
    func judge() {
        check(scheduler.steps < Self.stepLimit, "it does not come to rest")
        let ended = world.events.compactMap { event -> EndReceipt? in
            if case .ended(let receipt) = event.kind { receipt } else { nil }
        }
        check(ended.count == 1, "\(ended.count) events `ended`")
        check(world.events.first?.kind == .started, "the first event is not `started`")
        check(hasReturned, "run() has not returned")
        check(asked == 0, "\(asked) askers still wait")
        check(world.open.isEmpty, "still open: \(world.open.sorted { $0.key < $1.key })")
        scheduler.asLane {
            let calls = manager.assumeIsolated { ($0.activeCalls, $0.active().count) }
            check(calls == (0, 0), "the manager still has \(calls) calls")
        }
        guard let receipt = ended.first, let session = world.session else { return }
        for other in receipts { check(isSame(other, as: receipt), "a receipt that differs") }
        scheduler.asLane { judgeBridge(session.media.value) }
        if let reason = world.expectedReason {
            check(receipt.reason == reason, "\(receipt.reason) is the reason, and \(reason) was first")
        }
        judgeSteps(receipt)
        judgeRecord(receipt)
        judgeFailover(receipt)
        check(
            receipt.duration >= .zero && receipt.talking >= .zero && receipt.ringing >= .zero
                && receipt.queueing >= .zero,
            "negative durations"
        )
        check(
            receipt.queueing + receipt.ringing + receipt.talking == receipt.duration,
            "durations do not add up"
        )
        if let abandoned = world.abandonedAt, let began = world.endBegan {
            check(began - abandoned < .seconds(1), "a call goes on for \(began - abandoned) without a server")
        }
        guard !isAbandoned else { return }
        judgeTime(receipt)
        judgeCarrier(receipt)
    }

    /// True if both receipts agree. A later receipt may hold facts that became known after the end, and the saving of a
    /// record whose saver no longer waited.
    private func isSame(_ other: EndReceipt, as receipt: EndReceipt) -> Bool {
        var (other, receipt) = (other, receipt)
        if other.carrierConfirmed { receipt.carrierConfirmed = true }
        if receipt.step(.saveRecord)?.outcome != .done {
            other.steps.removeAll { $0.name == .saveRecord }
            receipt.steps.removeAll { $0.name == .saveRecord }
            receipt.teardown = other.teardown
        }
        return other == receipt
    }

    private func judgeBridge(_ media: CallMedia) {
        check(media.isStopped, "the bridge was not stopped")
        check(media.downlink.backlogMilliseconds == 0, "the agent's words were kept")
        // A ring leg's audio thread may continue to write.
        check(kind == .ring || media.uplink.waitingMilliseconds == 0, "the caller's words were kept")
    }

    private func judgeSteps(_ receipt: EndReceipt) {
        check(receipt.steps.first?.name == .stopBridge, "the bridge was not stopped first")
        let names = Set(receipt.steps.map(\.name))
        check(names.count == EndReceipt.Step.Name.allCases.count, "steps are missing")
        check(receipt.steps.count == names.count, "a step was taken twice")
        for step in receipt.steps where step.outcome == .timedOut || step.outcome == .failed {
            check(step.error != nil, "\(step.name.rawValue) failed without an error text")
        }
        let order = receipt.steps.map(\.started)
        check(order == order.sorted(), "the steps are out of order")
    }

    /// A call with several agents must not end for want of one while another was not tried.
    private func judgeFailover(_ receipt: EndReceipt) {
        guard let session = world.session, receipt.reason == .agentLost else { return }
        let parts = scheduler.asLane { session.assumeIsolated { $0.snapshot().agentParts } }
        let left = session.agent.failover.count + 1 - parts.count
        check(parts.isEmpty || left == 0, "the call ended as agent_lost, and \(left) agents were not tried")
    }

    /// The saved record must hold the receipt that was published.
    private func judgeRecord(_ receipt: EndReceipt) {
        let store: SimulatedStore = world.store
        check(store.saves <= 1, "the record was saved \(store.saves) times")
        check(isAbandoned || store.saves == 1, "the record was not saved")
        guard let record = store.record else {
            check(receipt.step(.saveRecord)?.outcome != .done, "nothing was saved")
            return
        }
        guard receipt.step(.saveRecord)?.outcome == .done else { return }
        check(record.receipt.map { isSame($0, as: receipt) } ?? false, "another receipt was saved")
    }

    private func judgeTime(_ receipt: EndReceipt) {
        let slack = tickInterval + .milliseconds(2)
        check(receipt.teardown <= limits.endBound + slack, "teardown took \(receipt.teardown)")
        check(receipt.duration <= limits.maxDuration + slack, "lasted \(receipt.duration)")
        if let hurryEnds = world.hurryEnds, let ended = world.endedAt {
            check(ended <= hurryEnds + slack, "a leaving process waited \(ended - hurryEnds) too long")
        }
        if let began = world.endBegan, let ended = world.endedAt {
            check(ended - began <= limits.endBound + slack, "the end took \(ended - began)")
        }
    }

    /// The carrier's call must be over, or everything must have been done to end it.
    private func judgeCarrier(_ receipt: EndReceipt) {
        let carrier: SimulatedCarrier = world.carrier
        guard kind == .outbound || kind == .inbound else { return }
        check(carrier.foreignHangUps == 0, "another call was hung up")
        check(
            receipt.reason != .transferred || carrier.isDialAnswered || receipt.transferOutcome == .unknown,
            "a call ended as transferred, although the other number had not answered"
        )
        check(
            receipt.transferOutcome != .answered || carrier.isDialAnswered,
            "a transfer counted as answered, although the other number had not answered"
        )
        judgeEvidence(receipt)
        judgeHangUp(receipt)
        if carrier.isUp {
            check(!receipt.carrierConfirmed, "a live call was reported as over")
            let isGivenUp = world.isGivenUp || carrier.hangUps >= 20
            check(!carrier.hasToldName || isGivenUp, "a known call is still up after \(carrier.hangUps) hang-ups")
        }
    }

    /// A stream that the carrier reported as broken in time must not be recorded as a hang-up by the caller.
    private func judgeEvidence(_ receipt: EndReceipt) {
        let carrier: SimulatedCarrier = world.carrier
        // A stream that broke before the carrier took the caller off it says nothing of the call's end.
        guard !carrier.hasFollowedInstructions else { return }
        guard let broken = carrier.toldStreamBreak, let began = world.endBegan, world.hurryEnds == nil else { return }
        let patience = min(.seconds(1), limits.endBound * 0.8) - tickInterval
        let isExpected = carrier.toldStreamBegin.map { $0 + tickInterval < began } ?? false
        let isInTime = isExpected ? broken < began + patience : broken + tickInterval < began
        check(!isInTime || receipt.reason != .callerHangup, "a broken stream was called the caller's hang-up")
        check(
            broken + tickInterval > began || !receipt.carrierFaults.isEmpty,
            "a broken stream is not in the receipt"
        )
    }

    /// The hang-up must have been requested as soon as the carrier's ID was known, and again if that could help.
    private func judgeHangUp(_ receipt: EndReceipt) {
        let carrier: SimulatedCarrier = world.carrier
        guard let began = world.endBegan, let ended = world.endedAt, let step = receipt.step(.hangUp) else { return }
        let lastAsked = began + limits.endBound * 0.8 - .milliseconds(300)
        if step.outcome == .timedOut, world.hurryEnds == nil, let named = carrier.namedAt, named < lastAsked {
            check((carrier.firstHangUp ?? ended) < ended, "a call that had a name was not hung up")
        }
        // The start is observed up to a tick late; a request that failed after the end was made after it.
        let failed = min(began + step.started + step.duration, ended)
        // A call that may have been placed is looked for only after that step.
        let isUnknown = step.error == EndReceipt.Step.unknownCall
        if step.outcome == .failed, !isUnknown, world.hurryEnds == nil, let hiccup = carrier.lastHiccup,
            hiccup <= failed
        {
            check(hiccup > began + .seconds(1), "a hang-up that failed for the moment was given up")
        }
    }

    private func check(_ condition: Bool, _ what: @autoclosure () -> String) {
        if !condition { world.violation(what()) }
    }
}
