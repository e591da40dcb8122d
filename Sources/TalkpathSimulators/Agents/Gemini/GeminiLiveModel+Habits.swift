internal import TalkpathAudio
internal import TalkpathWire

/// What comes over answers.
extension GeminiLiveModel {
    static let reasoningTime = Duration.seconds(9)

    /// - Returns: whether nothing comes of the answer; it is then still owed.
    mutating func prevents(
        _ trigger: AgentScript.Turn.Trigger,
        _ habit: ModelHabit,
        at now: MonotonicInstant
    ) -> Bool {
        switch habit {
        case .failedResponse:
            owed = trigger
            turn = nil
            sendEnd(ofTurn: 0, "RESPONSE_REJECTED")
        case .rateLimit:
            owed = trigger
            keepDebt()
            core.close(
                code: 1011,
                reason: "You exceeded your current quota, please check your plan and billing details."
            )
        case .goAway:
            owed = trigger
            keepDebt()
            perform([.goAway(timeLeft: .seconds(1))], at: now)
        case .sideTalk:
            // It says nothing at all about it.
            return trigger == .callerTurn
        case .slowPong, .lateTranscript, .ignoredNoise, .refusedSettings, .toolCallFirst, .toolCallBetween,
            .brokenArguments, .staleInterrupted, .incompleteResponse, .longReasoning:
            return false
        }
        return true
    }

    /// Signs of life while the model thinks.
    mutating func showProgress(until end: MonotonicInstant, from start: MonotonicInstant) {
        var instant = start
        while instant < end {
            timed.append((instant, .progress))
            instant = instant + .seconds(2)
        }
    }

    /// Ends a turn in the middle of its words.
    mutating func breakOff(_ active: ActiveTurn) {
        turn = nil
        let milliseconds = core.producedMilliseconds(ofItem: active.recordIndex)
        let item = core.record.items[active.recordIndex]
        core.record.items[active.recordIndex].wasInterrupted = true
        core.report(.answerEnded(item: item.id, milliseconds: milliseconds, interrupted: true))
        core.report(.agentTranscript(item.transcript))
        sendEnd(ofTurn: milliseconds, "RESPONSE_REJECTED")
        giveHandle()
    }
}
