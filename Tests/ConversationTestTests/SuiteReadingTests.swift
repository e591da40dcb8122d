import TalkpathSimulation
import TalkpathWire
import Testing

@testable import TalkpathConversationTests

/// Suites as they are read, and the faults that are named in them.
@Suite struct SuiteReadingTests {
    private static func suite(_ text: String) throws -> Suite { try Suite(text: text, file: "suite.yaml") }

    private static func fault(_ text: String) -> String {
        do {
            _ = try suite(text)
            return "no fault"
        } catch {
            return "\(error)"
        }
    }

    private static let short = """
        tests:
          - name: one
            caller: [hangs_up]
            expect: {end_reason: caller_hangup}

        """

    @Test func `what a suite leaves out has its usual value`() throws {
        let suite = try Self.suite(Self.short)
        let test = try #require(suite.tests.first)
        #expect(suite.name == "suite.yaml" && suite.tests.count == 1)
        #expect(test.line == 2 && test.runs == 1 && test.needed == 1)
        guard case .scripted(let scripted) = test.kind else { return #expect(Bool(false)) }
        #expect(scripted.provider == .openai && scripted.script.caller == [.init(.afterAgent(700), .hangsUp)])
    }

    @Test func `a test of two providers is two tests`() throws {
        let suite = try Self.suite("agent: {provider: [openai, gemini]}\n" + Self.short)
        #expect(suite.tests.map(\.name) == ["one (openai)", "one (gemini)"])
    }

    @Test func `a pass rate asks for so many runs`() throws {
        let test = try #require(try Self.suite("runs: 5\npass_rate: 70%\n" + Self.short).tests.first)
        #expect(test.runs == 5 && test.needed == 4)
        // No error of arithmetic asks for one more, and no rounding for one less.
        for (share, runs, needed) in [
            ("70", 10, 7), ("7", 100, 7), ("55", 100, 55), ("29", 100, 29), ("66.67", 3, 3), ("99.9999", 1000, 1000),
            ("0", 9, 1),
        ] {
            let one = try Self.suite("runs: \(runs)\npass_rate: \(share)%\n" + Self.short).tests.first
            #expect(one?.needed == needed, "\(share) of \(runs)")
        }
    }

    @Test func `a capture stands relative to its suite`() throws {
        let text = "tests:\n  - {name: one, capture: call.tpcap, expect: {same: true}}\n"
        guard case .captured(let path)? = try Suite(text: text, file: "folder/suite.yaml").tests.first?.kind else {
            return #expect(Bool(false))
        }
        #expect(path == "folder/call.tpcap")
    }

    @Test(arguments: [
        ("test: []", "suite.yaml:1:1: the suite has no member 'test'; did you mean 'tests'?"),
        ("suite: a", "suite.yaml:1:1: the suite has no tests"),
        ("tests: 3", "suite.yaml:1:8: 'tests' must be a list, and is '3'"),
        ("tests: []", "suite.yaml:1:8: the list of tests is empty"),
        ("tests:\n  - name: a\n   expect: b", "suite.yaml:3:"),
        ("tests:\n  - name: a\n    name: b", "'name' stands twice here"),
        ("tests:\n  - {name: a, caller: [hangs_up]}", "suite.yaml:2:5: the test expects nothing"),
        ("tests:\n  - {name: a, expect: {end_reason: busy}}", "the test has neither a caller nor a capture"),
        (
            "tests:\n  - name: a\n    caller:\n      - say: hello\n    expect: {end_reason: busy}",
            "suite.yaml:4:9: 'tests[1].caller[1]' has no member 'say'; did you mean 'says'?"
        ),
        (
            "tests:\n  - name: a\n    caller:\n      - {says: hello, after: 700}\n    expect: {end_reason: busy}",
            "suite.yaml:4:30: 'tests[1].caller[1].after' must be a time such as 700ms, 1.5s or 2m, and is '700'"
        ),
        (
            "tests:\n  - name: a\n    caller: [hangs_up]\n    expect:\n      end_reason: caller_hangupp",
            "suite.yaml:5:19: 'tests[1].expect.end_reason' must be one of"
        ),
        (
            "tests:\n  - name: a\n    caller: [hangs_up]\n    expect:\n      agent_says: /(/",
            "suite.yaml:5:19: '/(/' is not a regular expression"
        ),
        (
            "tests:\n  - name: a\n    caller: [hangs_up]\n    expect:\n      interruptions: many",
            "suite.yaml:5:22: 'tests[1].expect.interruptions' must be a whole number"
        ),
        (
            "tests:\n  - name: a\n    caller: [hangs_up]\n    expect:\n      same: true",
            "suite.yaml:5:1: 'same' needs a capture"
        ),
        (
            "tests:\n  - {name: a, capture: b, caller: [hangs_up], expect: {same: true}}",
            "a test with a capture has no 'caller'"
        ),
        (
            "agent:\n  first_mesage: hello\n" + short,
            "suite.yaml:2:3: the agent: "
        ),
        ("agent: {provider: cohere}\n" + short, "suite.yaml:1:19: 'agent.provider' must be one of openai, gemini"),
        ("pass_rate: 100.0001%\n" + short, "'pass_rate' must be a share"),
        ("pass_rate: 99.99999%\n" + short, "'pass_rate' must be a share"),
        (
            "tests:\n  - name: a\n    caller: [hangs_up]\n    model:\n      - {with: {}}\n    expect: {end_reason: busy}",
            "only an answer that calls a function has this"
        ),
    ])
    func `what cannot stand there is named with its line and column`(text: String, words: String) {
        #expect(Self.fault(text).contains(words), "\(Self.fault(text))")
    }

    @Test(arguments: [
        "end_reason: []", "events: []", "never: []", "agent_says: []", "caller_never_says: []", "model_is_told: []",
        "rules: []", "judged: []", "agent_says: ' '", "agent_never_says: //", "judged: ['']", "duration: {}",
    ])
    func `a check that checks nothing is refused`(expect: String) {
        let fault = Self.fault(
            "tests:\n  - name: a\n    caller: [hangs_up]\n    expect:\n      duration: 1m\n      \(expect)"
        )
        let isSaid = ["is an empty list", "stands in every text", "is empty", "bounds nothing", "stands twice"].contains
        {
            fault.contains($0)
        }
        #expect(isSaid, "\(fault)")
    }

    @Test func `a caller who stays does so at the time that is given`() throws {
        let text = Self.short.replacing("[hangs_up]", with: "[{stays: 2s, at: 9s}, {stays: 2s}]")
        guard case .scripted(let test)? = try Self.suite(text).tests.first?.kind else { return #expect(Bool(false)) }
        #expect(test.script.caller.map(\.moment) == [.at(9000), .at(0)])
    }

    @Test func `texts in quotation marks stay texts, and arguments may be malformed on purpose`() throws {
        let text = """
            tests:
              - name: one
                caller: [hangs_up]
                model:
                  - {calls: a, with: {code: "007", number: 7, list: [true, null], time: 10:30}}
                  - {calls: a, with: '{"broken'}
                expect: {end_reason: caller_hangup}
            """
        guard case .scripted(let test)? = try Self.suite(text).tests.first?.kind else { return #expect(Bool(false)) }
        #expect(
            test.script.answers.map { $0.tool?.arguments } == [
                #"{"code":"007","number":7,"list":[true,null],"time":"10:30"}"#, #"{"broken"#,
            ]
        )
    }
}
