import Foundation
import TalkpathCore
import Testing

@testable import TalkpathConversationTests

/// Results, as people and other programs see them.
@Suite struct ReportTests {
    private static func played() -> [(suite: Suite, results: [TestResult])] {
        let expectation = Expectation(name: "end_reason", line: 7, content: .endReason([.busy]))
        func test(_ name: String) -> ConversationTest {
            ConversationTest(
                name: name,
                file: "s.yaml",
                line: 4,
                kind: .captured(path: ""),
                expectations: [expectation],
                runs: 1,
                passRate: .whole
            )
        }
        var call = PlayedCall()
        call.duration = 61_234
        let good = TestResult.Run(seed: 1, failures: [], call: call, took: .milliseconds(1042))
        var bad = good
        bad.failures = [Judge.Failure(name: "agent_says", line: 7, words: "did not say \"<a>\" & \u{1}b")]
        let suite = Suite(name: "A & B", file: "s.yaml", tests: [])
        return [
            (
                suite,
                [
                    TestResult(test: test("good"), runs: [good]), TestResult(test: test("bad <1>"), runs: [bad]),
                    TestResult(test: test("gone"), runs: [], obstacle: "no such file"),
                ]
            )
        ]
    }

    @Test func `the XML counts failures and errors, and escapes what tests say`() {
        let xml = JUnitReport.xml(Self.played())
        #expect(xml.contains(#"<testsuite name="A &amp; B" tests="3" failures="1" errors="1" time="2.084">"#))
        #expect(xml.contains(#"name="bad &lt;1&gt;" file="s.yaml" line="4""#))
        #expect(xml.contains("did not say &quot;&lt;a&gt;&quot; &amp; ?b"))
        #expect(xml.contains(#"<error message="no such file"/>"#))
        #expect(xml.components(separatedBy: "<testcase").count == xml.components(separatedBy: "</testcase>").count)
    }

    @Test func `the page and the text name what failed with its line`() {
        let played = Self.played()
        let page = HTMLReport.page(played)
        #expect(page.contains("bad &lt;1&gt;") && page.contains("line 7, agent_says") && !page.contains("<a>"))
        #expect(TextReport.lines(played[0].results[1]).last?.contains("s.yaml:7: agent_says: did not say") == true)
        #expect(TextReport.summary(played[0].results) == "3 tests, 2 calls of 122 s: 2 failed")
    }
}
