import TalkpathAudio

/// The steps of a call's end: each once, each with a bound of its own, all within the bound of the end.
///
///     stop_bridge -> hang_up ----------------> (goodbye) -> close_media -\
///                 \-> close_agent -----------------------------------------> save_record -> over
///
/// It knows nothing of sockets and of the carrier: the machine of the call starts the steps that depend on them, tells
/// what came of each, and gives the conditions that decide about the next.
struct TeardownMachine {
    private enum State {
        /// The call lives. Next: `running`.
        case idle
        /// The steps are under way. Next: `over`.
        case running(Ending)
        /// The receipt is there. The last state.
        case over
    }

    /// The conditions of the next step, from the other parts.
    struct Conditions {
        /// Audio may still flow: the carrier has neither said goodbye nor closed the stream.
        var isStreaming: Bool
        /// The media sockets that are left to close.
        var socket: MediaMachine.Socket
        /// The carrier reports its streams, and has not reported the end of this one.
        var awaitsStreamReport: Bool
    }

    enum Action: Equatable {
        case closeMedia
        /// Save the record with a receipt of the steps so far, of which the saving counts as done.
        case saveRecord
    }

    private var state = State.idle
    /// Since when, and how long, the process still waits for this call.
    private var hurry: Hurry?
    private(set) var deadlines = SessionDeadlines()
    private let limits: CallLimits

    /// The receipt waits this long for the report of the stream's end, counted from the beginning of the end: a stream
    /// that broke and a caller who hung up look alike on the socket.
    static let reportPatience = Duration.seconds(1)

    init(limits: CallLimits) {
        self.limits = limits
    }

    // MARK: Questions

    private var ending: Ending? { if case .running(let ending) = state { ending } else { nil } }

    func isFinished(_ step: EndReceipt.Step.Name) -> Bool { ending?.isFinished(step) ?? false }

    /// The end as a receipt tells it: the reason, the beginning, the steps so far.
    ///
    /// - Parameter isSaving: the step that saves the record stands as done.
    func account(isSaving: Bool, at now: MonotonicInstant) -> Account {
        guard let ending else {
            return Account(request: EndRequest(.failed), began: now, steps: [], hasGoodbye: false)
        }
        return Account(
            request: ending.request,
            began: ending.began,
            steps: isSaving ? ending.steps(assumingDone: .saveRecord) : ending.steps,
            hasGoodbye: ending.hasGoodbye
        )
    }

    struct Account {
        let request: EndRequest
        let began: MonotonicInstant
        let steps: [EndReceipt.Step]
        let hasGoodbye: Bool
    }

    // MARK: Beginning

    /// - Parameter hasGoodbye: the carrier's stream is over already.
    mutating func begin(_ request: EndRequest, hasGoodbye: Bool, at now: MonotonicInstant) {
        var ending = Ending(request: request, began: now)
        ending.hasGoodbye = hasGoodbye
        ending.finish(.stopBridge, .done, at: now)
        state = .running(ending)
    }

    /// The process must exit soon: all remaining steps of the end together get that long. The first such bound counts.
    mutating func hurry(within bound: Duration, at now: MonotonicInstant) {
        if hurry == nil { hurry = Hurry(began: now, bound: bound) }
        guard ending != nil else { return }
        for (reason, share) in Self.shares {
            guard let due = deadlines[reason] else { continue }
            deadlines[reason] = min(due, limit(share))
        }
    }

    private static let shares: [(SessionDeadline, Double)] = [
        (.closeAgent, 0.8), (.streamReport, 0.8), (.goodbye, 0.85), (.closeMedia, 0.9), (.saveRecord, 1),
    ]

    /// Until when the end waits for the carrier's answer.
    var hangUpLimit: MonotonicInstant { limit(0.8) }

    /// A share of the bound, counted from the beginning of the end.
    private func limit(_ share: Double) -> MonotonicInstant {
        let began = ending?.began ?? MonotonicInstant(nanoseconds: 0)
        let due = began + limits.endBound * share
        guard let hurry else { return due }
        // The store gets the second half of the time: the record comes before everything else that is waited for.
        return min(due, hurry.began + hurry.bound * (share < 1 ? share / 2 : 1))
    }

    private mutating func change(_ body: (inout Ending) -> Void) {
        guard case .running(var ending) = state else { return }
        body(&ending)
        state = .running(ending)
    }

    // MARK: Reports

    mutating func hangUpBegan(at now: MonotonicInstant) {
        change { $0.start(.hangUp, at: now) }
    }

    mutating func hangUpEnded(_ outcome: EndReceipt.Step.Outcome, error: String? = nil, at now: MonotonicInstant) {
        change { $0.finish(.hangUp, outcome, error: error, at: now) }
    }

    mutating func agentIsClosing(at now: MonotonicInstant) {
        change { $0.start(.closeAgent, at: now) }
        deadlines[.closeAgent] = limit(0.8)
    }

    mutating func agentIsClosed(_ outcome: EndReceipt.Step.Outcome, at now: MonotonicInstant) {
        change { $0.finish(.closeAgent, outcome, at: now) }
        deadlines[.closeAgent] = nil
    }

    /// The carrier has said that the stream is over.
    mutating func goodbyeCame() {
        change { $0.hasGoodbye = true }
    }

    /// All media sockets are closed.
    mutating func mediaIsClosed(at now: MonotonicInstant) {
        change {
            if $0.isStarted(.closeMedia) { $0.finish(.closeMedia, .done, at: now) }
        }
        deadlines[.closeMedia] = nil
    }

    /// The carrier's report tells another reason than the socket did. It counts until the record is saved.
    mutating func streamBroke(_ request: EndRequest) {
        guard let ending, ending.request.reason == .callerHangup, !ending.isStarted(.saveRecord) else { return }
        change { $0.request = request }
    }

    /// - Returns: true if the report was waited for.
    mutating func streamReportCame() -> Bool {
        guard deadlines[.streamReport] != nil else { return false }
        deadlines[.streamReport] = nil
        return true
    }

    /// - Returns: true if the step ends with it.
    mutating func recordSaved(error: String?, at now: MonotonicInstant) -> Bool {
        guard let ending, !ending.isFinished(.saveRecord) else { return false }
        change { $0.finish(.saveRecord, error == nil ? .done : .failed, error: error, at: now) }
        return true
    }

    /// The receipt that the store was given: if it is saved, every asker is told the same.
    mutating func keep(_ receipt: EndReceipt) {
        change { $0.savedReceipt = receipt }
    }

    // MARK: Going on

    /// Takes the step that is due.
    mutating func advance(_ conditions: Conditions, at now: MonotonicInstant) -> [Action] {
        guard let ending, ending.isFinished(.hangUp) else { return [] }
        var actions: [Action] = []
        if !ending.isStarted(.closeMedia) {
            guard goodbyeIsOver(ending, conditions, at: now) else { return [] }
            actions += closeMedia(conditions, at: now)
        }
        guard let ending = self.ending, ending.isFinished(.closeMedia), ending.isFinished(.closeAgent),
            !ending.isStarted(.saveRecord)
        else { return actions }
        if awaitsStreamReport(ending, conditions, at: now) { return actions }
        deadlines[.streamReport] = nil
        change { $0.start(.saveRecord, at: now) }
        deadlines[.saveRecord] = limit(1)
        return actions + [.saveRecord]
    }

    /// A carrier that has hung up closes the stream itself, and takes it amiss if we are quicker.
    private mutating func goodbyeIsOver(_ ending: Ending, _ conditions: Conditions, at now: MonotonicInstant) -> Bool {
        guard conditions.isStreaming, !ending.hasGoodbye else { return true }
        switch ending.outcome(.hangUp) {
        case .done, .alreadyGone: break
        case .skipped, .failed, .timedOut, nil: return true
        }
        if let due = deadlines[.goodbye] { return due <= now }
        deadlines[.goodbye] = min(now + limits.goodbye, limit(0.85))
        return false
    }

    private mutating func closeMedia(_ conditions: Conditions, at now: MonotonicInstant) -> [Action] {
        deadlines[.goodbye] = nil
        switch conditions.socket {
        case .none:
            change { $0.finish(.closeMedia, .skipped, at: now) }
            return []
        case .closed:
            change { $0.finish(.closeMedia, .alreadyGone, at: now) }
            return []
        case .open:
            change { $0.start(.closeMedia, at: now) }
            deadlines[.closeMedia] = limit(0.9)
            return [.closeMedia]
        }
    }

    private mutating func awaitsStreamReport(_ ending: Ending, _ conditions: Conditions, at now: MonotonicInstant)
        -> Bool
    {
        guard conditions.awaitsStreamReport, ending.request.reason == .callerHangup else { return false }
        if let due = deadlines[.streamReport] { return due > now }
        let due = min(ending.began + Self.reportPatience, limit(0.8))
        guard due > now else { return false }
        deadlines[.streamReport] = due
        return true
    }

    /// The step has had its time.
    mutating func timedOut(_ step: EndReceipt.Step.Name, error: String, at now: MonotonicInstant) {
        change { $0.finish(step, .timedOut, error: error, at: now) }
    }

    /// The wait between two steps has had its time.
    mutating func waitedEnough(for reason: SessionDeadline, at now: MonotonicInstant) {
        // Set again to a moment that has come, so that `advance` sees that it has been waited for.
        deadlines[reason] = now
    }

    /// No actions will be carried out any more.
    mutating func abandon(at now: MonotonicInstant) {
        for name in EndReceipt.Step.Name.allCases where !isFinished(name) {
            change { $0.finish(name, .failed, error: "the server stopped without waiting", at: now) }
        }
    }

    /// The receipt is made.
    ///
    /// - Returns: that which was saved, if it was: record, event and answers are one receipt.
    mutating func finish() -> EndReceipt? {
        defer {
            state = .over
            deadlines.removeAll()
        }
        guard let ending else { return nil }
        return ending.outcome(.saveRecord) == .done ? ending.savedReceipt : nil
    }

    mutating func disarm(_ reason: SessionDeadline) {
        deadlines[reason] = nil
    }
}
