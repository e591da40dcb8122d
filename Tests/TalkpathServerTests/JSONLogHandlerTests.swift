import Logging
import Synchronization
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathServer

struct JSONLogHandlerTests {
    private func lines(_ body: (inout Logger) -> Void) throws -> [JSONValue] {
        let written = Lines()
        var logger = Logger(label: "talkpath") { label in
            JSONLogHandler(label: label, now: { WallTime(milliseconds: 1_000) }) { written.add($0) }
        }
        body(&logger)
        return try written.all.map { line in
            try #require(line.last == UInt8(ascii: "\n"))
            return try JSONValue(parsing: String(decoding: line, as: UTF8.self))
        }
    }

    private final class Lines: Sendable {
        private let lines = Mutex<[[UInt8]]>([])
        var all: [[UInt8]] { lines.withLock { $0 } }
        func add(_ line: [UInt8]) { lines.withLock { $0.append(line) } }
    }

    @Test func `a line is one object with the message and its metadata`() throws {
        let lines = try lines { logger in
            logger[metadataKey: "call_id"] = "c-1"
            logger.info("Call ended", metadata: ["duration_ms": "17", "steps": ["a", "b"]])
        }
        #expect(
            lines == [
                [
                    "time": "1970-01-01T00:00:01.000Z", "level": "info", "label": "talkpath", "message": "Call ended",
                    "call_id": "c-1", "duration_ms": "17", "steps": ["a", "b"],
                ]
            ]
        )
    }

    @Test func `text is escaped for JSON, and metadata cannot replace the message`() throws {
        let lines = try lines { logger in
            logger.warning("odd", metadata: ["quote": "\"\n\u{1}", "message": "another", "level": "critical"])
        }
        #expect(lines[0]["quote"] == "\"\n\u{1}")
        #expect(lines[0]["message"] == "odd" && lines[0]["level"] == "warning")
    }

    @Test func `messages below the level are not written`() throws {
        #expect(try lines { $0.debug("not this") }.isEmpty)
    }
}
