import TalkpathAudio
import Testing

@testable import TalkpathCore

/// The model's part of the state machine.
struct AgentMachineTests {
    private let began = MonotonicInstant(nanoseconds: 1_000_000_000)

    private func ready(_ limits: CallLimits = CallLimits()) -> AgentMachine {
        var machine = AgentMachine(limits: limits, renewal: nil)
        #expect(machine.connect(at: began) == [.connect(socket: 1)])
        machine.opened(1)
        #expect(machine.configured(at: began) == [.ready(isFirst: true)])
        return machine
    }

    @Test func `the model's socket is requested once`() {
        var machine = ready()
        #expect(machine.connect(at: began) == [])
        let greetsFirst = machine.greets()
        let greetsAgain = machine.greets()
        #expect(greetsFirst && !greetsAgain)
    }

    @Test func `a lost socket is dropped, and another is opened by a timer`() {
        var machine = ready()
        let actions = machine.lost(1, message: "gone", isDraining: false, at: began + .seconds(60))
        #expect(actions == [.drop(socket: 1), .lost(message: "gone")])
        #expect(machine.state == .waiting)
        #expect(machine.deadlines.next != nil)
        #expect(machine.retryIsDue(at: began + .seconds(61)) == [.connect(socket: 2)])
        #expect(!machine.holds(1) && machine.isOpening(2))
    }

    @Test func `a draining call opens no other socket`() {
        var machine = ready()
        let actions = machine.lost(1, message: "gone", isDraining: true, at: began + .seconds(60))
        #expect(actions == [.drop(socket: 1), .lost(message: "gone")])
        #expect(machine.deadlines.next == nil)
    }

    @Test func `the last attempt gives the model up`() {
        var limits = CallLimits()
        limits.agentAttempts = 1
        var machine = AgentMachine(limits: limits, renewal: nil)
        _ = machine.connect(at: began)
        let actions = machine.failed("refused", isFinal: false, isDraining: false, at: began)
        #expect(actions == [.lost(message: "refused"), .giveUp(message: "refused")])
    }

    @Test func `the end waits for dropped and for open sockets`() {
        var machine = ready()
        _ = machine.lost(1, message: "gone", isDraining: false, at: began + .seconds(60))
        _ = machine.retryIsDue(at: began + .seconds(61))
        #expect(machine.close() == 2)
        #expect(!machine.isClosed)
        let first = machine.closed(1)
        let second = machine.closed(2)
        let again = machine.closed(2)
        #expect(!first && second && !again)
        #expect(machine.state == .closed)
        #expect(machine.connect(at: began + .seconds(62)) == [])
    }
}
