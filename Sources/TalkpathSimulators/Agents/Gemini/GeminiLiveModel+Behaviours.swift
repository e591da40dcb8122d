internal import TalkpathAudio
internal import TalkpathWire

/// Behaviours that affect an answer.
extension GeminiLiveModel {
    static let reasoningTime = Duration.seconds(9)

    /// - Returns: true if the behaviour prevents the answer. Except after side talk, the model then still owes it.
    mutating func prevents(
        _ trigger: AgentScript.Turn.Trigger,
        _ behaviour: ModelBehaviour,
        at now: MonotonicInstant
    ) -> Bool {
        switch behaviour {
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
            // The model does not react to it at all.
            return trigger == .callerTurn
        case .slowPong, .lateTranscript, .ignoredNoise, .refusedSettings, .toolCallFirst, .toolCallBetween,
            .brokenArguments, .staleInterrupted, .incompleteResponse, .longReasoning, .writtenAnswer, .cutCall:
            return false
        }
        return true
    }

    /// Sends signs of life while the model thinks.
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
