import TalkpathAudio
import TalkpathWire

/// Places the model's transcripts at the turns of the caller.
///
/// The model's words for it come late, often after its answer, and sometimes when the caller is speaking again. A model
/// that names the caller's items says when each began; for another, our voice detector's turns are taken, and the
/// model's answers tell which of them it has heard.
///
/// Pure: instants are milliseconds of the call, passed in.
struct CallerTurns: Sendable {
    private struct Heard: Equatable {
        var began: Int
        /// The instant at which the model began to answer it.
        var answered: Int?
        /// The end of its speech by the detector, once it is over.
        var lastSpeech: Int?
        /// The session that heard its beginning is gone: its words may never come.
        var isDoubtful = false

        /// It was long enough for a turn, and its words may still come.
        func isOver(at now: Int) -> Bool {
            guard let lastSpeech, !isDoubtful else { return false }
            return lastSpeech - began >= CallerTurns.shortestTurn && now - lastSpeech <= CallerTurns.lateness
        }
    }

    /// The newest turn that the model has named, until it is written down.
    private var unwritten: (item: AgentItem, began: Int)?
    private var isModelHearing = false
    private var namesTurns = false
    /// A turn whose words have not come within this time is one without words.
    private static let patience = 20_000

    /// Turns of our voice detector, oldest first, for which no words have come.
    private var heard: [Heard] = []
    private var placed: [AgentItem: Int] = [:]
    /// The place of the newest words to which the model gave no name, and the instant at which they came.
    private var lastPlaced: (began: Int, came: Int)?
    /// The instant at which the model's session was lost last.
    private var lostAt: Int?

    /// The time after the beginning of an answer within which words still belong to the turn that it answers, if the
    /// caller has spoken again since.
    static let lateness = 5000
    /// The same for words that may never come. Those of a next turn do not come so soon.
    static let doubtfulLateness = 1500
    /// Words of a turn do not come sooner after its beginning.
    static let quickest = 400
    /// Nor does an answer: the caller says a word, and the model waits for silence and thinks. Earlier audio of the
    /// model, while the caller speaks, belongs to the turn before.
    static let quickestAnswer = 500
    /// Shorter sounds may be none of which the model writes down anything.
    static let shortestTurn = ConversationDebts.shortestTurn.wholeMilliseconds
    /// Words that follow others so soon, and no turn of our voice detector's, go on with theirs.
    static let pause = 1500
    private static let remembered = 256
    private static let longestList = 8

    mutating func detectorBegan(at milliseconds: Int) {
        if heard.count >= Self.longestList { heard.removeFirst() }
        heard.append(Heard(began: milliseconds))
    }

    /// The detector notices the end some time after the last speech.
    mutating func detectorEnded(lastSpeech: Int) {
        guard let last = heard.indices.last, heard[last].lastSpeech == nil else { return }
        heard[last].lastSpeech = lastSpeech
        if let lostAt, lastSpeech <= lostAt { heard.remove(at: last) }
    }

    /// The model's session is gone. The next session does not transcribe the turns that it had heard.
    mutating func modelLost(at milliseconds: Int) {
        lostAt = milliseconds
        lastPlaced = nil
        unwritten = nil
        isModelHearing = false
        heard.removeAll { $0.lastSpeech != nil }
        for index in heard.indices { heard[index].isDoubtful = true }
    }

    /// The model reports the beginning of speech, with the id of the coming transcript.
    ///
    /// One that follows a lost session hears the rest of a turn that began before it.
    mutating func modelBegan(_ item: AgentItem, at milliseconds: Int) {
        let unfinished = heard.last.flatMap { $0.isDoubtful && $0.lastSpeech == nil ? $0 : nil }
        note(item, unfinished?.began ?? milliseconds)
        unwritten = (item, milliseconds)
        isModelHearing = true
        namesTurns = true
    }

    /// The model has heard the end of the turn that it has named last.
    mutating func modelEnded() { isModelHearing = false }

    /// The words of a turn are there as a whole.
    mutating func written(_ item: AgentItem) {
        if unwritten?.item == item { unwritten = nil }
    }

    /// The words that may still come when the call ends now.
    func lastWords(at milliseconds: Int) -> LastWords? {
        if isModelHearing { return .beingSaid }
        if let unwritten { return milliseconds - unwritten.began <= Self.patience ? .said : nil }
        // The model says itself what it hears.
        guard !namesTurns else { return nil }
        guard let newest = heard.last else {
            // More of the same words may come.
            return lastPlaced.map { milliseconds - $0.came <= Self.pause } ?? false ? .said : nil
        }
        if newest.lastSpeech == nil { return .beingSaid }
        return newest.isOver(at: milliseconds) ? .said : nil
    }

    /// The model begins to answer the newest turn that it can have heard by now.
    mutating func answerBegan(at milliseconds: Int) {
        let isHearable = { (turn: Heard) in turn.began + Self.quickestAnswer <= milliseconds }
        guard let last = heard.lastIndex(where: isHearable), heard[last].answered == nil else { return }
        heard[last].answered = milliseconds
        // A sound without an answer and without words was no turn to the model.
        heard = heard.enumerated().filter { $0.offset > last || $0.element.answered != nil }.map(\.element)
    }

    /// The model speaks again in a response that had waited for a function. It has heard a turn that is over by now.
    mutating func answerWentOn(at milliseconds: Int) {
        if heard.last?.lastSpeech != nil { answerBegan(at: milliseconds) }
    }

    /// True for words of a turn that the model has named, our voice detector has heard, or other words belong to.
    func knows(_ item: AgentItem, at milliseconds: Int) -> Bool {
        placed[item] != nil || !heard.isEmpty || lastPlaced.map { milliseconds - $0.came <= Self.pause } ?? false
    }

    /// Words have come: when the caller began to say them.
    mutating func place(_ item: AgentItem, at milliseconds: Int) -> Int {
        if let known = placed[item] { return known }
        let continued = lastPlaced.flatMap { milliseconds - $0.came <= Self.pause ? $0.began : nil }
        let began = takeHeard(at: milliseconds) ?? continued ?? milliseconds
        note(item, began)
        lastPlaced = (began, milliseconds)
        return began
    }

    private mutating func takeHeard(at now: Int) -> Int? {
        guard let newest = heard.last else { return nil }
        var choice = newest
        if let answered = heard.last(where: { $0.answered != nil }), let at = answered.answered {
            let lateness = answered.isDoubtful ? Self.doubtfulLateness : Self.lateness
            let isLate = now - at > lateness && newest.began + Self.quickest <= now
            if !isLate { choice = answered }
        } else if let over = heard.first(where: { $0.isOver(at: now) }) {
            // The model writes down turns in their order, also those that the caller did not let it answer.
            choice = over
        }
        heard.removeAll { $0.began <= choice.began }
        return choice.began
    }

    private mutating func note(_ item: AgentItem, _ began: Int) {
        if placed.count >= Self.remembered { placed.removeAll() }
        placed[item] = placed[item] ?? began
    }
}
