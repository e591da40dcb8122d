import TalkpathAudio
import Testing

@testable import TalkpathSimulators

/// A play-out that the checks below may change.
private final class Bench {
    var model = PlayoutModel(start: .milliseconds(0))

    func advance(to milliseconds: Int) -> [PlayoutModel.Echo] {
        var echoes: [PlayoutModel.Echo] = []
        model.advance(to: .milliseconds(milliseconds)) { echoes.append(contentsOf: $1) }
        return echoes
    }

    func receive(media: [UInt8]) -> Bool { model.receive(media: media) }
    func receive(mark: String) -> PlayoutModel.Echo? { model.receive(mark: mark) }
    func clear() -> [PlayoutModel.Echo] { model.clear() }
}

struct PlayoutModelTests {
    private let playout = Bench()

    private func advance(to milliseconds: Int) -> [PlayoutModel.Echo] { playout.advance(to: milliseconds) }

    @Test func `audio is heard from the next point of the grid on`() {
        _ = advance(to: 5)
        #expect(playout.receive(media: [UInt8](repeating: 0x10, count: 160)))
        _ = advance(to: 60)
        let heard = playout.model.heard
        #expect(heard.prefix(160).allSatisfy { $0 == MuLaw.silence })
        #expect(heard[160..<320].allSatisfy { $0 == 0x10 })
        #expect(heard[320...].allSatisfy { $0 == MuLaw.silence })
    }

    @Test func `a mark is echoed once the audio before it has been played`() {
        _ = advance(to: 0)
        _ = playout.receive(media: [UInt8](repeating: 0x10, count: 480))
        #expect(playout.receive(mark: "m") == nil)
        // Three frames play from 20 to 80 ms.
        #expect(advance(to: 79) == [])
        #expect(advance(to: 80) == [.played(mark: "m")])
    }

    @Test func `a mark without audio before it is echoed at once`() {
        _ = advance(to: 0)
        #expect(playout.receive(mark: "m") == .played(mark: "m"))
    }

    @Test func `a mark behind half a frame waits for the whole frame`() {
        _ = advance(to: 0)
        _ = playout.receive(media: [UInt8](repeating: 0x10, count: 80))
        #expect(playout.receive(mark: "m") == nil)
        #expect(advance(to: 20) == [])
        #expect(advance(to: 40) == [.played(mark: "m")])
    }

    @Test func `a clear echoes all marks and only the frame in play is heard`() {
        _ = advance(to: 0)
        _ = playout.receive(media: [UInt8](repeating: 0x10, count: 160 * 10))
        _ = playout.receive(mark: "a")
        _ = playout.receive(media: [UInt8](repeating: 0x10, count: 160))
        _ = playout.receive(mark: "b")
        _ = advance(to: 45)
        #expect(playout.clear() == [.cleared(mark: "a"), .cleared(mark: "b")])
        #expect(advance(to: 400) == [])
        #expect(playout.model.playedBytes == 320)
        #expect(playout.model.clearedBytes == 160 * 9)
        #expect(playout.model.heard.filter { $0 == 0x10 }.count == 320)
    }

    @Test func `marks after a clear belong to the audio after it`() {
        _ = advance(to: 0)
        _ = playout.receive(media: [UInt8](repeating: 0x10, count: 1600))
        _ = advance(to: 20)
        _ = playout.clear()
        _ = playout.receive(media: [UInt8](repeating: 0x20, count: 160))
        #expect(playout.receive(mark: "new") == nil)
        #expect(advance(to: 40) == [])
        #expect(advance(to: 60) == [.played(mark: "new")])
    }

    @Test func `audio beyond ten minutes is dropped`() {
        #expect(playout.receive(media: [UInt8](repeating: 0, count: PlayoutModel.maximumQueuedBytes)))
        #expect(!playout.receive(media: [0, 0]))
        #expect(playout.model.overflowedBytes == 2)
        #expect(playout.model.queuedBytes == PlayoutModel.maximumQueuedBytes)
    }

    @Test func `the heard audio does not depend on the steps of time`() {
        var other = playout.model
        _ = playout.receive(media: (0..<1000).map { UInt8(truncatingIfNeeded: $0) })
        _ = other.receive(media: (0..<1000).map { UInt8(truncatingIfNeeded: $0) })
        for time in 0..<200 { _ = advance(to: time) }
        other.advance(to: .milliseconds(199)) { _, _ in }
        #expect(playout.model.heard == other.heard)
    }
}
