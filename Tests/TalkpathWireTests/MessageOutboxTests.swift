import Testing

@testable import TalkpathWire

struct MessageOutboxTests {
    @Test func `messages come out whole and in order, and the outbox is empty then`() {
        var outbox = MessageOutbox(capacity: 16)
        for number in 0..<100 {
            outbox.beginMessage()
            outbox.append("message ")
            outbox.append(decimal: number)
            outbox.endMessage()
        }
        let before = (outbox.count, outbox.isEmpty, outbox.byteCount)
        #expect(before == (100, false, 100 * 8 + 190))
        #expect(outbox.drainTexts() == (0..<100).map { "message \($0)" })
        let after = (outbox.count, outbox.isEmpty, outbox.byteCount)
        #expect(after == (0, true, 0))
        #expect(outbox.drainTexts().isEmpty)
    }

    @Test func `an empty message is a message`() {
        var outbox = MessageOutbox()
        outbox.beginMessage()
        outbox.endMessage()
        #expect(outbox.drainTexts() == [""])
    }

    @Test func `a message that is abandoned leaves nothing`() {
        var outbox = MessageOutbox()
        outbox.beginMessage()
        outbox.append("kept")
        outbox.endMessage()
        outbox.beginMessage()
        outbox.append("not kept")
        outbox.abandonMessage()
        #expect(outbox.drainTexts() == ["kept"])
    }

    @Test func `a message being written survives a drain`() {
        var outbox = MessageOutbox()
        outbox.beginMessage()
        outbox.append("first")
        outbox.endMessage()
        outbox.beginMessage()
        outbox.append("sec")
        #expect(outbox.drainTexts() == ["first"])
        outbox.append("ond")
        outbox.endMessage()
        #expect(outbox.drainTexts() == ["second"])
    }

    @Test func `removing all drops the finished messages`() {
        var outbox = MessageOutbox()
        outbox.beginMessage()
        outbox.append("gone")
        outbox.endMessage()
        outbox.removeAll()
        let isEmpty = outbox.isEmpty
        #expect(isEmpty)
        #expect(outbox.drainTexts().isEmpty)
    }

    @Test(arguments: [
        0, 1, 9, 10, 99, 100, 12345, -1, -10, Int.max, Int.min, 999_999_999_999_999_999, 1_000_000_000_000_000_000,
    ])
    func `numbers are written as Swift writes them`(number: Int) {
        var outbox = MessageOutbox()
        outbox.beginMessage()
        outbox.append(decimal: number)
        outbox.endMessage()
        #expect(outbox.drainTexts() == [String(number)])
    }

    @Test(arguments: [
        "", "plain", "\"quoted\" \\ back/slash", "\u{0}\u{1}\u{8}\t\n\u{B}\u{C}\r\u{1F}\u{7F}", "Grüße, 世界 👩‍👩‍👧 \u{2028}",
        "e\u{301}\u{FFFF}",
    ])
    func `text is written as a JSON string that reads back the same`(text: String) throws {
        var outbox = MessageOutbox(capacity: 1)
        outbox.beginMessage()
        outbox.append(jsonString: text)
        outbox.endMessage()
        let written = outbox.drainTexts()
        #expect(try JSONValue(parsing: written[0]) == .string(text))
        #expect(written[0].unicodeScalars.allSatisfy { $0.value >= 0x20 })
    }

    @Test func `control characters have their short names or four digits`() {
        var outbox = MessageOutbox()
        outbox.beginMessage()
        outbox.append(jsonString: "\u{0}\u{8}\t\n\u{C}\r\u{1F}\u{7F}\"\\/")
        outbox.endMessage()
        #expect(outbox.drainTexts() == [#""\u0000\b\t\n\f\r\u001f"# + "\u{7F}" + #"\"\\/""#])
    }

    @Test func `any mix of messages and drains returns every message unchanged`() {
        var generator = SeededGenerator(seed: 7)
        var outbox = MessageOutbox(capacity: 256)
        var expected: [[UInt8]] = []
        for _ in 0..<2000 {
            let bytes = generator.bytes(Int.random(in: 0...600, using: &generator))
            outbox.beginMessage()
            for start in stride(from: 0, to: bytes.count, by: 97) {
                let piece = Array(bytes[start..<min(start + 97, bytes.count)])
                outbox.append(ascii: piece.span.bytes)
            }
            outbox.endMessage()
            expected.append(bytes)
            if generator.chance(oneIn: 20) {
                var found: [[UInt8]] = []
                outbox.drain { message in found.append(message.withUnsafeBytes { Array($0) }) }
                #expect(found == expected)
                expected = []
            }
        }
    }

    private func fill(_ outbox: inout MessageOutbox, bytes: Int) {
        let content = [UInt8](repeating: 65, count: bytes)
        outbox.beginMessage()
        outbox.append(ascii: content.span.bytes)
        outbox.endMessage()
    }

    @Test func `memory of a giant burst is given back by the drain`() {
        var outbox = MessageOutbox(capacity: 4096)
        fill(&outbox, bytes: 1_000_000)
        let during = outbox.allocatedBytes
        outbox.drain { _ in }
        let after = outbox.allocatedBytes
        #expect(during >= 1_000_000)
        #expect(after == 4096)
    }

    @Test func `memory of a larger burst is kept for the next one and freed when none comes`() {
        var outbox = MessageOutbox(capacity: 4096)
        fill(&outbox, bytes: 40_000)
        outbox.drain { _ in }
        let kept = outbox.allocatedBytes
        #expect(kept >= 40_000)
        for _ in 0..<5000 {
            fill(&outbox, bytes: 100)
            outbox.drain { _ in }
        }
        let later = outbox.allocatedBytes
        #expect(later == 4096)
    }
}
