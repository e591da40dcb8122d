import TalkpathAudio

/// Takes the inputs of the model's part, and draws the consequences for the call.
extension CallSessionMachine {
    // MARK: Questions

    var isAgentReady: Bool { agentMachine.state == .ready }

    /// True if a socket of the model's is open, or being opened.
    var hasAgentSocket: Bool { agentMachine.socket != nil }

    /// True if this socket is being opened, and still wanted.
    func awaitsAgent(socket: AgentSocketID) -> Bool { agentMachine.isOpening(socket) }

    /// True if this socket is open, and its session not yet set up.
    func configuresAgent(socket: AgentSocketID) -> Bool { agentMachine.isConfiguring(socket) }

    /// True if this socket is the agent's, and wanted.
    func holdsAgent(socket: AgentSocketID) -> Bool { agentMachine.holds(socket) }

    /// The model's session is to be opened anew.
    var wantsRenewal: Bool { agentMachine.wantsRenewal }

    /// True if a quiet moment is waited for. A call that drains ends at its own.
    var renewsWhenQuiet: Bool {
        guard case .live = life else { return false }
        return agentMachine.wantsRenewal
    }

    /// The place of the agent in use in the call's list, from 0.
    var agentNumber: Int { roster.present }

    /// The caller has heard an agent of this call.
    var wasAgentHeard: Bool { agentMachine.wasHeard }

    /// The parts of the agents so far; empty for a call that was given one agent only.
    var agentParts: [AgentPart] { roster.isList ? roster.parts : [] }

    // MARK: Opening

    mutating func connectAgent(at now: MonotonicInstant) -> [SessionAction] {
        orders(agentMachine.connect(at: now), at: now)
    }

    mutating func agentOpened(socket: AgentSocketID, at now: MonotonicInstant) {
        happened(.agentOpened)
        agentMachine.opened(socket)
        account?.sessionBegan()
    }

    mutating func agentIsReady(at now: MonotonicInstant) -> [SessionAction] {
        happened(.agentReady)
        if case .settingUp = agentMachine.state { roster.ready(at: now) }
        return orders(agentMachine.configured(at: now), at: now)
    }

    /// Once both ends are there.
    mutating func greetIfDue() -> [SessionAction] {
        media == .started && agentMachine.greets() ? [.greet] : []
    }

    mutating func agentConnectFailed(
        socket: AgentSocketID,
        _ error: AgentConnectError,
        at now: MonotonicInstant
    ) -> [SessionAction] {
        happened(.agentConnectFailed)
        guard agentMachine.isOpening(socket) else { return agentIsClosed(socket: socket, at: now) }
        let actions = agentMachine.failed(error.message, isFinal: error.isFinal, isDraining: isDraining, at: now)
        return orders(actions, at: now)
    }

    mutating func agentRetryIsDue(at now: MonotonicInstant) -> [SessionAction] {
        guard case .live = life else { return [] }
        return orders(agentMachine.retryIsDue(at: now), at: now)
    }

    // MARK: Losing

    /// The model's socket has closed.
    ///
    /// - Parameter isAmended: it was closed for a part of the set-up, which the next attempt does without.
    mutating func agentLost(
        socket: AgentSocketID,
        message: String,
        isAmended: Bool = false,
        at now: MonotonicInstant
    ) -> [SessionAction] {
        happened(.agentLost)
        guard agentMachine.socket == socket else { return agentIsClosed(socket: socket, at: now) }
        let actions = agentMachine.lost(
            socket,
            message: message,
            isAmended: isAmended,
            isDraining: isDraining,
            at: now
        )
        return orders(actions, at: now)
    }

    /// The model has said that it cannot go on.
    mutating func agentReportedFault(_ message: String, at now: MonotonicInstant) -> [SessionAction] {
        happened(.agentFault)
        return orders(agentMachine.reportedFault(message, isDraining: isDraining, at: now), at: now)
    }

    /// The model's socket is open, but the caller gets no answer.
    mutating func agentFellSilent(at now: MonotonicInstant) -> [SessionAction] {
        happened(.agentSilent)
        guard case .live = life else { return [] }
        return orders(agentMachine.fellSilent(at: now), at: now)
    }

    /// The agent does its part.
    mutating func agentAnswered() {
        agentMachine.answered()
    }

    /// Audio of the agent's has come.
    mutating func agentWasHeard() {
        agentMachine.heard()
    }

    mutating func agentSetupTimedOut(at now: MonotonicInstant) -> [SessionAction] {
        orders(agentMachine.setupTimedOut(isDraining: isDraining, at: now), at: now)
    }

    // MARK: Billing

    /// The provider bills the present session for so long.
    ///
    /// - Parameter closing: the reason for which it has closed the session.
    mutating func agentBilled(seconds: Int, closing: String?) {
        var account = account ?? AgentSessionAccount()
        account.bill(seconds, closing: closing)
        self.account = account
    }

    // MARK: Renewing

    /// The session that is being set up ends after this time.
    mutating func agentExpires(in lifetime: Duration) {
        agentMachine.expires(in: lifetime)
    }

    /// The provider will close the socket.
    mutating func agentIsGoingAway(timeLeft: Duration?, at now: MonotonicInstant) {
        happened(.agentGoingAway)
        guard case .live = life else { return }
        agentMachine.isGoingAway(timeLeft: timeLeft, at: now)
    }

    mutating func agentRenewalIsDue(at now: MonotonicInstant) -> [SessionAction] {
        orders(agentMachine.renewalIsDue(isDraining: isDraining, at: now), at: now)
    }

    /// Neither side speaks, nor waits for the other.
    mutating func quietCame(at now: MonotonicInstant) -> [SessionAction] {
        happened(.quietCame)
        guard agentMachine.wantsRenewal, transfer.isIdle else { return [] }
        return orders(agentMachine.renew(isDraining: isDraining, at: now), at: now)
    }

    // MARK: Another agent

    /// The agent in use is lost for good: the next of the list takes over.
    ///
    /// - Returns: `nil` if there is none.
    private mutating func takeNextAgent(_ reason: String, at now: MonotonicInstant) -> [SessionAction]? {
        guard case .live = life, let failover = roster.takeNext(reason, at: now) else { return nil }
        let opening = agentMachine.takeOver(renewal: roster.renewal, hasSuccessor: roster.hasNext, at: now)
        return [.changeAgent(failover)] + orders(opening, at: now)
    }

    // MARK: Orders

    mutating func orders(_ actions: [AgentMachine.Action], at now: MonotonicInstant) -> [SessionAction] {
        var orders: [SessionAction] = []
        for action in actions {
            switch action {
            case .connect(let socket):
                orders.append(.connectAgent(socket: socket))
            case .drop(let socket):
                orders.append(.dropAgent(socket: socket))
            case .ready(let isFirst):
                orders += [.publish(.agentReady), .openUplink(isFirst: isFirst)] + greetIfDue()
            case .lost(let message):
                orders.append(.publish(.agentLost(message: message)))
            case .giveUp(let message):
                orders += takeNextAgent(message, at: now) ?? giveUpAgent(message, at: now)
            }
        }
        return orders
    }
}
