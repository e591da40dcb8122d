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
        watch.released(leaving: before - 100 * Self.mebibyte)
        FreedMemory(logger: Logger(label: "test")).look(&watch)
        let after = try #require(FreedMemory.residentBytes)
        // Other tests run meanwhile, and what is in use differs.
        if FreedMemory.usedBytes < before * 2 / 3 { #expect(after < before - 64 * Self.mebibyte) }
        for piece in kept { piece.deallocate() }
    }

    @Test func `a server that has not grown is left alone`() {
        var watch = FreedMemory.Watch()
        func grown(to resident: Int) -> Bool { watch.isGrown(resident * Self.mebibyte) }
        #expect(!grown(to: 50))
        #expect(!grown(to: 65))
        #expect(grown(to: 66))
        watch.released(leaving: 60 * Self.mebibyte)
        #expect(!grown(to: 75))
        #expect(!grown(to: 40))
        #expect(grown(to: 56), "what it shrank to by itself counts")
    }

    @Test(arguments: [(100, 90, false), (100, 70, false), (100, 60, true), (30, 10, true), (20, 10, false)])
    func `memory that a busy server would need again is kept`(resident: Int, used: Int, isWorthwhile: Bool) {
        let watch = FreedMemory.Watch()
        #expect(watch.isWorthwhile(resident * Self.mebibyte, used * Self.mebibyte) == isWorthwhile)
        #expect(!watch.isWorthwhile(resident * Self.mebibyte, .max), "what is in use is not known everywhere")
    }
}
