import TalkpathWire
import Testing

@testable import TalkpathCore

/// The recorded words of an interrupted agent, for words that come at any time.
struct TranscriptTests {
    private let item = AgentItem(index: 3)

    private func words(_ text: String, isFinal: Bool) -> AgentTranscript {
        AgentTranscript(item: item, text: text, isFinal: isFinal)
    }

    @Test(arguments: [false, true])
    func `words that come after the interruption are cut as well`(inPieces: Bool) throws {
        var transcript = Transcript()
        let early = transcript.cut(item, heardMilliseconds: 900)
        #expect(early == nil)
        if inPieces { _ = transcript.add(words("Your ", isFinal: false), by: .agent, at: 10) }
        let added = transcript.add(words("Your balance.", isFinal: true), by: .agent, at: 10)
        let turn = try #require(added)
        #expect(turn.heardMilliseconds == 900 && turn.isCut && turn.text == "Your balance.")
        #expect(transcript.turns == [turn])
    }

    @Test func `a turn that was published as whole is published again with its heard part, once`() throws {
        var transcript = Transcript()
        let final = transcript.add(words("Your balance.", isFinal: true), by: .agent, at: 10)
        let told = try #require(final)
        #expect(!told.isCut)
        let late = transcript.cut(item, heardMilliseconds: 0)
        let corrected = try #require(late)
        #expect(corrected.number == told.number && corrected.text == told.text && corrected.heardMilliseconds == 0)
        let again = transcript.cut(item, heardMilliseconds: 0)
        #expect(again == nil)
        #expect(transcript.turns == [corrected])
    }

    @Test func `a turn that is interrupted before its publication is published once`() throws {
        var transcript = Transcript()
        _ = transcript.add(words("Your ", isFinal: false), by: .agent, at: 10)
        let again = transcript.cut(item, heardMilliseconds: 5)
        #expect(again == nil)
        let last = transcript.add(words("Your balance.", isFinal: true), by: .agent, at: 10)
        #expect(last?.heardMilliseconds == 5)
    }

    @Test func `turns are numbered as they become known, and only the agent's are cut`() throws {
        var transcript = Transcript()
        _ = transcript.cut(item, heardMilliseconds: 7)
        let theirs = transcript.add(words("Stop.", isFinal: true), by: .caller, at: 20)
        let caller = try #require(theirs)
        let ours = transcript.add(words("Your balance.", isFinal: true), by: .agent, at: 10)
        let agent = try #require(ours)
        #expect((caller.number, agent.number) == (1, 2))
        #expect(caller.heardMilliseconds == nil && agent.heardMilliseconds == 7)
    }

    @Test func `the agent's words are placed where their audio began, whenever they come`() {
        var transcript = Transcript()
        transcript.began(item, at: 100)
        let theirs = AgentTranscript(item: AgentItem(index: 9), text: "Stop.", isFinal: true)
        _ = transcript.add(theirs, by: .caller, at: 500)
        _ = transcript.add(words("Your balance.", isFinal: true), by: .agent, at: 700)
        #expect(transcript.turns.map(\.text) == ["Your balance.", "Stop."])
        // An item's audio comes in pieces.
        transcript.began(item, at: 900)
        #expect(transcript.turns.map(\.milliseconds) == [100, 500])
    }

    @Test func `interruptions of items without words are not kept for ever`() {
        var transcript = Transcript()
        for index in 0..<10_000 { _ = transcript.cut(AgentItem(index: index), heardMilliseconds: 1) }
        let late = AgentTranscript(item: AgentItem(index: 9999), text: "x", isFinal: true)
        let last = transcript.add(late, by: .agent, at: 0)
        #expect(last?.heardMilliseconds == 1)
    }
}
