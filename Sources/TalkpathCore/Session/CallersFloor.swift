import TalkpathAudio

/// Whether the caller is speaking, by our own ear or by the model's word.
///
/// Pure: instants are passed in.
struct CallersFloor: Equatable, Sendable {
    enum Witness {
        case ear, model
    }

    private var earBegan: MonotonicInstant?
    private var hasModelHeardBegin = false
    /// The present stretch of speech is a turn, and no mere noise.
    private var isTurn = false
    /// When the newest turn ended, if the model has not begun to answer it.
    private var turnEnded: MonotonicInstant?

    /// How long a model takes at most to begin the answer that it gives by itself.
    static let answerPatience = Duration.seconds(1)
    /// Shorter sounds are no turn, by our own ear; it notices an end half a second late.
    static let shortestTurn = ConversationDebts.shortestTurn + .milliseconds(500)

    var isTaken: Bool { earBegan != nil || hasModelHeardBegin }

    mutating func began(_ witness: Witness, at now: MonotonicInstant) {
        turnEnded = nil
        switch witness {
        case .ear: earBegan = earBegan ?? now
        case .model: hasModelHeardBegin = true
        }
    }

    mutating func ended(_ witness: Witness, at now: MonotonicInstant) {
        switch witness {
        case .ear:
            if let earBegan, now - earBegan >= Self.shortestTurn { isTurn = true }
            earBegan = nil
        case .model:
            isTurn = true
            hasModelHeardBegin = false
        }
        guard !isTaken, isTurn else { return }
        isTurn = false
        turnEnded = now
    }

    /// The model has begun to speak: in its own view the caller has finished.
    mutating func answerBegan() {
        hasModelHeardBegin = false
        isTurn = false
        turnEnded = nil
    }

    /// The session that heard the caller is gone.
    mutating func modelLost() {
        hasModelHeardBegin = false
    }

    /// The caller has finished, and the model may be about to answer by itself.
    func awaitsAnswer(at now: MonotonicInstant) -> Bool {
        turnEnded.map { now - $0 < Self.answerPatience } ?? false
    }
}
