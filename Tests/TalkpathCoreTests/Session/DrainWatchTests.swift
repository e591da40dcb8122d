import TalkpathAudio
import Testing

@testable import TalkpathCore

struct DrainWatchTests {
    private let start = MonotonicInstant(nanoseconds: 1_000_000_000)

    @Test func `a call without audio to play or answers to give is over at once`() {
        var watch = DrainWatch()
        #expect(watch.isOver(isHeard: true, owes: .nothing, lastMessage: nil, at: start) == false)
        #expect(watch.isOver(isHeard: false, owes: .nothing, lastMessage: nil, at: start) == true)
    }

    @Test func `an owed answer is waited for as long as the model speaks`() {
        var watch = DrainWatch()
        for second in 0..<20 {
            let now = start + .seconds(second)
            #expect(watch.isOver(isHeard: false, owes: .words, lastMessage: now - .seconds(2), at: now) == false)
        }
    }

    @Test func `a silent model that owes an answer is not waited for once all audio is heard`() {
        var watch = DrainWatch()
        let early = start - .seconds(30)
        #expect(watch.isOver(isHeard: true, owes: .words, lastMessage: early, at: start) == false)
        let quiet = start + .seconds(5)
        #expect(watch.isOver(isHeard: false, owes: .words, lastMessage: early, at: quiet) == false)
        #expect(
            watch.isOver(isHeard: false, owes: .words, lastMessage: early, at: quiet + .milliseconds(5980)) == false
        )
        #expect(watch.isOver(isHeard: false, owes: .words, lastMessage: early, at: quiet + .seconds(6)) == true)
    }

    @Test func `the answer to a function is waited for as long as the function runs`() {
        var watch = DrainWatch()
        for second in 0..<20 {
            let now = start + .seconds(second)
            #expect(watch.isOver(isHeard: false, owes: .work, lastMessage: nil, at: now) == false)
        }
        let done = start + .seconds(20)
        #expect(watch.isOver(isHeard: false, owes: .words, lastMessage: nil, at: done) == false)
        #expect(watch.isOver(isHeard: false, owes: .words, lastMessage: nil, at: done + .milliseconds(5980)) == false)
        #expect(watch.isOver(isHeard: false, owes: .words, lastMessage: nil, at: done + .seconds(6)) == true)
    }

    @Test func `a model that has spoken without ending its turn is waited for less long`() {
        var watch = DrainWatch()
        #expect(watch.isOver(isHeard: false, owes: .rest, lastMessage: nil, at: start) == false)
        #expect(watch.isOver(isHeard: false, owes: .rest, lastMessage: nil, at: start + .milliseconds(980)) == false)
        #expect(watch.isOver(isHeard: false, owes: .rest, lastMessage: nil, at: start + .seconds(1)) == true)
    }
}
