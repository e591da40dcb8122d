import ArgumentParser
import Foundation
import TalkpathConversationTests
import TalkpathCore
import TalkpathSimulation

/// `talkpath capture`: makes something else of a captured call.
struct CaptureCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "capture",
        abstract: "Make a test of a captured call, or a capture that may be shared.",
        subcommands: [CaptureToTestCommand.self, CaptureRedactCommand.self]
    )
}

/// `talkpath capture to-test`
struct CaptureToTestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "to-test",
        abstract: "Make a test that fails as the captured call did.",
        discussion: """
            Replays the call, looks which rules of every good call it broke, and writes a suite that expects them to hold: \
            the test fails until they do, and needs neither key nor network. The suite tells in its comments what the \
            call did. Say with --expect what should have been and no rule tells.

            Exit status: 0 if the suite was written; 1 if it was, and with --redact some events come otherwise than in the \
            call; 2 if the file is not a capture or an expectation cannot be read.
            """
    )

    @Argument(help: ArgumentHelp("A capture: a file that ends in .tpcap.", valueName: "capture"))
    var capture: String

    @Option(
        help: ArgumentHelp(
            "The suite to write; beside the capture, with its name and .yaml, unless given.",
            valueName: "file"
        )
    )
    var out: String?

    @Option(help: ArgumentHelp("An expectation, such as 'agent_says: nine'; may be repeated.", valueName: "yaml"))
    var expect: [String] = []

    @Flag(help: "Redact the capture first, as talkpath capture redact does, and make the test of NAME.redacted.tpcap.")
    var redact = false

    func run() async throws {
        do {
            var source = capture
            let stem = capture.hasSuffix(".tpcap") ? String(capture.dropLast(6)) : capture
            var differences: [String] = []
            if redact {
                source = stem + ".redacted.tpcap"
                differences = try CaptureRedactCommand.redact(capture, to: source)
            }
            let suite = out ?? stem + ".yaml"
            let call = try Replay(source).replayed()
            let test: CaptureTest
            do throws(SuiteFault) {
                test = try CaptureTest(call, capture: Self.path(of: source, from: suite), expected: expect)
                _ = try Suite(text: test.yaml, file: suite)
            } catch {
                throw CommandFailure("--expect: \(error.words)", status: 2)
            }
            try ReplayFile.write(Array(test.yaml.utf8), to: suite)
            for breach in test.breaches { print("the call broke a rule: \(breach)") }
            if test.breaches.isEmpty, expect.isEmpty {
                print(
                    "the call broke no rule: the test holds that it stays as it was; --expect tells what should have been"
                )
            }
            print("\(suite): talkpath test \(suite)")
            CaptureRedactCommand.tell(differences, of: source)
            if !differences.isEmpty { throw ExitCode(1) }
        } catch let error as ReplayError {
            throw CommandFailure(error.description, status: 2)
        }
    }

    /// The file's path as seen from a suite: relative if both are in one folder.
    static func path(of file: String, from suite: String) -> String {
        func parts(_ path: String) -> (folder: String, name: String) {
            let url = URL(fileURLWithPath: path).standardizedFileURL
            return (url.deletingLastPathComponent().path, url.lastPathComponent)
        }
        let (one, other) = (parts(file), parts(suite))
        return one.folder == other.folder ? one.name : "\(one.folder)/\(one.name)"
    }
}

/// `talkpath capture redact`
struct CaptureRedactCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redact",
        abstract: "Replace numbers, names, words and speech in a capture, so that it may be shared.",
        discussion: """
            Words become other words of the same length, the same one for the same word; digits become other digits, pressed keys \
            become 5; speech becomes noise that is as loud in each 20 ms; identifiers become counted ones; the date goes. \
            Times, lengths, loudness, the words and figures of the protocols and of settings, and the declared names of functions and of \
            their parameters stay; all else is replaced. The words cannot be turned back, but \
            someone who knows the call may recognise its rhythm.

            Exit status: 0 if the capture was written, and its events come when they came; 1 if some do not, and it was \
            written all the same; 2 if the file is not a capture.
            """
    )

    @Argument(help: ArgumentHelp("A capture: a file that ends in .tpcap.", valueName: "in"))
    var input: String

    @Argument(help: ArgumentHelp("The capture to write.", valueName: "out"))
    var output: String

    func run() async throws {
        do {
            let differences = try Self.redact(input, to: output)
            guard !differences.isEmpty else { return print("\(output): the same events at the same times") }
            Self.tell(differences, of: output)
        } catch let error as ReplayError {
            throw CommandFailure(error.description, status: 2)
        }
        throw ExitCode(1)
    }

    static func tell(_ differences: [String], of output: String) {
        guard !differences.isEmpty else { return }
        print("\(output): \(differences.count) events come otherwise than in the call")
        for difference in differences.prefix(10) { print("  \(difference)") }
    }

    /// - Returns: the events that come otherwise than in the call.
    static func redact(_ input: String, to output: String) throws -> [String] {
        var random = SystemRandomNumberGenerator()
        let key = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        let disguise = try CaptureDisguise(try Replay(input).capture, key: key)
        try ReplayFile.write(disguise.capture.encoded(isSlim: true), to: output)
        return disguise.differences
    }
}
