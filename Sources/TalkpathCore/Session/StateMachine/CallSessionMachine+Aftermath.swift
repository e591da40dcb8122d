import TalkpathAudio

/// After the end: the receipt is published. A carrier that has not confirmed the end is still asked to hang up, and the
/// saved record is updated once it confirms.
extension CallSessionMachine {
    private static let updatePatience = Duration.seconds(10)

    mutating func beginAftermath(_ receipt: EndReceipt, at now: MonotonicInstant) -> [SessionAction] {
        if carrier == .placing || carrier == .unknown {
            hangUpMachine.goOnAwaitingName(at: now)
        } else if carrierCallID != nil, !receipt.carrierConfirmed {
            hangUpMachine.goOn(at: now)
        } else {
            hangUpMachine.receiptIsThere()
        }
        return retireIfDone()
    }

    mutating func noNameCame(at now: MonotonicInstant) -> [SessionAction] {
        // An order without an answer may have been carried out all the same: a webhook would tell.
        guard carrier != .unknown else { return [] }
        hangUpMachine.settle()
        return retireIfDone()
    }

    mutating func confirmLate(_ receipt: EndReceipt, at now: MonotonicInstant) -> [SessionAction] {
        hangUpMachine.settle()
        guard !receipt.carrierConfirmed else { return retireIfDone() }
        var receipt = receipt
        receipt.carrierConfirmed = true
        life = .ended(receipt)
        isUpdatingRecord = true
        deadlines[.updateRecord] = now + Self.updatePatience
        return [.updateRecord(receipt)]
    }

    mutating func recordUpdated() -> [SessionAction] {
        happened(.recordUpdated)
        deadlines[.updateRecord] = nil
        isUpdatingRecord = false
        return retireIfDone()
    }

    mutating func firedAfterEnd(_ reason: SessionDeadline, at now: MonotonicInstant) -> [SessionAction] {
        switch reason {
        case .lateHangUp:
            guard case .ended = life, let id = carrierCallID else { return [] }
            return askCarrier(id, at: now)
        case .lateName:
            hangUpMachine.settle()
            return retireIfDone()
        case .updateRecord:
            return recordUpdated()
        case .maxDuration, .queue, .ringing, .media, .agentSetup, .agentRetry, .drain, .transfer, .renewal, .hangUp,
            .hangUpRetry, .closeAgent, .goodbye, .closeMedia, .streamReport, .saveRecord:
            return []
        }
    }

    /// The server stops: a hang-up that is not confirmed by now is left to the carrier.
    mutating func giveUp() -> [SessionAction] {
        happened(.givenUp)
        guard case .ended = life else { return [] }
        deadlines.removeAll()
        hangUpMachine.settle()
        isUpdatingRecord = false
        return retireIfDone()
    }

    mutating func retireIfDone() -> [SessionAction] {
        guard case .ended(let receipt) = life, hangUpMachine.isSettled, !isUpdatingRecord else { return [] }
        deadlines.removeAll()
        life = .retired(receipt)
        return [.retire]
    }
}
