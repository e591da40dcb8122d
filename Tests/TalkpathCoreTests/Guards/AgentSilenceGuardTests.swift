import TalkpathAudio
import Testing

@testable import TalkpathCore

/// A guard and what it is told, on a clock of its own.
private struct Watched {
    var silence = AgentSilenceGuard(timeout: .seconds(10))
    var clock = GuardClock()
    var lastMessage: MonotonicInstant?
    /// When the agent was asked for its answer, since the time began to pass.
    var asked: [Duration] = []

    var now: MonotonicInstant { clock.now }

    /// How long it took until the agent was found silent.
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

    /// The caller speaks for so long, as our ear notices it.
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

    @Test func `an answer that is heard is one, however long it takes to be said`() {
        var call = Watched()
        call.modelTurn()
        #expect(call.pass(.seconds(9)) == nil)
        #expect(call.pass(.seconds(40), isHeard: true) == nil)
        #expect(call.pass(.seconds(60)) == nil)
    }

    @Test func `an answer without a sound is one, too`() {
        var call = Watched()
        call.modelTurn()
        call.silence.answerProgressed(at: call.now)
        #expect(call.pass(.seconds(1)) == nil)
        call.silence.responseEnded(at: call.now)
        #expect(call.pass(.seconds(60)) == nil)
    }

    @Test func `an answer that has begun and does not go on`() {
        var call = Watched()
        call.modelTurn()
        #expect(call.pass(.seconds(6)) == nil)
        call.silence.answerProgressed(at: call.now)
        #expect(call.pass(.seconds(60)) == .seconds(10))
    }

    @Test func `a caller who goes on speaking is not to be answered yet`() {
        var call = Watched()
        call.modelTurn()
        #expect(call.pass(.seconds(5)) == nil)
        call.silence.modelHeardBegin()
        #expect(call.pass(.seconds(40)) == nil)
        call.silence.modelHeardEnd(at: call.now)
        #expect(call.pass(.seconds(60)) == .seconds(10))
    }

    @Test func `a function under way excuses silence, and after it the time runs anew`() {
        var call = Watched()
        call.modelTurn()
        call.silence.toolCalled("f", at: call.now)
        call.silence.responseEnded(at: call.now)
        #expect(call.pass(.seconds(45)) == nil)
        call.silence.toolFinished("f", at: call.now)
        #expect(call.pass(.seconds(60)) == .seconds(10))
    }

    @Test func `a function that never ends is not the model's fault`() {
        var call = Watched()
        call.modelTurn()
        call.silence.toolCalled("f", at: call.now)
        #expect(call.pass(.seconds(600)) == nil)
    }

    @Test func `our ear alone: a model that has been dumb since the caller began`() {
        var call = Watched()
        call.lastMessage = call.now
        #expect(call.pass(.seconds(3)) == nil)
        call.speech(.seconds(2))
        #expect(call.pass(.seconds(60)) == .seconds(10))
    }

    @Test func `our ear alone: what the model has taken notice of, it need not answer`() {
        var call = Watched()
        call.speech(.seconds(2))
        call.lastMessage = call.now
        #expect(call.pass(.seconds(60)) == nil)
    }

    @Test func `our ear alone: words that the model has understood are to be answered`() {
        var call = Watched()
        call.speech(.seconds(2))
        call.silence.modelUnderstood()
        call.lastMessage = call.now
        #expect(call.pass(.seconds(60)) == .seconds(10))
    }

    @Test func `our ear alone: a cough is no turn`() {
        var call = Watched()
        call.speech(.milliseconds(400))
        #expect(call.pass(.seconds(60)) == nil)
    }

    @Test func `our ear alone: one short sound is no turn, and a second one is`() {
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

    @Test func `words that are understood only after they were answered are not waited for`() {
        var call = Watched()
        call.speech(.seconds(2))
        #expect(call.pass(.seconds(3), isHeard: true) == nil)
        call.silence.modelUnderstood()
        #expect(call.pass(.seconds(60)) == nil)
    }

    @Test func `a caller who speaks over the agent is to be answered by more than what was cut short`() {
        var call = Watched()
        call.speech(.seconds(1), isHeard: true)
        call.silence.modelUnderstood()
        #expect(call.pass(.seconds(60)) == .seconds(10))
    }

    @Test func `the socket that is opened instead owes the answer, and no other does`() {
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

    @Test func `what was owed by a socket that was lost is owed by the next`() {
        var call = Watched()
        call.modelTurn()
        #expect(call.pass(.seconds(1), isReady: false) == nil)
        #expect(call.pass(.seconds(60)) == .milliseconds(10_020))
    }

    @Test func `words spoken before the session is ready are a turn, and its set-up is no notice of them`() {
        var call = Watched()
        #expect(call.pass(.seconds(1), isReady: false) == nil)
        call.speech(.seconds(2), isReady: false)
        #expect(call.pass(.seconds(30), isReady: false) == nil)
        // The session says that it is ready, and nothing from then on.
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

    @Test func `words spoken before the session is ready are answered by a greeting`() {
        var call = Watched()
        call.speech(.seconds(2), isReady: false)
        #expect(call.pass(.seconds(2)) == nil)
        #expect(call.pass(.seconds(2), isHeard: true) == nil)
        #expect(call.pass(.seconds(60)) == nil)
    }

    @Test func `a cough before the session is ready is no turn, nor is a caller who is muted`() {
        var call = Watched()
        call.speech(.milliseconds(400), isReady: false)
        #expect(call.pass(.seconds(60)) == nil)
        call.speech(.seconds(2), isReady: false)
        #expect(call.pass(.milliseconds(100), isReady: false, isMuted: true) == nil)
        #expect(call.pass(.seconds(60)) == nil)
    }

    @Test func `the agent is asked in the same session before that is given up`() {
        var call = Watched()
        call.modelTurn()
        #expect(call.pass(.seconds(60)) == .seconds(10))
        #expect(call.asked == [.seconds(6)])
    }

    @Test func `an agent that answers when it is asked keeps its session, and is asked again for the next turn`() {
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

    @Test func `nobody asks over an agent at work, or after a noise that the model has noticed`() {
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
