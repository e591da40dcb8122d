import TalkpathAudio

/// The carrier's reports other than progress: they decide between reasons that look alike from here.
struct CarrierEvidence {
    /// The state of the carrier's reports of the media stream. A carrier that reported the beginning reports the
    /// end.
    enum Stream {
        case unreported, running, over
    }

    fileprivate(set) var stream = Stream.unreported
    /// The fault that broke the media stream.
    fileprivate(set) var streamFault: CarrierFault?
    fileprivate(set) var faults: [CarrierFault] = []

    /// Another media stream is to begin.
    mutating func lineBegins() { stream = .unreported }
}

extension CallSessionMachine {
    mutating func reported(_ report: CarrierReport, at now: MonotonicInstant) -> [SessionAction] {
        happened(.carrierReported)
        switch report {
        case .streamStarted:
            if evidence.stream == .unreported || mediaMachine.line > 1 { evidence.stream = .running }
            return []
        case .streamStopped:
            return streamIsReportedOver(at: now)
        case .streamWarned(let fault), .dialFailed(let fault):
            return note(fault)
        case .streamFailed(let fault):
            return streamBroke(fault, at: now)
        case .streamClosed(let fault):
            // Expected of a call that is being ended.
            guard isLive, !transfer.accountsForStreamEnd else { return streamIsReportedOver(at: now) }
            // The former socket's, while the present one is open.
            if mediaMachine.line > 1, media == .started { return [] }
            return streamBroke(fault, at: now)
        }
    }

    /// Keeps a fault for the receipt. After the receipt it is logged and counted only.
    mutating func note(_ fault: CarrierFault) -> [SessionAction] {
        if evidence.faults.count < CarrierFault.limit, !evidence.faults.contains(fault) {
            evidence.faults.append(fault)
        }
        return [.publish(.carrierError(fault))]
    }

    /// The reason for the end of a call whose media has ended, or whose carrier has called it completed.
    var reasonOfHangup: EndRequest {
        guard let fault = evidence.streamFault else { return EndRequest(.callerHangup) }
        return EndRequest(.mediaLost, note: fault.words)
    }

    private mutating func streamBroke(_ fault: CarrierFault, at now: MonotonicInstant) -> [SessionAction] {
        let actions = note(fault)
        evidence.streamFault = evidence.streamFault ?? fault
        switch life {
        case .live, .draining:
            evidence.stream = .over
            // Media that has begun tells of its own end. Media that has not will not begin.
            guard media == .none else { return actions }
            return actions + end(reasonOfHangup, at: now)
        case .ending:
            teardownMachine.streamBroke(EndRequest(.mediaLost, note: fault.words))
            return actions + streamIsReportedOver(at: now)
        case .ended, .retired:
            return actions
        }
    }

    private mutating func streamIsReportedOver(at now: MonotonicInstant) -> [SessionAction] {
        evidence.stream = .over
        return teardownMachine.streamReportCame() ? advance(at: now) : []
    }
}
