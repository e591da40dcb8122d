/// Tracks whose turn it is, and the item to which audio and words belong.
struct GeminiTurns: Sendable {
    /// The model's turn that is under way.
    struct Turn: Sendable {
        var item: AgentItem
        var isInterrupted = false
        var hasAudioEnded = false
    }

    private(set) var open: Turn?
    /// True if enough time has passed since the interruption that further audio cannot belong to the interrupted turn.
    private var isInterruptionOver = false
    /// The item reserved for the model's next turn, because its words arrived before its audio.
    private var reserved: AgentItem?
    private var nextIndex = 0
    private var agentText = ""
    private var caller: (item: AgentItem, text: String)?
    /// The model has written down words of the caller, or was asked for an answer, and has reacted neither by speech nor by
    /// a function.
    private var isAnswerDue = false
    /// True if the model may hear the caller and choose not to answer.
    var mayDecline = true

    /// True if further audio and words do not belong to the interrupted turn.
    var isStale: Bool { isInterruptionOver && open?.isInterrupted == true }

    /// True if further audio does not belong to the interrupted turn, because all of that turn's audio had arrived
    /// before the interruption. Its words may still follow.
    private var hasNoRest: Bool { open?.isInterrupted == true && open?.hasAudioEnded == true }

    mutating func interruptionIsOver() { isInterruptionOver = true }

    /// Ends an interrupted turn that the provider never reported as complete, because another turn begins.
    private mutating func endInterruptedTurn(_ events: inout [AgentEvent]) {
        endAgentText(&events)
        open = nil
        isInterruptionOver = false
        events.append(.responseEnded(AgentResponseEnd(status: .cancelled, reason: "interrupted")))
    }

    /// True if no turn was under way at the latest interruption.
    private var wasInterruptedLate = false

    /// The item of new audio; begins a turn if none is under way.
    mutating func itemOfAudio(_ events: inout [AgentEvent]) -> AgentItem {
        isAnswerDue = false
        if isStale || hasNoRest { endInterruptedTurn(&events) }
        if let open {
            // A turn that has waited for a function's result goes on.
            self.open?.hasAudioEnded = false
            return open.item
        }
        endCallerTurn(&events)
        let item = reserved ?? newItem()
        reserved = nil
        open = Turn(item: item)
        wasInterruptedLate = false
        events.append(.responseStarted)
        return item
    }

    mutating func interrupted(_ events: inout [AgentEvent]) {
        // If no turn is open, the last one is complete. The interruption then cuts the part of it that the caller has
        // not heard yet.
        if open == nil { wasInterruptedLate = true }
        open?.isInterrupted = true
        isInterruptionOver = false
        events.append(.interrupted)
    }

    mutating func generationCompleted(_ events: inout [AgentEvent]) {
        guard let turn = open, !turn.hasAudioEnded else { return }
        open?.hasAudioEnded = true
        events.append(.audioEnded(turn.item))
    }

    mutating func turnCompleted(reason: String?, _ events: inout [AgentEvent]) {
        generationCompleted(&events)
        endAgentText(&events)
        let wasInterrupted = open?.isInterrupted ?? wasInterruptedLate
        let isEmpty = open == nil && isAnswerDue && !mayDecline
        isAnswerDue = false
        wasInterruptedLate = false
        isInterruptionOver = false
        // After an interruption the caller is in the middle of a sentence.
        if !wasInterrupted { endCallerTurn(&events) }
        // The next turn has words of its own, also after one without audio.
        if open == nil { reserved = nil }
        open = nil
        let end = AgentResponseEnd(
            status: wasInterrupted
                ? .cancelled : isEmpty || Self.failures.contains(reason ?? "") ? .failed : .completed,
            reason: reason ?? (wasInterrupted ? "interrupted" : isEmpty ? Self.empty : nil)
        )
        events.append(.responseEnded(end))
    }

    /// The reasons that mean that a turn failed.
    private static let failures: Set<String> = ["RESPONSE_REJECTED", "MALFORMED_FUNCTION_CALL"]
    /// The reason of a turn in which the model has said nothing, although it had to.
    static let empty = "empty_turn"

    /// The model was asked to speak, or got what it has waited for.
    mutating func answerFallsDue() { isAnswerDue = true }

    /// The model calls functions; it speaks of their results later.
    mutating func functionsCalled() { isAnswerDue = false }

    // MARK: Words

    mutating func agentSaid(_ text: String, isFinished: Bool, _ events: inout [AgentEvent]) {
        if isStale { endInterruptedTurn(&events) }
        let item = itemOfAgentText()
        if !text.isEmpty {
            agentText += text
            events.append(.agentTranscript(AgentTranscript(item: item, text: text, isFinal: false)))
        }
        if isFinished { endAgentText(&events) }
    }

    mutating func callerSaid(_ text: String, isFinished: Bool, _ events: inout [AgentEvent]) {
        if !text.isEmpty {
            isAnswerDue = true
            let item = caller?.item ?? newItem()
            caller = (item, (caller?.text ?? "") + text)
            events.append(.callerTranscript(AgentTranscript(item: item, text: text, isFinal: false)))
        }
        if isFinished { endCallerTurn(&events) }
    }

    private mutating func itemOfAgentText() -> AgentItem {
        if let item = open?.item ?? reserved { return item }
        let item = newItem()
        reserved = item
        return item
    }

    private mutating func endAgentText(_ events: inout [AgentEvent]) {
        guard !agentText.isEmpty else { return }
        let item = itemOfAgentText()
        events.append(.agentTranscript(AgentTranscript(item: item, text: agentText, isFinal: true)))
        agentText = ""
    }

    private mutating func endCallerTurn(_ events: inout [AgentEvent]) {
        guard let caller else { return }
        events.append(.callerTranscript(AgentTranscript(item: caller.item, text: caller.text, isFinal: true)))
        self.caller = nil
    }

    private mutating func newItem() -> AgentItem {
        defer { nextIndex += 1 }
        return AgentItem(index: nextIndex)
    }
}
