import TalkpathAudio

/// How the opening of the model's sockets has gone so far.
struct AgentAttempts {
    /// Sockets ordered; each is known by its number.
    fileprivate(set) var sockets = 0
    /// In a row, without a session of the model's in between.
    fileprivate var failed = 0
    /// Losses of a session that had just been set up, in a row.
    fileprivate var shortLived = 0
    fileprivate var readyOn: MonotonicInstant?
    fileprivate var hasGreeted = false
    /// Sockets given up for their silence, in a row.
    fileprivate var silent = 0
}

/// The model's part: opened by policy, opened again when lost, given up when that fails too often.
extension CallSessionMachine {
    mutating func connectAgent(at now: MonotonicInstant) -> [SessionAction] {
        guard isLive, agent == .none else { return [] }
        return openAgentSocket(at: now)
    }

    mutating func openAgentSocket(at now: MonotonicInstant) -> [SessionAction] {
        attempts.sockets += 1
        agent = .connecting(socket: attempts.sockets)
        deadlines[.agentRetry] = nil
        deadlines[.agentSetup] = now + limits.agentSetupTimeout
        return [.connectAgent(socket: attempts.sockets)]
    }

    /// Whether this socket is being opened, and still wanted.
    func awaitsAgent(socket: Int) -> Bool {
        isLive && agent == .connecting(socket: socket)
    }

    /// Whether this socket is the agent's, and wanted.
    func holdsAgent(socket: Int) -> Bool {
        isLive && (agent == .settingUp(socket: socket) || agent == .ready(socket: socket))
    }

    mutating func agentOpened(socket: Int, at now: MonotonicInstant) {
        happened(.agentOpened)
        guard awaitsAgent(socket: socket) else { return }
        agent = .settingUp(socket: socket)
    }

    mutating func agentIsReady(at now: MonotonicInstant) -> [SessionAction] {
        happened(.agentReady)
        guard case .settingUp(let socket) = agent, isLive else { return [] }
        agent = .ready(socket: socket)
        deadlines[.agentSetup] = nil
        attempts.failed = 0
        let isFirst = attempts.readyOn == nil
        attempts.readyOn = now
        planRenewal(at: now)
        return [.publish(.agentReady), .openUplink(isFirst: isFirst)] + greetIfDue()
    }

    /// Once both ends are there.
    mutating func greetIfDue() -> [SessionAction] {
        guard case .ready = agent, media == .started, !attempts.hasGreeted else { return [] }
        attempts.hasGreeted = true
        return [.greet]
    }

    mutating func agentConnectFailed(
        socket: Int,
        _ error: AgentConnectError,
        at now: MonotonicInstant
    ) -> [SessionAction] {
        happened(.agentConnectFailed)
        guard awaitsAgent(socket: socket) else { return agentIsClosed(socket: socket, at: now) }
        return agentFailed(error.message, isFinal: error.isFinal, at: now)
    }

    /// The model's socket has closed.
    mutating func agentLost(socket: Int, message: String, at now: MonotonicInstant) -> [SessionAction] {
        happened(.agentLost)
        guard isLive, agent.socket == socket else { return agentIsClosed(socket: socket, at: now) }
        return drop(socket) + agentFailed(message, isFinal: false, at: now)
    }

    mutating func drop(_ socket: Int) -> [SessionAction] {
        closingSockets.insert(socket)
        return [.dropAgent(socket: socket)]
    }

    /// The model has said that it cannot go on. If it says so before it was ready, another socket would hear the same.
    mutating func agentReportedFault(_ message: String, at now: MonotonicInstant) -> [SessionAction] {
        happened(.agentFault)
        guard isLive, let socket = agent.socket else { return [] }
        let isFinal = agent == .settingUp(socket: socket)
        return drop(socket) + agentFailed(message, isFinal: isFinal, at: now)
    }

    /// The model's socket is open, but the caller gets no answer: as good as lost.
    mutating func agentFellSilent(at now: MonotonicInstant) -> [SessionAction] {
        happened(.agentSilent)
        guard case .live = life, case .ready(let socket) = agent else { return [] }
        attempts.silent += 1
        let isFinal = attempts.silent >= limits.agentAttempts
        return drop(socket) + agentFailed("the model did not answer the caller", isFinal: isFinal, at: now)
    }

    /// The agent does its part.
    mutating func agentAnswered() {
        attempts.silent = 0
    }

    mutating func agentSetupTimedOut(at now: MonotonicInstant) -> [SessionAction] {
        switch agent {
        case .connecting(let socket), .settingUp(let socket):
            return drop(socket)
                + agentFailed("the model's session was not set up in time", isFinal: false, at: now)
        case .none, .ready, .waiting, .closed:
            return []
        }
    }

    mutating func agentRetryIsDue(at now: MonotonicInstant) -> [SessionAction] {
        guard case .live = life, agent == .waiting else { return [] }
        return openAgentSocket(at: now)
    }

    private mutating func agentFailed(
        _ message: String,
        isFinal: Bool,
        at now: MonotonicInstant
    ) -> [SessionAction] {
        if case .ready = agent { noteLoss(at: now) }
        agent = .waiting
        forgetRenewal()
        deadlines[.agentSetup] = nil
        attempts.failed += 1
        let lost: [SessionAction] = [.publish(.agentLost(message: message))]
        // What is still to be heard while draining needs no agent, and the end is in sight.
        if case .draining = life { return lost }
        guard !isFinal, attempts.failed < limits.agentAttempts else {
            return lost + giveUpAgent(message, at: now)
        }
        deadlines[.agentRetry] = now + limits.agentRetryDelay * (1 << min(attempts.failed - 1, 10))
        return lost
    }

    /// A model that takes every session and drops it at once must not be asked for ever.
    private mutating func noteLoss(at now: MonotonicInstant) {
        let lasted = attempts.readyOn.map { now - $0 } ?? .zero
        attempts.shortLived = lasted < limits.agentSetupTimeout ? attempts.shortLived + 1 : 0
        attempts.failed = max(0, attempts.shortLived - 1)
    }
}
