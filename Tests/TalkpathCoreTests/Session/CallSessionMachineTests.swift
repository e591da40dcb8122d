import TalkpathAudio
import Testing

@testable import TalkpathCore

struct CallSessionMachineTests {
    /// The report of the answer was lost.
    @Test(arguments: [CarrierProgress.Fate.canceled, .noAnswer, .busy])
    func `a call whose media has streamed was answered, however the carrier calls its end`(
        fate: CarrierProgress.Fate
    ) {
        let call = MachineDriver()
        call.begin()
        call.placed()
        call.progress(.ringing)
        call.agentReady()
        call.stream()
        #expect(call.status == .inProgress)
        call.progress(.over(fate))
        call.mediaClosed()
        call.agentClosed()
        call.saved()
        #expect(call.receipt?.status == .completed)
        #expect(call.receipt?.reason == .callerHangup)
        #expect(call.receipt?.answeredAt != nil)
    }

    // MARK: Beginning

    @Test func `an outbound call is placed, rings, is answered, and greets once both ends are connected`() {
        let call = MachineDriver()
        #expect(call.begin() == [.publish(.started), .placeCall])
        #expect(call.status == .initiating)
        #expect(call.placed() == [])
        #expect(call.progress(.ringing) == [.publish(.ringing), .connectAgent(socket: 1)])
        #expect(call.status == .ringing)
        call.pass(.seconds(2))
        #expect(call.agentReady() == [.publish(.agentReady), .openUplink(isFirst: true)])
        #expect(call.progress(.answered) == [.publish(.answered)])
        #expect(call.status == .inProgress)
        #expect(call.stream() == [.publish(.mediaStarted), .greet])
        #expect(call.answeredAt == WallTime(milliseconds: 3000))
        #expect(call.pass(.seconds(30)) == [])
    }

    @Test func `an agent that connects on answer is not opened while the call rings`() {
        let call = MachineDriver(policy: .onAnswer)
        call.begin()
        call.placed()
        #expect(call.progress(.ringing) == [.publish(.ringing)])
        #expect(call.progress(.answered) == [.publish(.answered), .connectAgent(socket: 1)])
    }

    @Test func `an inbound call connects its agent at once and is answered by its media`() {
        let call = MachineDriver(.ringing(MachineDriver.call))
        #expect(call.begin() == [.publish(.started), .connectAgent(socket: 1)])
        let limit = SessionAction.limitDuration(carrierCallID: MachineDriver.call)
        #expect(call.stream() == [.publish(.answered), limit, .publish(.mediaStarted)])
        #expect(call.agentReady() == [.publish(.agentReady), .openUplink(isFirst: true), .greet])
    }

    @Test func `a ring leg is answered from the start and has no socket to close`() {
        let call = MachineDriver(.absent)
        #expect(call.begin() == [.publish(.started), .connectAgent(socket: 1)])
        call.on { $0.streamStarted(carrierCallID: "", hasSocket: false, at: $1) }
        call.agentReady()
        call.pass(.seconds(30))
        call.end()
        call.agentClosed()
        call.saved()
        #expect(call.outcome(.hangUp) == .skipped)
        #expect(call.outcome(.closeMedia) == .skipped)
        #expect(call.receipt?.status == .completed)
        #expect(call.orders.last == .retire)
    }

    // MARK: Webhooks

    @Test func `webhooks that come before the answer of the request, twice or out of order only advance the call`() {
        let call = MachineDriver()
        call.begin()
        #expect(call.progress(.answered) == [.publish(.answered), .connectAgent(socket: 1)])
        #expect(call.placed() == [])
        #expect(call.progress(.ringing) == [])
        #expect(call.progress(.initiated) == [])
        #expect(call.progress(.answered) == [])
        #expect(call.carrier == .answered(MachineDriver.call))
    }

    @Test func `media before the answered webhook count as the answer`() {
        let call = MachineDriver()
        call.begin()
        #expect(call.stream() == [.publish(.answered), .connectAgent(socket: 1), .publish(.mediaStarted)])
        #expect(call.placed() == [])
        #expect(call.progress(.answered) == [])
    }

    @Test func `another call's webhook does not end this one`() {
        let call = MachineDriver()
        call.talk()
        #expect(call.progress(.over(.completed), id: "CA02") == [])
        #expect(call.isLive)
    }

    @Test(
        arguments: [
            (.busy, .busy, .busy), (.noAnswer, .noAnswer, .noAnswer), (.failed, .failed, .failed),
            (.canceled, .canceled, .canceled), (.completed, .callerHangup, .canceled),
        ] as [(CarrierProgress.Fate, EndReason, CallStatus)]
    )
    func `a call that is over before its answer ends as the carrier reports`(
        fate: CarrierProgress.Fate,
        reason: EndReason,
        status: CallStatus
    ) {
        let call = MachineDriver()
        call.begin()
        call.placed()
        call.progress(.over(fate))
        call.saved()
        #expect(call.receipt?.reason == reason)
        #expect(call.receipt?.status == status)
        #expect(call.outcome(.hangUp) == .alreadyGone)
        #expect(call.receipt?.carrierConfirmed == true)
        #expect(!call.orders.contains(MachineDriver.hangUp))
        #expect(call.orders.last == .retire)
    }

    // MARK: Time-outs

    @Test func `a call that is not answered is given up and hung up`() {
        let call = MachineDriver()
        call.begin()
        call.placed()
        call.progress(.ringing)
        call.agentReady()
        #expect(call.pass(.seconds(74)) == [])
        #expect(call.pass(.seconds(2)).contains(MachineDriver.hangUp))
        call.hangUp(.done)
        call.agentClosed()
        call.saved()
        #expect(call.receipt?.reason == .noAnswer)
        #expect(call.receipt?.talking == .zero)
    }

    @Test func `an answered call without media ends`() {
        let call = MachineDriver()
        call.begin()
        call.placed()
        call.progress(.answered)
        call.agentReady()
        #expect(call.pass(.seconds(19)) == [])
        #expect(call.pass(.seconds(2)).contains(.stopBridge))
        #expect(call.status == .ending)
    }

    @Test func `a call ends at its maximum duration, even during a drain`() {
        var limits = CallLimits()
        limits.maxDuration = .seconds(60)
        let call = MachineDriver(limits: limits)
        call.talk()
        #expect(call.pass(.seconds(58)) == [])
        call.end(.agentHangup, .drain(timeout: .seconds(30)))
        #expect(call.pass(.seconds(3)).contains(.stopBridge))
    }

    @Test(arguments: [(later: 2, ends: 3), (later: 20, ends: 5)])
    func `of two drains the earlier deadline counts`(later: Int, ends: Int) {
        let call = MachineDriver()
        call.talk()
        call.end(.agentHangup, .drain(timeout: .seconds(5)))
        #expect(call.pass(.seconds(1)) == [])
        call.end(.endedByAPI, .drain(timeout: .seconds(later)))
        #expect(call.pass(.milliseconds(ends * 1000 - 1100)) == [])
        #expect(call.pass(.milliseconds(200)).contains(.stopBridge))
    }

    // MARK: Media

    @Test func `a stop without a close and a close without a stop end the call, and repetitions have no effect`() {
        let stopped = MachineDriver()
        stopped.talk()
        #expect(stopped.on { $0.streamStopped(at: $1) }.contains(.stopBridge))
        #expect(stopped.on { $0.streamStopped(at: $1) } == [])
        stopped.hangUp(.done)
        stopped.agentClosed()
        #expect(stopped.orders.contains(.closeMedia))
        stopped.mediaClosed()
        #expect(stopped.mediaClosed() == [])
        stopped.saved()
        #expect(stopped.receipt?.reason == .callerHangup)

        let closed = MachineDriver()
        closed.talk()
        #expect(closed.mediaClosed().contains(.stopBridge))
        closed.hangUp(.done)
        closed.agentClosed()
        closed.saved()
        #expect(closed.receipt?.reason == .mediaLost)
        #expect(closed.outcome(.closeMedia) == .alreadyGone)
    }

    @Test func `a second media socket is refused`() {
        let call = MachineDriver()
        call.talk()
        #expect(call.stream() == [])
    }

    // MARK: Agent

    @Test func `an agent that cannot be reached is tried three times, with growing pauses`() {
        let call = MachineDriver(.ringing(MachineDriver.call))
        call.begin()
        call.stream()
        call.on { $0.agentConnectFailed(socket: 1, AgentConnectError("refused"), at: $1) }
        #expect(call.pass(.milliseconds(240)) == [])
        #expect(call.pass(.milliseconds(20)) == [.connectAgent(socket: 2)])
        call.on { $0.agentConnectFailed(socket: 2, AgentConnectError("refused"), at: $1) }
        #expect(call.pass(.milliseconds(480)) == [])
        #expect(call.pass(.milliseconds(40)) == [.connectAgent(socket: 3)])
        call.on { $0.agentConnectFailed(socket: 3, AgentConnectError("refused"), at: $1) }
        #expect(!call.isLive)
        call.hangUp(.done)
        call.on { $0.streamStopped(at: $1) }
        call.mediaClosed()
        call.saved()
        #expect(call.receipt?.reason == .agentLost)
        #expect(call.receipt?.note == "refused")
        #expect(call.outcome(.closeAgent) == .skipped)
    }

    @Test func `an agent that refuses is not opened again`() {
        let call = MachineDriver(.ringing(MachineDriver.call))
        call.begin()
        call.on { $0.agentConnectFailed(socket: 1, AgentConnectError("key refused", isFinal: true), at: $1) }
        #expect(!call.isLive)
    }

    @Test func `an agent whose set-up takes too long is dropped and opened again, and its late answer is ignored`() {
        let call = MachineDriver(.ringing(MachineDriver.call))
        call.begin()
        #expect(call.pass(.seconds(10)).contains(.dropAgent(socket: 1)))
        #expect(!call.awaits(1))
        call.pass(.seconds(1))
        #expect(call.awaits(2))
        call.on {
            $0.agentOpened(socket: 1, at: $1)
            return $0.agentConnectFailed(socket: 1, AgentConnectError("late"), at: $1)
        }
        #expect(call.awaits(2))
    }

    @Test func `a lost agent is opened again and continues the conversation`() {
        let call = MachineDriver()
        call.talk()
        call.pass(.seconds(60))
        let lost = call.on { $0.agentLost(socket: 1, message: "gone", at: $1) }
        #expect(lost == [.dropAgent(socket: 1), .publish(.agentLost(message: "gone"))])
        #expect(call.pass(.milliseconds(260)) == [.connectAgent(socket: 2)])
        #expect(call.agentReady(2) == [.publish(.agentReady), .openUplink(isFirst: false)])
        #expect(call.on { $0.agentLost(socket: 1, message: "again", at: $1) } == [])
    }

    @Test func `a silent agent is opened again, and given up after a number of sockets without an answer`() {
        let call = MachineDriver()
        call.talk()
        call.pass(.seconds(60))
        let message = "the model did not answer the caller"
        let silent = call.on { $0.agentFellSilent(at: $1) }
        #expect(silent == [.dropAgent(socket: 1), .publish(.agentLost(message: message))])
        #expect(call.on { $0.agentFellSilent(at: $1) } == [])
        for socket in [2, 3] as [AgentSocketID] {
            #expect(call.pass(.seconds(1)) == [.connectAgent(socket: socket)])
            call.agentReady(socket)
            call.pass(.seconds(60))
            call.on { $0.agentFellSilent(at: $1) }
        }
        #expect(!call.isLive)
        call.hangUp(.done)
        for socket in [1, 2, 3] as [AgentSocketID] { call.agentClosed(socket) }
        call.on { $0.streamStopped(at: $1) }
        call.mediaClosed()
        call.saved()
        #expect(call.receipt?.reason == .agentLost)
        #expect(call.receipt?.note == message)
    }

    @Test func `an answer resets the count of silent sockets`() {
        let call = MachineDriver()
        call.talk()
        for socket in (1...20).map({ AgentSocketID($0) }) {
            call.pass(.seconds(60))
            call.on { $0.agentFellSilent(at: $1) }
            call.pass(.seconds(1))
            call.agentReady(socket.next)
            call.machine.agentAnswered()
        }
        #expect(call.isLive)
    }

    @Test func `a silent agent is not opened again during a drain or after the end`() {
        let call = MachineDriver()
        call.talk()
        call.end(.agentHangup, .drain(timeout: .seconds(5)))
        #expect(call.on { $0.agentFellSilent(at: $1) } == [])
        call.end()
        #expect(call.on { $0.agentFellSilent(at: $1) } == [])
    }

    @Test func `an agent that accepts every session and drops it at once is given up`() {
        let call = MachineDriver()
        call.talk()
        for socket in [1, 2, 3] as [AgentSocketID] {
            #expect(call.isLive)
            call.on { $0.agentLost(socket: socket, message: "gone", at: $1) }
            call.pass(.seconds(2))
            call.agentReady(socket.next)
        }
        #expect(!call.isLive)
    }

    @Test func `an error ends a session that was never ready for good, and a working one is rebuilt`() {
        let refused = MachineDriver(.ringing(MachineDriver.call))
        refused.begin()
        refused.on {
            $0.agentOpened(socket: 1, at: $1)
            return $0.agentReportedFault("invalid_api_key", at: $1)
        }
        #expect(!refused.isLive)

        let expired = MachineDriver()
        expired.talk()
        expired.pass(.seconds(3000))
        expired.on { $0.agentReportedFault("session_expired", at: $1) }
        #expect(expired.isLive)
        #expect(expired.pass(.seconds(1)) == [.connectAgent(socket: 2)])
    }

    @Test func `a tick without a due timer does nothing`() {
        let call = MachineDriver()
        call.talk()
        #expect(call.nextDeadline == call.now + .seconds(3600))
    }
}
