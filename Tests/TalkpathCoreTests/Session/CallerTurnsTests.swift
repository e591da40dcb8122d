import TalkpathWire
import Testing

@testable import TalkpathCore

struct CallerTurnsTests {
    private let first = AgentItem(index: 0)
    private let second = AgentItem(index: 1)

    @Test func `words go to the turn that the model has named, however late they are`() {
        var turns = CallerTurns()
        turns.modelBegan(first, at: 1000)
        turns.answerBegan(at: 3000)
        turns.modelBegan(second, at: 5000)
        #expect(turns.place(second, at: 6000) == 5000)
        #expect(turns.place(first, at: 7000) == 1000)
        #expect(turns.place(first, at: 7500) == 1000)
    }

    // MARK: Last words

    @Test func `words of a named turn are owed until they are there, while it is spoken and for some time after`() {
        var turns = CallerTurns()
        #expect(turns.lastWords(at: 500) == nil)
        turns.detectorBegan(at: 900)
        turns.modelBegan(first, at: 1000)
        #expect(turns.lastWords(at: 30_000) == .beingSaid)
        turns.modelEnded()
        turns.detectorEnded(lastSpeech: 2000)
        #expect(turns.lastWords(at: 2100) == .said)
        #expect(turns.lastWords(at: 40_000) == nil)
        turns.written(second)
        #expect(turns.lastWords(at: 2200) == .said)
        turns.written(first)
        // A sound that the model has not named since is none to it.
        turns.detectorBegan(at: 3000)
        turns.detectorEnded(lastSpeech: 4000)
        #expect(turns.lastWords(at: 4100) == nil)
        turns.modelBegan(second, at: 5000)
        turns.modelLost(at: 5100)
        #expect(turns.lastWords(at: 5200) == nil)
    }

    @Test func `words of a turn of our own detector are owed while they may come`() {
        var turns = CallerTurns()
        turns.detectorBegan(at: 1000)
        #expect(turns.lastWords(at: 1500) == .beingSaid)
        turns.detectorEnded(lastSpeech: 2000)
        #expect(turns.lastWords(at: 2500) == .said)
        #expect(turns.lastWords(at: 2000 + CallerTurns.lateness + 1) == nil)
        _ = turns.place(first, at: 2600)
        // They come piece by piece.
        #expect(turns.lastWords(at: 3000) == .said)
        #expect(turns.lastWords(at: 2600 + CallerTurns.pause + 1) == nil)
        turns.detectorBegan(at: 9000)
        turns.detectorEnded(lastSpeech: 9200)
        #expect(turns.lastWords(at: 9300) == nil)
    }

    @Test func `words after the answer go to the answered turn of our own detector`() {
        var turns = CallerTurns()
        turns.detectorBegan(at: 500)
        turns.answerBegan(at: 2600)
        #expect(turns.place(first, at: 5000) == 500)
        // More of the same turn, under another id.
        #expect(turns.place(second, at: 5100) == 500)
    }

    @Test func `words that come when the caller speaks again still go to the answered turn`() {
        var turns = CallerTurns()
        turns.detectorBegan(at: 500)
        turns.answerBegan(at: 2600)
        turns.detectorBegan(at: 4000)
        #expect(turns.place(first, at: 4600) == 500)
        #expect(turns.place(second, at: 5000) == 4000)
    }

    @Test func `a turn whose words never come does not take those of the next turn`() {
        var turns = CallerTurns()
        turns.detectorBegan(at: 500)
        turns.answerBegan(at: 2600)
        turns.detectorBegan(at: 9000)
        #expect(turns.place(first, at: 9700) == 9000)
    }

    @Test func `a noise that the model has not answered gets no words`() {
        var turns = CallerTurns()
        turns.detectorBegan(at: 500)
        turns.detectorBegan(at: 3000)
        turns.answerBegan(at: 4000)
        #expect(turns.place(first, at: 4500) == 3000)
        #expect(turns.place(second, at: 4600) == 3000)
    }

    @Test func `words without a detected turn are placed at their arrival`() {
        var turns = CallerTurns()
        turns.detectorBegan(at: 500)
        turns.answerBegan(at: 2600)
        #expect(turns.place(first, at: 2700) == 500)
        turns.answerBegan(at: 6000)
        #expect(turns.place(second, at: 9000) == 9000)
    }

    @Test func `a turn that a lost session had heard takes no words of the next session`() {
        var turns = CallerTurns()
        turns.detectorBegan(at: 500)
        turns.detectorEnded(lastSpeech: 1500)
        turns.modelLost(at: 2100)
        turns.answerBegan(at: 4000)
        turns.detectorBegan(at: 5000)
        #expect(turns.place(first, at: 6000) == 5000)
    }

    @Test func `a turn whose end is detected only at the loss takes none, either`() {
        var turns = CallerTurns()
        turns.detectorBegan(at: 500)
        turns.modelLost(at: 1600)
        turns.detectorEnded(lastSpeech: 1500)
        turns.answerBegan(at: 4000)
        turns.detectorBegan(at: 5000)
        #expect(turns.place(first, at: 6000) == 5000)
    }

    @Test func `a turn that goes on during the loss may get its words from the next session, or never`() {
        var turns = CallerTurns()
        turns.detectorBegan(at: 500)
        turns.modelLost(at: 1500)
        turns.detectorEnded(lastSpeech: 2500)
        var other = turns
        #expect(turns.place(first, at: 3100) == 500)
        other.answerBegan(at: 4000)
        other.detectorBegan(at: 5000)
        var quick = other
        #expect(other.place(first, at: 6000) == 5000)
        #expect(quick.place(first, at: 5450) == 500)
    }

    @Test func `an answer that continues after a function answers the finished turn, not one that has just begun`() {
        var turns = CallerTurns()
        turns.detectorBegan(at: 500)
        turns.detectorEnded(lastSpeech: 2000)
        turns.answerWentOn(at: 3000)
        turns.detectorBegan(at: 3500)
        turns.answerWentOn(at: 3700)
        #expect(turns.place(first, at: 4000) == 500)
        #expect(turns.place(second, at: 6000) == 3500)
    }

    @Test func `a turn that the caller did not let the model answer gets its own words`() {
        var turns = CallerTurns()
        turns.detectorBegan(at: 500)
        turns.detectorEnded(lastSpeech: 1500)
        turns.detectorBegan(at: 2300)
        #expect(turns.place(first, at: 3500) == 500)
        turns.detectorEnded(lastSpeech: 4300)
        turns.answerBegan(at: 5800)
        #expect(turns.place(second, at: 6400) == 2300)
    }

    @Test func `a cough takes no words from the turn after it`() {
        var turns = CallerTurns()
        turns.detectorBegan(at: 500)
        turns.detectorEnded(lastSpeech: 900)
        turns.detectorBegan(at: 2300)
        #expect(turns.place(first, at: 3500) == 2300)
    }

    @Test func `words without a turn are placed at their arrival`() {
        var turns = CallerTurns()
        #expect(turns.place(first, at: 700) == 700)
    }

    @Test func `a long call leaves little state behind`() {
        var turns = CallerTurns()
        for index in 0..<10_000 {
            turns.detectorBegan(at: index * 1000)
            turns.modelBegan(AgentItem(index: index), at: index * 1000)
            #expect(turns.place(AgentItem(index: index), at: index * 1000 + 500) == index * 1000)
        }
    }
}
