import TalkpathAudio

/// What is still going on after a call's end. Its session stays until all of it is settled.
struct Aftermath {
    enum HangUp: Equatable {
        case settled
        /// To be asked for at a deadline.
        case planned
        /// Asked for; if there is no answer by the deadline, again.
        case asked
    }

    fileprivate(set) var hangUp = HangUp.settled
    fileprivate var attempts = 0
    /// A call was being placed when the end came: the carrier may still tell its name, and it must be hung up then.
    fileprivate(set) var awaitsName = false
    fileprivate(set) var isUpdatingRecord = false

    fileprivate var isSettled: Bool { hangUp == .settled && !awaitsName && !isUpdatingRecord }

    /// With pauses that grow to 64 seconds: some twenty minutes.
    static let attemptLimit = 24
    static let longestPause = Duration.seconds(300)
    /// How long one request is waited for.
    static let patience = Duration.seconds(30)
    /// How long a call without a name is waited for: as carriers answer within a minute, or never.
    static let namePatience = Duration.seconds(120)
    static let updatePatience = Duration.seconds(10)
}

/// After the end: the receipt is published. A carrier that has not confirmed the end is still asked to hang up, and the
/// saved record is updated once it confirms.
extension CallSessionMachine {
    mutating func beginAftermath(_ receipt: EndReceipt, at now: MonotonicInstant) -> [SessionAction] {
        if carrier == .placing || carrier == .unknown {
            aftermath.awaitsName = true
            deadlines[.lateName] = now + Aftermath.namePatience
        } else if carrierCallID != nil, !receipt.carrierConfirmed {
            planHangUp(at: now, after: .zero)
        }
        return retireIfDone()
    }

    mutating func nameCameLate(_ id: String, at now: MonotonicInstant) -> [SessionAction] {
        aftermath.awaitsName = false
        deadlines[.lateName] = nil
        return askLate(id, at: now)
    }

    mutating func noNameCame(at now: MonotonicInstant) -> [SessionAction] {
        // An order without an answer may have been carried out all the same: a webhook would tell.
        guard carrier != .unknown else { return [] }
        aftermath.awaitsName = false
        deadlines[.lateName] = nil
        return retireIfDone()
    }

    private mutating func planHangUp(at now: MonotonicInstant, after pause: Duration) {
        let backoff = Duration.seconds(1) * (1 << min(aftermath.attempts, 6))
        aftermath.hangUp = .planned
        deadlines[.lateHangUp] = now + min(max(pause, backoff), Aftermath.longestPause)
    }

    private mutating func askLate(_ id: String, at now: MonotonicInstant) -> [SessionAction] {
        guard aftermath.attempts < Aftermath.attemptLimit else {
            aftermath.hangUp = .settled
            return retireIfDone()
        }
        aftermath.attempts += 1
        aftermath.hangUp = .asked
        deadlines[.lateHangUp] = now + Aftermath.patience
        return [.hangUp(carrierCallID: id)]
    }

    mutating func lateHangUpFailed(_ error: CarrierError, at now: MonotonicInstant) -> [SessionAction] {
        guard aftermath.hangUp == .asked else { return [] }
        planHangUp(at: now, after: error.retryAfter ?? .zero)
        return []
    }

    /// Somebody ends the call again, while the carrier has not confirmed.
    mutating func askAgainAtOnce(at now: MonotonicInstant) {
        guard aftermath.hangUp == .planned else { return }
        // Not counted, or a few askers would use up what is meant for twenty minutes.
        aftermath.attempts = max(0, aftermath.attempts - 1)
        deadlines[.lateHangUp] = now
    }

    mutating func confirmLate(_ receipt: EndReceipt, at now: MonotonicInstant) -> [SessionAction] {
        deadlines[.lateHangUp] = nil
        deadlines[.lateName] = nil
        aftermath.hangUp = .settled
        aftermath.awaitsName = false
        guard !receipt.carrierConfirmed else { return retireIfDone() }
        var receipt = receipt
        receipt.carrierConfirmed = true
        life = .ended(receipt)
        aftermath.isUpdatingRecord = true
        deadlines[.updateRecord] = now + Aftermath.updatePatience
        return [.updateRecord(receipt)]
    }

    mutating func recordUpdated() -> [SessionAction] {
        happened(.recordUpdated)
        deadlines[.updateRecord] = nil
        aftermath.isUpdatingRecord = false
        return retireIfDone()
    }

    mutating func firedAfterEnd(_ reason: SessionDeadline, at now: MonotonicInstant) -> [SessionAction] {
        switch reason {
        case .lateHangUp:
            guard case .ended = life, let id = carrierCallID else { return [] }
            return askLate(id, at: now)
        case .lateName:
            aftermath.awaitsName = false
            return retireIfDone()
        case .updateRecord:
            return recordUpdated()
        case .maxDuration, .queue, .ringing, .media, .agentSetup, .agentRetry, .drain, .handover, .renewal, .hangUp,
            .hangUpRetry, .closeAgent, .farewell, .closeMedia, .streamReport, .saveRecord:
            return []
        }
    }

    /// The server stops: what the carrier has not confirmed by now is left to it.
    mutating func giveUp() -> [SessionAction] {
        happened(.givenUp)
        guard case .ended = life else { return [] }
        deadlines.removeAll()
        aftermath = Aftermath()
        return retireIfDone()
    }

    private mutating func retireIfDone() -> [SessionAction] {
        guard case .ended(let receipt) = life, aftermath.isSettled else { return [] }
        deadlines.removeAll()
        life = .retired(receipt)
        return [.retire]
    }
}
