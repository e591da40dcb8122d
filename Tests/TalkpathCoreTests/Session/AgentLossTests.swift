import TalkpathAudio
import Testing

@testable import TalkpathCore

/// The loss of the model's session, and its renewal in time.
struct AgentLossTests {
    private static let say = CarrierInstructions.say("Sorry.", language: nil)

    private func talking(_ fallback: AgentFallback? = nil, renewal: AgentRenewal? = nil) -> MachineDriver {
        var limits = CallLimits()
        limits.agentAttempts = 1
        let call = MachineDriver(limits: limits, renewal: renewal, fallback: fallback)
        call.talk()
        call.pass(.seconds(20))
        return call
    }

    /// The socket breaks, and cannot be opened again.
    @discardableResult
    private func lose(_ call: MachineDriver) -> [SessionAction] {
        var given = call.on { $0.agentLost(socket: 1, message: "gone", at: $1) }
        given += call.agentClosed()
        given += call.pass(.seconds(1))
        given += call.on { $0.agentConnectFailed(socket: 2, AgentConnectError("gone"), at: $1) }
        return given
    }

    private func clip() throws -> AudioClip {
        try AudioClip(format: .telephony, bytes: [UInt8](repeating: 0x20, count: 16_000))
    }

    @Test func `without a fallback the call ends`() {
        let call = talking()
        #expect(lose(call).contains(MachineDriver.hangUp))
    }

    @Test func `a clip is played before the end`() throws {
        let call = talking(AgentFallback(clip: try clip(), words: "not needed"))
        let given = lose(call)
        #expect(given.contains(.playFallback))
        #expect(!given.contains(MachineDriver.hangUp))
        #expect(call.pass(.seconds(2)) == [])
        #expect(call.pass(.milliseconds(20), isPlayedOut: true).contains(MachineDriver.hangUp))
        call.hangUp(.done)
        call.on { $0.streamStopped(at: $1) }
        call.mediaClosed()
        call.saved()
        #expect(call.receipt?.reason == .agentLost)
        #expect(call.receipt?.note == "gone")
    }

    @Test func `no clip is played before the caller is on the line`() throws {
        var limits = CallLimits()
        limits.agentAttempts = 1
        let fallback = AgentFallback(clip: try clip(), words: "Sorry.", transferTo: "+15550100")
        let call = MachineDriver(limits: limits, fallback: fallback)
        call.begin()
        call.placed()
        call.progress(.ringing)
        let given = call.on { $0.agentConnectFailed(socket: 1, AgentConnectError("gone", isFinal: true), at: $1) }
        #expect(given.contains(MachineDriver.hangUp))
        #expect(!given.opensSomething)
    }

    @Test func `without a clip the carrier speaks, and the call ends after its words`() {
        let call = talking(AgentFallback(words: "Sorry."))
        lose(call)
        let order = SessionAction.redirect(carrierCallID: MachineDriver.call, Self.say)
        #expect(call.pass(.milliseconds(20), isPlayedOut: true).contains(order))
        #expect(call.on { $0.redirectAnswered(.success(()), at: $1) } == [.suspendMedia])
        // The stream stops while the carrier speaks. The caller has not hung up.
        #expect(call.on { $0.streamStopped(at: $1) } == [])
        #expect(call.mediaClosed() == [])
        #expect(call.isLive)
        call.pass(.seconds(4))
        call.progress(.over(.completed))
        call.saved()
        #expect(call.receipt?.reason == .agentLost)
        #expect(call.outcome(.hangUp) == .alreadyGone)
    }

    @Test func `a carrier that does not report the end of its words is hung up`() {
        let call = talking(AgentFallback(words: "Sorry."))
        lose(call)
        call.pass(.milliseconds(20), isPlayedOut: true)
        call.on { $0.redirectAnswered(.success(()), at: $1) }
        call.on { $0.streamStopped(at: $1) }
        #expect(!call.pass(.seconds(59)).contains(MachineDriver.hangUp))
        #expect(call.pass(.seconds(1)).contains(MachineDriver.hangUp))
    }

    @Test func `a carrier that refuses to speak ends the call`() {
        let call = talking(AgentFallback(words: "Sorry."))
        lose(call)
        call.pass(.milliseconds(20), isPlayedOut: true)
        let given = call.on { $0.redirectAnswered(.failure(CarrierError(.refused, "no")), at: $1) }
        #expect(given.contains(MachineDriver.hangUp))
    }

    @Test func `the call goes to the fallback number, after the clip or with the carrier's words`() throws {
        let call = talking(AgentFallback(clip: try clip(), transferTo: "+15550100"))
        #expect(lose(call).contains(.playFallback))
        let dial = CarrierInstructions.dial(number: "+15550100", callerID: nil, ringTimeout: .seconds(30))
        let given = call.pass(.milliseconds(20), isPlayedOut: true)
        #expect(given.contains(.redirect(carrierCallID: MachineDriver.call, dial)))
        call.on { $0.redirectAnswered(.success(()), at: $1) }
        call.on { $0.streamStopped(at: $1) }
        call.mediaClosed()
        call.on { $0.transferTold(.answered, at: $1) }
        call.progress(.over(.completed))
        call.saved()
        #expect(call.receipt?.reason == .transferred)
        #expect(call.receipt?.note == "gone")
        let other = talking(AgentFallback(words: "One moment.", transferTo: "+15550100"))
        lose(other)
        let spoken = CarrierInstructions.dial(
            number: "+15550100",
            callerID: nil,
            ringTimeout: .seconds(30),
            saying: "One moment."
        )
        #expect(
            other.pass(.milliseconds(20), isPlayedOut: true)
                .contains(.redirect(carrierCallID: MachineDriver.call, spoken))
        )
        // The fallback does not answer, so the agent counts as lost.
        #expect(
            other.on { $0.redirectAnswered(.failure(CarrierError(.refused, "no")), at: $1) }
                .contains(MachineDriver.hangUp)
        )
    }

    @Test func `a call whose caller is being transferred outlives its agent`() {
        let call = talking(AgentFallback(words: "Sorry."))
        let dial = CarrierInstructions.dial(number: "+15550100", callerID: nil, ringTimeout: .seconds(30))
        call.on { $0.beginTransfer(.init(instructions: dial), mode: .now, at: $1) }
        #expect(!lose(call).contains(MachineDriver.hangUp))
        call.on { $0.redirectAnswered(.success(()), at: $1) }
        #expect(!call.orders.contains(MachineDriver.hangUp))
        #expect(call.isLive)
    }

    // MARK: Renewal

    private static let renewal = AgentRenewal(quietAfter: .seconds(100), atLatest: .seconds(120))

    private func quiet(_ call: MachineDriver) -> [SessionAction] { call.on { $0.quietCame(at: $1) } }

    @Test func `an old session is renewed at the first quiet moment`() {
        let call = talking(renewal: Self.renewal)
        #expect(quiet(call) == [])
        call.pass(.seconds(79))
        #expect(quiet(call) == [])
        call.pass(.seconds(2))
        #expect(quiet(call) == [.dropAgent(socket: 1), .connectAgent(socket: 2)])
        #expect(quiet(call) == [])
        call.agentClosed()
        call.agentReady(2)
        #expect(call.orders.contains(.openUplink(isFirst: false)))
        #expect(call.isLive)
        // The session is new again.
        call.pass(.seconds(99))
        #expect(quiet(call) == [])
        call.pass(.seconds(2))
        #expect(quiet(call).contains(.connectAgent(socket: 3)))
    }

    @Test func `without a quiet moment it is renewed at the limit`() {
        let call = talking(renewal: Self.renewal)
        #expect(call.pass(.seconds(99)) == [])
        #expect(call.pass(.seconds(2)) == [.dropAgent(socket: 1), .connectAgent(socket: 2)])
    }

    @Test func `a provider that announces its end is left before it ends`() {
        let call = talking()
        call.on {
            $0.agentIsGoingAway(timeLeft: .seconds(50), at: $1)
            return []
        }
        #expect(call.pass(.seconds(44)) == [])
        #expect(call.pass(.seconds(1)).contains(.connectAgent(socket: 2)))
        let other = talking()
        other.on {
            $0.agentIsGoingAway(timeLeft: .milliseconds(200), at: $1)
            return []
        }
        #expect(other.pass(.milliseconds(100)).contains(.connectAgent(socket: 2)))
    }

    @Test func `during a transfer the old session is kept, and renewed if the transfer fails`() {
        let call = talking(renewal: Self.renewal)
        call.pass(.seconds(81))
        let dial = CarrierInstructions.dial(number: "+15550100", callerID: nil, ringTimeout: .seconds(30))
        call.on { $0.beginTransfer(.init(instructions: dial), mode: .now, at: $1) }
        #expect(quiet(call) == [])
        call.on { $0.redirectAnswered(.failure(CarrierError(.refused, "no")), at: $1) }
        #expect(quiet(call) == [.dropAgent(socket: 1), .connectAgent(socket: 2)])
    }

    @Test func `a draining call waits for no quiet moment`() {
        let call = talking(renewal: Self.renewal)
        call.pass(.seconds(81))
        let wasWaiting = call.machine.renewsWhenQuiet
        call.end(.endedByAPI, .drain(timeout: .seconds(10)))
        let isWaiting = call.machine.renewsWhenQuiet
        #expect(wasWaiting && !isWaiting)
        #expect(quiet(call) == [])
    }

    @Test func `an end cancels the fallback and the renewal`() {
        let call = talking(renewal: Self.renewal)
        call.end()
        #expect(!call.pass(.seconds(600)).opensSomething)
        #expect(quiet(call) == [])
    }
}
