import Foundation

/// The built executable, run as by a user's shell.
struct Executable {
    struct Outcome {
        var status: Int32
        /// Ended by a signal rather than by an exit.
        var wasKilled: Bool
        var output: [UInt8]
        var errors: String
    }

    static let url = url(of: "talkpath")

    /// Beside the test bundle.
    static func url(of program: String) -> URL {
        URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent().appendingPathComponent(program)
    }

    /// Runs the executable to its end.
    /// - Parameter chunks: input that is written piece by piece to the standard input, which is then closed. The output
    ///   is read meanwhile.
    /// - Parameter environment: added to that of the tests.
    static func run(
        _ arguments: [String],
        of program: String = "talkpath",
        environment: [String: String] = [:],
        chunks: [[UInt8]] = []
    ) throws -> Outcome {
        let (process, input, output, errors) = start(arguments, of: program)
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        try process.run()
        let texts = Collected()
        let group = DispatchGroup()
        for (handle, keep) in [(output, \Collected.output), (errors, \Collected.errors)] {
            DispatchQueue.global().async(group: group) {
                let bytes = [UInt8]((try? handle.fileHandleForReading.readToEnd()) ?? Data())
                texts[keyPath: keep] = bytes
            }
        }
        for chunk in chunks { try input.fileHandleForWriting.write(contentsOf: Data(chunk)) }
        try input.fileHandleForWriting.close()
        group.wait()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus,
            wasKilled: process.terminationReason == .uncaughtSignal,
            output: texts.output,
            errors: String(decoding: texts.errors, as: UTF8.self)
        )
    }

    /// Runs the executable for a reader that takes that many bytes and closes, and feeds it until it has ended, too.
    static func run(_ arguments: [String], feeding chunk: [UInt8], readingOnly count: Int) throws -> Outcome {
        let (process, input, output, errors) = start(arguments)
        try process.run()
        // Without this, SIGPIPE would end this process.
        signal(SIGPIPE, SIG_IGN)
        try input.fileHandleForWriting.write(contentsOf: Data(chunk))
        var read: [UInt8] = []
        while read.count < count, let more = try output.fileHandleForReading.read(upToCount: count - read.count) {
            read += more
        }
        try output.fileHandleForReading.close()
        while process.isRunning, (try? input.fileHandleForWriting.write(contentsOf: Data(chunk))) != nil {}
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
        let text = try errors.fileHandleForReading.readToEnd() ?? Data()
        return Outcome(
            status: process.terminationStatus,
            wasKilled: process.terminationReason == .uncaughtSignal,
            output: read,
            errors: String(decoding: text, as: UTF8.self)
        )
    }

    private static func start(
        _ arguments: [String],
        of program: String = "talkpath"
    ) -> (Process, input: Pipe, output: Pipe, errors: Pipe) {
        let process = Process()
        let (input, output, errors) = (Pipe(), Pipe(), Pipe())
        process.executableURL = url(of: program)
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = output
        process.standardError = errors
        return (process, input, output, errors)
    }

    /// Unchecked: each member is written by one queue and read after both have ended.
    private final class Collected: @unchecked Sendable {
        var output: [UInt8] = []
        var errors: [UInt8] = []
    }
}
