import Synchronization
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathSimulation

/// Functions that a model calls again under the name of a call that it has made already.
@Suite struct RepeatedToolTests {
    private final class Counter: Sendable {
        let count = Mutex(0)
        func next() -> Int {
            count.withLock {
                $0 += 1
                return $0
            }
        }
    }

    @Test(arguments: [AgentProvider.openai, .gemini])
    func `a function that is called again under the same name runs once, and the model gets the same result`(
        provider: AgentProvider
    ) {
        let call = ScriptedCall(provider)
        let runs = Counter()
        call.tool = { _ in #"{"booking":\#(runs.next())}"# }
        call.at(1000) { call.callTool("book") }
        call.at(3000) { call.callTool("book") }
        call.run(until: 5000)
        #expect(runs.next() == 2)
        let results = call.tellings(containing: "booking")
        #expect(results.count == 2)
        #expect(results.allSatisfy { $0.text.contains("1") && !$0.text.contains(":2}") })
        #expect(call.events.count { if case .toolCalled = $0.kind { true } else { false } } == 1)
    }

    @Test func `a call with other arguments, and one of a socket agent, are calls of their own`() {
        let other = ScriptedCall(.gemini)
        let runs = Counter()
        other.tool = { _ in #"{"booking":\#(runs.next())}"# }
        other.at(1000) { other.callTool("book") }
        other.at(3000) { other.callTool("book", arguments: #"{"day":2}"#) }
        other.run(until: 5000)
        #expect(runs.next() == 3)
        let socket = ScriptedCall(.socket)
        socket.tool = { _ in #"{"booking":\#(runs.next())}"# }
        socket.at(1000) { socket.callTool("book") }
        socket.at(3000) { socket.callTool("book") }
        socket.run(until: 5000)
        #expect(runs.next() == 6)
    }

    @Test func `a socket agent that runs anew may use the name of a call that its former run has under way`() {
        let call = ScriptedCall(.socket)
        let runs = Counter()
        call.tool = { [scheduler = call.scheduler] _ in
            let number = runs.next()
            _ = await scheduler.sleep(.seconds(3))
            return #"{"booking":\#(number)}"#
        }
        call.at(1000) { call.callTool("book") }
        call.at(1500) { call.loseModel() }
        call.at(3500) { call.callTool("book") }
        call.run(until: 9000)
        #expect(runs.next() == 3)
        let results = call.tellings(containing: #""type":"tool_result""#)
        #expect(results.count == 1)
        #expect(results.first?.text.contains("2") == true)
    }

    @Test func `a function that is called again while it runs runs once`() {
        let call = ScriptedCall(.gemini)
        let runs = Counter()
        call.tool = { [scheduler = call.scheduler] _ in
            _ = await scheduler.sleep(.seconds(2))
            return #"{"booking":\#(runs.next())}"#
        }
        call.at(1000) { call.callTool("book") }
        call.at(2000) { call.callTool("book") }
        call.run(until: 6000)
        #expect(runs.next() == 2)
        #expect(call.tellings(containing: "booking").count == 1)
        #expect(call.events.count { if case .toolCalled = $0.kind { true } else { false } } == 1)
    }
}
