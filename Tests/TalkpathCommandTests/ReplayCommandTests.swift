import Foundation
import TalkpathAudio
import Testing

/// `talkpath replay` and `talkpath report`, as a user runs them.
@Suite struct ReplayCommandTests {
    private static let fixtures: String = {
        let parts = #filePath.split(separator: "/").dropLast(3)
        return "/" + parts.joined(separator: "/") + "/fixtures/calls"
    }()

    /// A folder with a copy of one short call.
    private static func inFolder(_ body: (_ folder: String, _ capture: String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "talkpath-replay-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.copyItem(
            atPath: "\(fixtures)/openai-duplicates.tpcap",
            toPath: "\(folder)/call.tpcap"
        )
        try body(folder, "\(folder)/call.tpcap")
    }

    private static func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    private static func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    private static func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    private static func text(_ outcome: Executable.Outcome) -> String {
        String(decoding: outcome.output, as: UTF8.self)
    }

    @Test func `a call that replays the same is reported so and its recording is written`() throws {
        try Self.inFolder { folder, capture in
            let wav = "\(folder)/call.wav"
            let outcome = try Executable.run(["replay", capture, "--wav", wav])
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(Self.text(outcome).hasPrefix("call.tpcap: the same (1.6 s in "))
            let sound = try WAV.decode(Self.bytes(wav))
            #expect(sound.channels.count == 2 && sound.sampleRate == 8000)
            #expect(sound.channels.allSatisfy { $0.count > 8000 && $0.contains { abs(Int($0)) > 100 } })
            #expect(try Self.names(folder) == ["call.tpcap", "call.wav"])
        }
    }

    @Test(arguments: ["empty", "foreign", "newer", "early", "missing"])
    func `a file that is not a capture is reported in one line and no file is written`(kind: String) throws {
        try Self.inFolder { folder, capture in
            var bytes = try Self.bytes(capture)
            let words: String
            switch kind {
            case "empty": (bytes, words) = ([], "the file is empty")
            case "foreign": (bytes, words) = (Array("RIFF of another kind".utf8), "not a capture")
            case "newer":
                bytes[8] = 9
                words = "written by a newer Talkpath"
            case "early": (bytes, words) = (Array(bytes.prefix(60)), "cut off before the call began")
            default: (bytes, words) = ([], "No such file")
            }
            let file = "\(folder)/other.tpcap"
            if kind != "missing" { try Self.write(bytes, to: file) }
            let before = try Self.names(folder)
            for arguments in [
                ["replay", file], ["replay", file, "--wav", "\(folder)/other.wav"], ["replay", file, "--update"],
                ["replay", file, "--against", "ws://127.0.0.1:9/media"], ["replay", capture, "--expect", file],
                ["report", file, "--html", "\(folder)/other.html"],
            ] {
                let outcome = try Executable.run(arguments)
                #expect(outcome.status == 2, "\(arguments)")
                #expect(outcome.errors.contains(words), "\(arguments): \(outcome.errors)")
                #expect(outcome.errors.split(separator: "\n").count == 1 && outcome.output.isEmpty)
            }
            #expect(try Self.names(folder) == before)
            if kind != "missing" { #expect(try Self.bytes(file) == bytes) }
        }
    }

    @Test func `one bad file among good ones is reported and the others are replayed`() throws {
        try Self.inFolder { folder, capture in
            try Self.write([], to: "\(folder)/other.tpcap")
            let outcome = try Executable.run(["replay", "\(folder)/other.tpcap", capture])
            #expect(outcome.status == 2)
            #expect(Self.text(outcome).contains("call.tpcap: the same"))
        }
    }

    @Test func `a cut capture is replayed up to the cut`() throws {
        try Self.inFolder { _, capture in
            let bytes = try Self.bytes(capture)
            try Self.write(Array(bytes.prefix(bytes.count / 2)), to: capture)
            let outcome = try Executable.run(["replay", capture])
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(Self.text(outcome).contains("the capture was cut off"))
        }
    }

    @Test func `a differing call is reported with the places of the differences`() throws {
        try Self.inFolder { _, capture in
            let other = "\(Self.fixtures)/openai-gap.tpcap"
            let outcome = try Executable.run(["replay", capture, "--expect", other])
            #expect(outcome.status == 1)
            let lines = Self.text(outcome).split(separator: "\n")
            #expect(lines.first?.contains("differences") == true)
            #expect(lines.count > 1 && lines[1].contains(" ms, to the carrier #0, "))
        }
    }

    @Test func `a difference is accepted by an update only`() throws {
        try Self.inFolder { folder, capture in
            func change() throws -> [UInt8] {
                let changed = try #require(
                    Self.changed(Self.bytes(capture), #""name":"tp-0-1""#, to: #""name":"tp-0-9""#)
                )
                try Self.write(changed, to: capture)
                return changed
            }
            // Written by this version, because fixtures may be older.
            _ = try change()
            #expect(try Executable.run(["replay", capture, "--update", "--slim"]).status == 0)
            let original = try Self.bytes(capture)

            let changed = try change()
            let told = try Executable.run(["replay", capture])
            #expect(told.status == 1)
            #expect(Self.text(told).contains("call.tpcap: 1 difference ("))
            #expect(Self.text(told).contains(#"to the carrier #5, $.mark.name: recorded "tp-0-9", replayed "tp-0-1""#))
            #expect(try Self.bytes(capture) == changed)
            let accepted = try Executable.run(["replay", capture, "--update", "--slim"])
            #expect(accepted.status == 0 && Self.text(accepted).contains("1 difference, accepted"))
            #expect(try Executable.run(["replay", capture]).status == 0)
            #expect(try Self.bytes(capture) == original)
            #expect(try Self.names(folder) == ["call.tpcap"])
        }
    }

    /// The capture with other words of the same length in the first record with words.
    private static func changed(_ file: [UInt8], _ words: String, to others: String) -> [UInt8]? {
        var file = file
        var place = 9
        while place < file.count {
            var (length, shift) = (0, 0)
            while file[place] & 0x80 != 0 {
                length |= Int(file[place] & 0x7F) << shift
                shift += 7
                place += 1
            }
            length |= Int(file[place]) << shift
            place += 1
            let body = place..<place + length
            if let found = body.first(where: { file[$0..<body.upperBound].starts(with: words.utf8) }) {
                file.replaceSubrange(found..<found + words.utf8.count, with: others.utf8)
                let check = crc32(file[body])
                for byte in 0..<4 { file[body.upperBound + byte] = UInt8(truncatingIfNeeded: check >> (8 * byte)) }
                return file
            }
            place = body.upperBound + 4
        }
        return nil
    }

    private static func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var sum = UInt32.max
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0xEDB8_8320 }
        }
        return ~sum
    }

    @Test func `at a given speed a call takes its time`() throws {
        try Self.inFolder { _, capture in
            let began = ContinuousClock.now
            let outcome = try Executable.run(["replay", capture, "--speed", "2"])
            #expect(outcome.status == 0)
            #expect(ContinuousClock.now - began > .milliseconds(700))
        }
    }

    @Test func `an address that refuses the connection is reported at once`() throws {
        try Self.inFolder { folder, capture in
            for (url, words) in [
                ("ws://127.0.0.1:9/media", "the server cannot be reached: Connection refused"),
                ("https://127.0.0.1:9/media", "give ws://host:port/path"),
            ] {
                let began = ContinuousClock.now
                let outcome = try Executable.run(
                    ["replay", capture, "--against", url, "--wav", "\(folder)/heard.wav"]
                )
                #expect(outcome.status == 1)
                #expect(outcome.errors.contains(words), "\(outcome.errors)")
                #expect(outcome.errors.split(separator: "\n").count == 1)
                #expect(ContinuousClock.now - began < .seconds(10))
            }
            #expect(try Self.names(folder) == ["call.tpcap"])
        }
    }

    @Test func `a report is one page with its recording`() throws {
        try Self.inFolder { folder, capture in
            let outcome = try Executable.run(["report", capture, "--html", "\(folder)/call.html"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            let page = String(decoding: try Self.bytes("\(folder)/call.html"), as: UTF8.self)
            #expect(page.contains("data:audio/") && page.contains("</html>"))
            #expect(!page.contains("src=\"http") && !page.contains("href=\"http"))
        }
    }
}
