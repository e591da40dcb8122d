import Dispatch
import TalkpathAudio

/// The result of one test.
package struct TestResult: Sendable {
    package struct Run: Sendable {
        package var seed: UInt64
        package var failures: [Judge.Failure]
        package var call: PlayedCall
        package var took: Duration
    }

    package var test: ConversationTest
    package var runs: [Run]
    /// The reason why the test could not be played.
    package var obstacle: String?

    package var passed: Int { runs.count { $0.failures.isEmpty } }
    package var isPassed: Bool { obstacle == nil && passed >= test.needed }
    package var took: Duration { runs.reduce(.zero) { $0 + $1.took } }
    /// The first run that did not pass.
    package var failed: Run? { runs.first { !$0.failures.isEmpty } }
}

/// Plays the tests of suites, several at the same time.
package struct SuiteRunner: Sendable {
    /// The number of tests that are played at the same time.
    package var width: Int
    /// The first seed; each run of a test has the next one.
    package var seed: UInt64
    /// The runs of every test, whatever its suite says; a captured call is played once.
    package var runs: Int?

    /// Keys and addresses of models, and the programs of live tests.
    package var environment: [String: String]

    package init(width: Int, seed: UInt64 = 1, runs: Int? = nil, environment: [String: String] = [:]) {
        self.environment = environment
        self.width = max(1, width)
        self.seed = seed
        self.runs = runs
    }

    /// - Parameter report: called with each result as soon as it is there, in no order. It has the capture of the first
    ///   run that failed, which is kept no longer.
    /// - Returns: the results, in the order of the tests, without captures.
    package func play(_ tests: [ConversationTest], report: (TestResult) -> Void = { _ in }) async -> [TestResult] {
        var results = [TestResult?](repeating: nil, count: tests.count)
        await withTaskGroup(of: (Int, TestResult).self) { group in
            var next = 0
            func begin() {
                guard next < tests.count else { return }
                let (number, test) = (next, tests[next])
                next += 1
                group.addTask { (number, await play(test)) }
            }
            for _ in 0..<width { begin() }
            for await (number, result) in group {
                report(result)
                results[number] = result
                for run in result.runs.indices { results[number]?.runs[run].call.capture = nil }
                begin()
            }
        }
        return results.compactMap { $0 }
    }

    private func play(_ test: ConversationTest) async -> TestResult {
        var test = test
        if let runs, !test.isCaptured { test.runs = runs }
        var result = TestResult(test: test, runs: [])
        let textJudge: TextJudge?
        do {
            // Before anything is played, which may cost money.
            if test.needsTextModel { _ = try TextModel(environment: environment) }
            textJudge = try test.isJudgedByModel ? TextJudge(model: TextModel(environment: environment)) : nil
        } catch {
            result.obstacle = "\(error)"
            return result
        }
        for number in 0..<test.runs {
            let seed = seed &+ UInt64(number)
            let clock = ContinuousClock()
            let began = clock.now
            do {
                var call = try await play(test.kind, seed)
                var failures = Judge(call).failures(test.expectations)
                if let textJudge { failures += try await textJudge.failures(call, test.expectations) }
                call.forgetMedia(keepingCapture: !failures.isEmpty && result.failed == nil)
                result.runs.append(.init(seed: seed, failures: failures, call: call, took: clock.now - began))
            } catch {
                result.obstacle = "\(error)"
                break
            }
        }
        return result
    }

    /// Runs a whole call, which takes up to seconds, beside the threads that live calls need.
    private static func onQueue<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: body()) }
        }
    }

    private func play(_ kind: ConversationTest.Kind, _ seed: UInt64) async throws -> PlayedCall {
        switch kind {
        case .scripted(let test): await Self.onQueue { ScriptedStage(test: test).play(seed: seed) }
        case .captured(let path): try await Self.onQueue { Result { try CapturedStage(path: path).play() } }.get()
        case .live(let test): try await LiveStage(test: test, environment: environment).play()
        }
    }
}
