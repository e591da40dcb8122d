import Foundation
import TalkpathAudio

/// What a caller says, as samples at 8 kHz: a clip, or words that a local speech program speaks.
struct SpokenWords {
    /// Why there is no sound.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let program: String?

    /// - Parameter environment: `TALKPATH_TEST_SPEECH` may name the program; otherwise espeak-ng or espeak is looked for.
    init(environment: [String: String]) {
        let folders = (environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        let found = ["espeak-ng", "espeak"].flatMap { name in folders.map { "\($0)/\(name)" } }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
        program = environment["TALKPATH_TEST_SPEECH"] ?? found
    }

    static func clip(_ path: String) throws -> [Int16] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(description: "\(path): the clip cannot be read")
        }
        do {
            let wav = try WAV.decode(Array(data))
            return TelephoneRate.converted(wav.channels.first ?? [], from: wav.sampleRate)
        } catch {
            throw Failure(description: "\(path): \(error)")
        }
    }

    /// Lets the program speak: `PROGRAM -w FILE WORDS`.
    func spoken(_ words: String) throws -> [Int16] {
        guard let program else {
            throw Failure(
                description:
                    "no program speaks '\(words)': install espeak-ng, name one in TALKPATH_TEST_SPEECH, or give a clip"
            )
        }
        let file = NSTemporaryDirectory() + "talkpath-words-\(UUID().uuidString).wav"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["-w", file, words]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        do {
            try process.run()
        } catch {
            throw Failure(description: "\(program) cannot be run: \(error)")
        }
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(description: "\(program) has failed with status \(process.terminationStatus)")
        }
        return try Self.clip(file)
    }
}
