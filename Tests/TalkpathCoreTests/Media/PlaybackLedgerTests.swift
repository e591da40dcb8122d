import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathCore

struct PlaybackLedgerTests {
    private let first = AgentItem(index: 0)
    private let second = AgentItem(index: 1)
    private let third = AgentItem(index: 2)

    private func ledger(_ items: [(AgentItem, milliseconds: Int)], complete: Bool = true) -> PlaybackLedger {
        var ledger = PlaybackLedger(bytesPerMillisecond: 8)
        for (item, milliseconds) in items {
            ledger.produced(milliseconds * 8, of: item)
            ledger.produced(milliseconds: milliseconds, of: item)
            if complete { ledger.completed(item) }
        }
        return ledger
    }

    @Test func `a line's constant delay does not reduce the heard length`() {
        var ledger = ledger([(first, 1000)])
        ledger.sent(1600, of: first, startsRun: true, at: .at(milliseconds: 0))
        let mark = ledger.makeMark()
        ledger.sent(1600, of: first, startsRun: false, at: .at(milliseconds: 0))
        #expect(ledger.played(at: .at(milliseconds: 100)) == 800)
        // The line's round trip takes 150 ms; a clear travels as long as the audio did.
        #expect(ledger.echoed(mark, at: .at(milliseconds: 350)) == .played)
        #expect(ledger.played(at: .at(milliseconds: 350)) == 2800)
        #expect(ledger.played(at: .at(milliseconds: 400)) == 3200)
        // Never more than was sent.
        #expect(ledger.played(at: .at(milliseconds: 9000)) == 3200)
    }

    @Test func `a run that the far end plays late is recognised by its echoes`() {
        var ledger = ledger([(first, 10_000)])
        /// Sends 800 ms from `start` on; the far end plays it later by that delay, on a line of 80 ms.
        func run(from start: Int, late: Int) {
            var marks: [(mark: PlaybackMark, at: Int)] = []
            for piece in 0..<8 {
                let now = MonotonicInstant.at(milliseconds: start + piece * 100)
                ledger.sent(800, of: first, startsRun: piece == 0, at: now)
                marks.append((ledger.makeMark(), start + (piece + 1) * 100 + 80 + late))
                for due in marks.prefix(while: { $0.at <= start + piece * 100 }) {
                    _ = ledger.echoed(due.mark, at: .at(milliseconds: due.at))
                    marks.removeFirst()
                }
            }
        }
        run(from: 0, late: 0)
        #expect(ledger.played(at: .at(milliseconds: 700)) == 700 * 8)
        run(from: 2000, late: 60)
        // By five sixths, because there are five echoes.
        #expect(ledger.played(at: .at(milliseconds: 2700)) == (800 + 700 - 50) * 8)
    }

    @Test func `an estimate lies between the echoed and the sent audio`() {
        var ledger = ledger([(first, 1000)])
        ledger.sent(800, of: first, startsRun: true, at: .at(milliseconds: 1000))
        #expect(ledger.played(at: .at(milliseconds: 0)) == 0)
        let mark = ledger.makeMark()
        _ = ledger.echoed(mark, at: .at(milliseconds: 1100))
        #expect(ledger.played(at: .at(milliseconds: 0)) == 800)
    }

    @Test func `an echo after a clear has no effect, and unknown echoes have none, either`() {
        var ledger = ledger([(first, 1000)])
        ledger.sent(1600, of: first, startsRun: true, at: .at(milliseconds: 0))
        let old = ledger.makeMark()
        _ = ledger.interrupt(at: .at(milliseconds: 50))
        ledger.produced(8000, of: second)
        ledger.sent(1600, of: second, startsRun: true, at: .at(milliseconds: 60))
        let new = ledger.makeMark()
        #expect(ledger.echoed(old, at: .at(milliseconds: 70)) == .cleared)
        #expect(ledger.played(at: .at(milliseconds: 60)) == 1600)
        #expect(ledger.echoed(PlaybackMark(epoch: 7, number: 1), at: .at(milliseconds: 80)) == .unknown)
        #expect(ledger.echoed(PlaybackMark(epoch: 1, number: 99), at: .at(milliseconds: 80)) == .unknown)
        #expect(ledger.echoed(PlaybackMark(epoch: 1, number: 0), at: .at(milliseconds: 80)) == .unknown)
        #expect(ledger.echoed(new, at: .at(milliseconds: 300)) == .played)
        #expect(ledger.echoed(new, at: .at(milliseconds: 300)) == .unknown)
        #expect(ledger.played(at: .at(milliseconds: 300)) == 3200)
    }

    @Test func `a mark confirms all audio before it`() {
        var ledger = ledger([(first, 1000)])
        ledger.sent(800, of: first, startsRun: true, at: .at(milliseconds: 0))
        let lost = ledger.makeMark()
        ledger.sent(800, of: first, startsRun: false, at: .at(milliseconds: 0))
        let later = ledger.makeMark()
        #expect(ledger.echoed(later, at: .at(milliseconds: 200)) == .played)
        #expect(ledger.echoed(lost, at: .at(milliseconds: 201)) == .unknown)
        #expect(ledger.played(at: .at(milliseconds: 200)) == 1600)
    }

    @Test func `an interruption reports the heard part of each item, and the unheard items`() throws {
        var ledger = ledger([(first, 100), (second, 100), (third, 500)])
        ledger.sent(800, of: first, startsRun: true, at: .at(milliseconds: 0))
        ledger.sent(800, of: second, startsRun: false, at: .at(milliseconds: 0))
        let cut = ledger.interrupt(at: .at(milliseconds: 130))
        let interruption = try #require(cut)
        // The first was heard whole, the second for 30 ms, the third not at all.
        #expect(interruption.heard == [.init(item: second, milliseconds: 30, producedMilliseconds: 100)])
        #expect(interruption.neverHeard == [third])
        #expect(ledger.isDiscarded(third))
        #expect(!ledger.isDiscarded(AgentItem(index: 3)))
        #expect(ledger.interrupt(at: .at(milliseconds: 140)) == nil)
    }

    @Test func `an item that was not heard yet is cut at zero`() throws {
        var ledger = ledger([(first, 100), (second, 100)], complete: false)
        let cut = ledger.interrupt(at: .at(milliseconds: 0))
        let interruption = try #require(cut)
        #expect(interruption.heard == [.init(item: first, milliseconds: 0, producedMilliseconds: 100)])
        #expect(interruption.neverHeard == [second])
    }

    @Test func `a truncation never exceeds the produced audio`() throws {
        // The resampler's tail makes the sent audio a little longer than the produced audio.
        var ledger = ledger([(first, 99)], complete: false)
        ledger.produced(24, of: first)
        ledger.sent(816, of: first, startsRun: true, at: .at(milliseconds: 0))
        let cut = ledger.interrupt(at: .at(milliseconds: 5000))
        let interruption = try #require(cut)
        #expect(interruption.heard == [.init(item: first, milliseconds: 99, producedMilliseconds: 99)])
    }

    @Test func `audio that was heard to its end is not interrupted`() {
        var ledger = ledger([(first, 100)])
        ledger.sent(800, of: first, startsRun: true, at: .at(milliseconds: 0))
        #expect(ledger.interrupt(at: .at(milliseconds: 100)) == nil)
        #expect(ledger.interrupt(at: .at(milliseconds: 100)) == nil)
    }

    @Test func `a pause between runs is not counted as heard`() throws {
        var ledger = ledger([(first, 100), (second, 1000)])
        ledger.sent(800, of: first, startsRun: true, at: .at(milliseconds: 0))
        let mark = ledger.makeMark()
        // The second run begins ten seconds later. The echo of the first comes only then.
        ledger.sent(1600, of: second, startsRun: true, at: .at(milliseconds: 10_000))
        #expect(ledger.echoed(mark, at: .at(milliseconds: 10_050)) == .played)
        #expect(ledger.played(at: .at(milliseconds: 10_080)) == 800 + 640)
        let cut = ledger.interrupt(at: .at(milliseconds: 10_100))
        let interruption = try #require(cut)
        #expect(interruption.heard == [.init(item: second, milliseconds: 100, producedMilliseconds: 1000)])
    }

    @Test func `the playback is over when the far end says so, or after a long silence of its echoes`() {
        var ledger = ledger([(first, 100)])
        #expect(ledger.isPlayedOut(at: .at(milliseconds: 0)))
        ledger.sent(800, of: first, startsRun: true, at: .at(milliseconds: 0))
        let mark = ledger.makeMark()
        #expect(ledger.mayBePlaying)
        #expect(!ledger.isPlayedOut(at: .at(milliseconds: 300)))
        #expect(ledger.isPlayedOut(at: .at(milliseconds: 1100)))
        _ = ledger.echoed(mark, at: .at(milliseconds: 300))
        #expect(ledger.isPlayedOut(at: .at(milliseconds: 300)))
        #expect(!ledger.mayBePlaying)
    }

    @Test func `a known position is not estimated`() {
        var ledger = PlaybackLedger(bytesPerMillisecond: 8, isExact: true)
        ledger.produced(800, of: first)
        ledger.sent(800, of: first, startsRun: true, at: .at(milliseconds: 0))
        #expect(ledger.played(at: .at(milliseconds: 5000)) == 0)
        #expect(!ledger.isPlayedOut(at: .at(milliseconds: 5000)))
        ledger.acknowledge(800)
        #expect(ledger.isPlayedOut(at: .at(milliseconds: 5000)))
    }

    // MARK: An item that goes on after a function's result

    /// A model has spoken for 400 ms, has waited for a function, and has gone on for 600 ms with the same item.
    private func continued(heardBetween: Bool, clip: Int = 0) -> PlaybackLedger {
        var ledger = ledger([(first, 400)])
        ledger.sent(3200, of: first, startsRun: true, at: .at(milliseconds: 0))
        let mark = ledger.makeMark()
        if heardBetween { _ = ledger.echoed(mark, at: .at(milliseconds: 400)) }
        if clip > 0 {
            let inserted = AgentItem(index: -2)
            ledger.produced(clip * 8, of: inserted)
            ledger.produced(milliseconds: clip, of: inserted)
            ledger.completed(inserted)
            ledger.sent(clip * 8, of: inserted, startsRun: heardBetween, at: .at(milliseconds: heardBetween ? 1000 : 0))
        }
        ledger.produced(4800, of: first)
        ledger.produced(milliseconds: 1000, of: first)
        let startsRun = heardBetween && clip == 0
        ledger.sent(4800, of: first, startsRun: startsRun, at: .at(milliseconds: heardBetween ? 1000 : 0))
        return ledger
    }

    @Test(arguments: [(true, 0, 1250), (false, 0, 650), (true, 300, 1550), (false, 300, 950)])
    func `what was heard of an item that goes on counts all of its parts`(heardBetween: Bool, clip: Int, cutAt: Int) {
        var ledger = continued(heardBetween: heardBetween, clip: clip)
        let interruption = ledger.interrupt(at: .at(milliseconds: cutAt))
        #expect(interruption?.heard == [.init(item: first, milliseconds: 650, producedMilliseconds: 1000)])
        #expect(interruption?.neverHeard == [])
    }

    @Test func `an item that is cut in its first part is cut once`() {
        var ledger = continued(heardBetween: false, clip: 300)
        var interruption = ledger.interrupt(at: .at(milliseconds: 250))
        #expect(interruption?.takeInserted() == [:])
        #expect(interruption?.heard == [.init(item: first, milliseconds: 250, producedMilliseconds: 1000)])
        #expect(interruption?.neverHeard == [])
    }

    @Test func `an item that goes on on the next line counts what was heard on the line before`() {
        var ledger = ledger([(first, 400)])
        ledger.sent(3200, of: first, startsRun: true, at: .at(milliseconds: 0))
        #expect(ledger.interrupt(at: .at(milliseconds: 500)) == nil)
        ledger.produced(800, of: first)
        ledger.produced(milliseconds: 500, of: first)
        ledger.sent(800, of: first, startsRun: true, at: .at(milliseconds: 600))
        let interruption = ledger.interrupt(at: .at(milliseconds: 650))
        #expect(interruption?.heard == [.init(item: first, milliseconds: 450, producedMilliseconds: 500)])
    }

    @Test func `hundreds of items leave no state after their playback`() {
        var ledger = PlaybackLedger(bytesPerMillisecond: 8)
        for index in 0..<500 {
            let item = AgentItem(index: index)
            ledger.produced(160, of: item)
            ledger.sent(160, of: item, startsRun: index == 0, at: .at(milliseconds: index * 20))
            ledger.completed(item)
            _ = ledger.echoed(ledger.makeMark(), at: .at(milliseconds: index * 20 + 20))
        }
        #expect(ledger.interrupt(at: .at(milliseconds: 20_000)) == nil)
        #expect(ledger.played(at: .at(milliseconds: 20_000)) == 80_000)
    }
}
