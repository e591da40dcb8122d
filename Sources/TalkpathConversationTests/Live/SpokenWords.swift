import Foundation
import TalkpathSimulators

/// The caller's sounds, as samples at 8 kHz: a clip, or words that a local speech program speaks.
struct SpokenWords {
    /// The reason why there is no sound.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let program: String?
    private let patience: Duration

    /// The most characters that are spoken at once.
    private static let longest = 2000

    /// - Parameters:
    ///   - environment: `TALKPATH_TEST_SPEECH` may name the program; otherwise espeak-ng or espeak is looked for.
    ///   - patience: the time that the program has for some words.
    init(environment: [String: String], patience: Duration = .seconds(60)) {
        let folders = (environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        let found = ["espeak-ng", "espeak"].flatMap { name in folders.map { "\($0)/\(name)" } }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
        program = environment["TALKPATH_TEST_SPEECH"] ?? found
        self.patience = patience
    }

    static func clip(_ path: String) throws -> [Int16] {
        do {
            return try RecordedSpeech.samples(of: path, rate: 8000)
        } catch {
            throw Failure(description: "\(error)")
        }
    }

    /// Lets the program speak: `PROGRAM -w FILE -- WORDS`. No thread waits for it.
    func spoken(_ words: String) async throws -> [Int16] {
        guard let program else {
            throw Failure(
                description:
                    "no program speaks '\(words)': install espeak-ng, name one in TALKPATH_TEST_SPEECH, or give a clip"
            )
        }
        let file = NSTemporaryDirectory() + "talkpath-words-\(UUID().uuidString).wav"
        defer { try? FileManager.default.removeItem(atPath: file) }
        // A zero would end the argument.
        let text = words.prefix(Self.longest).map { $0 == "\0" ? " " : $0 }
        let status = try await run(program, ["-w", file, "--", String(text)])
        guard status == 0 else { throw Failure(description: "\(program) has failed with status \(status)") }
        return try Self.clip(file)
    }

    private func run(_ program: String, _ arguments: [String]) async throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        let (statuses, ended) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { process in
            ended.yield(process.terminationStatus)
            ended.finish()
        }
        do {
            try process.run()
        } catch {
            throw Failure(description: "\(program) cannot be run: \(error)")
        }
        let limit = Task { [patience] in
            try await Task.sleep(for: patience)
            ended.finish()
        }
        defer { limit.cancel() }
        for await status in statuses { return status }
        // It may have begun with signals blocked, as threads of a pool have them: then only this one ends it.
        kill(process.processIdentifier, SIGKILL)
        try Task.checkCancellation()
        throw Failure(description: "\(program) has not spoken within \(patience)")
    }
}
