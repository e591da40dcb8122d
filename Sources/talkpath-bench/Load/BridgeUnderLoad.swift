#if os(Linux)
import ArgumentParser
import Foundation
import Logging
import TalkpathAudio
import TalkpathNIO
import TalkpathServer
import TalkpathSimulators

/// The server that a bench measures, in a process of its own on a processor of its own.
///
/// It writes its port to standard output. For every line on standard input, it reports how punctual it was since the
/// line before. It ends when standard input ends.
struct BridgeUnderLoadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bridge-under-load",
        abstract: "Run the server that `talkpath-bench load` measures.",
        shouldDisplay: false
    )

    @Option(help: "The processor to keep to.")
    var processor: Int

    struct Greeting: Codable {
        var port: Int
    }

    /// The punctuality of the media loop's ticker since the last question.
    struct Punctuality: Codable {
        var ticks: Int
        var missed: Int
        var meanMilliseconds: Double
        var worstMilliseconds: Double
        /// Allocations of the process since it began, if they are counted.
        var allocations: UInt64?
    }

    func run() async throws {
        ProcessorAffinity.pinProcess(to: processor)
        Self.raiseDescriptorLimit()
        LoggingSystem.bootstrap(StreamLogHandler.standardError(label:))
        // As in `talkpath serve`.
        var parts = TalkpathServer.Parts()
        parts.putsMediaFirst = true
        parts.givesMemoryBack = true
        let server = try await TalkpathServer.start(
            try .read(environment: ProcessInfo.processInfo.environment, isDevelopment: true),
            parts: parts
        )
        Self.say(Greeting(port: server.port))
        for await _ in Self.lines() {
            let punctuality = try await server.bridge.takePunctuality()
            Self.say(
                Punctuality(
                    ticks: punctuality.ticks,
                    missed: punctuality.missed,
                    meanMilliseconds: punctuality.ticks > 0
                        ? punctuality.totalLateness.milliseconds / Double(punctuality.ticks) : 0,
                    worstMilliseconds: punctuality.maximumLateness.milliseconds,
                    allocations: AllocationCounter.now
                )
            )
        }
        await server.shutDown()
    }

    /// Reads standard input on a thread of its own.
    private static func lines() -> AsyncStream<String> {
        let (lines, continuation) = AsyncStream<String>.makeStream()
        let reader = Thread {
            while let line = readLine() { continuation.yield(line) }
            continuation.finish()
        }
        reader.start()
        return lines
    }

    private static func say(_ words: some Encodable) {
        guard let data = try? JSONEncoder().encode(words) else { return }
        FileHandle.standardOutput.write(data + Data("\n".utf8))
    }

    /// A call takes two descriptors, so the usual limit of 1024 is soon too low.
    static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

/// The process of ``BridgeUnderLoadCommand``, as the bench sees it.
final class BridgeProcess {
    let port: Int
    var identifier: Int32 { process.processIdentifier }

    private let process: Process
    private let orders: FileHandle
    private let words: FileHandle

    /// Starts this program again, as the bridge.
    static func start(processor: Int, settings: [String: String]) throws -> BridgeProcess {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["bridge-under-load", "--processor", "\(processor)"]
        // Settings for other servers on this machine must not reach the measured one.
        let inherited = ProcessInfo.processInfo.environment.filter { name, _ in
            !["TALKPATH_", "TWILIO_", "OPENAI_", "GEMINI_"].contains { name.hasPrefix($0) }
        }
        process.environment = inherited.merging(settings) { $1 }
        let (orders, words) = (Pipe(), Pipe())
        process.standardInput = orders
        process.standardOutput = words
        try process.run()
        let reader = words.fileHandleForReading
        guard let greeting: BridgeUnderLoadCommand.Greeting = Self.read(from: reader) else {
            process.terminate()
            throw LoadError(.refused, "the bridge did not start; what it says stands above")
        }
        return BridgeProcess(process, greeting.port, orders.fileHandleForWriting, reader)
    }

    private init(_ process: Process, _ port: Int, _ orders: FileHandle, _ words: FileHandle) {
        self.process = process
        self.port = port
        self.orders = orders
        self.words = words
    }

    /// Asks how punctual the bridge was since the last question. Does not wait for the answer.
    func ask() { try? orders.write(contentsOf: Data("punctuality\n".utf8)) }

    /// Waits for the answer to the oldest unanswered question.
    func answer() -> BridgeUnderLoadCommand.Punctuality? { Self.read(from: words) }

    func stop() {
        try? orders.close()
        process.waitUntilExit()
    }

    private static func read<Words: Decodable>(from handle: FileHandle) -> Words? {
        var line = Data()
        while let byte = try? handle.read(upToCount: 1), !byte.isEmpty, byte != Data("\n".utf8) { line += byte }
        return try? JSONDecoder().decode(Words.self, from: line)
    }
}
#endif
