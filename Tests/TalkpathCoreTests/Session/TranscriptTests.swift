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
        let early = transcript.cut(item, heard: 900, of: nil)
        #expect(early == nil)
        if inPieces { _ = transcript.add(words("Your ", isFinal: false), by: .agent, at: 10) }
        let added = transcript.add(words("Your balance.", isFinal: true), by: .agent, at: 10)
        let turn = try #require(added)
        #expect(turn.heardMilliseconds == 900 && turn.isCut && turn.text == "Your balance.")
        #expect(transcript.turns == [turn])
    }

    @Test(arguments: ["", " ", "\n", "\t \u{2028}"])
    func `blanks that a model writes down for a noise are no turn`(blank: String) {
        var transcript = Transcript()
        for speaker in [TranscriptEntry.Speaker.caller, .agent] {
            let piece = transcript.add(words(blank, isFinal: false), by: speaker, at: 10)
            let whole = transcript.add(words(blank, isFinal: true), by: speaker, at: 20)
            #expect(piece == nil && whole == nil)
        }
        #expect(transcript.turns.isEmpty)
    }

    @Test func `a turn that was published as whole is published again with its heard part, once`() throws {
        var transcript = Transcript()
        let final = transcript.add(words("Your balance.", isFinal: true), by: .agent, at: 10)
        let told = try #require(final)
        #expect(!told.isCut)
        let late = transcript.cut(item, heard: 0, of: nil)
        let corrected = try #require(late)
        #expect(corrected.number == told.number && corrected.text == told.text && corrected.heardMilliseconds == 0)
        let again = transcript.cut(item, heard: 0, of: nil)
        #expect(again == nil)
        #expect(transcript.turns == [corrected])
    }

    @Test func `a turn that is interrupted before its publication is published once`() throws {
        var transcript = Transcript()
        _ = transcript.add(words("Your ", isFinal: false), by: .agent, at: 10)
        let again = transcript.cut(item, heard: 5, of: nil)
        #expect(again == nil)
        let last = transcript.add(words("Your balance.", isFinal: true), by: .agent, at: 10)
        #expect(last?.heardMilliseconds == 5)
    }

    @Test func `turns are numbered as they become known, and only the agent's are cut`() throws {
        var transcript = Transcript()
        _ = transcript.cut(item, heard: 7, of: nil)
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
        for index in 0..<10_000 { _ = transcript.cut(AgentItem(index: index), heard: 1, of: nil) }
        let late = AgentTranscript(item: AgentItem(index: 9999), text: "x", isFinal: true)
        let last = transcript.add(late, by: .agent, at: 0)
        #expect(last?.heardMilliseconds == 1)
    }

    @Test func `the heard words of a turn are those of the share of its audio that was heard`() throws {
        let text = "Your balance is four hundred dollars, and the next payment is due on Friday."
        func heard(_ milliseconds: Int, of produced: Int?) throws -> String {
            var transcript = Transcript()
            _ = transcript.cut(item, heard: milliseconds, of: produced)
            let turn = transcript.add(words(text, isFinal: true), by: .agent, at: 10)
            return try #require(turn).heardText
        }
        #expect(try heard(1001, of: 4000) == "Your balance is")
        #expect(try heard(2000, of: 4000) == "Your balance is four hundred dollars,")
        #expect(try heard(3999, of: 4000) == "Your balance is four hundred dollars, and the next payment is due on")
        #expect(try heard(4000, of: 4000) == text)
        #expect(try heard(1001, of: nil) == text)
        #expect(try heard(0, of: 4000).isEmpty)
        #expect(try heard(20, of: 4000).isEmpty, "not even the first word")
        #expect(try heard(.max, of: .min) == text)
        #expect(try heard(1, of: .max).isEmpty)
    }

    @Test func `a model that reads the conversation gets only the words that were heard`() {
        var turn = TranscriptEntry(speaker: .agent, text: "Your balance is four.", milliseconds: 0)
        #expect(turn.textForModel == "Your balance is four.")
        turn.heardMilliseconds = 500
        turn.producedMilliseconds = 1000
        #expect(turn.textForModel == "Your … [interrupted]")
        turn.heardMilliseconds = 0
        #expect(turn.textForModel == nil)
    }

    @Test func `a text without spaces is divided between two characters`() {
        var turn = TranscriptEntry(speaker: .agent, text: "您的餘額是四百元", milliseconds: 0)
        #expect(turn.heardText == turn.text)
        turn.heardMilliseconds = 500
        turn.producedMilliseconds = 1000
        #expect(turn.heardText == "您的餘額")
        turn.text = "  \n "
        #expect(turn.heardText.contains { !$0.isWhitespace } == false)
    }
}
