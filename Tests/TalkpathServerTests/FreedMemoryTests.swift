import Logging
import Testing

@testable import TalkpathServer

/// Memory that the system gets back after a burst of calls.
struct FreedMemoryTests {
    private static let mebibyte = 1 << 20

    @Test func `memory that was freed between pieces in use is given back`() throws {
        // Pieces like those of calls; every sixteenth outlives the burst.
        var pieces = (0..<40_000).map { _ in UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 16) }
        for piece in pieces { piece.initializeMemory(as: UInt8.self, repeating: 1, count: 4096) }
        var kept: [UnsafeMutableRawPointer] = []
        for (number, piece) in pieces.enumerated() {
            if number % 16 == 0 { kept.append(piece) } else { piece.deallocate() }
        }
        pieces = []
        let before = try #require(FreedMemory.residentBytes)
        var watch = FreedMemory.Watch()
        FreedMemory(logger: Logger(label: "test")).look(&watch)
        let after = try #require(FreedMemory.residentBytes)
        // Other tests run meanwhile, and what is in use differs.
        if FreedMemory.usedBytes < before * 2 / 3 { #expect(after < before - 64 * Self.mebibyte) }
        for piece in kept { piece.deallocate() }
    }

    @Test func `what could not be given back is not tried again`() {
        var watch = FreedMemory.Watch()
        func worthwhile(_ resident: Int, _ used: Int) -> Bool {
            watch.looked(resident: resident * Self.mebibyte, used: used * Self.mebibyte)
            return watch.isWorthwhile
        }
        #expect(worthwhile(200, 30))
        watch.released(leaving: 70 * Self.mebibyte, used: 30 * Self.mebibyte)
        #expect(!worthwhile(70, 30) && !worthwhile(73, 30))
        #expect(worthwhile(74, 30))
        #expect(!worthwhile(40, 30), "by itself it shrank")
        #expect(!worthwhile(43, 30) && worthwhile(44, 30))
        #expect(worthwhile(43, 29), "nothing grew, but more is free")
    }

    @Test(arguments: [(100, 90, false), (100, 88, true), (30, 27, false), (30, 25, true)])
    func `memory that a busy server would need again is kept`(resident: Int, used: Int, isWorthwhile: Bool) {
        var watch = FreedMemory.Watch()
        watch.looked(resident: resident * Self.mebibyte, used: used * Self.mebibyte)
        #expect(watch.isWorthwhile == isWorthwhile)
        watch.looked(resident: resident * Self.mebibyte, used: .max)
        #expect(!watch.isWorthwhile, "what is in use is not known everywhere")
    }

    @Test func `the server looks less often while there is nothing to give back`() {
        var watch = FreedMemory.Watch()
        let pauses = (0..<6).map { _ in
            watch.looked(resident: 100 * Self.mebibyte, used: 100 * Self.mebibyte)
            return watch.pause
        }
        #expect(pauses == [.seconds(20), .seconds(40), .seconds(80), .seconds(160), .seconds(160), .seconds(160)])
        watch.looked(resident: 200 * Self.mebibyte, used: 100 * Self.mebibyte)
        #expect(watch.pause == .seconds(10))
    }
}
