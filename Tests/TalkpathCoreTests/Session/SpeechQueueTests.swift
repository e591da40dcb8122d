import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathCore

struct SpeechQueueTests {
    private let start = MonotonicInstant.at(milliseconds: 0)

    private func ready(answersByItself: Bool = false) -> SpeechQueue {
        var queue = SpeechQueue(answersByItself: answersByItself)
        _ = queue.agentIsReady(at: start)
        return queue
    }

    private func piece(_ text: String, item: Int = 0, isFinal: Bool = true) -> AgentTranscript {
        AgentTranscript(item: AgentItem(index: item), text: text, isFinal: isFinal)
    }

    @Test func `words to say wait for the model's session, and then for the answer under way`() {
        var queue = SpeechQueue(answersByItself: false)
        #expect(queue.add(.say(id: 2, words: "a"), at: start) == [])
        #expect(queue.agentIsReady(at: start) == [.send(.say("a"))])
        #expect(queue.add(.say(id: 4, words: "b"), at: start) == [])
        queue.responseStarted()
        #expect(queue.responseEnded(.completed, at: start) == [.awaitPlayback(id: 2), .send(.say("b"))])
    }

    @Test func `an answer that was not requested is waited for, too`() {
        var queue = ready()
        queue.responseStarted()
        #expect(queue.add(.say(id: 2, words: "a"), at: start) == [])
        #expect(queue.responseEnded(.completed, at: start) == [.send(.say("a"))])
    }

    @Test func `the text is the model's, piece by piece and item by item`() {
        var queue = ready()
        _ = queue.add(.say(id: 2, words: "greet"), at: start)
        queue.responseStarted()
        queue.add(piece("Hel", isFinal: false))
        queue.add(piece("lo", isFinal: false))
        queue.add(piece("Hello.", isFinal: true))
        queue.add(piece("How are", item: 1, isFinal: false))
        _ = queue.responseEnded(.completed, at: start)
        // Words may come after the response's end.
        queue.add(piece("How are you?", item: 1))
        queue.add(piece("Somebody else's.", item: 2))
        #expect(queue.takeText(2) == "Hello. How are you?")
        #expect(queue.takeText(2) == "")
    }

    @Test func `an interrupted answer is cut, and the next in the queue is requested`() {
        var queue = ready()
        _ = queue.add(.say(id: 2, words: "a"), at: start)
        _ = queue.add(.respond, at: start)
        queue.responseStarted()
        queue.add(piece("Well,", isFinal: false))
        #expect(queue.responseEnded(.cancelled, at: start) == [.cut(id: 2, text: "Well,"), .send(.respond)])
    }

    @Test func `a model that was already speaking is asked again after its words`() {
        var queue = ready()
        _ = queue.add(.say(id: 2, words: "a"), at: start)
        // Its own answer begins at the same time, and ours is refused.
        queue.responseStarted()
        queue.add(piece("Not ours.", isFinal: true))
        queue.wasRefused(at: start)
        #expect(queue.responseEnded(.completed, at: start) == [.send(.say("a"))])
        queue.responseStarted()
        queue.add(piece("Ours.", item: 1))
        #expect(queue.responseEnded(.completed, at: start) == [.awaitPlayback(id: 2)])
        #expect(queue.takeText(2) == "Ours.")
    }

    @Test func `a model that does not begin is given up, and the next words are requested`() {
        var queue = ready()
        _ = queue.add(.say(id: 2, words: "a"), at: start)
        _ = queue.add(.say(id: 4, words: "b"), at: start)
        #expect(queue.tick(at: start + .seconds(9)) == [])
        #expect(
            queue.tick(at: start + .seconds(10)) == [
                .failed(id: 2, CallCommandError(.agentSilent, "")), .send(.say("b")),
            ]
        )
    }

    @Test func `a lost socket cuts the words under way, and the requested words are requested again`() {
        var queue = ready()
        _ = queue.add(.say(id: 2, words: "a"), at: start)
        #expect(queue.agentIsLost() == [])
        #expect(queue.agentIsReady(at: start) == [.send(.say("a"))])
        queue.responseStarted()
        queue.add(piece("Half", isFinal: false))
        #expect(queue.agentIsLost() == [.cut(id: 2, text: "Half")])
        #expect(queue.agentIsReady(at: start) == [])
    }

    @Test func `answers are requested once, and not at all of a model that answers by itself`() {
        var queue = ready()
        queue.responseStarted()
        _ = queue.add(.respond, at: start)
        _ = queue.add(.respond, at: start)
        #expect(queue.responseEnded(.completed, at: start) == [.send(.respond)])
        queue.responseStarted()
        #expect(queue.responseEnded(.completed, at: start) == [])
        var other = ready(answersByItself: true)
        #expect(other.add(.respond, at: start) == [])
        #expect(other.add(.say(id: 2, words: "a"), at: start) == [.send(.say("a"))])
    }

    @Test func `the queue has a limit`() {
        var queue = SpeechQueue(answersByItself: false)
        for id in 0..<SpeechQueue.limit {
            #expect(queue.hasRoom)
            _ = queue.add(.say(id: id, words: "x"), at: start)
        }
        #expect(!queue.hasRoom)
    }

    @Test func `a requested answer is not requested again if the model gives one by itself`() {
        var queue = ready()
        #expect(queue.isIdle)
        #expect(queue.add(.ask, at: start) == [.send(.respond)])
        #expect(!queue.isIdle)
        queue.responseStarted()
        queue.wasRefused(at: start)
        #expect(queue.responseEnded(.completed, at: start) == [])
        #expect(queue.isIdle)
    }

    @Test func `a result whose answer was lost with the session is requested once the new session has it`() {
        var queue = ready()
        #expect(queue.add(.respond, at: start) == [.send(.respond)])
        #expect(queue.isAnswering)
        #expect(queue.agentIsLost() == [])
        #expect(queue.agentIsReady(at: start) == [])
        #expect(queue.add(.respond, at: start) == [.send(.respond)])
    }

    // MARK: While the caller speaks

    @Test func `requests wait while the caller speaks, and follow in their order`() {
        var queue = ready()
        queue.callerBegan(.detector, at: start)
        #expect(queue.add(.say(id: 2, words: "a"), at: start) == [])
        #expect(queue.add(.respond, at: start) == [])
        #expect(queue.callerEnded(.detector, at: start + .milliseconds(600)) == [.send(.say("a"))])
        queue.responseStarted()
        #expect(queue.responseEnded(.completed, at: start) == [.awaitPlayback(id: 2), .send(.respond)])
    }

    @Test func `a caller heard by the detector or the model is speaking`() {
        var queue = ready()
        queue.callerBegan(.detector, at: start)
        queue.callerBegan(.model, at: start)
        #expect(queue.add(.respond, at: start) == [])
        #expect(queue.callerEnded(.detector, at: start + .milliseconds(600)) == [])
        let ended = start + .milliseconds(900)
        #expect(queue.callerEnded(.model, at: ended) == [])
        // The model answers by itself as a rule.
        #expect(queue.tick(at: ended + .milliseconds(980)) == [])
        #expect(queue.tick(at: ended + .seconds(1)) == [.send(.respond)])
    }

    @Test func `words without a waiter are dropped if the model answers the caller's turn by itself`() {
        var queue = ready()
        queue.callerBegan(.model, at: start)
        _ = queue.add(.say(id: nil, words: "reminder"), at: start)
        _ = queue.add(.say(id: 2, words: "a"), at: start)
        _ = queue.add(.respond, at: start)
        #expect(queue.callerEnded(.model, at: start + .seconds(2)) == [])
        queue.responseStarted()
        #expect(queue.responseEnded(.completed, at: start + .seconds(4)) == [.send(.say("a"))])
        queue.responseStarted()
        #expect(queue.responseEnded(.completed, at: start + .seconds(6)) == [.awaitPlayback(id: 2)])
        #expect(queue.isIdle)
    }

    @Test func `a request that waited for an answer is dropped, too, if the caller interrupts the answer`() {
        var queue = ready()
        queue.responseStarted()
        _ = queue.add(.respond, at: start)
        queue.callerBegan(.model, at: start)
        #expect(queue.responseEnded(.cancelled, at: start) == [])
        #expect(queue.callerEnded(.model, at: start + .seconds(2)) == [])
        queue.responseStarted()
        #expect(queue.responseEnded(.completed, at: start + .seconds(3)) == [])
        #expect(queue.isIdle)
    }

    @Test func `a result that comes when the caller has finished is answered together with the caller's turn`() {
        var queue = ready()
        queue.callerBegan(.model, at: start)
        _ = queue.add(.respond, at: start)
        _ = queue.callerEnded(.model, at: start + .seconds(2))
        #expect(queue.add(.respond, at: start + .seconds(2)) == [])
        queue.responseStarted()
        #expect(queue.responseEnded(.completed, at: start + .seconds(3)) == [.send(.respond)])
    }

    @Test func `a line with constant noise does not silence the agent`() {
        var queue = ready()
        queue.callerBegan(.detector, at: start)
        let added = start + .seconds(5)
        _ = queue.add(.respond, at: added)
        #expect(queue.tick(at: added + .milliseconds(14_980)) == [])
        #expect(queue.tick(at: added + .seconds(15)) == [.send(.respond)])
    }

    @Test func `a model that answers at once gets messages after the caller's turn, another model at once`() {
        var slow = ready()
        var quick = ready(answersByItself: true)
        let result = AgentCommand.toolResult(id: "f", name: "weather", output: "{}")
        for witness in [CallersFloor.Witness.detector, .model] {
            slow.callerBegan(witness, at: start)
            quick.callerBegan(witness, at: start)
        }
        #expect(slow.tell(result, at: start) == [.send(result)])
        #expect(quick.tell(result, at: start) == [])
        #expect(quick.tell(.prompt("key"), at: start) == [])
        #expect(quick.holdsResults)
        _ = quick.callerEnded(.detector, at: start + .seconds(2))
        #expect(quick.callerEnded(.model, at: start + .seconds(2)) == [.send(result), .send(.prompt("key"))])
    }

    @Test func `a result sent during an answer is requested if the model does not speak of it`() {
        var queue = ready(answersByItself: true)
        queue.responseStarted()
        let result = AgentCommand.toolResult(id: "f", name: "weather", output: "{}")
        #expect(queue.tell(result, at: start) == [.send(result)])
        #expect(queue.responseEnded(.completed, at: start) == [])
        queue.expectAnswer(at: start)
        #expect(queue.isAsked && queue.isAnswering)
        #expect(queue.tick(at: start + .milliseconds(2980)) == [])
        #expect(queue.tick(at: start + .seconds(3)) == [])
        let asked = queue.tick(at: start + .milliseconds(3200))
        #expect(asked == [.send(.prompt(SpeechQueue.questionOfResult))])
    }

    @Test func `a result sent during an answer is not requested if the model speaks of it`() {
        var queue = ready(answersByItself: true)
        queue.expectAnswer(at: start)
        queue.responseStarted()
        #expect(queue.responseEnded(.completed, at: start + .seconds(2)) == [])
        #expect(queue.isIdle)
        #expect(queue.tick(at: start + .seconds(9)) == [])
    }

    @Test func `results that are no longer wanted are not sent`() {
        var queue = ready(answersByItself: true)
        queue.callerBegan(.detector, at: start)
        _ = queue.tell(.toolResult(id: "f", name: "weather", output: "{}"), at: start)
        _ = queue.tell(.toolResult(id: "g", name: "weather", output: "{}"), at: start)
        queue.forgetResults(["f"])
        let kept = AgentCommand.toolResult(id: "g", name: "weather", output: "{}")
        #expect(queue.callerEnded(.detector, at: start + .seconds(2)) == [.send(kept)])
    }

    @Test(arguments: [false, true])
    func `a key pressed without a session is sent to the next one, and answered`(answersByItself: Bool) {
        var queue = SpeechQueue(answersByItself: answersByItself)
        #expect(queue.tell(.prompt("5"), at: start) == [])
        _ = queue.add(.respond, at: start)
        _ = queue.agentIsLost()
        let told = queue.agentIsReady(at: start)
        #expect(told == [.send(.prompt("5"))] + (answersByItself ? [] : [.send(.respond)]))
    }

    @Test func `a result is not sent to a session that did not call the function`() {
        var queue = ready(answersByItself: true)
        queue.callerBegan(.detector, at: start)
        _ = queue.tell(.toolResult(id: "f", name: "weather", output: "{}"), at: start)
        _ = queue.agentIsLost()
        _ = queue.callerEnded(.detector, at: start)
        #expect(queue.agentIsReady(at: start) == [])
    }

    // MARK: A model that answers every message

    @Test func `the model is reminded after the caller's turn if it has not answered by itself`() {
        var queue = ready(answersByItself: true)
        queue.callerBegan(.detector, at: start)
        #expect(queue.add(.remind("answer"), at: start) == [])
        let ended = start + .seconds(2)
        #expect(queue.callerEnded(.detector, at: ended) == [])
        var other = queue
        #expect(queue.tick(at: ended + .milliseconds(2480)) == [])
        #expect(queue.tick(at: ended + .milliseconds(2500)) == [.send(.prompt("answer"))])
        other.responseStarted()
        #expect(other.responseEnded(.completed, at: ended + .seconds(4)) == [])
        #expect(other.isIdle)
    }

    @Test func `a message that the model does not answer is requested`() {
        var queue = ready(answersByItself: true)
        #expect(queue.tell(.prompt("key"), at: start) == [.send(.prompt("key"))])
        #expect(queue.awaitsAnswer)
        var rejected = queue
        #expect(rejected.responseEnded(.failed, at: start) == [])
        #expect(rejected.tick(at: start + .seconds(1)) == [.send(.prompt(SpeechQueue.question))])
        var urged = queue
        #expect(urged.urge(at: start + .seconds(6)) == [.send(.prompt(SpeechQueue.question))])
        // The model has no answer to it.
        #expect(queue.responseEnded(.completed, at: start) == [])
        #expect(queue.isIdle)
    }

    @Test func `an answer that the model does not begin is lost with its session`() {
        var queue = ready(answersByItself: true)
        _ = queue.tell(.prompt("key"), at: start)
        _ = queue.agentIsLost()
        #expect(!queue.awaitsAnswer)
        #expect(queue.agentIsReady(at: start) == [])
    }

    // MARK: Failures

    @Test func `a request that failed is repeated, after the time that the model names`() {
        var queue = ready()
        _ = queue.add(.say(id: nil, words: "hello"), at: start)
        queue.responseStarted()
        #expect(queue.responseEnded(.failed, retryAfter: .milliseconds(1200), at: start) == [])
        #expect(queue.tick(at: start + .milliseconds(1180)) == [])
        #expect(queue.tick(at: start + .milliseconds(1200)) == [.send(.say("hello"))])
        queue.responseStarted()
        #expect(queue.responseEnded(.completed, at: start + .seconds(2)) == [])
        #expect(queue.isIdle)
    }

    @Test func `an answer to the caller that failed is requested, unless the model gives one by itself`() {
        var queue = ready()
        queue.responseStarted()
        #expect(queue.responseEnded(.failed, at: start) == [])
        #expect(queue.tick(at: start + .seconds(1)) == [.send(.respond)])
        var other = ready()
        other.responseStarted()
        _ = other.responseEnded(.failed, at: start)
        other.responseStarted()
        #expect(other.responseEnded(.completed, at: start + .seconds(1)) == [])
        #expect(other.isIdle)
    }

    @Test func `a model that fails again and again is asked a set number of times`() {
        var queue = ready()
        var now = start
        var asked = queue.add(.respond, at: now)
        for _ in 0..<SpeechQueue.retries {
            #expect(asked == [.send(.respond)])
            queue.responseStarted()
            #expect(queue.responseEnded(.failed, at: now) == [])
            now = now + .seconds(1)
            asked = queue.tick(at: now)
        }
        queue.responseStarted()
        #expect(queue.responseEnded(.failed, at: now) == [.lost])
        #expect(queue.isIdle)
    }

    @Test func `a waiter for words learns that the model fails, and words under way are cut`() {
        var queue = ready()
        _ = queue.add(.say(id: 2, words: "a"), at: start)
        var now = start
        for _ in 0..<SpeechQueue.retries {
            queue.responseStarted()
            #expect(queue.responseEnded(.failed, at: now) == [])
            now = now + .seconds(1)
            #expect(queue.tick(at: now) == [.send(.say("a"))])
        }
        queue.responseStarted()
        #expect(queue.responseEnded(.failed, at: now) == [.failed(id: 2, CallCommandError(.agentSilent, ""))])
        _ = queue.add(.say(id: 4, words: "b"), at: now)
        queue.responseStarted()
        queue.add(piece("Half", isFinal: false))
        #expect(queue.responseEnded(.failed, at: now) == [.cut(id: 4, text: "Half")])
    }

    @Test func `a request that the model rejects is repeated`() {
        var queue = ready()
        _ = queue.add(.say(id: nil, words: "hello"), at: start)
        #expect(queue.wasRejected(retryAfter: .seconds(2), at: start) == [])
        #expect(queue.tick(at: start + .seconds(2)) == [.send(.say("hello"))])
    }

    @Test func `a rejection of another message does not silence the agent`() {
        var queue = ready()
        queue.wasRefused(at: start)
        #expect(!queue.isResponding)
        #expect(queue.add(.respond, at: start) == [.send(.respond)])
        // The model reports that it speaks, and neither begins nor ends.
        queue.wasRefused(at: start)
        #expect(queue.tick(at: start + .milliseconds(9980)) == [])
        #expect(queue.tick(at: start + .seconds(10)) == [.send(.respond)])
    }

    @Test func `a request without an id that the model does not begin is repeated`() {
        var queue = ready()
        #expect(queue.add(.respond, at: start) == [.send(.respond)])
        #expect(queue.tick(at: start + .seconds(10)) == [])
        #expect(queue.tick(at: start + .milliseconds(10_100)) == [.send(.respond)])
    }

    @Test(arguments: [true, false])
    func `an answer that stops before its first audio is requested again`(isEmpty: Bool) {
        var queue = ready()
        queue.responseStarted()
        if !isEmpty { queue.answerProgressed() }
        #expect(queue.responseEnded(.incomplete, at: start) == [])
        let later = queue.tick(at: start + .seconds(1))
        #expect(later == (isEmpty ? [.send(.respond)] : []))
    }

    // MARK: The greeting

    @Test(arguments: [true, false])
    func `a greeting is dropped once the agent has answered a key instead`(answersByItself: Bool) {
        var queue = SpeechQueue(answersByItself: answersByItself)
        _ = queue.tell(.prompt("5"), at: start)
        _ = queue.add(.respond, at: start)
        _ = queue.agentIsReady(at: start)
        _ = queue.greet("hello", callerHasSpoken: true, at: start)
        _ = queue.tick(at: start + .milliseconds(500))
        queue.responseStarted()
        _ = queue.responseEnded(.completed, at: start + .milliseconds(600))
        #expect(queue.tick(at: start + .seconds(3)) == [])
        #expect(queue.isIdle)
    }

    @Test func `a greeting waits for the answer to a short word that ends just when the model is ready`() {
        var queue = SpeechQueue(answersByItself: true)
        queue.callerBegan(.detector, at: start)
        let ready = start + .milliseconds(1000)
        _ = queue.agentIsReady(at: ready)
        #expect(queue.greet("hello", callerHasSpoken: true, at: ready) == [])
        let heard = ready + .milliseconds(80)
        #expect(queue.callerEnded(.detector, at: heard) == [])
        #expect(queue.tick(at: heard + .milliseconds(2400)) == [])
        #expect(queue.tick(at: heard + .milliseconds(2500)) == [.send(.say("hello"))])
    }

    @Test func `a greeting waits for the answer to a caller who spoke before the model was ready`() {
        var queue = ready()
        #expect(queue.greet("hello", callerHasSpoken: true, at: start) == [])
        queue.responseStarted()
        #expect(queue.responseEnded(.completed, at: start + .seconds(3)) == [])
        #expect(queue.isIdle)
        var other = ready()
        #expect(other.greet("hello", callerHasSpoken: true, at: start) == [])
        #expect(other.tick(at: start + .milliseconds(2480)) == [])
        #expect(other.tick(at: start + .milliseconds(2500)) == [.send(.say("hello"))])
        var quiet = ready()
        #expect(quiet.greet("hello", callerHasSpoken: false, at: start) == [.send(.say("hello"))])
    }
}
