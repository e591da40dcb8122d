import TalkpathAudio
import Testing

@testable import TalkpathCore

/// A guard and its inputs, with a manual clock.
private struct Watched {
    var silence = AgentSilenceGuard(timeout: .seconds(10))
    var clock = GuardClock()
    var lastMessage: MonotonicInstant?
    /// The time of the request to the agent to answer, since the clock began.
    var asked: [Duration] = []

    var now: MonotonicInstant { clock.now }

    /// Returns the time until the agent was found silent.
    mutating func pass(_ duration: Duration, isReady: Bool = true, isMuted: Bool = false, isHeard: Bool = false)
        -> Duration?
    {
        let message = lastMessage
        let begin = now
        return clock.run(duration) {
            let verdict = silence.watch(
                isAgentReady: isReady,
                isCallerMuted: isMuted,
                isAgentHeard: isHeard,
                lastMessage: message,
                at: $0
            )
            if verdict == .ask { asked.append($0 - begin) }
            return verdict == .giveUp ? true : nil
        }?.after
    }

    /// The caller speaks for that long, as our own detector notices it.
    mutating func speech(_ duration: Duration, isReady: Bool = true, isHeard: Bool = false) {
        silence.heardBegin(at: now)
        #expect(pass(duration + .milliseconds(500), isReady: isReady, isHeard: isHeard) == nil)
        silence.heardEnd(lastSpeech: now - .milliseconds(500), at: now)
    }

    mutating func modelTurn() {
        silence.modelHeardBegin()
        _ = pass(.seconds(2))
        silence.modelHeardEnd(at: now)
    }
}

struct AgentSilenceGuardTests {
    @Test func `a turn that the model noticed and did not answer`() {
        var call = Watched()
        #expect(call.pass(.seconds(60)) == nil)
        call.modelTurn()
        #expect(call.pass(.seconds(60)) == .seconds(10))
        #expect(call.pass(.seconds(60), isReady: false) == nil)
    }

    @Test func `an answer that is heard counts, however long it lasts`() {
        var call = Watched()
        call.modelTurn()
        #expect(call.pass(.seconds(9)) == nil)
        #expect(call.pass(.seconds(40), isHeard: true) == nil)
        #expect(call.pass(.seconds(60)) == nil)
    }

    @Test func `an answer without audio counts, too`() {
        var call = Watched()
        call.modelTurn()
        call.silence.answerProgressed(at: call.now)
        #expect(call.pass(.seconds(1)) == nil)
        call.silence.responseEnded(at: call.now)
        #expect(call.pass(.seconds(60)) == nil)
    }

    @Test func `an answer that has begun and stops`() {
        var call = Watched()
        call.modelTurn()
        #expect(call.pass(.seconds(6)) == nil)
        call.silence.answerProgressed(at: call.now)
        #expect(call.pass(.seconds(60)) == .seconds(10))
    }

    @Test func `a caller who still speaks is owed no answer yet`() {
        var call = Watched()
        call.modelTurn()
        #expect(call.pass(.seconds(5)) == nil)
        call.silence.modelHeardBegin()
        #expect(call.pass(.seconds(40)) == nil)
        call.silence.modelHeardEnd(at: call.now)
        #expect(call.pass(.seconds(60)) == .seconds(10))
    }

    @Test func `a running function excuses silence, and the time begins anew after it`() {
        var call = Watched()
        call.modelTurn()
        call.silence.toolCalled("f", at: call.now)
        call.silence.responseEnded(at: call.now)
        #expect(call.pass(.seconds(45)) == nil)
        call.silence.toolFinished("f", at: call.now)
        #expect(call.pass(.seconds(60)) == .seconds(10))
    }

    @Test func `a function that never ends does not count against the model`() {
        var call = Watched()
        call.modelTurn()
        call.silence.toolCalled("f", at: call.now)
        #expect(call.pass(.seconds(600)) == nil)
    }

    @Test func `own detector alone: a model that has been silent since the caller began`() {
        var call = Watched()
        call.lastMessage = call.now
        #expect(call.pass(.seconds(3)) == nil)
        call.speech(.seconds(2))
        #expect(call.pass(.seconds(60)) == .seconds(10))
    }

    @Test func `own detector alone: a sound that the model has noticed is owed no answer`() {
        var call = Watched()
        call.speech(.seconds(2))
        call.lastMessage = call.now
        #expect(call.pass(.seconds(60)) == nil)
    }

    @Test func `own detector alone: words that the model has understood are owed an answer`() {
        var call = Watched()
        call.speech(.seconds(2))
        call.silence.modelUnderstood()
        call.lastMessage = call.now
        #expect(call.pass(.seconds(60)) == .seconds(10))
    }

    @Test func `own detector alone: a cough is not a turn`() {
        var call = Watched()
        call.speech(.milliseconds(400))
        #expect(call.pass(.seconds(60)) == nil)
    }

    @Test func `own detector alone: one short sound is not a turn, and a second one is`() {
        var call = Watched()
        call.lastMessage = call.now
        #expect(call.pass(.seconds(3)) == nil)
        for _ in 0..<3 {
            call.speech(.seconds(1))
            #expect(call.pass(.seconds(12)) == nil)
        }
        call.speech(.seconds(1))
        #expect(call.pass(.seconds(8)) == nil)
        #expect(call.asked == [])
        call.speech(.seconds(1))
        #expect(call.pass(.seconds(60)) == .seconds(10))
        #expect(call.asked == [.seconds(6)])
    }

    @Test func `words that are understood after their answer are owed no other answer`() {
        var call = Watched()
        call.speech(.seconds(2))
        #expect(call.pass(.seconds(3), isHeard: true) == nil)
        call.silence.modelUnderstood()
        #expect(call.pass(.seconds(60)) == nil)
    }

    @Test func `a caller who interrupts the agent is owed more than the rest of the interrupted answer`() {
        var call = Watched()
        call.speech(.seconds(1), isHeard: true)
        call.silence.modelUnderstood()
        #expect(call.pass(.seconds(60)) == .seconds(10))
    }

    @Test func `the socket that replaces a silent one owes the answer, and later ones do not`() {
        var call = Watched()
        call.modelTurn()
        #expect(call.pass(.seconds(60)) == .seconds(10))
        #expect(call.silence.isReopening)
        #expect(call.pass(.seconds(5), isReady: false) == nil)
        #expect(call.pass(.seconds(60)) == .milliseconds(10_020))
        #expect(call.pass(.seconds(1), isReady: false) == nil)
        #expect(call.pass(.seconds(2), isHeard: true) == nil)
        #expect(call.pass(.seconds(1), isReady: false) == nil)
        #expect(call.pass(.seconds(60)) == nil)
    }

    @Test func `the answer that a lost socket owed is owed by the next one`() {
        var call = Watched()
        call.modelTurn()
        #expect(call.pass(.seconds(1), isReady: false) == nil)
        #expect(call.pass(.seconds(60)) == .milliseconds(10_020))
    }

    @Test func `words before the session is ready are a turn, and the set-up does not count as their notice`() {
        var call = Watched()
        #expect(call.pass(.seconds(1), isReady: false) == nil)
        call.speech(.seconds(2), isReady: false)
        #expect(call.pass(.seconds(30), isReady: false) == nil)
        // The session reports that it is ready, and then nothing more.
        call.lastMessage = call.now
        #expect(call.pass(.seconds(60)) == .milliseconds(10_020))
    }

    @Test func `a caller who still speaks when the session becomes ready is waited for`() {
        var call = Watched()
        call.silence.heardBegin(at: call.now)
        #expect(call.pass(.seconds(2), isReady: false) == nil)
        call.lastMessage = call.now
        #expect(call.pass(.seconds(12)) == nil)
        call.silence.heardEnd(lastSpeech: call.now, at: call.now)
        #expect(call.pass(.seconds(60)) == .seconds(10))
    }

    @Test func `words before the session is ready are answered by a greeting`() {
        var call = Watched()
        call.speech(.seconds(2), isReady: false)
        #expect(call.pass(.seconds(2)) == nil)
        #expect(call.pass(.seconds(2), isHeard: true) == nil)
        #expect(call.pass(.seconds(60)) == nil)
    }

    @Test func `a cough before the session is ready is not a turn, nor is a muted caller's speech`() {
        var call = Watched()
        call.speech(.milliseconds(400), isReady: false)
        #expect(call.pass(.seconds(60)) == nil)
        call.speech(.seconds(2), isReady: false)
        #expect(call.pass(.milliseconds(100), isReady: false, isMuted: true) == nil)
        #expect(call.pass(.seconds(60)) == nil)
    }

    @Test func `the agent is asked in the same session before the session is given up`() {
        var call = Watched()
        call.modelTurn()
        #expect(call.pass(.seconds(60)) == .seconds(10))
        #expect(call.asked == [.seconds(6)])
    }

    @Test func `an agent that answers the request keeps its session, and is asked again for the next turn`() {
        var call = Watched()
        call.modelTurn()
        #expect(call.pass(.seconds(7)) == nil)
        call.silence.answerProgressed(at: call.now)
        call.silence.responseEnded(at: call.now)
        #expect(call.pass(.seconds(60)) == nil)
        #expect(call.asked == [.seconds(6)])
        call.modelTurn()
        #expect(call.pass(.seconds(7)) == nil)
        #expect(call.asked == [.seconds(6), .seconds(6)])
    }

    @Test func `an empty response to a turn is asked for once more, soon, and believed the second time`() {
        var call = Watched()
        call.modelTurn()
        call.silence.respondedEmptily(at: call.now)
        #expect(call.pass(.seconds(2)) == nil)
        #expect(call.asked == [.seconds(1)])
        call.silence.respondedEmptily(at: call.now)
        #expect(call.pass(.seconds(60)) == nil)
        #expect(call.asked == [.seconds(1)])
        // Nothing was owed: the agent had been asked to speak by itself.
        call.silence.respondedEmptily(at: call.now)
        #expect(call.pass(.seconds(60)) == nil)
        #expect(call.asked == [.seconds(1)])
    }

    @Test func `an agent at work is not asked, nor is one after a noise that the model has noticed`() {
        var call = Watched()
        call.modelTurn()
        call.silence.toolCalled("f", at: call.now)
        #expect(call.pass(.seconds(45)) == nil)
        call.silence.toolFinished("f", at: call.now)
        call.silence.responseEnded(at: call.now)
        call.speech(.seconds(2))
        call.lastMessage = call.now
        #expect(call.pass(.seconds(60)) == nil)
        #expect(call.asked == [])
    }
}
