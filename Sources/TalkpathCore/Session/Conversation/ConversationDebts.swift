import TalkpathAudio

/// The answers that the agent owes the caller, in the session's own terms. They survive the model's sockets.
///
/// An answer is owed to a turn of the caller and to a function's result. A turn is one that the model reports or that
/// our voice detector has heard: not every model reports turns.
///
/// Pure: instants are passed in.
struct ConversationDebts: Equatable, Sendable {
    /// The model has heard a turn and has not begun to answer.
    private var hasModelHeardTurn = false
    /// Our voice detector hears the caller since then.
    private(set) var detectorBegan: MonotonicInstant?
    /// The session was lost while the caller spoke: the next one has heard a part of the turn at most.
    private var isTurnSplit = false
    /// Our voice detector has heard a turn that has not been answered, or the model has written down one that our voice
    /// detector missed.
    private var detectedTurnEnded: MonotonicInstant?
    /// The outcomes of functions, until the model has completed an answer to them.
    private var owed: [FunctionResult] = []
    /// The model's session was lost before it had answered, or in the middle of it.
    var isOwedFromBefore: Bool { isAnswerOwed || isRestOwed }
    /// … before it had begun.
    private(set) var isAnswerOwed = false
    /// … in the middle of it.
    private(set) var isRestOwed = false
    /// The caller has spoken, or a function was called, since the model gave its handle.
    private(set) var isHandleStale = false

    /// Shorter sounds are no turn, by our voice detector.
    static let shortestTurn = Duration.milliseconds(700)
    /// A turn by our voice detector alone is taken for a noise if the model has said nothing to it for so long.
    static let detectedTurnPatience = Duration.seconds(10)
    /// So many results are kept at most.
    static let limit = 16

    // MARK: The caller

    mutating func detectorHeardBegin(at now: MonotonicInstant) {
        detectorBegan = now
    }

    /// - Parameter lastSpeech: the detector notices the end some time after it.
    /// - Returns: true if it was long enough for a turn.
    @discardableResult
    mutating func detectorHeardEnd(lastSpeech: MonotonicInstant?, at now: MonotonicInstant) -> Bool {
        defer {
            detectorBegan = nil
            isTurnSplit = false
        }
        guard let detectorBegan, (lastSpeech ?? now) - detectorBegan >= Self.shortestTurn else { return false }
        if isTurnSplit { owe() }
        detectedTurnEnded = now
        isHandleStale = true
        return true
    }

    /// The agent does not hear the caller any more.
    mutating func callerMuted() {
        detectorBegan = nil
        isTurnSplit = false
        detectedTurnEnded = nil
    }

    mutating func modelHeardEnd() {
        hasModelHeardTurn = true
        isHandleStale = true
    }

    /// The model has put words of the caller into writing.
    ///
    /// - Parameter isUnheard: they are of a turn that our voice detector has missed, and that is not being answered.
    mutating func modelUnderstood(isUnheard: Bool = false, at now: MonotonicInstant) {
        isHandleStale = true
        if isUnheard { detectedTurnEnded = now }
    }

    /// The caller speaks, or has spoken and not been answered.
    func callerWaits(at now: MonotonicInstant) -> Bool {
        hasModelHeardTurn || detectorBegan != nil || hasUnansweredTurn(at: now)
    }

    var isCallerSpeaking: Bool { detectorBegan != nil }

    private func hasUnansweredTurn(at now: MonotonicInstant) -> Bool {
        detectedTurnEnded.map { now - $0 < Self.detectedTurnPatience } ?? false
    }

    // MARK: The agent

    mutating func answerBegan() {
        hasModelHeardTurn = false
        isTurnSplit = false
        detectedTurnEnded = nil
    }

    // MARK: Results of functions

    var results: [String] { owed.map(\.text) }

    mutating func functionCalled() {
        isHandleStale = true
    }

    /// A function has returned, and the answer to it is owed.
    ///
    /// - Parameters:
    ///   - call: the model's name for its call.
    ///   - calledOn: when the model called it.
    mutating func functionReturned(_ result: String, of call: String? = nil, calledOn: MonotonicInstant) {
        isHandleStale = true
        if owed.count >= Self.limit { owed.removeFirst() }
        owed.append(FunctionResult(result, of: call, calledOn: calledOn))
    }

    /// The model wants no answers to these calls any more.
    mutating func callsCancelled(_ calls: [String]) {
        for index in owed.indices where owed[index].call.map(calls.contains) ?? false { owed[index].cancelled() }
    }

    /// All that came of functions so far has been sent to the model.
    ///
    /// - Parameter lastAudio: when the model last sent speech.
    mutating func resultsTold(lastAudio: MonotonicInstant?, at now: MonotonicInstant) {
        for index in owed.indices { owed[index].told(lastAudio: lastAudio, at: now) }
    }

    /// The model begins to speak, or speaks again after a pause.
    mutating func utteranceBegan() {
        for index in owed.indices { owed[index].utteranceBegan() }
    }

    /// - Parameter lastAudio: when the model last sent speech.
    mutating func answerCompleted(lastAudio: MonotonicInstant?) {
        owed.removeAll { $0.isAnswered(lastAudio: lastAudio) }
    }

    /// The agent ends the call by itself: that is its answer to all that it has been told.
    mutating func agentEnds() {
        answerBegan()
        newSessionTold()
        owed.removeAll(where: \.isTold)
    }

    /// The model has been asked often enough.
    mutating func answerGivenUp() {
        owed.removeAll()
    }

    /// A result waits for an answer that has not begun.
    ///
    /// - Parameter lastAudio: when the model last sent speech.
    func owesAnswerToResult(lastAudio: MonotonicInstant?) -> Bool {
        owed.contains { !$0.isAnswered(lastAudio: lastAudio) }
    }

    // MARK: The model's sessions

    /// The model has been told something that the caller has not said.
    mutating func agentTold() {
        isHandleStale = true
    }

    /// A new session is about to be set up. The caller may have spoken on since the last one was lost.
    mutating func setUpBegins(at now: MonotonicInstant) {
        guard isTurnSplit, let detectorBegan, now - detectorBegan >= Self.shortestTurn else { return }
        isHandleStale = true
    }

    mutating func handleGiven() {
        isHandleStale = detectorBegan != nil
    }

    /// - Parameter isAnswering: an answer was under way, or asked for.
    mutating func sessionLost(isAnswering: Bool, at now: MonotonicInstant) {
        if isAnswering { isRestOwed = true }
        if let detectorBegan {
            // Its answer is owed when the detector has noticed the end, if it is a turn at all.
            isTurnSplit = true
            if now - detectorBegan >= Self.shortestTurn { isHandleStale = true }
        }
        if hasModelHeardTurn || hasUnansweredTurn(at: now) || owed.contains(where: { !$0.isCancelled }) { owe() }
        for index in owed.indices { owed[index].sessionLost() }
        hasModelHeardTurn = false
        detectedTurnEnded = nil
    }

    /// The next session owes an answer.
    mutating func owe() {
        isAnswerOwed = true
    }

    /// The new session has been told.
    mutating func newSessionTold() {
        isAnswerOwed = false
        isRestOwed = false
    }
}
