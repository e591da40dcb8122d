import TalkpathAudio
import Testing

@testable import TalkpathCore

struct TransferTests {
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
    private func transfer(
        _ call: MachineDriver,
        _ mode: EndMode = .now,
        onFailure: TransferFailurePlan = .returnToAgent
    ) -> [SessionAction] {
        call.on { $0.beginTransfer(.init(instructions: Self.dial, onFailure: onFailure), mode: mode, at: $1) }
    }

    @discardableResult
    private func answered(_ call: MachineDriver, _ error: CarrierError? = nil) -> [SessionAction] {
        call.on { $0.redirectAnswered(error.map { .failure($0) } ?? .success(()), at: $1) }
    }

    @discardableResult
    private func told(_ call: MachineDriver, _ news: TransferNews, _ transfer: Int? = nil) -> [SessionAction] {
        call.on { $0.transferTold(news, transfer: transfer, at: $1) }
    }

    /// The carrier has accepted the transfer, and its stream has ended.
    private func dialling(onFailure: TransferFailurePlan = .returnToAgent) -> MachineDriver {
        let call = talking()
        transfer(call, onFailure: onFailure)
        answered(call)
        call.on { $0.streamStopped(at: $1) }
        call.mediaClosed()
        return call
    }

    private func finish(_ call: MachineDriver) -> EndReceipt? {
        call.hangUp(.alreadyGone)
        call.agentClosed()
        call.mediaClosed()
        call.pass(.seconds(2))
        call.saved()
        return call.receipt
    }

    private static func failed(_ outcome: TransferOutcome) -> [SessionAction] {
        [
            .publish(.transferFailed(outcome, message: outcome.words)),
            .transferFailed(CallCommandError(transferFailed: outcome)),
        ]
    }

    // MARK: Answered

    @Test func `an answered transfer releases the agent, and ends as transferred when the parties hang up`() {
        let call = talking()
        #expect(transfer(call) == [.publish(.transferring), Self.redirect])
        #expect(answered(call) == [.suspendMedia])
        #expect(call.on { $0.streamStopped(at: $1) } == [])
        #expect(call.mediaClosed() == [])
        #expect(
            told(call, .answered) == [
                .publish(.transferAnswered), .transferSettled(.answered), .dropAgent(socket: 1),
            ]
        )
        #expect(call.status == .inProgress && call.pass(.seconds(60)) == [])
        #expect(told(call, .ended(.answered, callIsOver: false)).contains(MachineDriver.hangUp))
        let receipt = finish(call)
        #expect(receipt?.reason == .transferred && receipt?.transferOutcome == .answered)
        #expect(receipt?.carrierConfirmed == true)
        #expect(receipt.map { $0.talking >= .seconds(60) } == true)
    }

    @Test func `the carrier's report of the end confirms it, and without a report it stays unconfirmed`() {
        let call = dialling()
        told(call, .answered)
        call.progress(.over(.completed))
        #expect(finish(call)?.carrierConfirmed == true)
        let other = dialling()
        told(other, .ended(.answered, callIsOver: false))
        other.pass(.seconds(10))
        other.saved()
        #expect(other.receipt?.reason == .transferred && other.receipt?.carrierConfirmed == false)
    }

    @Test func `reports that overtake the carrier's answer count, and the answer then has no effect`() {
        let call = talking()
        transfer(call)
        #expect(told(call, .answered).contains(.transferSettled(.answered)))
        #expect(answered(call) == [])
        #expect(told(call, .answered) == [])
        #expect(told(call, .legEnded(.answered)) == [])
        // The carrier's request for the next step does not come.
        #expect(call.pass(.seconds(11)).contains(MachineDriver.hangUp))
    }

    @Test func `an end during an answered transfer hangs up both parties`() {
        let call = dialling()
        told(call, .answered)
        #expect(call.end().contains(MachineDriver.hangUp))
        #expect(told(call, .ended(.answered, callIsOver: false)) == [])
        #expect(finish(call)?.reason == .endedByAPI)
    }

    @Test func `a carrier that reports nothing within the ringing time counts neither as answered nor as failed`() {
        let call = dialling()
        #expect(call.pass(.seconds(39)) == [])
        #expect(call.pass(.seconds(2)).contains(.transferSettled(.unknown)))
        call.progress(.over(.completed))
        let receipt = finish(call)
        #expect(receipt?.reason == .transferred && receipt?.transferOutcome == .unknown)
        #expect(receipt?.note == TransferOutcome.unknown.words)
    }

    // MARK: Not answered

    @Test(arguments: [TransferOutcome.busy, .noAnswer, .failed])
    func `a caller whose transfer is not answered returns to the agent on a second line`(_ outcome: TransferOutcome) {
        let call = dialling()
        #expect(told(call, .legEnded(outcome)) == [])
        #expect(told(call, .ended(outcome, callIsOver: false)) == Self.failed(outcome) + [.reopenMedia])
        #expect(call.machine.transfer.sequel(of: 1) == .connect)
        // A second request gets the same result.
        #expect(told(call, .ended(outcome, callIsOver: false)) == [])
        #expect(call.machine.transfer.sequel(of: 1) == .connect)
        call.pass(.seconds(1))
        #expect(call.stream() == [.publish(.mediaStarted), .callerReturned(outcome)])
        #expect(call.machine.transfer.sequel(of: 1) == .settledBefore)
        #expect(call.pass(.seconds(60)) == [])
        // A second transfer is possible. The report of the first does not apply to it.
        #expect(transfer(call).contains(Self.redirect))
        #expect(told(call, .ended(.busy, callIsOver: false), 1) == [])
        call.on { $0.redirectAnswered(.failure(Self.refused), transfer: 1, at: $1) }
        #expect(told(call, .answered, 2).contains(.transferSettled(.answered)))
    }

    @Test func `the former line's close does not close the second line, and the end waits for both`() {
        let call = talking()
        transfer(call)
        answered(call)
        #expect(told(call, .ended(.busy, callIsOver: false)).suffix(2) == [.reopenMedia, .dropMedia(line: 1)])
        call.stream()
        let isOpen = call.on { $0.mediaIsClosed(line: 1, at: $1) }
        #expect(isOpen == [] && call.isLive)
        let other = talking()
        transfer(other)
        answered(other)
        told(other, .ended(.busy, callIsOver: false))
        other.stream()
        other.end()
        other.hangUp(.done)
        other.agentClosed()
        other.pass(.milliseconds(300))
        #expect(other.on { $0.mediaIsClosed(line: 2, at: $1) } == [])
        #expect(
            other.on { $0.mediaIsClosed(line: 1, at: $1) }.contains { if case .saveRecord = $0 { true } else { false } }
        )
    }

    @Test func `a caller whose second stream does not come is lost, and one who hangs up meanwhile has hung up`() {
        let call = dialling()
        told(call, .ended(.busy, callIsOver: false))
        #expect(call.pass(CallLimits().mediaTimeout + .seconds(1)).contains(MachineDriver.hangUp))
        #expect(finish(call)?.reason == .mediaLost)
        let other = dialling()
        told(other, .ended(.busy, callIsOver: false))
        other.progress(.over(.completed))
        #expect(finish(other)?.reason == .callerHangup)
    }

    @Test func `a plan to hang up ends the call as failed, one to say goodbye when the carrier has spoken`() {
        let call = dialling(onFailure: .hangUp)
        #expect(told(call, .ended(.noAnswer, callIsOver: false)).contains(MachineDriver.hangUp))
        let receipt = finish(call)
        #expect(receipt?.reason == .transferFailed && receipt?.transferOutcome == .noAnswer)
        let other = dialling(onFailure: .sayGoodbye("Bye.", language: "en"))
        #expect(told(other, .ended(.busy, callIsOver: false)) == Self.failed(.busy))
        #expect(other.machine.transfer.sequel(of: 1) == .say("Bye.", language: "en"))
        #expect(other.pass(.seconds(5)) == [])
        other.progress(.over(.completed))
        #expect(finish(other)?.reason == .transferFailed)
        let third = dialling(onFailure: .sayGoodbye("Bye.", language: nil))
        told(third, .ended(.busy, callIsOver: false))
        #expect(third.pass(.seconds(61)).contains(MachineDriver.hangUp))
    }

    @Test func `a caller who hangs up during the ringing has hung up, and the transfer has failed`() {
        let call = dialling()
        told(call, .ended(.canceled, callIsOver: true))
        #expect(call.progress(.over(.completed)).starts(with: Self.failed(.canceled)))
        #expect(finish(call)?.reason == .callerHangup)
        let other = dialling()
        other.progress(.over(.completed))
        #expect(finish(other)?.reason == .callerHangup)
    }

    @Test func `without the carrier's request for the next step the leg's report counts`() {
        let call = dialling()
        told(call, .legEnded(.busy))
        call.progress(.over(.completed))
        #expect(finish(call)?.reason == .transferFailed)
        let other = dialling()
        told(other, .legEnded(.busy))
        #expect(other.pass(.seconds(11)).contains(MachineDriver.hangUp))
    }

    @Test func `a caller does not return to an agent that is lost for good`() {
        let call = talking()
        transfer(call)
        answered(call)
        call.on { $0.agentReportedFault("gone", at: $1) }
        call.pass(.seconds(200))
        call.machine.agentLoss = "gone"
        #expect(told(call, .ended(.busy, callIsOver: false)).contains(MachineDriver.hangUp))
        #expect(finish(call)?.reason == .agentLost)
    }

    // MARK: The carrier's answer

    @Test func `a carrier that refuses leaves the call unchanged`() {
        let call = talking()
        transfer(call)
        #expect(
            answered(call, Self.refused) == [
                .publish(.transferFailed(nil, message: "no")), .transferFailed(CallCommandError(.carrierError, "no")),
            ]
        )
        #expect(call.status == .inProgress && call.pass(.seconds(60)) == [])
        #expect(transfer(call).contains(Self.redirect))
    }

    @Test func `a refusal after the stream has stopped counts as the caller's hang-up`() {
        let call = talking()
        transfer(call)
        call.on { $0.streamStopped(at: $1) }
        #expect(answered(call, Self.refused).contains(MachineDriver.hangUp))
        #expect(finish(call)?.reason == .callerHangup)
    }

    @Test func `a lost answer is inferred from the stream`() {
        let lost = CarrierError(.noAnswer, "lost")
        let call = talking()
        transfer(call)
        #expect(answered(call, lost) == [])
        call.on { $0.streamStopped(at: $1) }
        call.pass(.seconds(4))
        #expect(call.isLive)
        #expect(told(call, .answered).contains(.transferSettled(.answered)))
        // The stream goes on, so the transfer was not carried out.
        let other = talking()
        transfer(other)
        answered(other, lost)
        #expect(other.pass(.seconds(4)).contains { if case .transferFailed = $0 { true } else { false } })
        #expect(other.isLive && transfer(other).contains(Self.redirect))
    }

    @Test func `an answer that does not come is given up, and still counts if it comes later`() {
        let call = talking()
        transfer(call)
        #expect(call.pass(.seconds(20)).contains { if case .transferFailed = $0 { true } else { false } })
        #expect(call.isLive && transfer(call) == [])
        #expect(answered(call) == [.suspendMedia])
        #expect(told(call, .answered).contains(.publish(.transferAnswered)))
    }

    @Test func `a transfer waits for the agent's words, but not for long`() {
        let call = talking()
        #expect(transfer(call, .drain(timeout: .seconds(4))) == [])
        #expect(call.pass(.seconds(2)) == [])
        #expect(call.pass(.milliseconds(20), isPlayedOut: true).contains(Self.redirect))
        let other = talking()
        transfer(other, .drain(timeout: .seconds(4)))
        #expect(other.pass(.milliseconds(3980)) == [])
        #expect(other.pass(.milliseconds(20)).contains(Self.redirect))
    }

    @Test func `an end has priority over a transfer, before the carrier is asked and after`() {
        let call = talking()
        transfer(call, .drain(timeout: .seconds(4)))
        call.end()
        #expect(!call.pass(.seconds(5), isPlayedOut: true).contains(Self.redirect))
        let other = talking()
        transfer(other)
        #expect(other.end().contains(MachineDriver.hangUp))
        #expect(answered(other) == [])
        // A drain under way counts as a requested end, too.
        for news in [TransferNews.answered, .ended(.busy, callIsOver: false)] {
            let third = talking()
            transfer(third)
            third.end(.endedByAPI, .drain(timeout: .seconds(5)))
            #expect(told(third, news).contains(MachineDriver.hangUp))
            #expect(finish(third)?.reason == .endedByAPI)
        }
        let fourth = talking()
        transfer(fourth)
        fourth.end(.endedByAPI, .drain(timeout: .seconds(5)))
        #expect(answered(fourth).contains(MachineDriver.hangUp))
    }

    @Test func `a caller who is not on the line is not transferred`() {
        let ringing = MachineDriver()
        ringing.begin()
        ringing.placed()
        #expect(transfer(ringing) == [])
        let bare = MachineDriver(.absent)
        bare.begin()
        bare.on { $0.streamStarted(carrierCallID: "", at: $1) }
        #expect(transfer(bare) == [])
        let call = talking()
        transfer(call)
        #expect(transfer(call) == [])
        #expect(call.orders.filter { $0 == Self.redirect }.count == 1)
    }
}
