import TalkpathAudio

/// The model's session is opened anew before it is lost: at a quiet moment, or when there is no time left.
extension CallSessionMachine {
    /// The model's session has begun: when it will be too old is known.
    mutating func planRenewal(at now: MonotonicInstant) {
        wantsRenewal = false
        deadlines[.renewal] = renewal.map { now + $0.quietAfter }
    }

    mutating func forgetRenewal() {
        wantsRenewal = false
        deadlines[.renewal] = nil
    }

    /// The provider will close the socket.
    mutating func agentIsGoingAway(timeLeft: Duration?, at now: MonotonicInstant) {
        happened(.agentGoingAway)
        guard case .ready = agent, case .live = life else { return }
        // Some time is left for the new session's setup.
        let time = timeLeft ?? .seconds(10)
        let latest = now + max(.zero, time - min(.seconds(5), time / 2))
        let planned = wantsRenewal ? deadlines[.renewal] : nil
        wantsRenewal = true
        deadlines[.renewal] = min(planned ?? latest, latest)
    }

    mutating func renewalIsDue(at now: MonotonicInstant) -> [SessionAction] {
        guard !wantsRenewal, let renewal else { return renewAgent(at: now) }
        wantsRenewal = true
        deadlines[.renewal] = now + (renewal.atLatest - renewal.quietAfter)
        return []
    }

    /// Whether a quiet moment is waited for. A call that drains ends at its own.
    var renewsWhenQuiet: Bool {
        guard case .live = life else { return false }
        return wantsRenewal
    }

    /// Neither side speaks, nor waits for the other.
    mutating func quietCame(at now: MonotonicInstant) -> [SessionAction] {
        happened(.quietCame)
        guard wantsRenewal, handover == nil else { return [] }
        return renewAgent(at: now)
    }

    /// What the caller says meanwhile is kept, and what the agent has said plays on.
    private mutating func renewAgent(at now: MonotonicInstant) -> [SessionAction] {
        forgetRenewal()
        guard case .ready(let socket) = agent, case .live = life else { return [] }
        return drop(socket) + openAgentSocket(at: now)
    }
}
