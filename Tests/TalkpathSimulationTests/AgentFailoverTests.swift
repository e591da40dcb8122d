import TalkpathAudio
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathSimulation

/// Whole sessions in which the next agent of a list takes over, often another provider's.
@Suite struct AgentFailoverTests {
    private static let gone = AgentConnectError("the model's server answered 401", isFinal: true)

    private static func agent(_ provider: AgentProvider, _ configure: (inout AgentProfile) -> Void = { _ in })
        -> AgentProfile
    {
        var agent = AgentProfile(provider: provider, model: "next", apiKey: "k")
        if provider == .openaiLive { agent.format = .pcmu }
        configure(&agent)
        return agent
    }

    private static func failovers(_ call: ScriptedCall) -> [AgentFailover] {
        call.events.compactMap { if case .agentFailedOver(let failover) = $0.kind { failover } else { nil } }
    }

    @Test(arguments: [AgentProvider.openai, .gemini, .openaiLive])
    func `the next agent greets a caller whose first agent is refused, and hears their words from the beginning`(
        next: AgentProvider
    ) {
        let first: AgentProvider = next == .openai ? .gemini : .openai
        let call = ScriptedCall(first) {
            $0.firstMessage = "First greeting."
            $0.failover = [Self.agent(next) { $0.firstMessage = "Second greeting." }]
        }
        call.connectFault = { $0.provider == first ? Self.gone : nil }
        call.setupTime = .seconds(1)
        var heard = 0
        call.onAudio = { heard += $0 }
        call.at(3000) { call.answer(0, pieces: 4, words: "Hello.") }
        call.run(until: 6000)
        let failovers = Self.failovers(call)
        #expect(failovers.map(\.from.provider) == [first] && failovers.map(\.to.provider) == [next])
        #expect(failovers.first?.reason == Self.gone.message)
        #expect(call.tellings(containing: "Second greeting.").count == 1)
        #expect(call.tellings(containing: "First greeting.").isEmpty)
        #expect(call.record?.receipt?.reason == .shutdown)
        // From the call's first frame; one model is spared silence that it would hear late.
        #expect(heard >= (next == .openaiLive ? 4800 : 5600))
        #expect(abs(call.heardMilliseconds(of: 0) - 1000) <= 20)
        let parts = call.record?.agentParts ?? []
        #expect(parts.map(\.agent.provider) == [first, next])
        #expect(parts.first?.ready == nil && parts.last?.ready != nil && parts.last?.ended == nil)
    }

    @Test(arguments: [(AgentProvider.openai, AgentProvider.gemini), (.gemini, .openai), (.openai, .openaiLive)])
    func `the next agent knows the conversation and a function's result, and answers what is owed`(
        first: AgentProvider,
        next: AgentProvider
    ) throws {
        let call = ScriptedCall(first) {
            $0.tools = [AgentTool(name: "look_up", description: "d")]
            $0.failover = [Self.agent(next)]
        }
        call.tool = { [scheduler = call.scheduler] _ in
            await scheduler.pause(.seconds(3))
            return #"{"slots":"nine"}"#
        }
        call.at(500) {
            call.talk(1000)
            call.hearCallerBegin()
        }
        call.at(2100) {
            call.hearCallerEnd()
            call.say(call.language.callersWords("When do you open?", item: "c"))
        }
        call.at(2600) {
            call.answer(0, pieces: 4, words: "Let me see.")
            call.callTool("look_up")
        }
        call.at(4000) {
            call.connectFault = { $0.provider == first ? Self.gone : nil }
            call.loseModel()
        }
        call.run(until: 12_000)
        #expect(Self.failovers(call).count == 1)
        let told = call.told.filter { $0.at > 4000 }.map(\.text).joined()
        let question = try #require(told.firstRange(of: "When do you open?"))
        let answer = try #require(told.firstRange(of: "Let me see."))
        #expect(question.lowerBound < answer.lowerBound)
        #expect(told.contains("It is running; do not call it again"))
        #expect(told.contains("nine"))
        #expect(call.heardMilliseconds(of: 0) > 900)
        let decided = try #require(call.events.last { if case .agentFailedOver = $0.kind { true } else { false } })
        let ready = try #require(call.events.last { if case .agentReady = $0.kind { true } else { false } })
        #expect(ready.at - decided.at < 1000)
    }

    @Test func `an answer under way is heard to the end of what has come, and the next agent's after it`() {
        let call = ScriptedCall(.openai) { $0.failover = [Self.agent(.gemini)] }
        call.at(1000) {
            call.beginResponse()
            call.sayAudio(0, pieces: 8)
        }
        call.at(1500) {
            call.connectFault = { $0.provider == .openai ? Self.gone : nil }
            call.loseModel()
        }
        call.at(3000) { call.answer(1, pieces: 4, words: "As I said.") }
        call.at(4600) { call.say(call.language.interruption) }
        call.at(5000) { call.answer(2, pieces: 4) }
        call.run(until: 9000)
        #expect(abs(call.heardMilliseconds(of: 0) - 2000) <= 20)
        #expect(abs(call.heardMilliseconds(of: 1) - 1000) <= 20)
        #expect(abs(call.heardMilliseconds(of: 2) - 1000) <= 20)
    }

    @Test func `every provider in one list is tried, in its order, and then the call ends`() {
        let call = ScriptedCall(.openai) {
            $0.failover = [
                Self.agent(.gemini), Self.agent(.openaiLive), Self.agent(.socket) { $0.baseURL = "wss://agent.test" },
            ]
        }
        call.connectFault = { _ in Self.gone }
        call.run(until: 5000)
        #expect(Self.failovers(call).map(\.to.provider) == [.gemini, .openaiLive, .socket])
        #expect(call.record?.receipt?.reason == .agentLost)
        #expect(call.record?.agentParts.map(\.reason) == Array(repeating: Self.gone.message, count: 3) + [nil])
    }

    @Test(arguments: [AgentProvider.gemini, .openaiLive])
    func `a replay of such a call sends the same bytes`(next: AgentProvider) async throws {
        let captures = FileCapture()
        let call = ScriptedCall(.openai, captures: captures.memory) {
            $0.firstMessage = "Greet."
            $0.failover = [Self.agent(next) { $0.instructions = "Second." }]
        }
        call.at(1000) { call.answer(0, pieces: 4, words: "Hello.") }
        call.at(2500) { call.talk(900) }
        call.at(3000) {
            call.connectFault = { $0.provider == .openai ? Self.gone : nil }
            call.loseModel()
        }
        call.at(6000) { call.answer(1, pieces: 6, words: "Here I am.") }
        call.run(until: 9000)
        #expect(Self.failovers(call).count == 1)
        let file = try captures.file()
        #expect(try Capture(reading: file).facts.agent.failover.map(\.instructions) == ["Second."])
        let replayed = try await Replay(bytes: file).run()
        #expect(replayed.differences.isEmpty, "\(replayed.differences.prefix(5))")
        #expect(!replayed.isCut && replayed.metrics.bytesFromAgent > 0)
    }
}

/// A capture of a scripted call as a file's bytes, with the facts as files hold them.
private struct FileCapture {
    let memory = MemoryCapture()

    func file() throws -> [UInt8] {
        let capture = try #require(memory.capture)
        var file: [UInt8] = []
        var writer = CaptureWriter(capture.facts)
        writer.begin(into: &file)
        for record in capture.records { writer.append(record, into: &file) }
        return file
    }
}
