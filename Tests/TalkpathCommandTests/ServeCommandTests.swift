import Foundation
import Testing

/// `talkpath serve`, as the process that a shell, a service manager or a container starts and stops.
@Suite struct ServeCommandTests {
    /// The server on a free port, with a folder of its own.
    private static func serve(
        _ settings: [String: String] = [:],
        _ body: (Process, Pipe) throws -> Void
    ) throws -> (status: Int32, wasKilled: Bool, log: String) {
        let process = Process()
        let log = Pipe()
        process.executableURL = Executable.url
        process.arguments = ["serve", "--dev", "--port", "0"]
        process.environment = ["OPENAI_API_KEY": "any", "TALKPATH_DATA_FOLDER": ":memory:"].merging(settings) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = log
        try process.run()
        // Whatever a test expects, nothing is left running.
        defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
        var text = ""
        while !text.contains("Listening"), let more = try log.fileHandleForReading.read(upToCount: 1), !more.isEmpty {
            text += String(decoding: more, as: UTF8.self)
        }
        try body(process, log)
        // The pipe ends with the process.
        text += String(decoding: try log.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, process.terminationReason == .uncaughtSignal, text)
    }

    @Test(.timeLimit(.minutes(1)), arguments: [SIGTERM, SIGINT])
    func oneSignalStopsAnIdleServerAndItSaysNothingMore(signal: Int32) throws {
        let outcome = try Self.serve { process, _ in kill(process.processIdentifier, signal) }
        #expect(outcome.status == 0 && !outcome.wasKilled)
        #expect(!outcome.log.contains("ERROR") && outcome.log.hasSuffix("Listening\n"), "\(outcome.log)")
    }

    @Test(.timeLimit(.minutes(1))) func aSecondSignalDoesNotWaitForAnything() throws {
        let outcome = try Self.serve { process, _ in
            kill(process.processIdentifier, SIGTERM)
            kill(process.processIdentifier, SIGTERM)
        }
        #expect(outcome.status == 0 || outcome.status == 128 + SIGTERM)
    }

    @Test(.timeLimit(.minutes(1))) func settingsThatAreWrongAreNamedAndNothingStarts() throws {
        let outcome = try Self.serve(["OPENAI_API_KEY": "", "TALKPATH_MAX_CALLS": "many"]) { _, _ in }
        #expect(outcome.status == 78)
        #expect(outcome.log.contains("TALKPATH_MAX_CALLS"))
        #expect(!outcome.log.contains("Listening"))
    }
}
