import TalkpathAudio
import TalkpathCore

/// Everything around the calls of one simulation, and what is known of it at the end.
final class SimulatedWorld: @unchecked Sendable {
    // Unchecked: all of it happens on the scheduler's one thread.
    let scheduler: SimulationScheduler
    private(set) var trace: [String] = []
    private(set) var violations: [String] = []
    private(set) var events: [CallEvent] = []
    /// Requests and sockets that have been begun, and neither finished nor closed, by name.
    private(set) var open: [String: Int] = [:]
    private(set) var endBegan: MonotonicInstant?
    private(set) var endedAt: MonotonicInstant?
    private var agentSocketClosedAt: MonotonicInstant?
    var isTracing = false
    /// The server has stopped while the call was there: what was not settled then is left as it was.
    var isGivenUp = false

    var carrier: SimulatedCarrier!
    var session: CallSession?

    init(seed: UInt64) {
        scheduler = SimulationScheduler(seed: seed)
    }

    func note(_ line: @autoclosure () -> String) {
        guard isTracing else { return }
        trace.append("\((scheduler.now.nanoseconds - 1_000_000_000) / 1_000_000) \(line())")
    }

    func violation(_ what: String) {
        violations.append(what)
        note("VIOLATION \(what)")
    }

    func begin(_ name: String) {
        open[name, default: 0] += 1
        note("begin \(name)")
    }

    func finish(_ name: String) {
        open[name, default: 0] -= 1
        if open[name] == 0 { open[name] = nil }
        if name.hasPrefix("agent socket") { agentSocketClosedAt = scheduler.now }
        note("finish \(name)")
    }

    /// Notes when the call stopped being live. On the lane.
    func watchEnd() {
        guard endBegan == nil, let session, session.assumeIsolated({ !$0.isLive }) else { return }
        endBegan = scheduler.now
        note("end began")
    }

    /// A request that opens something must not be made once the call has been ending for a while; the moment is the
    /// hop from the loop to another thread.
    func opening(_ what: String) {
        if let endBegan, scheduler.now - endBegan > .milliseconds(100) { violation("\(what) after the end began") }
    }
}

extension SimulatedWorld: CallEventSink, CallClock, IdentifierSource {
    func publish(_ event: CallEvent) {
        if events.contains(where: { if case .ended = $0.kind { true } else { false } }) {
            violation("an event after the end: \(event.kind)")
        }
        events.append(event)
        if case .ended(let receipt) = event.kind {
            endedAt = scheduler.now
            note("ended \(receipt.reason.rawValue) confirmed=\(receipt.carrierConfirmed)")
            for step in receipt.steps { note("  \(step.name.rawValue) \(step.outcome.rawValue)") }
            judgeSteps(receipt)
        } else {
            note("event \(event.kind)")
        }
    }

    /// A step that is not said to have timed out has left nothing open.
    private func judgeSteps(_ receipt: EndReceipt) {
        let isSlowlyClosed = agentSocketClosedAt.map { $0 >= scheduler.now - .seconds(2) } ?? false
        if receipt.step(.closeAgent)?.outcome == .timedOut, !isSlowlyClosed,
            !open.keys.contains(where: { $0.hasPrefix("agent socket") })
        {
            violation("an attempt to open a socket held up the end")
        }
        let kept: [(EndReceipt.Step.Name, [String])] = [
            (.closeAgent, ["agent socket", "connecting"]), (.closeMedia, ["media socket"]), (.saveRecord, ["save"]),
        ]
        for (step, names) in kept where receipt.step(step)?.outcome != .timedOut {
            for name in open.keys.sorted() where names.contains(where: name.hasPrefix) {
                violation("\(name) is open after \(step.rawValue)")
            }
        }
    }

    var now: MonotonicInstant { scheduler.now }

    var wallTime: WallTime { WallTime(milliseconds: 1_700_000_000_000 + now.nanoseconds / 1_000_000) }

    func makeCallID() -> CallID { CallID("call") }

    func makeToken() -> String { "token-\(scheduler.number(below: 1 << 30))" }
}
