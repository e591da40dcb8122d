import TalkpathAudio

/// The caller's speech, by our voice detector or by the model's report.
///
/// Pure: instants are passed in.
struct CallersFloor: Equatable, Sendable {
    enum Witness {
        case detector, model
    }

    private var detectorBegan: MonotonicInstant?
    private var hasModelHeardBegin = false
    /// The present stretch of speech is a turn, and no mere noise.
    private var isTurn = false
    /// The present stretch of speech began before there was a model to hear it.
    private var isLate = false
    /// Until when the model may begin to answer the newest turn by itself.
    private var answerDue: MonotonicInstant?

    /// The longest time that a model takes to begin the answer that it gives by itself.
    static let answerPatience = Duration.seconds(1)
    /// So much longer it is given before it is reminded of an answer that it owes.
    static let reminderPatience = Duration.milliseconds(1500)
    /// The same for words from before the model was ready, which hears them only now.
    static let latePatience = Duration.milliseconds(2500)
    /// Shorter sounds are no turn, by our voice detector; it notices an end half a second late.
    static let shortestTurn = ConversationDebts.shortestTurn + .milliseconds(500)

    var isTaken: Bool { detectorBegan != nil || hasModelHeardBegin }

    mutating func began(_ witness: Witness, at now: MonotonicInstant) {
        answerDue = nil
        switch witness {
        case .detector: detectorBegan = detectorBegan ?? now
        case .model: hasModelHeardBegin = true
        }
    }

    mutating func ended(_ witness: Witness, at now: MonotonicInstant) {
        switch witness {
        case .detector:
            if let detectorBegan, now - detectorBegan >= Self.shortestTurn { isTurn = true }
            detectorBegan = nil
        case .model:
            isTurn = true
            hasModelHeardBegin = false
        }
        guard !isTaken, isTurn || isLate else { return }
        answerDue = now + (isLate ? Self.latePatience : Self.answerPatience)
        isTurn = false
        isLate = false
    }

    /// The caller has spoken before there was a model to hear it, and may be speaking still.
    mutating func hasSpokenBefore(at now: MonotonicInstant) {
        isLate = isTaken
        answerDue = isTaken ? nil : now + Self.latePatience
    }

    /// The model has begun to speak: in its own view the caller has finished.
    mutating func answerBegan() {
        hasModelHeardBegin = false
        isTurn = false
        isLate = false
        answerDue = nil
    }

    /// The session that heard the caller is gone.
    mutating func modelLost() {
        hasModelHeardBegin = false
    }

    /// The caller has finished, and the model may be about to answer by itself.
    /// - Parameter more: how much longer than usual it is waited for.
    func awaitsAnswer(at now: MonotonicInstant, more: Duration = .zero) -> Bool {
        answerDue.map { now < $0 + more } ?? false
    }
}
