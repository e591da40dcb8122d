import TalkpathAudio

/// The model is lost for good: the clip or words for the caller before the end, or the transfer.
extension CallSessionMachine {
    /// The time that a clip may take beyond its own length, for the audio before it.
    private static let clipPatience = Duration.seconds(10)

    mutating func giveUpAgent(_ note: String, at now: MonotonicInstant) -> [SessionAction] {
        agentLoss = note
        // A call whose caller is being transferred needs no agent any more; if that fails, it is asked again.
        guard transfer.isIdle else { return [] }
        guard let fallback, media == .started else { return endWithoutAgent(at: now) }
        if let clip = fallback.clip {
            return [.playFallback] + goOn(fallback, after: clip.duration + Self.clipPatience, at: now)
        }
        guard transferRefusal == nil, let instructions = fallback.instructions else { return endWithoutAgent(at: now) }
        let plan = CallTransferMachine.Plan(
            instructions: instructions,
            purpose: fallback.transferTo == nil ? .goodbye : .transfer
        )
        return beginTransfer(plan, mode: .drain(timeout: limits.drainTimeout), at: now)
    }

    /// The pending audio has been heard.
    private mutating func goOn(
        _ fallback: AgentFallback,
        after timeout: Duration,
        at now: MonotonicInstant
    ) -> [SessionAction] {
        guard let number = fallback.transferTo, transferRefusal == nil else {
            return end(EndRequest(.agentLost, mode: .drain(timeout: timeout), note: agentLoss), at: now)
        }
        let instructions = CarrierInstructions.dial(number: number, callerID: nil, ringTimeout: .seconds(30))
        return beginTransfer(.init(instructions: instructions), mode: .drain(timeout: timeout), at: now)
    }

    mutating func endWithoutAgent(at now: MonotonicInstant) -> [SessionAction] {
        end(EndRequest(.agentLost, note: agentLoss), at: now)
    }
}

extension AgentFallback {
    /// For the carrier, where there is no clip.
    fileprivate var instructions: CarrierInstructions? {
        if let transferTo {
            return .dial(
                number: transferTo,
                callerID: nil,
                ringTimeout: .seconds(30),
                saying: words,
                language: language
            )
        }
        return words.map { .say($0, language: language) }
    }
}
