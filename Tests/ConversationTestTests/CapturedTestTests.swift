import Foundation
import TalkpathCore
import TalkpathSimulation
import TalkpathWire
import Testing

@testable import TalkpathConversationTests

/// Tests that are made of captured calls. One after the other, because the live tests beside need a thread in time.
@Suite(.serialized) struct CapturedTestTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("fixtures/calls").path

    static let names =
        (try? FileManager.default.contentsOfDirectory(atPath: folder))?
        .filter { $0.hasSuffix(".tpcap") }.sorted() ?? []

    private static func results(_ yaml: String) async throws -> [TestResult] {
        await SuiteRunner(width: 1).play(try Suite(text: yaml, file: "\(folder)/made.yaml").tests)
    }

    @Test(arguments: names)
    func `the test of a call fails exactly as the call broke rules, and names the same`(name: String) async throws {
        let made = try CaptureTest(try Replay("\(Self.folder)/\(name)").replayed(), capture: name)
        let result = try #require(try await Self.results(made.yaml).first)
        #expect(result.isPassed == made.breaches.isEmpty, "\(made.yaml)")
        #expect(result.failed?.failures.map(\.words) ?? [] == made.breaches)
        #expect(result.obstacle == nil)
    }

    @Test func `the calls that went wrong are told apart from those that did not`() throws {
        func breaches(_ name: String) throws -> [String] {
            try CaptureTest(try Replay("\(Self.folder)/\(name).tpcap").replayed(), capture: name).breaches
        }
        #expect(try breaches("openai-plain-conversation").isEmpty)
        #expect(try breaches("openai-agent-lost-and-resumed").contains { $0.hasPrefix("keeps-model") })
        #expect(try breaches("gemini-loop").contains { $0.contains("loop_detected") })
        #expect(try breaches("gemini-gap") == ["hears-all: 120 ms of the caller's audio are missing"])
    }

    @Test func `what should have been is expected besides`() async throws {
        let made = try CaptureTest(
            try Replay("\(Self.folder)/openai-tool-call.tpcap").replayed(),
            capture: "openai-tool-call.tpcap",
            expected: ["tools: [{weather: {}}, end_call]", "agent_says: sunshine"]
        )
        let result = try #require(try await Self.results(made.yaml).first)
        #expect(result.failed?.failures.map(\.name) == ["agent_says"], "\(TextReport.lines(result))")
    }

    @Test func `expectations of one name are put together, and with the rules that the call broke`() async throws {
        let call = try Replay("\(Self.folder)/openai-agent-lost-and-resumed.tpcap").replayed()
        let made = try CaptureTest(
            call,
            capture: "openai-agent-lost-and-resumed.tpcap",
            expected: [
                "agent_says: one", "agent_says: [two, '10:30']", "rules: [answers, keeps-model]", "duration: 5m",
            ]
        )
        let tests = try Suite(text: made.yaml, file: "\(Self.folder)/made.yaml").tests
        let names = tests.first?.expectations.map(\.name) ?? []
        #expect(
            names.filter { $0 == "agent_says" }.count == 1 && names.filter { $0 == "rules" }.count == 2,
            "\(made.yaml)"
        )
        #expect(made.yaml.contains(#"agent_says: ["one","two","10:30"]"#))
        let all = try CaptureTest(call, capture: "a", expected: ["rules: all", "tools: []"])
        let rules = try Suite(text: all.yaml, file: "a.yaml").tests.first?.expectations.filter { $0.name == "rules" }
        #expect(rules?.count == Rule.allCases.count, "\(all.yaml)")
        #expect {
            _ = try CaptureTest(call, capture: "a", expected: ["duration: 1s", "duration: 2s"])
        } throws: {
            "\($0)".contains("'duration' stands twice")
        }
    }

    @Test func `what was said in signs that YAML does not have makes a suite that can be read`() throws {
        let words = "Bell \u{7}, next \u{85}, line \u{2028}, mark \u{feff}, delete \u{7f}: # 'x' \"y\" \\"
        let script = TalkScript(
            caller: [.init(.afterAgent(700), .speaks(words, milliseconds: 1000))],
            answers: [.init(words: words, milliseconds: 1000)]
        )
        let talk = ScriptedTalk(script, provider: .openai, seed: 1, limits: CallLimits(), tool: { _ in ("", 0) }) { _ in
        }
        let made = try CaptureTest(try Replay(try #require(talk.play())).replayed(), capture: "a\u{85}\u{7f}.tpcap")
        let suite = try Suite(text: made.yaml, file: "made.yaml")
        #expect(made.yaml.contains("Bell  , next  , line") && suite.name == "a\u{85}\u{7f}.tpcap")
    }
}
