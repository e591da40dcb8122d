import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathSimulation

/// Messages that an operator puts into the conversation.
@Suite struct MessageTests {
    @Test(arguments: [AgentProvider.openai, .gemini])
    func `a message that is sent while the caller speaks does not make the agent speak`(provider: AgentProvider) throws
    {
        let call = ScriptedCall(provider)
        call.at(1000) { call.talk(2000) }
        call.at(2000) { #expect(call.send("The caller is a member.", as: .system, isAnswered: false)) }
        call.run(until: 8000)
        let told = try #require(call.tellings(containing: "a member").first)
        // OpenAI's model is asked for each answer; Gemini's may answer whatever it is told.
        #expect(provider == .openai ? told.at < 2100 : told.at >= 3000, "\(told.at)")
        #expect(call.requests.allSatisfy { $0.at >= 3000 })
    }

    @Test(arguments: [AgentProvider.openai, .gemini], [MessageAuthor.caller, .system])
    func `a message that is to be answered is not called one that is not`(
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
}
