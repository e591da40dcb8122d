import TalkpathAudio
import TalkpathCore

/// The ports around the calls of one simulation, and the facts that the final checks use.
final class SimulatedWorld: @unchecked Sendable {
    // Unchecked: everything runs on the scheduler's one thread.
    let scheduler: SimulationScheduler
    private(set) var trace: [String] = []
    private(set) var violations: [String] = []
    private(set) var events: [CallEvent] = []
    /// The requests and sockets that are open: begun, and neither finished nor closed; by name.
    private(set) var open: [String: Int] = [:]
    private(set) var endBegan: MonotonicInstant?
    private(set) var endedAt: MonotonicInstant?
    private var agentSocketClosedAt: MonotonicInstant?
    private var mediaSocketClosedAt: MonotonicInstant?
    /// The reason that the call's end must have, as far as it is known which party was first.
    var expectedReason: EndReason?
    var isTracing = false
    /// Called when the end begins.
    var onEnd: () -> Void = {}
    /// True if the server stopped during the call; everything that was open then stays as it was.
    var isGivenUp = false
    /// True if the server stops without waiting.
    var isAbandoned = false
    var abandonedAt: MonotonicInstant?
    /// The time by which a leaving process must be done with the call.
    var hurryEnds: MonotonicInstant?

    var carrier: SimulatedCarrier!
    var store: SimulatedStore!
    var session: CallSession?
    /// The caller's end of the latest media socket.
    var media: SimulatedMediaSocket?
    private let coverage: CoverageCounter?

    /// True if the far end reports playback at the right moment; otherwise it reports at random times.
    let isPunctual: Bool
    let theme: SimulationTheme
    /// The number of digit sequences being played. An interruption does not break them, so nothing can be cleared
    /// meanwhile.
    var digits = 0
    /// The items that were cut short; nothing of them may be heard afterwards.
    var interrupted: Set<Int> = []
    /// Media streams that the carrier has begun.
    var streams = 0
    private var items = 0
    private var hasDeadlineFired = false

    init(seed: UInt64, coverage: CoverageCounter?) {
        scheduler = SimulationScheduler(seed: seed)
        self.coverage = coverage
        isPunctual = scheduler.chance(60)
        theme = scheduler.pick(SimulationTheme.choices)
    }

    /// Releases everything, so that a leak of the session can be detected.
    func dismantle() {
        onEnd = {}
        carrier.dismantle()
        carrier = nil
        store = nil
        session = nil
        media = nil
    }

    /// The number of the model's next item; `nil` if no distinguishable item is left.
    func nextItem() -> Int? {
        guard items < SpokenLevels.count else { return nil }
        items += 1
        return items - 1
    }

    var endReason: EndReason? {
        for case .ended(let receipt) in events.map(\.kind) { return receipt.reason }
        return nil
    }

    var itemsSoFar: Range<Int> { 0..<items }

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
        if name.hasPrefix("agent socket") || name.hasPrefix("connecting") { agentSocketClosedAt = scheduler.now }
        if name.hasPrefix("media socket") { mediaSocketClosedAt = scheduler.now }
        note("finish \(name)")
    }

    /// The activities that are under way while the call is live.
    var activities: Set<CallActivity> {
        guard let session else { return [] }
        return session.assumeIsolated { $0.isLive ? $0.activities : [] }
    }

    /// Records that an ender is about to end the call. On the lane.
    func note(_ ender: SimulatedEnder) { note(ender, during: activities) }

    func note(_ ender: SimulatedEnder, during activities: Set<CallActivity>) {
        for activity in activities { coverage?.add(ender, during: activity) }
    }

    func takeDeadlineFired() -> Bool {
        defer { hasDeadlineFired = false }
        return hasDeadlineFired
    }

    /// Records the moment at which the call stopped being live. On the lane.
    func watchEnd() {
        guard endBegan == nil, let session, session.assumeIsolated({ !$0.isLive }) else { return }
        endBegan = scheduler.now
        onEnd()
        note("end began")
    }

    /// The caller has spoken over the agent, and must hear silence now.
    /// - Parameter told: the heard milliseconds that the model was told, by item.
    func judgeInterruption(_ told: [(item: Int, milliseconds: Int)]) {
        // A far end that reports playback wrongly may play on.
        // A carrier that follows other instructions has dropped what its stream held, and we learn of it some time later.
        guard isPunctual, digits == 0, let media, media.isOpen, !media.isLeft else { return }
        let waiting = media.waitingSpeech()
        if waiting > 0 { violation("the interrupted agent talks on for \(waiting) ms") }
        for (item, milliseconds) in told {
            let heard = media.heardMilliseconds(of: item)
            note("item \(item): heard \(heard) ms, told \(milliseconds)")
            if abs(heard - milliseconds) > 20 {
                violation("\(heard) ms of item \(item) were heard, the model was told \(milliseconds)")
            }
        }
    }

    /// Checks that a task which the end should cancel did not run on after it.
    func finished(_ what: String) {
        if let endBegan, scheduler.now - endBegan > .milliseconds(300) {
            violation("\(what) went on after the end began")
        }
    }

    /// Checks that no request to open something is made after the end has begun. The tolerance covers the hop from the
    /// loop to another thread.
    func opening(_ what: String) {
        if let endBegan, scheduler.now - endBegan > .milliseconds(100) { violation("\(what) after the end began") }
    }
}

extension SimulatedWorld: SessionObserver {
    func happened(_ input: SessionInput, in state: SessionState) {
        coverage?.add(input, in: state)
        if input == .timer(.maxDuration) { hasDeadlineFired = true }
        note("happened \(input): \(state.carrier), \(state.media), \(state.agent), \(state.life)")
        if let (part, why) = UnreachablePairs.reason(input, in: state) {
            violation("\(input.name) found a call in \(part), which cannot be: \(why)")
        }
    }
}

extension SimulatedWorld: CallEventSink, IdentifierSource {
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

    /// A step that is not reported as timed out must have left nothing open.
    private func judgeSteps(_ receipt: EndReceipt) {
        let isSlowlyClosed = agentSocketClosedAt.map { $0 >= scheduler.now - .seconds(2) } ?? false
        // A server that does not wait carries out no actions and does not report them.
        if receipt.step(.closeAgent)?.outcome == .timedOut, !isSlowlyClosed, !isAbandoned, hurryEnds == nil,
            !open.keys.contains(where: { $0.hasPrefix("agent socket") || $0.hasPrefix("connecting") })
        {
            violation("an attempt to open a socket held up the end")
        }
        if receipt.step(.closeMedia)?.outcome == .timedOut, let closed = mediaSocketClosedAt,
            open["media socket"] == nil, closed < scheduler.now - .seconds(2)
        {
            violation("a closed media socket held up the end")
        }
        let kept: [(EndReceipt.Step.Name, [String])] = [
            (.closeAgent, ["agent socket", "connecting"]), (.closeMedia, ["media socket"]), (.saveRecord, ["save"]),
        ]
        for (step, names) in kept {
            let outcome = receipt.step(step)?.outcome
            if outcome == .timedOut || outcome == .failed { continue }
            for name in open.keys.sorted() where names.contains(where: name.hasPrefix) {
                violation("\(name) is open after \(step.rawValue)")
            }
        }
    }

    func makeCallID() -> CallID { CallID("call") }

    func makeToken() -> String { "token-\(scheduler.number(below: 1 << 30))" }
}
