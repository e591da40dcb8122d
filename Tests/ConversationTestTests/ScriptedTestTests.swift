import Synchronization
import TalkpathCore
import TalkpathSimulation
import TalkpathWire
import Testing

@testable import TalkpathConversationTests

/// Scripted callers and models around the real session, and the judgement of what they do.
@Suite struct ScriptedTestTests {
    private static func results(_ body: String, agent: String = "{first_message: Greet.}") async throws -> [TestResult]
    {
        let text =
            "agent: \(agent)\ntools: {look_up: {returns: {found: 3}, takes: 500ms}}\ntests:\n  - name: one\n\(body)"
        return await SuiteRunner(width: 2).play(try Suite(text: text, file: "suite.yaml").tests)
    }

    private static func failures(_ body: String, agent: String = "{first_message: Greet.}") async throws -> [String] {
        try await results(body, agent: agent).flatMap { $0.failed?.failures ?? [] }.map { "\($0.name): \($0.words)" }
    }

    static let both = "{first_message: Greet., provider: [openai, gemini]}"

    private static let talk = """
            caller:
              - says: How many are there?
              - says: Thank you.
            model:
              - says: Good morning.
              - {says: Let me see., calls: look_up, with: {what: "all"}}
              - says: There are three.
              - {says: "Goodbye, then.", calls: end_call}

        """

    @Test func `a conversation that goes as expected passes with every provider`() async throws {
        let body =
            Self.talk + """
                    expect:
                      end_reason: agent_hangup
                      tools: [{look_up: {what: all}}, end_call]
                      agent_says: [good morning, /three/, Goodbye]
                      caller_says: how many
                      events: [agent_ready, tool_called, agent_answered, ended]
                      never: [interrupted, agent_lost]
                      interruptions: 0
                      longest_latency: 2s
                      longest_silence: 2500ms
                      agent_speech: {at_least: 2s}
                      model_is_told: '"found'
                      rules: all
                """
        let results = try await Self.results(body, agent: Self.both)
        #expect(results.count == 2)
        for result in results { #expect(result.isPassed, "\(TextReport.lines(result))") }
    }

    @Test(arguments: [
        ("end_reason: caller_hangup", "the call ended with agent_hangup; caller_hangup was expected"),
        ("tools: [end_call, end_call]", "function 1 is look_up; end_call was expected"),
        ("tools: [{look_up: {what: none}}, end_call]", #"look_up was called with {"what":"all"}"#),
        ("tools: [look_up]", "end_call was called too"),
        ("agent_says: four", "the agent did not say 'four'"),
        ("agent_never_says: three", "the agent said 'There are three.'"),
        ("events: [interrupted]", "no interrupted; there was none"),
        ("events: [ended, agent_ready]", "no agent_ready after ended"),
        ("events: [{agent_answered: {latency_ms: {at_most: 5}}}]", "no agent_answered"),
        ("never: [{tool_called: {name: look_up}}]", "tool_called"),
        ("interruptions: {at_least: 1}", "interruptions is 0; at least 1 was expected"),
        ("duration: 2s", "duration is"),
        ("model_is_told: quiet", "the model was not told 'quiet'"),
        ("agent_level: {at_least: -3}", "agent_level is"),
    ])
    func `what is otherwise than expected is named`(expect: String, words: String) throws {
        let failures = try Self.judged("      \(expect)")
        #expect(failures.count == 1 && failures.first?.contains(words) == true, "\(failures)")
    }

    /// The conversation, played once.
    private static let played: PlayedCall? = {
        guard case .scripted(let test)? = try? tests("      duration: 1m").first?.kind else { return nil }
        return ScriptedStage(test: test).play(seed: 1)
    }()

    private static func tests(_ expect: String) throws -> [ConversationTest] {
        let text = """
            agent: {first_message: Greet.}
            tools: {look_up: {returns: {found: 3}, takes: 500ms}}
            tests:
              - name: one

            """
        return try Suite(text: text + talk + "    expect:\n\(expect)\n", file: "suite.yaml").tests
    }

    private static func judged(_ expect: String) throws -> [String] {
        let test = try #require(try tests(expect).first)
        return Judge(try #require(played)).failures(test.expectations).map { "\($0.name): \($0.words)" }
    }

    @Test func `an interruption cuts the agent short`() async throws {
        let body = """
                caller:
                  - says: Tell me everything.
                  - {interrupts: Stop., after: 1s}
                model:
                  - says: Good morning.
                  - says: This is a very long story of which nobody will hear the end, as it goes on and on.
                  - says: Very well.
                expect:
                  interruptions: 1
                  events: [{interrupted: {heard_ms: {at_least: 900, at_most: 2200}}}, agent_speech_started]
                  agent_says: very well
                  end_reason: caller_hangup
            """
        for result in try await Self.results(body, agent: Self.both) {
            #expect(result.isPassed, "\(TextReport.lines(result))")
            #expect(result.runs.first?.call.turns.contains { $0.isCut && $0.text.contains("story") } == true)
        }
    }

    @Test func `a model that breaks is connected again, and the rule tells`() async throws {
        let body = """
                caller:
                  - says: Are you there?
                model:
                  - says: Good morning.
                  - fails: lost-socket
                  - says: I am here.
                expect:
                  agent_says: I am here
                  rules: [answers, keeps-model]
            """
        let results = try await Self.results(body, agent: Self.both)
        for result in results {
            let words = result.failed?.failures.map(\.words) ?? []
            #expect(words.count == 1 && words.first?.hasPrefix("keeps-model: agent_lost") == true, "\(words)")
        }
    }

    @Test func `a caller who is not answered is found by what is on the line, with every provider`() async throws {
        let body = """
                caller:
                  - says: Are you there?
                  - stays: 14s
                model:
                  - says: Good morning.
                  - fails: silence
                expect:
                  rules: answers
            """
        let agent = "{first_message: Greet., provider: [openai, gemini], limits: {agent_silence_timeout_s: 0}}"
        for result in try await Self.results(body, agent: agent) {
            let words = result.failed?.failures.map(\.words) ?? []
            #expect(words.contains { $0.contains("was not answered for") }, "\(words)")
        }
    }

    @Test func `a script that the call does not follow fails the test`() async throws {
        let body = """
                caller:
                  - says: One.
                  - says: Two.
                model:
                  - says: Good morning.
                expect: {end_reason: caller_hangup}
            """
        let failures = try await Self.failures(body)
        #expect(failures.contains { $0.contains("asked for an answer that its script does not have") }, "\(failures)")
        let unused = body.replacing("model:", with: "model: [{says: a}, {says: b}, {says: c}, {says: d}]\n    #")
        let left = try await Self.failures(unused.replacing("      - says: Good morning.\n", with: ""))
        #expect(left.contains { $0.contains("not asked for") }, "\(left)")
    }

    @Test func `a caller who is not answered at the end fails the test, and a long answer does not`() async throws {
        let silent = """
                caller:
                  - says: Are you there?
                model:
                  - says: Good morning.
                  - fails: silence
                expect: {end_reason: [caller_hangup, agent_lost, silence_timeout]}
            """
        let agent = "{first_message: Greet., limits: {agent_silence_timeout_s: 0}}"
        let words = try await Self.failures(silent, agent: agent)
        #expect(words.contains { $0.contains("waited 12000 ms for an answer to the last step") }, "\(words)")
        let long = """
                caller:
                  - says: Tell me everything.
                  - says: Thank you.
                model:
                  - says: Good morning.
                  - {says: It is a long story., for: 20s}
                  - {says: You are welcome., for: 15s}
                expect: {end_reason: caller_hangup}
            """
        #expect(try await Self.failures(long) == [])
    }

    @Test func `a step that comes later than its time fails the test, and one with a time comes at it`() async throws {
        let body = """
                caller:
                  - {says: One., at: 4s, for: 3s}
                  - {says: Two., at: 5s}
                  - {stays: 2s, at: 12s}
                model: [{says: Good morning.}, {says: Yes.}]
                expect: {duration: {at_least: 14s}}
            """
        let words = try await Self.failures(body)
        #expect(
            words.contains("script: the caller's step 2 was to come at 5000 ms, and came later, at 7000 ms"),
            "\(words)"
        )
        #expect(!words.contains { $0.contains("duration") }, "\(words)")
    }

    @Test func `a call that does not end is ended, and fails the test`() {
        var script = TalkScript(
            caller: [.init(.at(0), .stays(milliseconds: 600_000))],
            answers: [.init(words: "Good morning.", milliseconds: 1000)]
        )
        script.longest = 4000
        let talk = ScriptedTalk(script, provider: .openai, seed: 1, limits: CallLimits(), tool: { _ in ("", 0) }) {
            $0.firstMessage = "Greet."
        }
        _ = talk.play()
        #expect(talk.slips.contains { $0.words.contains("still live after 4000 ms") }, "\(talk.slips)")
    }

    @Test(arguments: ["longest_latency: 2s", "median_latency: 2s", "longest_silence: 3s"])
    func `a bound of latency fails if there was nothing to measure`(expect: String) async throws {
        let body = "    caller: [hangs_up]\n    model: [{says: Good morning.}]\n    expect: {\(expect)}\n"
        let words = try await Self.failures(body)
        #expect(words.count == 1 && words.first?.contains("nothing to measure") == true, "\(words)")
    }

    @Test func `a value beyond a bound never looks like the bound`() {
        let bounds = Bounds(atLeast: -20, atMost: -18.5, unit: "dBFS")
        #expect(bounds.shown(outside: -20.001) == "-20.001 dBFS" && bounds.shown(outside: -30) == "-30 dBFS")
        #expect(bounds.shown(outside: -18.496) == "-18.496 dBFS")
    }

    @Test func `the same seed gives the same call, and runs have seeds of their own`() async throws {
        let text =
            "agent: {first_message: Greet.}\nruns: 3\ntests:\n  - name: one\n\(Self.talk)    expect: {end_reason: agent_hangup}\n"
            .replacing(", calls: look_up, with: {what: \"all\"}", with: "")
            .replacing("      - says: There are three.\n", with: "")
        let tests = try Suite(text: text, file: "suite.yaml").tests
        let one = await SuiteRunner(width: 1).play(tests)
        let other = await SuiteRunner(width: 4).play(tests)
        let calls = [one, other].map { $0.flatMap(\.runs).map { $0.call.events.map(\.json) } }
        #expect(calls[0].count == 3 && calls[0] == calls[1])
        #expect(one.first?.runs.map(\.seed) == [1, 2, 3])
        guard case .scripted(let test)? = tests.first?.kind else { return #expect(Bool(false)) }
        let captures = (0..<2).map { _ in ScriptedStage(test: test).play(seed: 7).capture?.encoded() }
        #expect(captures[0] == captures[1] && captures[0] != nil)
    }

    @Test func `of many runs the capture of the first that failed is reported, and no audio is kept`() async throws {
        let text =
            "agent: {first_message: Greet.}\nruns: 3\ntests:\n  - name: one\n\(Self.talk)    expect: {agent_says: [morning, four]}\n"
        let reported = Mutex<[Bool]>([])
        let results = await SuiteRunner(width: 1).play(try Suite(text: text, file: "suite.yaml").tests) { result in
            reported.withLock { $0 = result.runs.map { $0.call.capture != nil } }
        }
        #expect(reported.withLock { $0 } == [true, false, false])
        let calls = results.flatMap(\.runs).map(\.call)
        #expect(
            calls.count == 3
                && calls.allSatisfy { $0.capture == nil && $0.callerAudio.isEmpty && $0.agentAudio.isEmpty }
        )
        // The page shows them.
        #expect(calls.allSatisfy { !$0.callerSpans.isEmpty && !$0.agentSpans.isEmpty })
    }

    @Test func `a test passes if enough of its runs pass`() {
        let test = ConversationTest(
            name: "one",
            file: "f",
            line: 1,
            kind: .captured(path: ""),
            expectations: [],
            runs: 3,
            passRate: Share("60") ?? .whole
        )
        let good = TestResult.Run(seed: 1, failures: [], call: PlayedCall(), took: .zero)
        var bad = good
        bad.failures = [Judge.Failure(name: "a", line: 2, words: "b")]
        #expect(TestResult(test: test, runs: [good, bad, good]).isPassed)
        #expect(!TestResult(test: test, runs: [good, bad, bad]).isPassed)
        #expect(!TestResult(test: test, runs: [good, good, good], obstacle: "c").isPassed)
    }
}
