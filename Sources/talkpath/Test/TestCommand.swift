import ArgumentParser
import Foundation
import TalkpathConversationTests
import TalkpathCore
import TalkpathSimulation

/// `talkpath test`: plays suites of conversation tests.
struct TestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Play suites of conversation tests, and judge them.",
        discussion: """
            A suite is a YAML file: a caller and a model that follow a script, or a captured call, and what is expected of \
            them. The real session, pipelines and codecs run on a virtual clock: no key, no network, and a minute of \
            conversation takes some tenths of a second. docs/conversation-tests.md describes suites.

            Exit status: 0 if all tests pass, 1 if one does not, 2 if a suite or a capture cannot be read.
            """
    )

    @Argument(help: ArgumentHelp("Suites: YAML files.", valueName: "suite"))
    var suites: [String]

    @Option(help: "Only tests with this in their name.")
    var only: String?

    @Option(help: "Play each scripted test so often, whatever its suite says, each time with another seed.")
    var runs: Int?

    @Option(help: "The first seed: it decides the order in which threads get their turn.")
    var seed: UInt64 = 1

    @Option(
        help: ArgumentHelp(
            "Play so many tests at the same time; as many as processors unless given.",
            valueName: "number"
        )
    )
    var parallel: Int?

    @Option(help: ArgumentHelp("Write the results as JUnit's XML.", valueName: "file"))
    var junit: String?

    @Option(help: ArgumentHelp("Write the results as one page.", valueName: "file"))
    var html: String?

    @Option(help: ArgumentHelp("Keep a capture of each test that fails, for talkpath report.", valueName: "folder"))
    var captures: String?

    @Flag(help: "Name the tests, and play none.")
    var list = false

    func validate() throws {
        if let runs, !(1...10_000).contains(runs) { throw ValidationError("--runs is a number from 1 to 10000") }
        if let parallel, !(1...256).contains(parallel) { throw ValidationError("--parallel is a number from 1 to 256") }
    }

    func run() async throws {
        let read = try suites.map(suite)
        if list {
            for suite in read { for test in suite.tests { print("\(test.file):\(test.line): \(test.name)") } }
            return
        }
        let width = parallel ?? ProcessInfo.processInfo.activeProcessorCount
        let runner = SuiteRunner(
            width: width,
            seed: seed,
            runs: runs,
            environment: ProcessInfo.processInfo.environment
        )
        var played: [(suite: Suite, results: [TestResult])] = []
        for suite in read {
            let results = await runner.play(suite.tests) { result in
                print(TextReport.lines(result).joined(separator: "\n"))
                fflush(nil)
            }
            played.append((suite, results))
        }
        let results = played.flatMap(\.results)
        print(TextReport.summary(results))
        try write(played)
        if results.contains(where: { $0.obstacle != nil }) { throw ExitCode(2) }
        if results.contains(where: { !$0.isPassed }) { throw ExitCode(1) }
    }

    private func suite(_ path: String) throws -> Suite {
        do throws(SuiteFault) {
            var suite = try Suite(path: path)
            if let only { suite.tests.removeAll { !$0.name.localizedStandardContains(only) } }
            guard !suite.tests.isEmpty else {
                throw SuiteFault(path, "no test has '\(only ?? "")' in its name")
            }
            return suite
        } catch {
            throw CommandFailure(error.description, status: 2)
        }
    }

    private func write(_ played: [(suite: Suite, results: [TestResult])]) throws {
        do {
            if let junit { try ReplayFile.write(Array(JUnitReport.xml(played).utf8), to: junit) }
            if let html { try ReplayFile.write(Array(HTMLReport.page(played).utf8), to: html) }
            guard let captures else { return }
            try FileManager.default.createDirectory(atPath: captures, withIntermediateDirectories: true)
            for result in played.flatMap(\.results) where !result.isPassed {
                guard let capture = result.failed?.call.capture else { continue }
                let file = "\(captures)/\(Self.fileName(result.test.name)).tpcap"
                try ReplayFile.write(capture.encoded(isSlim: true), to: file)
                print("\(file): talkpath report draws it")
            }
        } catch let error as ReplayError {
            throw CommandFailure(error.description, status: 2)
        }
    }

    private static func fileName(_ name: String) -> String {
        String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }.prefix(80))
    }
}
