import TalkpathAudio

extension SessionState {
    /// The state of the model's part of a call.
    package enum Agent: String, CaseIterable, Sendable {
        /// No socket has been asked for. Next: `connecting`, or `closed`.
        case none
        /// A socket is being opened. Next: `settingUp`; `waiting` if that fails or takes too long; `closed`.
        case connecting
        /// The socket is open, and the session on it is being configured. Next: `ready`, `waiting`, `closed`.
        case settingUp
        /// The model hears the caller. Next: `connecting` for a renewal; `waiting` after a loss; `closed`.
        case ready
        /// The session is lost. A timer opens another, unless the call drains (the remaining audio needs no model), the
        /// model is lost for good, or the caller talks with another party. Next: `connecting`, `closed`.
        case waiting
        /// The call ends: nothing is opened any more. The last state.
        case closed
    }
}

/// The model's part of a call: opened by policy, opened again when lost, opened anew before it is too old, given up
/// when that fails too often.
///
/// The machine of the call has the rules that concern other parts: it requests no renewal during a drain, and decides
/// the course of a call whose model is lost for good.
struct AgentMachine {
    typealias State = SessionState.Agent

    /// The steps that the machine of the call must take, in this order.
    enum Action: Equatable {
        /// Open that socket.
        case connect(socket: AgentSocketID)
        /// Close that socket. The live call does not wait for it.
        case drop(socket: AgentSocketID)
        /// The model hears the caller now. `isFirst`: the first session of the call.
        case ready(isFirst: Bool)
        /// The session is lost.
        case lost(message: String)
        /// No further session is opened.
        case giveUp(message: String)
    }

    private(set) var state = State.none
    /// The newest socket ordered.
    private var newest = AgentSocketID.none
    /// Sockets that were dropped and are not yet known to be closed.
    private var closing: Set<AgentSocketID> = []

    /// Failures in a row, without a session in between.
    private var failures = 0
    /// Losses in a row of a session that had just been set up.
    private var shortLived = 0
    /// Sockets in a row that were given up for their silence.
    private var silent = 0
    private var readyOn: MonotonicInstant?
    private var hasGreeted = false
    /// The caller has heard an agent.
    private(set) var wasHeard = false
    private let limits: CallLimits

    /// Another agent waits to take over. One that has never been ready is then not asked twice.
    private var hasSuccessor: Bool
    /// The agent in use has been ready in this call.
    private var hasBeenReady = false
    private var planned: AgentRenewal?
    /// The length of the present session, if the provider has told it.
    private var lifetime: Duration?
    /// The session is to be opened anew at the next quiet moment.
    private(set) var wantsRenewal = false

    private(set) var deadlines = SessionDeadlines()

    init(limits: CallLimits, renewal: AgentRenewal?, hasSuccessor: Bool = false) {
        self.limits = limits
        self.hasSuccessor = hasSuccessor
        planned = renewal
    }

    // MARK: Questions

    /// The socket that is open, or being opened.
    var socket: AgentSocketID? {
        switch state {
        case .connecting, .settingUp, .ready: newest
        case .none, .waiting, .closed: nil
        }
    }

    func isOpening(_ socket: AgentSocketID) -> Bool { state == .connecting && socket == newest }

    func isConfiguring(_ socket: AgentSocketID) -> Bool { state == .settingUp && socket == newest }

    /// True if this socket is open, and the agent's.
    func holds(_ socket: AgentSocketID) -> Bool { (state == .settingUp || state == .ready) && socket == newest }

    /// True if all sockets that were dropped are closed.
    var isClosed: Bool { closing.isEmpty }

    // MARK: Opening

    /// The policy wants the model now. Does nothing if it was asked for before.
    mutating func connect(at now: MonotonicInstant) -> [Action] {
        state == .none ? open(at: now) : []
    }

    private mutating func open(at now: MonotonicInstant) -> [Action] {
        newest = newest.next
        lifetime = nil
        state = .connecting
        deadlines[.agentRetry] = nil
        deadlines[.agentSetup] = now + limits.agentSetupTimeout
        return [.connect(socket: newest)]
    }

    mutating func opened(_ socket: AgentSocketID) {
        if isOpening(socket) { state = .settingUp }
    }

    mutating func configured(at now: MonotonicInstant) -> [Action] {
        guard state == .settingUp else { return [] }
        state = .ready
        deadlines[.agentSetup] = nil
        failures = 0
        hasBeenReady = true
        let isFirst = readyOn == nil
        readyOn = now
        planRenewal(at: now)
        return [.ready(isFirst: isFirst)]
    }

    /// Both ends are there.
    ///
    /// - Returns: true if the agent is to greet the caller, which it does once in a call.
    mutating func greets() -> Bool {
        guard state == .ready, !hasGreeted else { return false }
        hasGreeted = true
        return true
    }

    /// Audio of the agent's has come.
    mutating func heard() {
        wasHeard = true
    }

    // MARK: Losing

    /// The socket, or the attempt to open it, has failed.
    ///
    /// - Parameters:
    ///   - isFinal: another attempt would fail as well.
    ///   - isAmended: the next attempt asks for less than this one, which was refused for it.
    ///   - isDraining: the end is in sight, and needs no model.
    mutating func failed(
        _ message: String,
        isFinal: Bool,
        isAmended: Bool = false,
        isDraining: Bool,
        at now: MonotonicInstant
    ) -> [Action] {
        if state == .ready { countLoss(at: now) }
        state = .waiting
        forgetRenewal()
        deadlines[.agentSetup] = nil
        failures += 1
        guard !isDraining else { return [.lost(message: message)] }
        let isRefused = isFinal || (hasSuccessor && !hasBeenReady && !isAmended)
        guard !isRefused, failures < limits.agentAttempts else {
            return [.lost(message: message), .giveUp(message: message)]
        }
        deadlines[.agentRetry] = now + limits.agentRetryDelay * (1 << min(failures - 1, 10))
        return [.lost(message: message)]
    }

    /// A model that takes every session and drops it at once must not be asked for ever.
    private mutating func countLoss(at now: MonotonicInstant) {
        let lasted = readyOn.map { now - $0 } ?? .zero
        shortLived = lasted < limits.agentSetupTimeout ? shortLived + 1 : 0
        failures = max(0, shortLived - 1)
    }

    /// The socket has closed by itself.
    mutating func lost(
        _ socket: AgentSocketID,
        message: String,
        isAmended: Bool = false,
        isDraining: Bool,
        at now: MonotonicInstant
    ) -> [Action] {
        drop(socket) + failed(message, isFinal: false, isAmended: isAmended, isDraining: isDraining, at: now)
    }

    /// The model has said that it cannot go on. If it says so before it was ready, another socket would hear the same.
    mutating func reportedFault(_ message: String, isDraining: Bool, at now: MonotonicInstant) -> [Action] {
        guard let socket else { return [] }
        let isFinal = state == .settingUp
        return drop(socket) + failed(message, isFinal: isFinal, isDraining: isDraining, at: now)
    }

    /// The caller gets no answer: as good as lost.
    mutating func fellSilent(at now: MonotonicInstant) -> [Action] {
        guard state == .ready else { return [] }
        silent += 1
        let isFinal = silent >= limits.agentAttempts
        return drop(newest)
            + failed("the model did not answer the caller", isFinal: isFinal, isDraining: false, at: now)
    }

    /// The agent does its part.
    mutating func answered() {
        silent = 0
    }

    mutating func setupTimedOut(isDraining: Bool, at now: MonotonicInstant) -> [Action] {
        guard state == .connecting || state == .settingUp else { return [] }
        let message = "the model's session was not set up in time"
        return drop(newest) + failed(message, isFinal: false, isDraining: isDraining, at: now)
    }

    /// The caller talks with another party: no model is needed for now.
    mutating func letGo() -> [Action] {
        switch state {
        case .connecting, .settingUp, .ready:
            state = .waiting
            deadlines[.agentSetup] = nil
            forgetRenewal()
            return drop(newest)
        case .waiting:
            deadlines[.agentRetry] = nil
            return []
        case .none, .closed:
            return []
        }
    }

    /// The caller is back: a model that was let go is opened again.
    mutating func takeUp(at now: MonotonicInstant) -> [Action] {
        state == .waiting && deadlines[.agentRetry] == nil ? open(at: now) : []
    }

    mutating func retryIsDue(at now: MonotonicInstant) -> [Action] {
        state == .waiting ? open(at: now) : []
    }

    // MARK: Another agent

    /// The agent in use is given up, and another one is opened in its place: its failures count from nothing, and it
    /// greets a caller who has heard no agent yet.
    ///
    /// - Parameter hasSuccessor: yet another one waits behind it.
    mutating func takeOver(renewal: AgentRenewal?, hasSuccessor: Bool, at now: MonotonicInstant) -> [Action] {
        guard state == .waiting else { return [] }
        planned = renewal
        self.hasSuccessor = hasSuccessor
        hasBeenReady = false
        failures = 0
        shortLived = 0
        silent = 0
        if !wasHeard { hasGreeted = false }
        return open(at: now)
    }

    // MARK: Renewing

    /// The provider has told how long the session lasts that is being set up.
    mutating func expires(in lifetime: Duration) {
        self.lifetime = lifetime
    }

    private static let renewalMargin = Duration.seconds(30)
    /// A shorter session would be renewed without end.
    private static let shortestLifetime = Duration.seconds(120)

    /// The instant at which the present session is to be opened anew.
    private var renewal: AgentRenewal? {
        guard let lifetime, lifetime >= Self.shortestLifetime else { return planned }
        let latest = min(planned?.atLatest ?? lifetime, lifetime - Self.renewalMargin)
        let quiet = min(planned?.quietAfter ?? latest, latest * 9 / 10)
        return AgentRenewal(quietAfter: quiet, atLatest: latest)
    }

    /// A session has begun, or a call that was to end goes on: when the session will be too old is known.
    mutating func planRenewal(at now: MonotonicInstant) {
        wantsRenewal = false
        deadlines[.renewal] = renewal.map { now + $0.quietAfter }
    }

    private mutating func forgetRenewal() {
        wantsRenewal = false
        deadlines[.renewal] = nil
    }

    /// The provider will close the socket.
    mutating func isGoingAway(timeLeft: Duration?, at now: MonotonicInstant) {
        guard state == .ready else { return }
        // Some time is left for the new session's setup.
        let time = timeLeft ?? .seconds(10)
        let latest = now + max(.zero, time - min(.seconds(5), time / 2))
        let planned = wantsRenewal ? deadlines[.renewal] : nil
        wantsRenewal = true
        deadlines[.renewal] = min(planned ?? latest, latest)
    }

    mutating func renewalIsDue(isDraining: Bool, at now: MonotonicInstant) -> [Action] {
        guard !wantsRenewal, let renewal else { return renew(isDraining: isDraining, at: now) }
        wantsRenewal = true
        deadlines[.renewal] = now + (renewal.atLatest - renewal.quietAfter)
        return []
    }

    /// The caller's words meanwhile are kept, and the agent's words play on.
    mutating func renew(isDraining: Bool, at now: MonotonicInstant) -> [Action] {
        forgetRenewal()
        guard state == .ready, !isDraining else { return [] }
        return drop(newest) + open(at: now)
    }

    // MARK: Closing

    private mutating func drop(_ socket: AgentSocketID) -> [Action] {
        closing.insert(socket)
        return [.drop(socket: socket)]
    }

    /// The call ends.
    ///
    /// - Returns: the socket to close; that which is being opened, too.
    mutating func close() -> AgentSocketID? {
        defer { state = .closed }
        deadlines.removeAll()
        guard let socket else { return nil }
        closing.insert(socket)
        return socket
    }

    /// A socket is closed, or the attempt to open it has come to its end.
    ///
    /// - Returns: true if it was the last one to be waited for.
    mutating func closed(_ socket: AgentSocketID) -> Bool {
        closing.remove(socket) != nil && closing.isEmpty
    }

    mutating func disarm(_ reason: SessionDeadline) {
        deadlines[reason] = nil
    }
}
