import TalkpathAudio
import TalkpathCore

/// The lines that `talkpath test` prints.
package enum TextReport {
    /// One test: a line, and below it each way in which it is otherwise than expected.
    package static func lines(_ result: TestResult) -> [String] {
        let test = result.test
        let rate = result.runs.count > 1 ? ", \(result.passed) of \(result.runs.count) runs" : ""
        let head = "\(result.isPassed ? "ok  " : "FAIL")  \(test.name) (\(milliseconds(result.took))\(rate))"
        if let obstacle = result.obstacle { return [head, "      \(test.file):\(test.line): \(obstacle)"] }
        guard let failed = result.failed else { return [head] }
        // A run that failed is told even if enough others passed.
        var lines = [head]
        if result.runs.count > 1 { lines.append("      seed \(failed.seed):") }
        for failure in failed.failures {
            let line = failure.line > 0 ? failure.line : test.line
            lines.append("      \(test.file):\(line): \(failure.name): \(failure.words)")
        }
        return lines
    }

    package static func summary(_ results: [TestResult]) -> String {
        let failed = results.count { !$0.isPassed }
        let runs = results.reduce(0) { $0 + $1.runs.count }
        let spoken = results.reduce(0) { $0 + $1.runs.reduce(0) { $0 + $1.call.duration } }
        let counted =
            "\(results.count) \(results.count == 1 ? "test" : "tests"), \(runs) \(runs == 1 ? "call" : "calls") of \(spoken / 1000) s"
        return failed == 0 ? "\(counted): all passed" : "\(counted): \(failed) failed"
    }

    private static func milliseconds(_ duration: Duration) -> String { "\(duration.wholeMilliseconds) ms" }
}
