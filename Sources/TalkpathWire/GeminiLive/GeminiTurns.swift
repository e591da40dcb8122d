/// Whose turn it is, and which item what is said belongs to.
struct GeminiTurns: Sendable {
    /// The model's turn under way.
    struct Turn: Sendable {
        var item: AgentItem
        var isInterrupted = false
        var hasAudioEnded = false
    }

    private(set) var open: Turn?
    private var lastItem: AgentItem?
    /// Promised to the model's next turn, because its words came before its audio.
    private var reserved: AgentItem?
    private var nextIndex = 0
    private var agentText = ""
    private var caller: (item: AgentItem, text: String)?

    /// The item of audio that comes now; a turn begins if none is under way.
    mutating func itemOfAudio(_ events: inout [AgentEvent]) -> AgentItem {
        if let open { return open.item }
        endCallerTurn(&events)
        let item = reserved ?? newItem()
        reserved = nil
        lastItem = item
        open = Turn(item: item)
        events.append(.responseStarted)
        return item
    }

    mutating func interrupted(_ events: inout [AgentEvent]) {
        if open == nil {
            // All of the last turn had been sent; what comes late is still part of it.
            let item = lastItem ?? newItem()
            lastItem = item
            open = Turn(item: item, hasAudioEnded: true)
        }
        open?.isInterrupted = true
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
        let wasInterrupted = open?.isInterrupted ?? false
        // After an interruption the caller is in the middle of a sentence.
        if !wasInterrupted { endCallerTurn(&events) }
        open = nil
        let end = AgentResponseEnd(
            status: wasInterrupted ? .cancelled : .completed,
            reason: reason ?? (wasInterrupted ? "interrupted" : nil)
        )
        events.append(.responseEnded(end))
    }

    // MARK: Words

    mutating func agentSaid(_ text: String, isFinished: Bool, _ events: inout [AgentEvent]) {
        let item = itemOfAgentText()
        if !text.isEmpty {
            agentText += text
            events.append(.agentTranscript(AgentTranscript(item: item, text: text, isFinal: false)))
        }
        if isFinished { endAgentText(&events) }
    }

    mutating func callerSaid(_ text: String, isFinished: Bool, _ events: inout [AgentEvent]) {
        if !text.isEmpty {
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
