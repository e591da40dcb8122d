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

    @Test func `what is to be said waits for the model's session, and then for the answer under way`() {
        var queue = SpeechQueue(answersByItself: false)
        #expect(queue.add(.say(id: 2, words: "a"), at: start) == [])
        #expect(queue.agentIsReady(at: start) == [.send(.say("a"))])
        #expect(queue.add(.say(id: 4, words: "b"), at: start) == [])
        queue.responseStarted()
        #expect(queue.responseEnded(.completed, at: start) == [.awaitPlayback(id: 2), .send(.say("b"))])
    }

    @Test func `an answer that nobody asked for is waited for as well`() {
        var queue = ready()
        queue.responseStarted()
        #expect(queue.add(.say(id: 2, words: "a"), at: start) == [])
        #expect(queue.responseEnded(.completed, at: start) == [.send(.say("a"))])
    }

    @Test func `the text is what the model said, piece by piece and item by item`() {
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

    @Test func `an interrupted answer is cut, and the next in the queue is asked for`() {
        var queue = ready()
        _ = queue.add(.say(id: 2, words: "a"), at: start)
        _ = queue.add(.respond, at: start)
        queue.responseStarted()
        queue.add(piece("Well,", isFinal: false))
        #expect(queue.responseEnded(.cancelled, at: start) == [.cut(id: 2, text: "Well,"), .send(.respond)])
    }

    @Test func `a model that was speaking already is asked again when it has finished`() {
        var queue = ready()
        _ = queue.add(.say(id: 2, words: "a"), at: start)
        // Its own answer begins in the same moment, and ours is refused.
        queue.responseStarted()
        queue.add(piece("Not ours.", isFinal: true))
        queue.wasRefused()
        #expect(queue.responseEnded(.completed, at: start) == [.send(.say("a"))])
        queue.responseStarted()
        queue.add(piece("Ours.", item: 1))
        #expect(queue.responseEnded(.completed, at: start) == [.awaitPlayback(id: 2)])
        #expect(queue.takeText(2) == "Ours.")
    }

    @Test func `a model that does not begin is given up, and the next is asked for`() {
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

    @Test func `with the socket, what was being said is cut and what was asked for is asked again`() {
        var queue = ready()
        _ = queue.add(.say(id: 2, words: "a"), at: start)
        #expect(queue.agentIsLost() == [])
        #expect(queue.agentIsReady(at: start) == [.send(.say("a"))])
        queue.responseStarted()
        queue.add(piece("Half", isFinal: false))
        #expect(queue.agentIsLost() == [.cut(id: 2, text: "Half")])
        #expect(queue.agentIsReady(at: start) == [])
    }

    @Test func `answers are asked for once, and not at all of a model that answers by itself`() {
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

    @Test func `there is room for so many and no more`() {
        var queue = SpeechQueue(answersByItself: false)
        for id in 0..<SpeechQueue.limit {
            #expect(queue.hasRoom)
            _ = queue.add(.say(id: id, words: "x"), at: start)
        }
        #expect(!queue.hasRoom)
    }

    @Test func `an answer that was only asked for is not asked for again if the model gives one by itself`() {
        var queue = ready()
        #expect(queue.isIdle)
        #expect(queue.add(.ask, at: start) == [.send(.respond)])
        #expect(!queue.isIdle)
        queue.responseStarted()
        queue.wasRefused()
        #expect(queue.responseEnded(.completed, at: start) == [])
        #expect(queue.isIdle)
    }

    @Test func `a result whose answer went with the session is asked for once the new session knows of it`() {
        var queue = ready()
        #expect(queue.add(.respond, at: start) == [.send(.respond)])
        #expect(queue.isAnswering)
        #expect(queue.agentIsLost() == [])
        #expect(queue.agentIsReady(at: start) == [])
        #expect(queue.add(.respond, at: start) == [.send(.respond)])
    }
}
