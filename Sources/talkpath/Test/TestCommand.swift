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

    @Option(
        help:
            "Play each test so often, whatever its suite says, with another seed each time; a captured call is played once."
    )
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
        let read = try selected(suites.map(suite))
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
        var kept = try captures.map { try CaptureFolder($0) }
        for suite in read {
            let results = await runner.play(suite.tests) { result in
                print(TextReport.lines(result).joined(separator: "\n"))
                kept?.keep(result)
                fflush(nil)
            }
            played.append((suite, results))
        }
        let results = played.flatMap(\.results)
        print(TextReport.summary(results))
        try write(played)
        if let fault = kept?.fault { throw CommandFailure(fault.description, status: 2) }
        if results.contains(where: { $0.obstacle != nil }) { throw ExitCode(2) }
        if results.contains(where: { !$0.isPassed }) { throw ExitCode(1) }
    }

    private func suite(_ path: String) throws -> Suite {
        do throws(SuiteFault) {
            return try Suite(path: path)
        } catch {
            throw CommandFailure(error.description, status: 2)
        }
    }

    /// The suites with the tests that are wanted. A suite may have none of them, if another has.
    private func selected(_ suites: [Suite]) throws -> [Suite] {
        guard let only else { return suites }
        let selected = suites.map { suite in
            var suite = suite
            suite.tests.removeAll { !$0.name.localizedStandardContains(only) }
            return suite
        }
        guard selected.contains(where: { !$0.tests.isEmpty }) else {
            throw CommandFailure(
                "\(suites.map(\.file).joined(separator: ", ")): no test has '\(only)' in its name",
                status: 2
            )
        }
        return selected.filter { !$0.tests.isEmpty }
    }

    private func write(_ played: [(suite: Suite, results: [TestResult])]) throws {
        do throws(ReplayError) {
            if let junit { try ReplayFile.write(Array(JUnitReport.xml(played).utf8), to: junit) }
            if let html { try ReplayFile.write(Array(HTMLReport.page(played).utf8), to: html) }
        } catch {
            throw CommandFailure(error.description, status: 2)
        }
    }
}
