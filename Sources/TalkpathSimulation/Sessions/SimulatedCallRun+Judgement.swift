import TalkpathAudio
import TalkpathCore

extension SimulatedCallRun {
    /// Whether everything a caller of `end` may rely on was kept.
    func judge() {
        let ended = world.events.compactMap { event -> EndReceipt? in
            if case .ended(let receipt) = event.kind { receipt } else { nil }
        }
        check(ended.count == 1, "\(ended.count) events `ended`")
        check(hasReturned, "run() has not returned")
        check(asked == 0, "\(asked) askers still wait")
        check(world.open.isEmpty, "still open: \(world.open.sorted { $0.key < $1.key })")
        guard let receipt = ended.first, let session = world.session else { return }
        for other in receipts {
            var other = other
            // What became known after the end is in later receipts.
            if other.carrierConfirmed { other.carrierConfirmed = receipt.carrierConfirmed }
            check(other == receipt, "another receipt")
        }
        check(scheduler.asLane { session.media.value.isStopped }, "the bridge was not stopped")
        check(receipt.steps.first?.name == .stopBridge, "the bridge was not stopped first")
        check(receipt.steps.count == EndReceipt.Step.Name.allCases.count, "\(receipt.steps.count) steps")
        for step in receipt.steps where step.outcome == .timedOut || step.outcome == .failed {
            check(step.error != nil, "\(step.name.rawValue) was not waited for")
        }
        guard !isAbandoned else { return }
        judgeTime(receipt)
        judgeCarrier(receipt)
    }

    private func judgeTime(_ receipt: EndReceipt) {
        let slack = tickInterval + .milliseconds(2)
        let jobs = limits.endBound + slack
        check(receipt.teardown <= jobs, "teardown took \(receipt.teardown)")
        check(receipt.duration <= limits.maxDuration + slack, "lasted \(receipt.duration)")
        check(receipt.duration >= .zero && receipt.talking >= .zero && receipt.ringing >= .zero, "negative durations")
        check(receipt.ringing + receipt.talking == receipt.duration, "durations do not add up")
    }

    /// The carrier's call is over, or everything has been done about it.
    private func judgeCarrier(_ receipt: EndReceipt) {
        let carrier: SimulatedCarrier = world.carrier
        guard kind == .outbound || kind == .inbound else { return }
        if carrier.isUp {
            check(!receipt.carrierConfirmed, "a live call was reported as over")
            let isGivenUp = world.isGivenUp || carrier.hangUps >= 20
            check(!carrier.hasToldName || isGivenUp, "a known call is still up after \(carrier.hangUps) hang-ups")
        }
    }

    private func check(_ condition: Bool, _ what: @autoclosure () -> String) {
        if !condition { world.violation(what()) }
    }
}
