import TalkpathAudio
import Testing

@testable import TalkpathCore

/// The hang-up part of the state machine.
struct HangUpMachineTests {
    private let began = MonotonicInstant(nanoseconds: 1_000_000_000)
    private let busy = CarrierError(.unavailable, "busy")

    @Test func `during the end a failed request is repeated soon, and not beyond the bound`() {
        var machine = HangUpMachine()
        machine.begin(until: began + .seconds(1), at: began)
        #expect(machine.failed(busy, at: began) == .retried)
        #expect(machine.deadlines.next == began + .milliseconds(200))
        machine.disarm(.hangUpRetry)
        #expect(machine.ask(at: began + .milliseconds(200)) == true)
        #expect(machine.failed(busy, at: began + .milliseconds(700)) == .final)
    }

    @Test func `a refused request is not repeated before the receipt`() {
        var machine = HangUpMachine()
        machine.begin(until: began + .seconds(10), at: began)
        #expect(machine.failed(CarrierError(.refused, "no"), at: began) == .final)
    }

    @Test func `a failure before the receipt is stale after it`() {
        var machine = HangUpMachine()
        machine.begin(until: began + .seconds(10), at: began)
        machine.endWaitsNoLonger()
        machine.goOn(at: began + .seconds(10))
        #expect(machine.failed(busy, at: began + .seconds(10)) == .stale)
        #expect(!machine.isSettled)
    }

    @Test func `after the receipt the carrier is asked a set number of times`() {
        var machine = HangUpMachine()
        var now = began
        machine.goOn(at: now)
        var asked = 0
        while let due = machine.deadlines.next {
            now = due
            machine.disarm(.lateHangUp)
            guard machine.ask(at: now) else { break }
            asked += 1
            #expect(machine.failed(busy, at: now) == .retried)
        }
        #expect(asked == HangUpMachine.attemptLimit)
        #expect(machine.isSettled)
        #expect(now - began > .seconds(15 * 60))
    }

    @Test func `a call whose id comes after the receipt is hung up then`() {
        var machine = HangUpMachine()
        machine.awaitName(until: began + .seconds(5))
        machine.endWaitsNoLonger()
        machine.goOnAwaitingName(at: began)
        #expect(!machine.isSettled)
        #expect(machine.deadlines.next == began + HangUpMachine.namePatience)
        #expect(machine.ask(at: began + .seconds(1)) == true)
        machine.settle()
        #expect(machine.isSettled)
        #expect(machine.deadlines.next == nil)
    }
}
