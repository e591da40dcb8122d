import TalkpathAudio
import TalkpathCore
import Testing

/// How long a node waits for another one's sign of life.
@Suite struct SignPatienceTests {
    /// - Returns: the tick at which the wait was over.
    private static func end(_ ticks: [Int]) -> Int? {
        var now = MonotonicInstant(nanoseconds: 0)
        var patience = SignPatience(at: now)
        return ticks.firstIndex { tick in
            now += .milliseconds(tick)
            return patience.isOver(at: now)
        }.map { $0 + 1 }
    }

    @Test func `a node that does not answer is given up after 700 ms`() {
        #expect(Self.end(Array(repeating: 100, count: 20)) == 7)
    }

    @Test func `a node that stood still itself while it waited looks for the answer first`() {
        #expect(Self.end(Array(repeating: 100, count: 6) + [5000, 100, 100]) == 8)
        #expect(Self.end([5000] + Array(repeating: 100, count: 20)) == 7)
    }

    @Test func `a node that is late at every tick does not wait for ever`() {
        #expect(Self.end(Array(repeating: 900, count: 20)) == 14)
    }
}
