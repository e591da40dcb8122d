import TalkpathAudio
import Testing

@testable import TalkpathCore

/// The steps of an end, apart from the rest of a call.
struct TeardownMachineTests {
    private let began = MonotonicInstant(nanoseconds: 1_000_000_000)

    private func conditions(isStreaming: Bool = false, _ socket: MediaMachine.Socket = .open)
        -> TeardownMachine.Conditions
    {
        TeardownMachine.Conditions(isStreaming: isStreaming, socket: socket, awaitsStreamReport: false)
    }

    private func ending(_ reason: EndReason = .endedByAPI) -> TeardownMachine {
        var machine = TeardownMachine(limits: CallLimits())
        machine.begin(EndRequest(reason), hasGoodbye: false, at: began)
        machine.hangUpBegan(at: began)
        machine.agentIsClosing(at: began)
        return machine
    }

    @Test func `the close of the media socket waits for the carrier, and the record waits for both sockets`() {
        var machine = ending()
        #expect(machine.advance(conditions(), at: began) == [])
        machine.hangUpEnded(.done, at: began)
        #expect(machine.advance(conditions(), at: began) == [.closeMedia])
        machine.mediaIsClosed(at: began)
        #expect(machine.advance(conditions(.closed), at: began) == [])
        machine.agentIsClosed(.done, at: began)
        #expect(machine.advance(conditions(.closed), at: began) == [.saveRecord])
        #expect(machine.advance(conditions(.closed), at: began) == [])
    }

    @Test func `a carrier that has hung up gets time to close its stream itself`() {
        var machine = ending()
        machine.hangUpEnded(.done, at: began)
        #expect(machine.advance(conditions(isStreaming: true), at: began) == [])
        machine.goodbyeCame()
        #expect(machine.advance(conditions(isStreaming: true), at: began) == [.closeMedia])
    }

    @Test func `a process that must stop soon shortens every bound`() {
        var machine = ending()
        let before = machine.hangUpLimit
        machine.hurry(within: .seconds(1), at: began)
        #expect(machine.hangUpLimit < before)
        #expect(machine.deadlines.next == machine.hangUpLimit)
    }

    @Test func `the published receipt is the saved one`() {
        var machine = ending()
        machine.hangUpEnded(.alreadyGone, at: began)
        machine.agentIsClosed(.skipped, at: began)
        #expect(machine.advance(conditions(.none), at: began) == [.saveRecord])
        let isEnd = machine.recordSaved(error: nil, at: began)
        let isEndAgain = machine.recordSaved(error: "late", at: began)
        #expect(isEnd && !isEndAgain)
        #expect(machine.account(isSaving: false, at: began).steps.map(\.outcome).last == .done)
        #expect(machine.finish() == nil)
        #expect(machine.deadlines.next == nil)
    }
}
