import Foundation
import Logging
import Synchronization
import TalkpathAudio
import TalkpathNIO
import TalkpathWire
import Testing

@testable import TalkpathServer

/// A log that is read late, or never.
struct LogWriterTests {
    private static func makePipe() -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [0, 0]
        pipe(&ends)
        return (ends[0], ends[1])
    }

    /// Reads up to the last line.
    private static func lines(_ reader: Int32, until isLast: (Substring) -> Bool) -> [Substring] {
        var lines: [Substring] = []
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(reader, &byte, 1) == 1 {
            guard byte == UInt8(ascii: "\n") else {
                line.append(byte)
                continue
            }
            lines.append(String(decoding: line, as: UTF8.self)[...])
            line = []
            if isLast(lines[lines.count - 1]) { break }
        }
        return lines
    }

    @Test(.timeLimit(.minutes(5)))
    func `a log call never waits, lines keep their order, and the reader is told of missing lines`() {
        let (reader, descriptor) = Self.makePipe()
        let writer = LogWriter(descriptor: descriptor, capacity: 100_000)
        writer.setReport { Array("missing \($0)\n".utf8) }
        // More than the pipe and the queue hold together. A write that waits would never end here.
        let count = 20_000
        for number in 0..<count { writer.write(Array("line \(number)\n".utf8)) }
        let dropped = writer.dropped
        #expect(dropped > 0)
        // Reported at once or in parts, as the reader goes on, and before later lines.
        var (told, read) = (0, 0)
        let lines = Self.lines(reader) { line in
            if line.hasPrefix("missing ") { told += Int(line.dropFirst(8))! } else { read += 1 }
            return told == dropped && read == count - dropped
        }
        let numbers = lines.filter { $0.hasPrefix("line ") }.compactMap { Int($0.dropFirst(5)) }
        #expect(numbers.count == count - dropped)
        #expect(numbers == numbers.sorted() && Set(numbers).count == numbers.count)
        // The queue has room again.
        writer.write(Array("at last\n".utf8))
        #expect(Self.lines(reader, until: { $0 == "at last" }).last == "at last")
        #expect(writer.dropped == dropped)
    }

    @Test(.timeLimit(.minutes(5))) func `lines of many threads stay whole and each thread's stay in order`() async {
        let (reader, descriptor) = Self.makePipe()
        let writer = LogWriter(descriptor: descriptor)
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<8 {
                group.addTask { for number in 0..<500 { writer.write(Array("\(thread) \(number)\n".utf8)) } }
            }
        }
        writer.write(Array("end\n".utf8))
        let lines = Self.lines(reader, until: { $0 == "end" }).dropLast()
        #expect(lines.count == 4000 && writer.dropped == 0)
        for thread in 0..<8 {
            let numbers = lines.filter { $0.hasPrefix("\(thread) ") }.compactMap { Int($0.dropFirst(2)) }
            #expect(numbers == Array(0..<500))
        }
    }

    @Test(.timeLimit(.minutes(5))) func `a flush ends when all is written, and in time without a reader`() {
        let (reader, descriptor) = Self.makePipe()
        let writer = LogWriter(descriptor: descriptor)
        writer.write(Array("one\n".utf8))
        writer.flush(withinMilliseconds: 30_000)
        #expect(Self.lines(reader, until: { $0 == "one" }) == ["one"])
        for _ in 0..<1000 { writer.write([UInt8](repeating: UInt8(ascii: "x"), count: 500)) }
        let duration = ContinuousClock().measure { writer.flush(withinMilliseconds: 50) }
        #expect(duration >= .milliseconds(40))
        // The thread that waits in `write` goes on, because it cannot be ended.
        close(reader)
    }

    @Test(.timeLimit(.minutes(5))) func `a reader that has gone costs lines, but not the process`() {
        let (reader, descriptor) = Self.makePipe()
        close(reader)
        let writer = LogWriter(descriptor: descriptor)
        writer.write(Array("nobody\n".utf8))
        writer.flush(withinMilliseconds: 30_000)
        #expect(writer.dropped == 1)
    }

    @Test func `a value cannot begin a new line, nor send control codes to a terminal`() {
        let written = Mutex<[[UInt8]]>([])
        let logger = Logger(label: "talkpath") { label in
            LogFormat.console.handler(label: label) { line in written.withLock { $0.append(line) } }
        }
        logger.warning("odd", metadata: ["code": "a\n2026 critical talkpath: all is lost\u{1B}[2J\u{2028}b", "b": "ü"])
        let text = written.withLock { String(decoding: $0.joined(), as: UTF8.self) }
        #expect(text.count { $0.isNewline } == 1 && text.hasSuffix(" odd\n") && text.contains(" b=ü "))
        #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control })
    }
}

struct LogLimiterTests {
    @Test func `the same cause is logged at once and then once a minute, with its count`() {
        let limiter = LogLimiter(pause: .seconds(60))
        let began = MonotonicInstant(nanoseconds: 0)
        var repeats: [Int] = []
        for _ in 0..<1000 { limiter.log("refused", at: began) { repeats.append($0) } }
        limiter.log("not understood", at: began) { repeats.append($0) }
        limiter.log("refused", at: began + .seconds(61)) { repeats.append($0) }
        #expect(repeats == [0, 0, 999])
    }
}
