import Foundation
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathSimulation

/// Messages of an operator to the agent.
@Suite struct MessageTests {
    @Test(arguments: [AgentProvider.openai, .gemini])
    func `a message that is sent while the caller speaks does not make the agent speak`(provider: AgentProvider) throws
    {
        let call = ScriptedCall(provider)
        call.at(1000) { call.talk(2000) }
        call.at(2000) { #expect(call.send("The caller is a member.", as: .system, isAnswered: false)) }
        call.run(until: 8000)
        let told = try #require(call.tellings(containing: "a member").first)
        // OpenAI's model is asked for each answer; Gemini's may answer every message by itself.
        #expect(provider == .openai ? told.at < 2100 : told.at >= 3000, "\(told.at)")
        #expect(call.requests.allSatisfy { $0.at >= 3000 })
    }

    @Test(arguments: [AgentProvider.openai, .gemini], [MessageAuthor.caller, .system])
    func `a message that asks for an answer differs from one that does not`(
        provider: AgentProvider,
        author: MessageAuthor
    ) throws {
        let call = ScriptedCall(provider)
        call.at(1000) { #expect(call.send("Say the price.", as: author, isAnswered: true)) }
        call.run(until: 4000)
        let told = try #require(call.tellings(containing: "Say the price.").first)
        #expect(!told.text.contains("not to be answered"))
        #expect(!call.requests.isEmpty)
    }

    @Test(arguments: [AgentProvider.openai, .gemini])
    func `a session that follows a lost one gets the messages and keys, in their order`(provider: AgentProvider) throws
    {
        let call = ScriptedCall(provider)
        call.at(500) { call.answer(0, pieces: 4, words: "Hello.") }
        call.at(2500) { #expect(call.send("The caller is a member.", as: .system, isAnswered: false)) }
        call.at(3000) { call.press("5") }
        // The key comes at 4500 ms, at the time when the socket breaks.
        call.at(4490) { call.loseModel() }
        call.run(until: 9000)
        let told = call.told.filter { $0.at > 4500 }.map(\.text).joined(separator: "\n")
        let places = ["Hello.", "a member.", "keypad: 5"].map { told.range(of: $0)?.lowerBound }
        let known = try places.map { try #require($0) }
        #expect(known == known.sorted())
        #expect(told.components(separatedBy: "keypad: 5").count == 2)
    }
}
