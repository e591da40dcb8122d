import TalkpathAudio
import Testing

@testable import TalkpathCore

struct HandoverTests {
    private static let dial = CarrierInstructions.dial(number: "+15550100", callerID: nil, ringTimeout: .seconds(30))
    private static let redirect = SessionAction.redirect(carrierCallID: MachineDriver.call, dial)
    private static let refused = CarrierError(.refused, "no")

    private func talking() -> MachineDriver {
        let call = MachineDriver()
        call.talk()
        call.pass(.seconds(5))
        return call
    }

    @discardableResult
    private func handOver(_ call: MachineDriver, _ mode: EndMode = .now) -> [SessionAction] {
        call.on { $0.handOver(Self.dial, mode: mode, at: $1) }
    }

    @discardableResult
    private func answered(_ call: MachineDriver, _ error: CarrierError? = nil) -> [SessionAction] {
        call.on { $0.redirectAnswered(error.map { .failure($0) } ?? .success(()), at: $1) }
    }

    @Test func `once the carrier has agreed the call is over here, not hung up, and its media is not closed first`() {
        let call = talking()
        #expect(handOver(call) == [.publish(.transferring), Self.redirect])
        call.pass(.milliseconds(100))
        #expect(answered(call) == [.stopBridge, .closeAgent(socket: 1)])
        call.agentClosed()
        // The carrier's stream ends by itself.
        #expect(call.pass(.seconds(3)) == [])
        #expect(call.on { $0.streamStopped(at: $1) } == [.closeMedia])
        call.mediaClosed()
        call.saved()
        #expect(call.receipt?.reason == .transferred)
        #expect(call.receipt?.status == .completed)
        #expect(call.outcome(.hangUp) == .skipped)
        #expect(call.receipt?.carrierConfirmed == true)
        #expect(call.receipt?.isSuccess == true)
        #expect(!call.orders.contains(MachineDriver.hangUp))
        #expect(call.orders.last == .retire)
        // The carrier's own word that the call is over comes when the others have finished talking.
        #expect(call.progress(.over(.completed)) == [])
    }

    @Test func `a stream that stops before the carrier's answer is no hang-up`() {
        let call = talking()
        handOver(call)
        #expect(call.on { $0.streamStopped(at: $1) } == [])
        #expect(call.mediaClosed() == [])
        #expect(call.isLive)
        answered(call)
        call.agentClosed()
        call.saved()
        #expect(call.receipt?.reason == .transferred)
    }

    @Test func `a carrier that never lets go of the stream does not hold up the end`() {
        let call = talking()
        handOver(call)
        answered(call)
        call.agentClosed()
        #expect(call.pass(.seconds(5)).contains(.closeMedia))
        #expect(call.receipts.count == 1)
        #expect(call.receipt?.reason == .transferred)
    }

    @Test func `a carrier that refuses leaves the call as it was`() {
        let call = talking()
        handOver(call)
        #expect(
            answered(call, Self.refused) == [
                .publish(.transferFailed(message: "no")), .handoverFailed(Self.refused),
            ]
        )
        #expect(call.status == .inProgress)
        #expect(call.pass(.seconds(60)) == [])
        // And it may be tried again.
        #expect(handOver(call).contains(Self.redirect))
    }

    @Test func `refused after the stream has stopped, the caller has hung up`() {
        let call = talking()
        handOver(call)
        call.on { $0.streamStopped(at: $1) }
        #expect(answered(call, Self.refused).contains(MachineDriver.hangUp))
        call.hangUp(.alreadyGone)
        call.agentClosed()
        call.mediaClosed()
        call.saved()
        #expect(call.receipt?.reason == .callerHangup)
    }

    @Test func `the agent's words are heard first, but are not waited for long`() {
        let call = talking()
        #expect(handOver(call, .drain(timeout: .seconds(4))) == [])
        #expect(call.pass(.seconds(2)) == [])
        #expect(call.pass(.milliseconds(20), isPlayedOut: true).contains(Self.redirect))
        let other = talking()
        handOver(other, .drain(timeout: .seconds(4)))
        #expect(other.pass(.milliseconds(3980)) == [])
        #expect(other.pass(.milliseconds(20)).contains(Self.redirect))
    }

    @Test func `an end that is asked for wins, before the carrier is asked and after`() {
        let call = talking()
        handOver(call, .drain(timeout: .seconds(4)))
        call.end()
        #expect(!call.pass(.seconds(5), isPlayedOut: true).contains(Self.redirect))
        let other = talking()
        handOver(other)
        #expect(other.end().contains(MachineDriver.hangUp))
        #expect(answered(other) == [])
        #expect(other.receipt?.reason ?? .endedByAPI == .endedByAPI)
        // A drain under way is an end that was asked for, too.
        let third = talking()
        handOver(third)
        third.end(.endedByAPI, .drain(timeout: .seconds(5)))
        #expect(answered(third).contains(MachineDriver.hangUp))
    }

    @Test func `an answer that does not come is given up, and still believed when it does`() {
        let call = talking()
        handOver(call)
        let error = CarrierError(.noAnswer, "the carrier did not answer")
        #expect(call.pass(.seconds(20)) == [.publish(.transferFailed(message: error.message)), .handoverFailed(error)])
        #expect(call.isLive)
        #expect(handOver(call) == [])
        answered(call)
        #expect(call.outcome(.hangUp) ?? .skipped == .skipped)
        #expect(!call.isLive)
        #expect(!call.orders.contains(MachineDriver.hangUp))
    }

    @Test func `nobody is handed over who is not on the line`() {
        let ringing = MachineDriver()
        ringing.begin()
        ringing.placed()
        #expect(handOver(ringing) == [])
        let bare = MachineDriver(.absent)
        bare.begin()
        bare.on { $0.streamStarted(carrierCallID: "", at: $1) }
        #expect(handOver(bare) == [])
        let call = talking()
        handOver(call)
        #expect(handOver(call) == [])
        #expect(call.orders.filter { $0 == Self.redirect }.count == 1)
    }
}
