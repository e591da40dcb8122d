import Foundation
import Testing

@testable import TalkpathSimulation

@Suite struct ReplayFileTests {
    private static func inFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "talkpath-files-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    @Test func `a file is replaced and no temporary file stays`() throws {
        try Self.inFolder { folder in
            for bytes in [[1, 2, 3], [4]] as [[UInt8]] {
                try ReplayFile.write(bytes, to: "\(folder)/a")
                #expect(try ReplayFile.bytes(of: "\(folder)/a") == bytes)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a"])
        }
    }

    @Test func `the target of a link is replaced and the link stays`() throws {
        try Self.inFolder { folder in
            try ReplayFile.write([1], to: "\(folder)/a")
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/b", withDestinationPath: "a")
            try ReplayFile.write([2], to: "\(folder)/b")
            #expect(try ReplayFile.bytes(of: "\(folder)/a") == [2])
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/b") == "a")
        }
    }

    @Test func `a pipe is written to and stays a pipe`() throws {
        try Self.inFolder { folder in
            let path = "\(folder)/pipe"
            try #require(mkfifo(path, 0o600) == 0)
            // Open on both ends, so that neither end waits for the other.
            let end = open(path, O_RDWR | O_NONBLOCK)
            try #require(end >= 0)
            defer { close(end) }
            try ReplayFile.write([7, 8, 9], to: path)
            var bytes = [UInt8](repeating: 0, count: 8)
            #expect(read(end, &bytes, 8) == 3 && bytes.prefix(3) == [7, 8, 9])
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["pipe"])
        }
    }

    @Test func `a path that cannot be written to is named`() throws {
        try Self.inFolder { folder in
            #expect(throws: ReplayError(file: folder, detail: "Is a directory")) {
                try ReplayFile.write([1], to: folder)
            }
            #expect(throws: ReplayError(file: "\(folder)/no/a", detail: "No such file or directory")) {
                try ReplayFile.write([1], to: "\(folder)/no/a")
            }
        }
    }
}
