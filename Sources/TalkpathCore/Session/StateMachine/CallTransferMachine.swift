import TalkpathAudio

/// One call's transfers and goodbyes, one at a time: from the request to the known outcome.
///
///     idle -> draining -> asking -> dialling -> connected -> (over)
///                           |          |           |
///                           v          v           v
///                       abandoned   settling -> returning -> idle
///                                               speaking  -> (over)
///
/// The carrier's answer and its reports may come late, twice, in any order or not at all. Pure: instants are passed in,
/// and each method returns the steps to take.
struct CallTransferMachine {
    enum Purpose: Equatable {
        /// The caller is to talk with another party.
        case transfer
        /// The carrier speaks last words.
        case goodbye
    }

    struct Plan: Equatable {
        var instructions: CarrierInstructions
        var purpose = Purpose.transfer
        var onFailure = TransferFailurePlan.returnToAgent

        var ringTimeout: Duration {
            if case .dial(_, _, let timeout, _, _, _) = instructions { timeout } else { .zero }
        }
    }

    private enum State: Equatable {
        /// May begin: `draining` or `asking` follows.
        case idle
        /// The agent's words are heard first. `asking` follows, or the end.
        case draining(Plan)
        /// The carrier has been asked. Its stream may stop, and its reports may come, before its answer does.
        case asking(Plan, streamHasEnded: Bool)
        /// Given up; the answer may still say that it was done.
        case abandoned(Plan)
        /// The carrier dials the other number.
        case dialling(Plan)
        /// The caller talks with the other party, as the carrier has said; or must be, as it has said nothing.
        case connected(Plan, isKnown: Bool)
        /// The other leg is over; the carrier's question what to do with the caller is on its way.
        case settling(Plan, TransferOutcome)
        /// The carrier was told to stream the caller's audio to us again. `idle` follows.
        case returning(Plan, TransferOutcome)
        /// The carrier speaks its last words, and hangs up then.
        case speaking(Plan)
    }

    enum Step: Equatable {
        case ask(Plan)
        /// The carrier does not do it. The call is as it was.
        case refused(CarrierError)
        /// The carrier does not do it, and its stream is over: the caller has hung up.
        case callerGone(CarrierError)
        /// The caller does not hear us any more.
        case underWay
        case answered
        /// Nothing was told within the time that it may ring.
        case unknown
        case failed(TransferOutcome)
        /// The caller's audio comes to us again.
        case returns
        /// `nil` where the purpose was a goodbye.
        case over(EndReason?, note: String?)
    }

    private var state = State.idle
    /// The carrier's answer was lost, and none is to come.
    private var isAnswerLost = false
    /// The carrier has said that it follows its instructions: what its stream did before tells nothing more.
    private(set) var isConfirmed = false
    /// Counts the attempts from 1.
    private(set) var number = 0
    /// The instant at which ``due(at:)`` is to be called.
    private(set) var deadline: MonotonicInstant?
    /// The outcome of the newest transfer, as far as it is known.
    private(set) var outcome: TransferOutcome?

    /// Longer than a carrier takes to say no.
    static let patience = Duration.seconds(20)
    /// An answer was lost: so long the stream's end is waited for, which tells that it was done.
    static let doubt = Duration.seconds(3)
    /// Beyond the time that it may ring: for dialling, and for a report.
    static let dialGrace = Duration.seconds(10)
    /// The time that the carrier has to ask what to do with the caller once the other leg is over.
    static let questionPatience = Duration.seconds(10)
    /// Longer than a carrier speaks.
    static let longestGoodbye = Duration.seconds(60)

    // MARK: State

    var isIdle: Bool { state == .idle }
    var isDraining: Bool { if case .draining = state { true } else { false } }
    var isReturning: Bool { if case .returning = state { true } else { false } }
    var isSpeaking: Bool { if case .speaking = state { true } else { false } }
    var isConnected: Bool { if case .connected = state { true } else { false } }

    /// Before the outcome is known.
    var isUnderWay: Bool {
        switch state {
        case .draining, .asking, .dialling, .settling, .returning: true
        case .idle, .abandoned, .connected, .speaking: false
        }
    }

    /// The end of the carrier's stream is its way to carry this out.
    var accountsForStreamEnd: Bool {
        switch state {
        case .idle, .draining: false
        case .asking, .abandoned, .dialling, .connected, .settling, .returning, .speaking: true
        }
    }

    /// The answer to a carrier that asks for the caller's next instructions. The call is live.
    func sequel(of transfer: Int) -> TransferSequel {
        guard transfer == number else { return .settledBefore }
        switch state {
        case .returning: return .connect
        case .speaking(let plan):
            guard case .sayGoodbye(let words, let language) = plan.onFailure else { return .hangUp }
            return .say(words, language: language)
        case .idle: return .settledBefore
        case .draining, .asking, .abandoned, .dialling, .connected, .settling: return .hangUp
        }
    }

    // MARK: Inputs

    mutating func begin(_ plan: Plan, mode: EndMode, at now: MonotonicInstant) -> [Step] {
        number += 1
        outcome = nil
        isConfirmed = false
        switch mode {
        case .now: return ask(plan, at: now)
        case .drain(let timeout):
            enter(.draining(plan), until: now + timeout)
            return []
        }
    }

    /// The agent's words have been heard.
    mutating func drained(at now: MonotonicInstant) -> [Step] {
        guard case .draining(let plan) = state else { return [] }
        return ask(plan, at: now)
    }

    private mutating func ask(_ plan: Plan, at now: MonotonicInstant) -> [Step] {
        enter(.asking(plan, streamHasEnded: false), until: now + Self.patience)
        return [.ask(plan)]
    }

    /// The carrier's answer to the request of transfer number `transfer`.
    mutating func redirectAnswered(
        _ answer: Result<Void, CarrierError>,
        transfer: Int,
        at now: MonotonicInstant
    ) -> [Step] {
        guard transfer == number else { return [] }
        if case .success = answer { isConfirmed = true }
        switch (state, answer) {
        case (.asking(let plan, _), .success), (.abandoned(let plan), .success):
            return carriedOut(plan, at: now)
        case (.asking(let plan, let streamHasEnded), .failure(let error)):
            guard error.mayHaveBeenCarriedOut else {
                enter(.idle)
                return [streamHasEnded ? .callerGone(error) : .refused(error)]
            }
            // The end of the stream tells whether it was carried out.
            if streamHasEnded { return carriedOut(plan, at: now) }
            isAnswerLost = true
            deadline = min(deadline ?? now + Self.doubt, now + Self.doubt)
            return []
        case (.abandoned, .failure):
            enter(.idle)
            return []
        case (.idle, _), (.draining, _), (.dialling, _), (.connected, _), (.settling, _), (.returning, _),
            (.speaking, _):
            // A report of the outcome has overtaken it.
            return []
        }
    }

    private mutating func carriedOut(_ plan: Plan, at now: MonotonicInstant) -> [Step] {
        switch plan.purpose {
        case .transfer: enter(.dialling(plan), until: now + plan.ringTimeout + Self.dialGrace)
        case .goodbye: enter(.speaking(plan), until: now + Self.longestGoodbye)
        }
        return [.underWay]
    }

    /// The carrier's stream has stopped, or its socket is closed.
    mutating func streamEnded(at now: MonotonicInstant) -> [Step] {
        switch state {
        case .asking(let plan, false):
            state = .asking(plan, streamHasEnded: true)
            return []
        case .abandoned(let plan):
            // It was carried out after all, or the caller has hung up: the carrier tells which.
            return carriedOut(plan, at: now)
        case .asking(_, true), .idle, .draining, .dialling, .connected, .settling, .returning, .speaking:
            return []
        }
    }

    /// - Parameter mayReturn: there is an agent to return to, and the end has not been requested.
    mutating func told(
        _ news: TransferNews,
        transfer: Int,
        mayReturn: Bool,
        at now: MonotonicInstant
    ) -> [Step] {
        guard transfer == number, let plan = dialledPlan else { return [] }
        isConfirmed = true
        switch news {
        case .answered:
            if case .settling = state { return [] }
            return connected(plan)
        case .legEnded(let fate):
            if case .settling = state { return [] }
            let steps = fate == .answered ? connected(plan) : []
            if !hasAnswered { outcome = fate }
            enter(.settling(plan, outcome ?? fate), until: now + Self.questionPatience)
            return steps
        case .ended(let fate, let callIsOver):
            if hasAnswered || fate == .answered {
                let steps = connected(plan)
                enter(.idle)
                return steps + [.over(.transferred, note: nil)]
            }
            outcome = fate
            guard !callIsOver else {
                enter(.settling(plan, fate))
                return []
            }
            return [.failed(fate)] + goOn(plan, fate, mayReturn: mayReturn, at: now)
        }
    }

    /// The plan, while the other number is dialled or answers.
    private var dialledPlan: Plan? {
        switch state {
        case .asking(let plan, _), .abandoned(let plan), .dialling(let plan), .connected(let plan, _),
            .settling(let plan, _):
            plan.purpose == .transfer ? plan : nil
        case .idle, .draining, .returning, .speaking: nil
        }
    }

    private var hasAnswered: Bool { outcome == .answered }

    private mutating func connected(_ plan: Plan) -> [Step] {
        guard !hasAnswered else { return [] }
        outcome = .answered
        enter(.connected(plan, isKnown: true))
        return [.answered]
    }

    private mutating func goOn(
        _ plan: Plan,
        _ fate: TransferOutcome,
        mayReturn: Bool,
        at now: MonotonicInstant
    ) -> [Step] {
        switch plan.onFailure {
        case .returnToAgent where mayReturn:
            enter(.returning(plan, fate))
            return [.returns]
        case .sayGoodbye:
            enter(.speaking(plan), until: now + Self.longestGoodbye)
            return []
        case .returnToAgent, .hangUp:
            enter(.idle)
            return [.over(.transferFailed, note: fate.words)]
        }
    }

    /// The caller's audio comes to us again.
    mutating func callerReturned() -> TransferOutcome? {
        guard case .returning(_, let fate) = state else { return nil }
        enter(.idle)
        return fate
    }

    /// The carrier calls the whole call over.
    /// - Returns: nothing where this says nothing about why.
    mutating func callIsOver() -> [Step] {
        defer { enter(.idle) }
        switch state {
        case .idle, .draining, .asking, .abandoned: return []
        case .dialling: return [.over(.callerHangup, note: "while the carrier dialled the other number")]
        case .connected(_, isKnown: true), .settling(_, .answered): return [.over(.transferred, note: nil)]
        case .connected(_, isKnown: false): return [.over(.transferred, note: TransferOutcome.unknown.words)]
        case .settling(_, .canceled): return [.failed(.canceled), .over(.callerHangup, note: nil)]
        case .settling(_, let fate): return [.failed(fate), .over(.transferFailed, note: fate.words)]
        case .returning: return [.over(.callerHangup, note: nil)]
        case .speaking(let plan): return [overAfterWords(plan)]
        }
    }

    private func overAfterWords(_ plan: Plan) -> Step {
        switch plan.purpose {
        case .goodbye: .over(nil, note: nil)
        case .transfer: .over(.transferFailed, note: outcome?.words)
        }
    }

    /// The deadline has come.
    mutating func due(at now: MonotonicInstant) -> [Step] {
        switch state {
        case .draining(let plan): return ask(plan, at: now)
        case .asking(let plan, true): return carriedOut(plan, at: now)
        case .asking(let plan, false):
            enter(isAnswerLost ? .idle : .abandoned(plan))
            return [.refused(CarrierError(.noAnswer, "the carrier did not answer"))]
        case .dialling(let plan):
            // It cannot ring any more, and the carrier has not asked what to do with the caller: the two talk.
            outcome = .unknown
            enter(.connected(plan, isKnown: false))
            return [.unknown]
        case .settling(_, .answered):
            enter(.idle)
            return [.over(.transferred, note: nil)]
        case .settling(_, let fate):
            enter(.idle)
            return [.failed(fate), .over(.transferFailed, note: fate.words)]
        case .speaking(let plan):
            enter(.idle)
            return [overAfterWords(plan)]
        case .idle, .abandoned, .connected, .returning: return []
        }
    }

    /// The call has begun to end: nothing more comes of it.
    mutating func finish() { enter(.idle) }

    private mutating func enter(_ next: State, until deadline: MonotonicInstant? = nil) {
        state = next
        isAnswerLost = false
        self.deadline = deadline
    }
}

extension CarrierError {
    /// The carrier may have carried out the request.
    var mayHaveBeenCarriedOut: Bool {
        switch code {
        case .noAnswer, .unavailable: true
        case .refused, .unauthorized, .notKept: false
        }
    }
}
