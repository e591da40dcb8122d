import TalkpathAudio
import TalkpathCore

/// Results as JUnit's XML, which continuous integration shows.
package enum JUnitReport {
    package static func xml(_ suites: [(suite: Suite, results: [TestResult])]) -> String {
        var xml = #"<?xml version="1.0" encoding="UTF-8"?>"# + "\n<testsuites>\n"
        for (suite, results) in suites {
            let failures = results.count { !$0.isPassed && $0.obstacle == nil }
            let errors = results.count { $0.obstacle != nil }
            let took = results.reduce(Duration.zero) { $0 + $1.took }
            xml +=
                #"  <testsuite name="\#(escaped(suite.name))" tests="\#(results.count)" failures="\#(failures)" errors="\#(errors)" time="\#(seconds(took))">"#
                + "\n"
            for result in results { xml += testCase(result, suite) }
            xml += "  </testsuite>\n"
        }
        return xml + "</testsuites>\n"
    }

    private static func testCase(_ result: TestResult, _ suite: Suite) -> String {
        let test = result.test
        var xml =
            #"    <testcase classname="\#(escaped(suite.name))" name="\#(escaped(test.name))" file="\#(escaped(test.file))" line="\#(test.line)" time="\#(seconds(result.took))">"#
            + "\n"
        if result.runs.count > 1 {
            xml +=
                #"      <properties><property name="pass_rate" value="\#(result.passed)/\#(result.runs.count)"/></properties>"#
                + "\n"
        }
        if let obstacle = result.obstacle {
            xml += #"      <error message="\#(escaped(obstacle))"/>"# + "\n"
        } else if !result.isPassed, let failed = result.failed {
            let lines = failed.failures.map {
                "\(test.file):\($0.line > 0 ? $0.line : test.line): \($0.name): \($0.words)"
            }
            let first = failed.failures.first.map { "\($0.name): \($0.words)" } ?? ""
            xml +=
                #"      <failure message="\#(escaped(first))">\#(escaped("seed \(failed.seed)\n" + lines.joined(separator: "\n")))</failure>"#
                + "\n"
        }
        return xml + "    </testcase>\n"
    }

    private static func seconds(_ duration: Duration) -> String {
        let milliseconds = duration.wholeMilliseconds
        let rest = String(milliseconds % 1000)
        return "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
    }

    /// Characters that XML does not have are shown as a question mark.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "\n": escaped += "&#10;"
            case "\t": escaped += "&#9;"
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: escaped += "?"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
