import TalkpathAudio

/// The model's socket is open, the caller has finished, and no answer comes.
///
/// A turn is the model's own word for it where the provider gives it; otherwise what our voice detector heard, if the
/// model has transcribed some of it, or has been wholly dumb since it began: a cough is no turn, and a model need not
/// answer a television. A short sound of which a dumb model takes no notice is a turn only if another one follows. An
/// answer may be words that are not heard, or a function that is being carried out.
///
/// Debts outlive the model's sockets: words spoken while there is no session are a turn, too, and the time for the
/// answer to them counts from the moment when a session is ready.
///
/// The agent is asked for the answer in the same session first. The session is given up if that does not help.
///
/// Pure: told what happens, asked every 20 ms.
struct AgentSilenceGuard: Equatable, Sendable {
    enum Verdict: Equatable, Sendable {
        /// The agent is to be asked for the answer, in the same session.
        case ask
        /// Nothing came of that, either.
        case giveUp
    }

    let timeout: Duration

    /// The model has noticed a turn of the caller's and has not answered it.
    private(set) var owesAnswer = false
    /// The caller's beginning by our voice detector, if it has not been answered.
    private var heardBegin: MonotonicInstant?
    private var isCallerHeard = false
    /// Our voice detector may have heard a noise instead of speech.
    private var isDoubtful = false
    /// The instant at which the last such sound was taken for a noise.
    private var noiseOn: MonotonicInstant?
    private var due: MonotonicInstant?
    /// Since when there is a session that could answer; messages up to then belong to its set-up.
    private var readyOn: MonotonicInstant?
    /// The agent has been asked for the answer that is due.
    private var hasAsked = false
    /// Functions under way.
    private var tools: [String: MonotonicInstant] = [:]
    /// The socket was given up for its silence: the next one owes the answer.
    private(set) var isReopening = false

    /// Shorter sounds are no turn, by our voice detector.
    static let shortestTurn = Duration.milliseconds(700)
    /// Shorter ones of which the model takes no notice are no turn by themselves.
    static let shortestLoneTurn = Duration.milliseconds(1500)
    /// A caller without an answer speaks again within this time.
    static let repetition = Duration.seconds(10)
    /// The time from an empty response to the request for the answer.
    static let emptyPatience = Duration.seconds(1)
    /// The time for which a function excuses silence.
    static let toolPatience = Duration.seconds(60)

    init(timeout: Duration) {
        self.timeout = timeout
    }

    // MARK: The caller

    /// The model hears the caller begin.
    mutating func modelHeardBegin() {
        hasAsked = false
        owesAnswer = false
        due = nil
    }

    /// The model has heard the caller's turn to its end.
    mutating func modelHeardEnd(at now: MonotonicInstant) {
        owesAnswer = true
        due = now + timeout
    }

    /// The model has understood words of the caller. They may come after the answer to them.
    mutating func modelUnderstood() {
        if heardBegin != nil { owesAnswer = true }
    }

    /// Our voice detector, at its noticing.
    mutating func heardBegin(at now: MonotonicInstant) {
        isCallerHeard = true
        heardBegin = heardBegin ?? now
        isDoubtful = false
        due = nil
    }

    /// - Parameter lastSpeech: the detector notices the end some time after it.
    mutating func heardEnd(lastSpeech: MonotonicInstant?, at now: MonotonicInstant) {
        isCallerHeard = false
        guard let began = heardBegin else {
            if owesAnswer { due = now + timeout }
            return
        }
        let length = (lastSpeech ?? now) - began
        if !owesAnswer, length < Self.shortestTurn {
            heardBegin = nil
        } else {
            let isRepeated = noiseOn.map { began - $0 < Self.repetition } ?? false
            isDoubtful = readyOn != nil && length < Self.shortestLoneTurn && !isRepeated
            noiseOn = isDoubtful ? now : nil
            due = now + timeout
        }
    }

    // MARK: The agent

    /// Something of an answer has come.
    mutating func answerProgressed(at now: MonotonicInstant) {
        if due != nil { due = now + timeout }
    }

    /// An answer is complete, whether or not there was anything to hear in it. One that calls a function goes on when
    /// that is done.
    mutating func responseEnded(at now: MonotonicInstant) {
        guard !tools.isEmpty else { return answered() }
        due = now + timeout
    }

    /// A response is complete, and there was nothing in it, although the model answers every turn. The agent is asked for
    /// the answer soon. It is believed the second time.
    ///
    /// - Returns: true if the answer is still owed.
    @discardableResult
    mutating func respondedEmptily(at now: MonotonicInstant) -> Bool {
        guard tools.isEmpty, owesAnswer, !hasAsked else {
            responseEnded(at: now)
            return false
        }
        due = now + Self.emptyPatience + timeout * 2 / 5
        return true
    }

    private mutating func answered() {
        owesAnswer = false
        heardBegin = nil
        due = nil
        hasAsked = false
    }

    mutating func toolCalled(_ id: String, at now: MonotonicInstant) {
        tools[id] = now
        answerProgressed(at: now)
    }

    /// The function's result is on its way to the model, or the model has dropped the call of the function.
    mutating func toolFinished(_ id: String, at now: MonotonicInstant) {
        if tools.removeValue(forKey: id) != nil { answerProgressed(at: now) }
    }

    /// A function is being carried out, and not yet for too long.
    func isWorking(at now: MonotonicInstant) -> Bool {
        tools.values.contains { now - $0 < Self.toolPatience }
    }

    /// Every 20 ms.
    ///
    /// - Parameters:
    ///   - isCallerMuted: whom the agent does not hear, it need not answer.
    ///   - lastMessage: when the model last said anything at all.
    /// - Returns: each verdict once for each turn.
    mutating func watch(
        isAgentReady: Bool,
        isCallerMuted: Bool = false,
        isAgentHeard: Bool,
        lastMessage: MonotonicInstant?,
        at now: MonotonicInstant
    ) -> Verdict? {
        if isCallerMuted { forgetCaller() }
        guard isAgentReady else {
            due = nil
            readyOn = nil
            if isAgentHeard, !isCallerHeard { answered() }
            return nil
        }
        if readyOn == nil { sessionBegan(at: now) }
        // While the caller speaks over the agent, the played audio is no answer to that speech.
        if isAgentHeard, !isCallerHeard { answered() }
        guard let due, due - now <= timeout * 2 / 5 else { return nil }
        if isWorking(at: now) {
            self.due = now + timeout
            return nil
        }
        if !tools.isEmpty {
            // The wait is not the model's fault.
            tools.removeAll()
            answered()
            return nil
        }
        if !owesAnswer, isDoubtful || hasNoticed(lastMessage) {
            answered()
            return nil
        }
        if due <= now {
            answered()
            isReopening = true
            return .giveUp
        }
        guard !hasAsked else { return nil }
        hasAsked = true
        return .ask
    }

    /// An answer to the words before is owed from now on.
    private mutating func sessionBegan(at now: MonotonicInstant) {
        readyOn = now
        hasAsked = false
        if isReopening {
            isReopening = false
            owesAnswer = true
        }
        if owesAnswer || heardBegin != nil || !tools.isEmpty, !isCallerHeard { due = now + timeout }
    }

    /// True if the model has said anything since our voice detector heard the caller begin, its set-up apart.
    private func hasNoticed(_ lastMessage: MonotonicInstant?) -> Bool {
        guard let began = heardBegin, let lastMessage else { return false }
        return lastMessage >= began && readyOn.map { lastMessage > $0 } ?? true
    }

    private mutating func forgetCaller() {
        let (isReopening, readyOn) = (isReopening, readyOn)
        self = AgentSilenceGuard(timeout: timeout)
        self.isReopening = isReopening
        self.readyOn = readyOn
    }
}
