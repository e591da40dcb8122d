import TalkpathAudio

@testable import TalkpathCore

/// Drives a machine by hand, with a clock that only `pass` moves.
final class MachineDriver {
    var machine: CallSessionMachine
    private(set) var now = MonotonicInstant(nanoseconds: 5_000_000_000)
    /// Every action so far.
    private(set) var orders: [SessionAction] = []

    static let call = "CA01"

    init(
        _ carrier: CallSessionMachine.Carrier = .unplaced,
        policy: AgentProfile.ConnectPolicy = .onRinging,
        limits: CallLimits = CallLimits(),
        renewal: AgentRenewal? = nil,
        fallback: AgentFallback? = nil,
        failover: [AgentProfile] = []
    ) {
        // Its sessions have no age limit of their own.
        var agent = AgentProfile.socket(url: "wss://agent.test")
        agent.renewal = renewal
        agent.failover = failover
        machine = CallSessionMachine(
            callID: CallID("call"),
            direction: carrier == .unplaced ? .outbound : .inbound,
            carrier: carrier,
            limits: limits,
            connectPolicy: policy,
            startedAt: WallTime(milliseconds: 1000),
            startedOn: now,
            agents: agent.succession,
            fallback: fallback
        )
    }

    /// Gives one input; returns the actions.
    @discardableResult
    func on(
        _ event: (inout CallSessionMachine, MonotonicInstant) -> [SessionAction]
    ) -> [SessionAction] {
        let actions = event(&machine, now)
        orders += actions
        return actions
    }

    /// Advances the time, with a tick every 20 ms.
    @discardableResult
    func pass(_ duration: Duration, isPlayedOut: Bool = false) -> [SessionAction] {
        var given: [SessionAction] = []
        let end = now + duration
        while now < end {
            now = min(now + .milliseconds(20), end)
            given += machine.tick(at: now) { isPlayedOut }
        }
        orders += given
        return given
    }

    // MARK: Shorthands

    @discardableResult
    func begin() -> [SessionAction] { on { $0.begin(at: $1) } }

    @discardableResult
    func end(_ reason: EndReason = .endedByAPI, _ mode: EndMode = .now) -> [SessionAction] {
        on { $0.end(EndRequest(reason, mode: mode), at: $1) }
    }

    @discardableResult
    func progress(_ progress: CarrierProgress, id: String = call) -> [SessionAction] {
        on { $0.progressed(progress, id: id, at: $1) }
    }

    @discardableResult
    func placed() -> [SessionAction] { on { $0.placed(Self.call, at: $1) } }

    @discardableResult
    func stream() -> [SessionAction] { on { $0.streamStarted(carrierCallID: Self.call, at: $1) } }

    @discardableResult
    func agentReady(_ socket: AgentSocketID = 1) -> [SessionAction] {
        on {
            $0.agentOpened(socket: socket, at: $1)
            return $0.agentIsReady(at: $1)
        }
    }

    @discardableResult
    func hangUp(_ answer: HangUpAnswer) -> [SessionAction] { on { $0.hangUpAnswered(.success(answer), at: $1) } }

    @discardableResult
    func hangUpFails(_ code: CarrierError.Code, retryAfter: Duration? = nil) -> [SessionAction] {
        on { $0.hangUpAnswered(.failure(CarrierError(code, "no", retryAfter: retryAfter)), at: $1) }
    }

    @discardableResult
    func agentClosed(_ socket: AgentSocketID = 1) -> [SessionAction] { on { $0.agentIsClosed(socket: socket, at: $1) } }

    @discardableResult
    func mediaClosed() -> [SessionAction] { on { $0.mediaIsClosed(at: $1) } }

    @discardableResult
    func saved() -> [SessionAction] { on { $0.recordSaved(error: nil, at: $1) } }

    /// A live call with both ends connected.
    func talk() {
        begin()
        placed()
        progress(.ringing)
        agentReady()
        progress(.answered)
        stream()
    }

    // MARK: Results

    var isLive: Bool { machine.isLive }
    var status: CallStatus { machine.status }
    var carrier: CallSessionMachine.Carrier { machine.carrier }
    var answeredAt: WallTime? { machine.answeredAt }
    var nextDeadline: MonotonicInstant? { machine.nextDeadline }

    func awaits(_ socket: AgentSocketID) -> Bool { machine.awaitsAgent(socket: socket) }

    var receipts: [EndReceipt] {
        orders.compactMap { if case .finish(let receipt) = $0 { receipt } else { nil } }
    }

    var receipt: EndReceipt? { receipts.first }

    func outcome(_ step: EndReceipt.Step.Name) -> EndReceipt.Step.Outcome? { receipt?.step(step)?.outcome }

    var kinds: [CallEvent.Kind] {
        orders.compactMap { if case .publish(let kind) = $0 { kind } else { nil } }
    }

    static let hangUp = SessionAction.hangUp(carrierCallID: call)
}

extension [SessionAction] {
    /// True if one of the actions opens something.
    var opensSomething: Bool {
        contains { action in
            switch action {
            case .placeCall, .connectAgent, .openUplink, .greet, .redirect, .playFallback, .reopenMedia,
                .callerReturned, .changeAgent:
                true
            case .dropAgent, .limitDuration, .stopBridge, .hangUp, .closeAgent, .closeMedia, .saveRecord, .finish,
                .updateRecord, .retire, .suspendMedia, .dropMedia, .transferSettled, .transferFailed, .publish:
                false
            }
        }
    }

    var receipts: [EndReceipt] { compactMap { if case .finish(let receipt) = $0 { receipt } else { nil } } }
}
