/// Two agents that talk to each other in circles.
///
/// Every turn is compared with what was said before: does it bring a word that neither side has used lately, or is it
/// much like an earlier turn of the same speaker? Only when *both* sides repeat themselves, turn and answer, the score
/// rises; new words make it fall. So a person who says "yes" to twenty questions, a recorded voice that repeats
/// its menu to an empty line, and a caller who spells out a number are no loop, however often they repeat themselves.
///
/// Pure: told each turn once, when it is final.
struct LoopGuard: Equatable, Sendable {
    /// One turn of either side.
    struct Turn: Equatable, Sendable {
        var speaker: TranscriptEntry.Speaker
        var text: String
        /// The silence before it; of the caller's turns, where it is known.
        var pause: Duration?

        init(_ speaker: TranscriptEntry.Speaker, _ text: String, pause: Duration? = nil) {
            self.speaker = speaker
            self.text = text
            self.pause = pause
        }
    }

    enum Verdict: Equatable, Sendable {
        /// The score has risen over the policy's `warnScore`.
        case suspected(score: Double)
        case detected(score: Double)
        /// The policy's `maximumTurns` have been taken.
        case tooManyTurns
    }

    let policy: LoopGuardPolicy
    /// From 0 to 1.
    private(set) var score = 0.0
    /// Both sides together.
    private(set) var turns = 0

    private var caller = Side()
    private var agent = Side()
    private var lastSpeaker: TranscriptEntry.Speaker?
    /// The weight of a repetition, by the caller's last pause.
    private var pace = 1.0
    private var hasWarned = false
    private var isOver = false

    init(policy: LoopGuardPolicy = LoopGuardPolicy()) {
        self.policy = policy
    }

    /// Takes the next turn.
    ///
    /// Turns come in about the order in which they were spoken. One that belongs to the turn before, of the same
    /// speaker, counts as part of it.
    mutating func add(_ turn: Turn) -> Verdict? {
        let text = TurnText(turn.text)
        guard !text.tokens.isEmpty, !isOver else { return nil }
        turns += 1
        let repetition = note(text, by: turn.speaker)
        // Machines answer at once, always. People think, write down, look for something.
        if turn.speaker == .caller { pace = (turn.pause ?? .zero) > Self.humanPause ? Self.unhurried : 1 }
        if turn.speaker != lastSpeaker { move(by: repetition) }
        lastSpeaker = turn.speaker
        return verdict()
    }

    // MARK: Score

    /// - Parameter repetition: of both sides, the lesser one.
    private mutating func move(by repetition: Double) {
        let evidence = (repetition - Self.balance) * 2
        if evidence <= 0 {
            score = max(0, score + evidence * Self.fall)
        } else {
            score = min(1, score + evidence * pace * Self.rise)
        }
    }

    private mutating func verdict() -> Verdict? {
        if let limit = policy.maximumTurns, turns >= limit {
            isOver = true
            return .tooManyTurns
        }
        if let end = policy.endScore, score >= end, turns >= policy.minimumTurns {
            isOver = true
            return .detected(score: score)
        }
        if score < policy.warnScore {
            hasWarned = false
            return nil
        }
        guard !hasWarned else { return nil }
        hasWarned = true
        return .suspected(score: score)
    }

    // MARK: Repetition

    /// The latest turns of one side.
    private struct Side: Equatable, Sendable {
        var turns: [TurnText] = []
        /// Of its newest turn.
        var repetition = 0.0
    }

    private mutating func note(_ text: TurnText, by speaker: TranscriptEntry.Speaker) -> Double {
        let known = Set((caller.turns + agent.turns).flatMap { $0.tokens.map(TurnText.stem) })
        switch speaker {
        case .caller: Self.note(text, known, &caller)
        case .agent: Self.note(text, known, &agent)
        }
        return min(caller.repetition, agent.repetition)
    }

    private static func note(_ text: TurnText, _ known: Set<String>, _ side: inout Side) {
        side.repetition = repetition(of: text, known: known, earlier: side.turns)
        side.turns.append(text)
        if side.turns.count > memory { side.turns.removeFirst() }
    }

    /// The share of a turn that has been said before, from 0 (new) to 1.
    private static func repetition(of text: TurnText, known: Set<String>, earlier: [TurnText]) -> Double {
        var best: (similarity: Double, turn: TurnText)?
        for turn in earlier {
            let similarity = text.similarity(to: turn)
            if similarity > best?.similarity ?? 0 { best = (similarity, turn) }
        }
        let new = text.tokens.filter { !known.contains(TurnText.stem($0)) }.count
        let news = min(1, Double(new) / Double(text.tokens.count) * newsWeight)
        let likeness = ramp(best?.similarity ?? 0, from: 0.3, to: 0.8)
        let repetition = (0.5 + 0.5 * likeness) * (1 - news)
        // The same sentence with another number in it, or nothing but numbers, is what phone calls are made for.
        let bringsData = !text.data.isEmpty && (text.isDataOnly || text.data != best?.turn.data)
        return bringsData ? min(repetition, dataRepetition) : repetition
    }

    private static func ramp(_ value: Double, from low: Double, to high: Double) -> Double {
        min(1, max(0, (value - low) / (high - low)))
    }

    // MARK: Weights, found with the calls in fixtures/loop

    /// Turns of each side that are remembered.
    private static let memory = 16
    /// Repetition at which the score stays as it is.
    private static let balance = 0.5
    /// The amount that a turn of repetitions adds to the score, and that a turn without any takes from it.
    private static let rise = 0.075
    private static let fall = 0.12
    /// One new word in six makes a turn new.
    private static let newsWeight = 6.0
    private static let dataRepetition = 0.3
    private static let humanPause = Duration.seconds(4)
    private static let unhurried = 0.3
}
