import TalkpathAudio
import Testing

@testable import TalkpathCore

struct ConversationDebtsTests {
    private let start = MonotonicInstant(nanoseconds: 1_000_000_000)

    private func heard(_ duration: Duration) -> ConversationDebts {
        var debts = ConversationDebts()
        debts.detectorHeardBegin(at: start)
        debts.detectorHeardEnd(lastSpeech: start + duration, at: start + duration + .milliseconds(500))
        return debts
    }

    @Test func `a turn that only our own detector has heard is owed an answer until the model answers`() {
        var debts = heard(.seconds(1))
        #expect(debts.callerWaits(at: start + .seconds(5)))
        debts.answerBegan()
        #expect(!debts.callerWaits(at: start + .seconds(5)))
    }

    @Test func `a sound to which the model does not react counts as a noise after a while`() {
        let debts = heard(.seconds(1))
        #expect(!debts.callerWaits(at: start + .seconds(12)))
        #expect(!heard(.milliseconds(300)).callerWaits(at: start + .seconds(1)))
    }

    @Test func `a caller who is speaking is waited for`() {
        var debts = ConversationDebts()
        debts.detectorHeardBegin(at: start)
        #expect(debts.callerWaits(at: start + .seconds(30)))
        debts.callerMuted()
        #expect(!debts.callerWaits(at: start + .seconds(30)))
    }

    @Test func `a session lost after the caller's words leaves the answer to the next session`() {
        var debts = heard(.seconds(1))
        debts.sessionLost(isAnswering: false, at: start + .seconds(2))
        #expect(debts.isOwedFromBefore)
        debts.newSessionTold()
        debts.sessionLost(isAnswering: false, at: start + .seconds(3))
        #expect(!debts.isOwedFromBefore)
    }

    @Test func `a session lost after a function's result leaves it to the next session, until it is answered`() {
        var debts = ConversationDebts()
        debts.functionReturned("sunny", calledOn: start)
        debts.resultsTold(lastAudio: nil, at: start)
        debts.answerBegan()
        debts.sessionLost(isAnswering: true, at: start)
        #expect(debts.isOwedFromBefore)
        #expect(debts.results == ["sunny"])
        debts.newSessionTold()
        debts.answerCompleted(lastAudio: start)
        #expect(debts.results == ["sunny"])
        debts.resultsTold(lastAudio: nil, at: start + .seconds(1))
        debts.utteranceBegan()
        debts.answerCompleted(lastAudio: start)
        debts.sessionLost(isAnswering: false, at: start)
        #expect(!debts.isOwedFromBefore)
        #expect(debts.results == [])
    }

    private func told(lastAudio: MonotonicInstant) -> ConversationDebts {
        var debts = ConversationDebts()
        debts.functionReturned("sunny", of: "f", calledOn: start)
        #expect(debts.owesAnswerToResult(lastAudio: start + .seconds(9)))
        debts.resultsTold(lastAudio: lastAudio, at: start + .seconds(2))
        return debts
    }

    @Test func `the next words of a model that waited for a function are the answer`() {
        var debts = told(lastAudio: start)
        #expect(debts.owesAnswerToResult(lastAudio: start))
        #expect(!debts.owesAnswerToResult(lastAudio: start + .seconds(3)))
        debts.answerCompleted(lastAudio: start + .seconds(3))
        #expect(debts.results == [])
    }

    @Test func `an answer that was under way when a result came does not count as its answer`() {
        var debts = told(lastAudio: start + .milliseconds(1900))
        debts.answerCompleted(lastAudio: start + .seconds(3))
        #expect(debts.owesAnswerToResult(lastAudio: start + .seconds(3)))
        #expect(debts.results == ["sunny"])
        debts.utteranceBegan()
        #expect(!debts.owesAnswerToResult(lastAudio: start + .seconds(3)))
    }

    @Test func `a result of a function that the model has cancelled is owed no answer`() {
        var debts = told(lastAudio: start + .milliseconds(1900))
        debts.callsCancelled(["e"])
        #expect(debts.owesAnswerToResult(lastAudio: nil))
        debts.callsCancelled(["f"])
        #expect(!debts.owesAnswerToResult(lastAudio: nil))
        debts.sessionLost(isAnswering: false, at: start + .seconds(3))
        #expect(!debts.isAnswerOwed, "the next session need not speak of it")
    }

    @Test func `a result that comes without a session is owed until the next session speaks`() {
        var debts = told(lastAudio: start)
        debts.utteranceBegan()
        debts.sessionLost(isAnswering: true, at: start + .seconds(3))
        #expect(debts.owesAnswerToResult(lastAudio: start + .seconds(9)))
    }

    @Test func `a caller who has spoken since the loss makes the handle stale`() {
        var debts = ConversationDebts()
        debts.handleGiven()
        debts.detectorHeardBegin(at: start)
        debts.sessionLost(isAnswering: false, at: start + .milliseconds(400))
        debts.setUpBegins(at: start + .milliseconds(600))
        #expect(!debts.isHandleStale)
        debts.setUpBegins(at: start + .milliseconds(900))
        #expect(debts.isHandleStale)
    }

    @Test func `a handle covers the words before it, and none after it`() {
        var debts = heard(.seconds(1))
        #expect(debts.isHandleStale)
        debts.handleGiven()
        #expect(!debts.isHandleStale)
        debts.functionCalled()
        #expect(debts.isHandleStale)
        debts.handleGiven()
        debts.modelUnderstood(at: start)
        #expect(debts.isHandleStale)
        debts.handleGiven()
        debts.agentTold()
        #expect(debts.isHandleStale)
        debts.detectorHeardBegin(at: start)
        debts.handleGiven()
        #expect(debts.isHandleStale)
    }

    @Test func `a session lost while the caller speaks owes the answer once the end of the turn is detected`() {
        var debts = ConversationDebts()
        debts.handleGiven()
        debts.detectorHeardBegin(at: start)
        debts.sessionLost(isAnswering: false, at: start + .milliseconds(500))
        #expect(!debts.isOwedFromBefore && !debts.isHandleStale)
        debts.sessionLost(isAnswering: false, at: start + .seconds(2))
        #expect(!debts.isOwedFromBefore && debts.isHandleStale && debts.isCallerSpeaking)
        var noise = debts
        debts.detectorHeardEnd(lastSpeech: start + .seconds(2), at: start + .milliseconds(2500))
        #expect(debts.isOwedFromBefore)
        noise.detectorHeardEnd(lastSpeech: start + .milliseconds(300), at: start + .milliseconds(2500))
        #expect(!noise.isOwedFromBefore)
    }
}
