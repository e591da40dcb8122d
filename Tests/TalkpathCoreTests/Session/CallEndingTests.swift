import TalkpathAudio
import Testing

@testable import TalkpathCore

struct CallEndingTests {
    @Test func `the steps run in order, and the receipt names them`() {
        let call = MachineDriver()
        call.talk()
        call.pass(.seconds(30))
        #expect(call.end() == [.stopBridge, MachineDriver.hangUp, .closeAgent(socket: 1)])
        #expect(call.status == .ending)
        call.pass(.milliseconds(40))
        #expect(call.agentClosed() == [])
        call.pass(.milliseconds(40))
        // The carrier says goodbye itself and then the socket is closed.
        #expect(call.hangUp(.done) == [])
        #expect(call.on { $0.streamStopped(at: $1) } == [.closeMedia])
        let save = call.mediaClosed()
        guard case .saveRecord(let record) = save.first else {
            Issue.record("no record: \(save)")
            return
        }
        #expect(record.step(.saveRecord)?.outcome == .done)
        let finish = call.saved()
        #expect(finish.receipts.count == 1)
        #expect(finish.last == .retire)
        let receipt = call.receipt
        #expect(receipt?.steps.map(\.name) == [.stopBridge, .hangUp, .closeAgent, .closeMedia, .saveRecord])
        #expect(receipt?.steps.allSatisfy { $0.outcome == .done } == true)
        #expect(receipt?.duration == .seconds(30))
        #expect(receipt?.teardown == .milliseconds(80))
        #expect(receipt?.carrierConfirmed == true)
        #expect(receipt?.isSuccess == true)
        #expect(receipt?.endedAt == WallTime(milliseconds: 31000))
    }

    @Test func `the end waits briefly for a goodbye that does not come`() {
        let call = MachineDriver()
        call.talk()
        call.end()
        call.agentClosed()
        call.hangUp(.done)
        #expect(call.pass(.milliseconds(240)) == [])
        #expect(call.pass(.milliseconds(20)) == [.closeMedia])
    }

    @Test func `a goodbye of any length stays within the bound`() {
        var limits = CallLimits()
        limits.goodbye = .seconds(60)
        let call = MachineDriver(limits: limits)
        call.talk()
        call.end()
        call.agentClosed()
        call.hangUp(.done)
        call.pass(.seconds(5))
        #expect(call.receipts.count == 1)
    }

    @Test func `the first reason counts, and a second request changes nothing`() {
        let call = MachineDriver()
        call.talk()
        call.end(.callerHangup)
        #expect(call.end(.endedByAPI) == [])
        #expect(call.end(.shutdown, .drain(timeout: .seconds(1))) == [])
        call.pass(.seconds(6))
        #expect(call.receipts.map(\.reason) == [.callerHangup])
    }

    @Test func `if no peer answers, every step times out within the bound, once`() {
        let call = MachineDriver()
        call.talk()
        call.end()
        #expect(call.pass(.milliseconds(4980)).receipts.isEmpty)
        #expect(call.pass(.milliseconds(20)).receipts.count == 1)
        #expect(call.outcome(.hangUp) == .timedOut)
        #expect(call.outcome(.closeAgent) == .timedOut)
        #expect(call.outcome(.closeMedia) == .timedOut)
        #expect(call.outcome(.saveRecord) == .timedOut)
        #expect(call.receipt?.isSuccess == false)
        #expect(call.receipt?.carrierConfirmed == false)
        #expect(call.saved() == [])
        #expect(call.mediaClosed() == [])
        #expect(call.agentClosed() == [])
        call.pass(.seconds(600))
        #expect(call.receipts.count == 1)
    }

    @Test func `every waiter gets the receipt that was saved, however long the save took`() throws {
        let call = MachineDriver()
        call.talk()
        call.end()
        call.agentClosed()
        call.hangUp(.done)
        call.on { $0.streamStopped(at: $1) }
        let orders = call.mediaClosed()
        guard case .saveRecord(let saved)? = orders.last else {
            Issue.record("no order to save")
            return
        }
        call.pass(.milliseconds(100))
        call.saved()
        #expect(call.receipt == saved)
    }

    @Test func `a record that cannot be saved is reported, and the call ends all the same`() {
        let call = MachineDriver()
        call.talk()
        call.end()
        call.agentClosed()
        call.hangUp(.done)
        call.on { $0.streamStopped(at: $1) }
        call.mediaClosed()
        call.on { $0.recordSaved(error: "disk full", at: $1) }
        #expect(call.outcome(.saveRecord) == .failed)
        #expect(call.receipt?.step(.saveRecord)?.error == "disk full")
        #expect(call.receipt?.isSuccess == true)
        #expect(call.saved() == [])
    }

    /// Every state of a call, with an end in it. After the end the machine opens nothing, for any input.
    @Test(arguments: 0..<9)
    func `nothing is opened once the end has begun`(state: Int) {
        let call = MachineDriver(state == 8 ? .absent : .unplaced)
        if state >= 1 { call.begin() }
        if state >= 2, state != 8 { call.placed() }
        if state >= 3, state != 8 { call.progress(.ringing) }
        if state >= 4 {
            call.on {
                $0.agentOpened(socket: 1, at: $1); return []
            }
        }
        if state >= 5 { call.on { $0.agentIsReady(at: $1) } }
        if state >= 6, state != 8 { call.progress(.answered) }
        if state >= 7 { call.stream() }
        var given = call.end()
        given += call.begin()
        given += call.placed()
        given += call.progress(.ringing)
        given += call.progress(.answered)
        given += call.stream()
        given += call.agentReady()
        given += call.on { $0.agentConnectFailed(socket: 1, AgentConnectError("x"), at: $1) }
        given += call.on { $0.agentReportedFault("x", at: $1) }
        given += call.pass(.seconds(6))
        given += call.agentReady(2)
        given += call.pass(.seconds(4000))
        #expect(!given.opensSomething, "state \(state): \(given)")
        #expect(call.receipts.count == 1)
    }

    // MARK: While placing

    @Test func `a call that was never placed has nothing to hang up`() {
        let call = MachineDriver()
        call.end()
        call.saved()
        #expect(call.outcome(.hangUp) == .skipped)
        #expect(call.orders.last == .retire)
        #expect(call.begin() == [])
    }

    @Test func `a call that is being placed at the end is hung up as soon as its id is known`() {
        let call = MachineDriver()
        call.begin()
        #expect(call.end() == [.stopBridge])
        call.pass(.milliseconds(500))
        #expect(call.placed() == [MachineDriver.hangUp])
        call.hangUp(.done)
        call.saved()
        #expect(call.outcome(.hangUp) == .done)
        #expect(call.receipt?.status == .canceled)
    }

    @Test func `a placement that fails during the end leaves no call to hang up`() {
        let call = MachineDriver()
        call.begin()
        call.end()
        call.on { $0.placingFailed(CarrierError(.refused, "no"), at: $1) }
        call.saved()
        #expect(call.outcome(.hangUp) == .skipped)
        #expect(call.receipt?.carrierConfirmed == true)
        #expect(call.orders.last == .retire)
    }

    @Test func `a request without an answer is hung up when a webhook shows that it was carried out`() {
        let call = MachineDriver()
        call.begin()
        call.on { $0.placingFailed(CarrierError(.noAnswer, "lost"), at: $1) }
        call.saved()
        #expect(call.receipt?.reason == .failed)
        #expect(call.outcome(.hangUp) == .failed)
        #expect(call.orders.last != .retire)
        call.pass(.seconds(3))
        #expect(call.progress(.ringing) == [MachineDriver.hangUp])
        let update = call.hangUp(.done)
        #expect(update.count == 1)
        #expect(call.on { machine, _ in machine.recordUpdated() } == [.retire])
    }

    @Test func `the wait for an id that never comes is bounded`() {
        let call = MachineDriver()
        call.begin()
        call.end()
        call.pass(.seconds(5))
        #expect(call.outcome(.hangUp) == .timedOut)
        #expect(!call.orders.contains(.retire))
        call.pass(.seconds(121))
        #expect(call.orders.last == .retire)
    }

    // MARK: Hanging up

    @Test func `a busy carrier is asked again at the time that it names`() {
        let call = MachineDriver()
        call.talk()
        call.end()
        call.agentClosed()
        #expect(call.hangUpFails(.unavailable) == [])
        #expect(call.pass(.milliseconds(180)) == [])
        #expect(call.pass(.milliseconds(20)) == [MachineDriver.hangUp])
        call.hangUpFails(.unavailable, retryAfter: .seconds(1))
        #expect(call.pass(.milliseconds(980)) == [])
        #expect(call.pass(.milliseconds(20)) == [MachineDriver.hangUp])
        call.hangUp(.alreadyGone)
        call.pass(.seconds(1))
        call.mediaClosed()
        call.saved()
        #expect(call.outcome(.hangUp) == .alreadyGone)
    }

    private static let refusal = CarrierFault(.hangUp, "no")

    @Test func `a time to retry after the bound is not waited for`() {
        let call = MachineDriver()
        call.talk()
        call.end()
        call.agentClosed()
        #expect(
            call.hangUpFails(.unavailable, retryAfter: .seconds(60)) == [
                .publish(.carrierError(Self.refusal)), .closeMedia,
            ]
        )
        call.mediaClosed()
        call.saved()
        #expect(call.outcome(.hangUp) == .failed)
        #expect(call.pass(.milliseconds(900)) == [])
        #expect(call.pass(.milliseconds(200)) == [MachineDriver.hangUp])
    }

    @Test func `the carrier's own report that the call is over confirms the end`() {
        let call = MachineDriver()
        call.talk()
        call.end()
        call.agentClosed()
        call.progress(.over(.completed))
        call.pass(.milliseconds(300))
        call.mediaClosed()
        call.saved()
        #expect(call.outcome(.hangUp) == .alreadyGone)
        #expect(call.receipt?.carrierConfirmed == true)
        #expect(call.hangUp(.done) == [])
    }

    @Test(arguments: [CarrierError.Code.unavailable, .noAnswer])
    func `a hang-up that failed temporarily is tried again, with a longer wait each time`(code: CarrierError.Code) {
        let call = MachineDriver()
        call.talk()
        call.end()
        call.agentClosed()
        for pause in [200, 400, 800] {
            #expect(call.hangUpFails(code) == [])
            #expect(call.pass(.milliseconds(pause - 20)) == [])
            #expect(call.pass(.milliseconds(20)) == [MachineDriver.hangUp])
        }
        // The next try would come too late for the receipt.
        #expect(
            call.hangUpFails(code, retryAfter: .seconds(3)) == [.publish(.carrierError(Self.refusal)), .closeMedia]
        )
    }

    @Test(arguments: [CarrierError.Code.refused, .unauthorized])
    func `a hang-up that was refused is not tried again before the receipt`(code: CarrierError.Code) {
        let call = MachineDriver()
        call.talk()
        call.end()
        call.agentClosed()
        #expect(call.hangUpFails(code) == [.publish(.carrierError(Self.refusal)), .closeMedia])
        call.mediaClosed()
        call.saved()
        #expect(call.outcome(.hangUp) == .failed)
    }

    @Test func `the record is saved even if no peer answers`() {
        let call = MachineDriver()
        call.talk()
        call.end()
        let given = call.pass(.milliseconds(4600))
        #expect(given.contains { if case .saveRecord = $0 { true } else { false } })
        call.saved()
        #expect(call.outcome(.saveRecord) == .done)
        for step in [EndReceipt.Step.Name.hangUp, .closeAgent, .closeMedia] { #expect(call.outcome(step) == .timedOut) }
    }

    // MARK: After the end

    private func unconfirmed() -> MachineDriver {
        let call = MachineDriver()
        call.talk()
        call.end()
        call.agentClosed()
        call.hangUpFails(.refused)
        call.mediaClosed()
        call.saved()
        return call
    }

    @Test func `a refused hang-up is repeated, and its confirmation updates the record once`() {
        let call = unconfirmed()
        #expect(call.receipt?.isSuccess == false)
        #expect(call.pass(.seconds(2)) == [MachineDriver.hangUp])
        #expect(call.hangUpFails(.refused) == [])
        #expect(call.pass(.seconds(3)) == [MachineDriver.hangUp])
        let update = call.hangUp(.done)
        guard case .updateRecord(let receipt) = update.first else {
            Issue.record("no update: \(update)")
            return
        }
        #expect(receipt.carrierConfirmed)
        #expect(update.count == 1)
        #expect(call.on { machine, _ in machine.recordUpdated() } == [.retire])
        #expect(call.receipts.count == 1)
        #expect(call.pass(.seconds(60)) == [])
    }

    @Test func `a second end asks the carrier at once, and does not use up its tries`() {
        let call = unconfirmed()
        for _ in 0..<100 {
            call.end()
            #expect(call.pass(.milliseconds(20)) == [MachineDriver.hangUp])
            call.end()
            #expect(call.pass(.milliseconds(20)) == [])
            call.hangUpFails(.refused)
        }
        #expect(!call.orders.contains(.retire))
    }

    @Test func `a hang-up after the end without an answer is followed by another, and at last given up`() {
        let call = unconfirmed()
        let given = call.pass(.seconds(3600))
        #expect(given.filter { $0 == MachineDriver.hangUp }.count == 24)
        #expect(given.last == .retire)
    }

    @Test func `a stopping server does not wait for the carrier any longer`() {
        let call = unconfirmed()
        #expect(call.on { machine, _ in machine.giveUp() } == [.retire])
        #expect(call.pass(.seconds(100)) == [])
        #expect(call.hangUp(.done) == [])
    }

    @Test func `an abandoned call still ends, once`() {
        for state in 0..<4 {
            let call = MachineDriver()
            if state > 0 { call.talk() }
            if state > 1 { call.end() }
            if state > 2 { call.pass(.seconds(6)) }
            call.on { $0.abandon(at: $1) }
            #expect(call.receipts.count == 1)
            #expect(call.orders.last == .retire)
            #expect(call.receipt?.steps.count == 5)
            #expect(call.on { $0.abandon(at: $1) } == [])
        }
    }

    // MARK: Draining

    @Test func `a drain ends when all audio has been heard`() {
        let call = MachineDriver()
        call.talk()
        #expect(call.end(.agentHangup, .drain(timeout: .seconds(10))) == [])
        #expect(call.pass(.seconds(2)) == [])
        #expect(call.isLive)
        #expect(call.pass(.milliseconds(20), isPlayedOut: true).first == .stopBridge)
        #expect(call.status == .ending)
    }

    @Test func `a drain ends at its deadline`() {
        let call = MachineDriver()
        call.talk()
        call.end(.agentHangup, .drain(timeout: .seconds(10)))
        #expect(call.pass(.milliseconds(9980)) == [])
        #expect(call.pass(.milliseconds(20)).first == .stopBridge)
    }

    @Test func `an immediate end and the caller's hang-up end a drain, which keeps its reason`() {
        let cut = MachineDriver()
        cut.talk()
        cut.end(.agentHangup, .drain(timeout: .seconds(10)))
        #expect(cut.end(.maxDuration, .drain(timeout: .seconds(1))) == [])
        #expect(cut.end(.endedByAPI).first == .stopBridge)
        cut.pass(.seconds(5))
        #expect(cut.receipt?.reason == .agentHangup)

        let hungUp = MachineDriver()
        hungUp.talk()
        hungUp.end(.agentHangup, .drain(timeout: .seconds(10)))
        #expect(hungUp.on { $0.streamStopped(at: $1) }.first == .stopBridge)
    }

    @Test func `a call without media has nothing to drain`() {
        let call = MachineDriver()
        call.begin()
        #expect(call.end(.endedByAPI, .drain(timeout: .seconds(10))).first == .stopBridge)
    }

    @Test func `a drain opens no new agent`() {
        let call = MachineDriver()
        call.talk()
        call.end(.agentHangup, .drain(timeout: .seconds(10)))
        call.on { $0.agentLost(socket: 1, message: "gone", at: $1) }
        #expect(!call.pass(.seconds(9)).opensSomething)
        #expect(call.isLive)
    }

    // MARK: Sockets that close by themselves

    @Test func `an agent that closes its socket during the end is not closed again`() {
        let call = MachineDriver()
        call.talk()
        call.end()
        call.on { $0.agentLost(socket: 1, message: "gone", at: $1) }
        #expect(call.agentClosed() == [])
        call.hangUp(.done)
        call.pass(.milliseconds(300))
        call.mediaClosed()
        call.saved()
        #expect(call.outcome(.closeAgent) == .done)
    }

    @Test func `the end waits for a socket that was dropped before and for the one being opened`() {
        let call = MachineDriver()
        call.talk()
        call.pass(.seconds(60))
        call.on { $0.agentLost(socket: 1, message: "gone", at: $1) }
        call.pass(.seconds(1))
        #expect(call.end().contains(.closeAgent(socket: 2)))
        call.hangUp(.done)
        call.pass(.milliseconds(300))
        call.mediaClosed()
        #expect(call.agentClosed(1) == [])
        let last = call.on { $0.agentConnectFailed(socket: 2, AgentConnectError("cancelled"), at: $1) }
        #expect(last.contains { if case .saveRecord = $0 { true } else { false } })
        call.saved()
        #expect(call.outcome(.closeAgent) == .done)
    }

    @Test func `the end waits for a socket that is still closing`() {
        let call = MachineDriver()
        call.talk()
        call.pass(.seconds(60))
        call.on { $0.agentLost(socket: 1, message: "gone", at: $1) }
        #expect(call.end() == [.stopBridge, MachineDriver.hangUp])
        call.agentClosed(1)
        call.hangUp(.done)
        call.pass(.milliseconds(300))
        call.mediaClosed()
        call.saved()
        #expect(call.outcome(.closeAgent) == .done)
    }

    @Test func `a media socket that closes while the carrier is asked is not closed again`() {
        let call = MachineDriver()
        call.talk()
        call.end()
        call.mediaClosed()
        call.agentClosed()
        let given = call.hangUp(.done)
        #expect(!given.contains(.closeMedia))
        call.saved()
        #expect(call.outcome(.closeMedia) == .alreadyGone)
    }
}
