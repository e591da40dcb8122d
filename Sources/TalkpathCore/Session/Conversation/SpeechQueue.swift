import TalkpathAudio
import TalkpathWire

/// The requests to speak that the agent has not been sent: one at a time, as a model has at most one answer under way.
///
/// Nothing makes the agent speak while the caller does: what becomes due then waits for the end of the caller's turn,
/// in its order. The model answers that turn by itself as a rule, and its answer takes the place of requests that no
/// task waits for by name.
///
/// Without any I/O: what happens is a mutating method that returns what to do.
struct SpeechQueue {
    /// Something that the agent is asked for.
    enum Request: Equatable {
        /// To speak along these lines. With a number, a task waits for it.
        case say(id: Int?, words: String)
        /// To answer the latest messages of the conversation.
        case respond
        /// The same, unless the model does so by itself.
        case ask
        /// The same, for a model that answers every message, and in these words.
        case remind(String)

        /// True if an answer that the agent gives by itself replaces it.
        var isReplaceable: Bool {
            switch self {
            case .say(let id, _): id == nil
            case .respond, .ask, .remind: true
            }
        }

        /// The model may be about to do it by itself.
        var isReminder: Bool {
            switch self {
            case .say, .respond: false
            case .ask, .remind: true
            }
        }

        /// It is to answer the latest messages of the conversation.
        var isAnswer: Bool {
            switch self {
            case .say: false
            case .respond, .ask, .remind: true
            }
        }
    }

    private struct Entry {
        var request: Request
        /// The caller has spoken since it became due.
        var isOverspoken = false
        /// The number of its failures.
        var failures = 0
        var isGreeting = false
    }

    enum Action: Equatable {
        case send(AgentCommand)
        /// The agent has said it; its audio is still on its way.
        case awaitPlayback(id: Int)
        /// Said, as far as it will ever be, and not heard to its end.
        case cut(id: Int, text: String)
        case failed(id: Int, CallCommandError)
        /// It will not be said, and no task waits for it.
        case lost
    }

    /// The model answers a message or a result by itself.
    private var answersByItself: Bool
    private var waiting: [Entry] = []
    /// Messages that the model would answer at once, or that need a session that is not there.
    private var untold: [AgentCommand] = []
    private var floor = CallersFloor()
    /// Since when something that is due has waited for the caller.
    private var heldSince: MonotonicInstant?
    private var isReady = false
    /// An answer is under way.
    private(set) var isResponding = false
    /// Nothing of the answer under way has come: no speech, no words, no function.
    private(set) var isEmpty = true
    /// Asked for, and not yet begun.
    private var asked: (entry: Entry, until: MonotonicInstant)?
    /// The request that the answer under way belongs to.
    private var current: Entry?
    /// The model has had a failure, and is asked again only then.
    private var pausedUntil: MonotonicInstant?
    /// The model has said that it was speaking already, and has told neither the beginning nor the end of that.
    private var refusedOn: MonotonicInstant?
    /// The agent's words for the tasks that wait.
    private var spoken: [Int: SpokenWords] = [:]

    /// So many wait at most.
    static let limit = 32
    /// The longest time for a model to begin.
    static let patience = Duration.seconds(10)
    /// The longest wait for words about a result that the model was told in the middle of an answer, from the end of
    /// that answer.
    static let resultPatience = Duration.seconds(3)
    /// The longest wait for the caller: a line that is noisy for ever does not silence the agent.
    static let longestHold = Duration.seconds(15)
    /// The number of repetitions of a request.
    static let retries = 2
    /// The pause after a failure, unless the model names one.
    static let usualPause = Duration.seconds(1)
    static let longestPause = Duration.seconds(20)
    /// The reminder for a model that answers every message.
    static let question = "(The caller waits for you. Answer what they said last.)"
    static let questionOfResult = "(The caller waits for you. Tell them what came of the function.)"

    init(answersByItself: Bool) {
        self.answersByItself = answersByItself
    }

    /// An answer is under way, or the model is to answer the latest messages of the conversation.
    var isAnswering: Bool { isResponding || awaitsAnswer }

    /// The model is to answer the latest messages of the conversation, and has not begun.
    var awaitsAnswer: Bool { asked?.entry.request.isAnswer ?? false || waiting.contains { $0.request.isAnswer } }

    /// The model has been asked for nothing that it has not completed.
    var isIdle: Bool { !isResponding && asked == nil && waiting.isEmpty && untold.isEmpty }

    /// The agent has been asked for something that it has not begun, or will be.
    var isAsked: Bool { asked != nil || !waiting.isEmpty || !untold.isEmpty }

    /// A function's result waits to be told.
    var holdsResults: Bool { untold.contains { $0.isResult } }

    /// The messages that wait to be told.
    var untoldMessages: [String] { untold.compactMap(\.message) }

    /// True if there is room for one more.
    var hasRoom: Bool { waiting.count < Self.limit }

    // MARK: The caller

    mutating func callerBegan(_ witness: CallersFloor.Witness, at now: MonotonicInstant) {
        floor.began(witness, at: now)
    }

    mutating func callerEnded(_ witness: CallersFloor.Witness, at now: MonotonicInstant) -> [Action] {
        floor.ended(witness, at: now)
        return next(at: now)
    }

    // MARK: Requests

    /// The agent speaks first.
    ///
    /// - Parameter callerHasSpoken: before there was a model to hear it, which may answer that now.
    mutating func greet(_ words: String, callerHasSpoken: Bool, at now: MonotonicInstant) -> [Action] {
        dropGreeting()
        if callerHasSpoken { floor.hasSpokenBefore(at: now) }
        waiting.append(
            Entry(request: .say(id: nil, words: words), isOverspoken: callerHasSpoken, isGreeting: true)
        )
        return next(at: now)
    }

    /// A greeting that has not begun is not asked for any more: another agent has its own.
    mutating func dropGreeting() {
        waiting.removeAll(where: \.isGreeting)
    }

    /// Another agent takes over, after the session of the one before was lost. What waits is for the next one.
    mutating func agentChanges(answersByItself: Bool) {
        self.answersByItself = answersByItself
    }

    /// Something that the agent is to know. A model that answers such a thing at once is told when the caller has
    /// finished.
    mutating func tell(_ command: AgentCommand, at now: MonotonicInstant) -> [Action] {
        if untold.count >= Self.limit { untold.removeFirst() }
        untold.append(command)
        return next(at: now)
    }

    /// The model does not want these results any more.
    mutating func forgetResults(_ ids: [String]) {
        untold.removeAll { if case .toolResult(let id, _, _) = $0 { ids.contains(id) } else { false } }
    }

    mutating func add(_ request: Request, at now: MonotonicInstant) -> [Action] {
        // One answer answers everything that stands in the conversation.
        if request == .respond, answersByItself { return [] }
        if request == .respond, let last = waiting.indices.last, waiting[last].request == .respond {
            // An answer that is under way by now does not know of this.
            waiting[last].isOverspoken = floor.isTaken
            return []
        }
        waiting.append(Entry(request: request, isOverspoken: request.isReminder))
        return next(at: now)
    }

    /// The agent ends the call by itself, and is not asked for answers any more.
    mutating func agentEnds() {
        if asked?.entry.request.isAnswer == true { asked = nil }
        waiting.removeAll { $0.request.isAnswer }
    }

    /// The caller waits, and the model has not begun to answer.
    mutating func urge(at now: MonotonicInstant) -> [Action] {
        // The message to the model has come to nothing.
        if answersByItself, let asked, asked.entry.request.isAnswer { self.asked = nil }
        // Asked for something already, it answers that first.
        return isIdle ? add(.ask, at: now) : []
    }

    // MARK: The model

    mutating func agentIsReady(at now: MonotonicInstant) -> [Action] {
        isReady = true
        // Requests to an earlier session went with it.
        if !answersByItself, !untold.isEmpty, waiting.last?.request != .respond {
            waiting.append(Entry(request: .respond))
        }
        return next(at: now)
    }

    /// The model's session is gone, and all it was about to say with it.
    mutating func agentIsLost() -> [Action] {
        isReady = false
        isResponding = false
        // Requests that had not begun are sent again; an answer is requested once the new session knows the question.
        if let asked { waiting.insert(asked.entry, at: 0) }
        asked = nil
        pausedUntil = nil
        refusedOn = nil
        waiting.removeAll { $0.request.isAnswer }
        // Another session does not know that function's call, and is told of it in words.
        untold.removeAll { $0.isResult }
        floor.modelLost()
        return cutCurrent()
    }

    mutating func responseStarted() {
        isResponding = true
        isEmpty = true
        refusedOn = nil
        // The caller's turn is being answered, and with it all that stands in the conversation.
        waiting.removeAll { entry in
            guard entry.isOverspoken, entry.request.isReplaceable else { return false }
            // An answer that was asked for takes the place of a greeting or reminder, and not of a later answer.
            return asked.map { $0.entry.request.isAnswer && entry.request != .respond } ?? true
        }
        pausedUntil = nil
        floor.answerBegan()
        current = asked?.entry
        asked = nil
    }

    /// Something of the answer under way has come.
    mutating func answerProgressed() { isEmpty = false }

    /// The answer under way was asked for.
    var isRequested: Bool { current != nil }

    /// - Parameters:
    ///   - retryAfter: when the model says that it may be asked again.
    ///   - isBlank: it has failed because nothing was in it, and is asked for once more only.
    mutating func responseEnded(
        _ status: AgentResponseEnd.Status,
        retryAfter: Duration? = nil,
        isBlank: Bool = false,
        at now: MonotonicInstant
    ) -> [Action] {
        isResponding = false
        refusedOn = nil
        var actions: [Action] = []
        // One that the model broke off before its first word is no answer.
        let status = status == .incomplete && isEmpty ? .failed : status
        isEmpty = true
        switch status {
        case .completed, .incomplete:
            if case .say(let id?, _)? = current?.request { actions.append(.awaitPlayback(id: id)) }
            // One model ends a turn in which it says nothing without having begun it.
            if answersByItself, current == nil, asked?.entry.request.isAnswer == true { asked = nil }
            current = nil
        case .cancelled:
            actions += cutCurrent()
        case .failed:
            // One model fails without having begun. An answer without a request was one to the caller.
            let unbegun = answersByItself ? asked?.entry : nil
            var failed = current ?? unbegun ?? Entry(request: .ask)
            if isBlank { failed.failures = max(failed.failures, Self.retries - 1) }
            if current == nil, answersByItself { asked = nil }
            current = nil
            actions += again(failed, after: retryAfter, at: now)
        }
        return actions + next(at: now)
    }

    /// The model has been told a function's result in the middle of an answer that is over. It speaks of it by itself,
    /// or is asked to.
    mutating func expectAnswer(at now: MonotonicInstant) {
        guard !isResponding, asked == nil, !holdsResults else { return }
        asked = (Entry(request: .remind(Self.questionOfResult)), now + Self.resultPatience)
    }

    /// The model refuses the latest request.
    mutating func wasRejected(retryAfter: Duration?, at now: MonotonicInstant) -> [Action] {
        guard let rejected = asked?.entry else { return [] }
        asked = nil
        return again(rejected, after: retryAfter, at: now) + next(at: now)
    }

    /// The model was speaking already: it is asked again when it has finished.
    mutating func wasRefused(at now: MonotonicInstant) {
        guard let entry = asked?.entry ?? current else { return }
        if entry.request != .ask {
            waiting.insert(entry, at: 0)
            if case .say(let id?, _) = entry.request { spoken[id] = nil }
        }
        asked = nil
        current = nil
        isResponding = true
        refusedOn = now
    }

    /// Something came to nothing: it is asked for once more, some time later, unless the caller has heard part of it or
    /// it has failed too often.
    private mutating func again(_ entry: Entry, after pause: Duration?, at now: MonotonicInstant) -> [Action] {
        var entry = entry
        entry.failures += 1
        var said = ""
        if case .say(let id?, _) = entry.request { said = spoken[id]?.text ?? "" }
        if entry.failures <= Self.retries, said.isEmpty {
            entry.isOverspoken = entry.request.isReminder
            waiting.insert(entry, at: 0)
            pausedUntil = now + min(max(pause ?? Self.usualPause, .milliseconds(100)), Self.longestPause)
            return []
        }
        guard case .say(let id?, _) = entry.request else { return [.lost] }
        guard said.isEmpty else { return [.cut(id: id, text: takeText(id))] }
        return [
            .failed(id: id, CallCommandError(.agentSilent, "the model failed to speak, and so it did when asked again"))
        ]
    }

    /// Takes words of the agent. Late words still belong to the task that waits for their playback.
    mutating func add(_ piece: AgentTranscript) {
        let owner: Int? =
            if case .say(let id?, _)? = current?.request { id } else { spoken.first { $0.value.has(piece.item) }?.key }
        guard let owner else { return }
        spoken[owner, default: SpokenWords()].add(piece)
    }

    /// The words said for this task, which waits no longer.
    mutating func takeText(_ id: Int) -> String {
        spoken.removeValue(forKey: id)?.text ?? ""
    }

    mutating func tick(at now: MonotonicInstant) -> [Action] {
        if let refusedOn, now - refusedOn >= Self.patience {
            self.refusedOn = nil
            isResponding = false
        }
        guard let asked, now >= asked.until else { return next(at: now) }
        self.asked = nil
        var actions: [Action] = []
        if case .say(let id?, _) = asked.entry.request {
            actions.append(.failed(id: id, CallCommandError(.agentSilent, "the model did not begin to speak")))
        } else {
            actions += again(asked.entry, after: .zero, at: now)
        }
        return actions + next(at: now)
    }

    private mutating func cutCurrent() -> [Action] {
        defer { current = nil }
        guard case .say(let id?, _)? = current?.request else { return [] }
        return [.cut(id: id, text: takeText(id))]
    }

    private mutating func next(at now: MonotonicInstant) -> [Action] {
        guard isReady, !(waiting.isEmpty && untold.isEmpty) else { return [] }
        var actions: [Action] = []
        if !untold.isEmpty, !answersByItself || !holds(at: now) {
            actions += untold.map { .send($0) }
            // It answers by itself, and is asked again if it does not.
            let isAnswered = answersByItself && untold.contains { $0.isAnswered }
            untold.removeAll()
            if isAnswered, !isResponding, asked == nil { asked = (Entry(request: .ask), now + Self.patience) }
        }
        guard !isResponding, asked == nil, let first = waiting.first, !holds(at: now) else { return actions }
        if let pausedUntil, now < pausedUntil { return actions }
        pausedUntil = nil
        // The model answers the caller first.
        let more = first.request.isReminder ? CallersFloor.reminderPatience : .zero
        if floor.awaitsAnswer(at: now, more: more) { return actions }
        waiting.removeFirst()
        asked = (first, now + Self.patience)
        switch first.request {
        case .say(_, let words): return actions + [.send(.say(words))]
        case .remind(let words): return actions + [.send(.prompt(words))]
        case .ask where answersByItself: return actions + [.send(.prompt(Self.question))]
        case .respond, .ask: return actions + [.send(.respond)]
        }
    }

    /// True if the due requests have to wait for the caller.
    private mutating func holds(at now: MonotonicInstant) -> Bool {
        guard floor.isTaken else {
            heldSince = nil
            return false
        }
        for index in waiting.indices { waiting[index].isOverspoken = true }
        let since = heldSince ?? now
        heldSince = since
        return now - since < Self.longestHold
    }
}
