import TalkpathAudio
import Testing

@testable import TalkpathCore

/// The carrier's reports besides progress decide between reasons that look the same on the socket.
struct CarrierEvidenceTests {
    private static let broken = CarrierFault(.stream, code: 31924, "the media socket broke the WebSocket protocol")

    private func report(_ report: CarrierReport, _ call: MachineDriver) -> [SessionAction] {
        call.on { $0.reported(report, at: $1) }
    }

    /// The end after the media has stopped, as after a caller's hang-up.
    private func finish(_ call: MachineDriver) {
        call.hangUp(.alreadyGone)
        call.mediaClosed()
        call.agentClosed()
        call.saved()
    }

    @Test func `a stream that is reported broken before it stops does not count as the caller's hang-up`() {
        let call = MachineDriver()
        call.talk()
        #expect(report(.streamFailed(Self.broken), call) == [.publish(.carrierError(Self.broken))])
        #expect(call.isLive)
        call.on { $0.streamStopped(at: $1) }
        finish(call)
        #expect(call.receipt?.reason == .mediaLost)
        #expect(call.receipt?.note == "the media socket broke the WebSocket protocol (31924)")
        #expect(call.receipt?.carrierFaults == [Self.broken])
    }

    @Test func `a stream that broke before a refused transfer does not count as the caller's hang-up`() {
        let call = MachineDriver()
        call.talk()
        _ = call.on {
            $0.beginTransfer(
                .init(instructions: .dial(number: "+14155550111", callerID: nil, ringTimeout: .seconds(30))),
                mode: .now,
                at: $1
            )
        }
        _ = report(.streamFailed(Self.broken), call)
        call.on { $0.streamStopped(at: $1) }
        #expect(call.isLive)
        _ = call.on { $0.redirectAnswered(.failure(CarrierError(.refused, "the call is over")), at: $1) }
        finish(call)
        #expect(call.receipt?.reason == .mediaLost)
    }

    @Test(arguments: [false, true])
    func `a stream that broke while the answer of a transfer was lost does not count as the caller's hang-up`(
        isCarriedOut: Bool
    ) {
        let call = MachineDriver()
        call.talk()
        _ = call.on {
            $0.beginTransfer(
                .init(instructions: .dial(number: "+14155550111", callerID: nil, ringTimeout: .seconds(30))),
                mode: .now,
                at: $1
            )
        }
        _ = report(.streamFailed(Self.broken), call)
        call.on { $0.streamStopped(at: $1) }
        let lost = CarrierError(.noAnswer, "no answer")
        _ = call.on { $0.redirectAnswered(isCarriedOut ? .success(()) : .failure(lost), at: $1) }
        #expect(call.isLive)
        call.progress(.over(.completed))
        finish(call)
        // A carrier that carried out the transfer was dialling when the caller hung up.
        #expect(call.receipt?.reason == (isCarriedOut ? .callerHangup : .mediaLost))
    }

    @Test func `a report that comes during the teardown changes the reason`() {
        let call = MachineDriver()
        call.talk()
        _ = report(.streamStarted, call)
        call.on { $0.streamStopped(at: $1) }
        call.hangUp(.alreadyGone)
        call.mediaClosed()
        call.agentClosed()
        #expect(call.receipt == nil)
        call.pass(.milliseconds(500))
        #expect(report(.streamFailed(Self.broken), call).contains { if case .saveRecord = $0 { true } else { false } })
        call.saved()
        #expect(call.receipt?.reason == .mediaLost)
    }

    @Test func `a report of a stopped stream ends the wait for it at once`() {
        let call = MachineDriver()
        call.talk()
        _ = report(.streamStarted, call)
        call.on { $0.streamStopped(at: $1) }
        call.hangUp(.alreadyGone)
        call.mediaClosed()
        call.agentClosed()
        #expect(report(.streamStopped, call).contains { if case .saveRecord = $0 { true } else { false } })
        call.saved()
        #expect(call.receipt?.reason == .callerHangup)
        #expect(call.receipt?.carrierFaults == [])
    }

    @Test func `the end waits one second for a report`() {
        let call = MachineDriver()
        call.talk()
        _ = report(.streamStarted, call)
        call.on { $0.streamStopped(at: $1) }
        call.hangUp(.alreadyGone)
        call.mediaClosed()
        call.agentClosed()
        #expect(!call.pass(.milliseconds(980)).contains { if case .saveRecord = $0 { true } else { false } })
        #expect(call.pass(.milliseconds(20)).contains { if case .saveRecord = $0 { true } else { false } })
        call.saved()
        #expect(call.receipt?.reason == .callerHangup)
    }

    @Test func `a carrier without reports of streams is not waited for`() {
        let call = MachineDriver()
        call.talk()
        call.on { $0.streamStopped(at: $1) }
        call.hangUp(.alreadyGone)
        call.mediaClosed()
        #expect(
            call.on { $0.agentIsClosed(socket: 1, at: $1) }.contains {
                if case .saveRecord = $0 { true } else { false }
            }
        )
    }

    @Test func `a stream that cannot begin ends the call at once`() {
        let call = MachineDriver()
        call.begin()
        call.placed()
        call.progress(.answered)
        let refused = CarrierFault(.stream, code: 31920, "the media socket was not accepted")
        _ = report(.streamFailed(refused), call)
        #expect(call.status == .ending)
        call.hangUp(.done)
        call.agentClosed()
        call.saved()
        #expect(call.receipt?.reason == .mediaLost)
    }

    @Test func `a warning about the stream is kept, and the reason stays the caller's hang-up`() {
        let call = MachineDriver()
        call.talk()
        let warning = CarrierFault(
            .stream,
            code: 31951,
            "the carrier did not understand a media message, and dropped it"
        )
        _ = report(.streamWarned(warning), call)
        _ = report(.streamWarned(warning), call)
        call.on { $0.streamStopped(at: $1) }
        finish(call)
        #expect(call.receipt?.reason == .callerHangup)
        #expect(call.receipt?.carrierFaults == [warning])
    }

    @Test func `the close of our own stream at the end does not count as an error`() {
        let call = MachineDriver()
        call.talk()
        call.end()
        #expect(report(.streamClosed(CarrierFault(.stream, code: 31921, "closed")), call) == [])
        finish(call)
        #expect(call.receipt?.reason == .endedByAPI)
        #expect(call.receipt?.carrierFaults == [])
    }

    @Test func `the receipt of an unconnected call has the network's answer`() {
        let call = MachineDriver()
        call.begin()
        call.placed()
        let answer = CarrierFault(.dialling, code: 603, "the network answered with a SIP status")
        _ = report(.dialFailed(answer), call)
        call.progress(.over(.failed))
        call.saved()
        #expect(call.receipt?.reason == .failed)
        #expect(call.receipt?.note == "the network answered with a SIP status (603)")
        #expect(call.receipt?.carrierFaults == [answer])
    }

    @Test func `the receipt has the carrier's code of a refused request`() {
        let call = MachineDriver()
        call.begin()
        call.on { $0.placingFailed(CarrierError(.refused, "no such number", carrierCode: 21211), at: $1) }
        call.saved()
        #expect(call.receipt?.carrierFaults == [CarrierFault(.placing, code: 21211, "no such number")])
        #expect(call.receipt?.note == "the carrier did not place the call: no such number (21211)")
    }

    // MARK: Queueing

    @Test func `time in the carrier's queue does not count as ringing`() {
        let call = MachineDriver(policy: .onAnswer)
        call.begin()
        call.placed()
        #expect(call.pass(.seconds(100)) == [])
        call.progress(.ringing)
        #expect(call.pass(.seconds(70)) == [])
        call.progress(.answered)
        call.stream()
        call.end()
        call.hangUp(.done)
        call.agentClosed()
        call.mediaClosed()
        call.saved()
        #expect(call.receipt?.queueing == .seconds(100))
        #expect(call.receipt?.ringing == .seconds(70))
    }

    @Test func `a call that the carrier keeps in its queue is given up for that reason`() {
        let call = MachineDriver()
        call.begin()
        call.placed()
        #expect(call.pass(.seconds(119)) == [])
        #expect(call.pass(.seconds(2)).contains(MachineDriver.hangUp))
        call.hangUp(.done)
        call.saved()
        #expect(call.receipt?.reason == .queueTimeout)
        #expect(call.receipt?.status == .canceled)
    }
}
