import Foundation
import NIOPosix
import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathWire
import Testing

@testable import TalkpathConversationTests
@testable import TalkpathSimulators

/// Live tests, between the real server, a simulated model over real sockets, and callers with a voice.
@Suite(.timeLimit(.minutes(2))) struct LiveTestTests {
    private static let audio = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("fixtures/audio").path

    /// Runs the body beside a simulated model, with the environment in which live tests reach it.
    private static func besideModel(_ script: AgentScript, _ body: ([String: String]) async throws -> Void) async throws
    {
        let model = try await FakeModel.start(.openai, FakeAgentConfiguration(apiKey: "key", script: script))
        do {
            try await body(["OPENAI_API_KEY": "key", "OPENAI_REALTIME_URL": model.url, "PATH": "/usr/bin:/bin"])
        } catch {
            await model.shutdown()
            throw error
        }
        await model.shutdown()
    }

    private static func results(_ yaml: String, _ environment: [String: String]) async throws -> [TestResult] {
        let suite = try Suite(text: yaml, file: "\(audio)/suite.yaml")
        return await SuiteRunner(width: 1, environment: environment).play(suite.tests)
    }

    /// Half a second that a caller can hear, which a constant level is not.
    private static let tone = (0..<12_000).map { Int16(8000 * sin(Double($0) * 2 * .pi * 400 / 24_000)) }

    private static let script = AgentScript(
        turns: [
            .init(.connect, audio: tone, transcript: "Good morning."),
            .init(
                .callerTurn,
                audio: tone,
                transcript: "Let me see.",
                toolCall: .init(name: "look_up", arguments: #"{"day":"Friday"}"#)
            ),
            .init(.toolResult, audio: tone, transcript: "Nine is free."),
            .init(.callerTurn, audio: tone, transcript: "Goodbye."),
        ],
        callerTexts: ["What is free on Friday?", "Thank you."]
    )

    @Test func `a caller with clips talks to a model over real sockets, and is judged as others are`() async throws {
        try await Self.besideModel(Self.script) { environment in
            let yaml = """
                stage: live
                agent: {first_message: Greet.}
                tools: {look_up: {returns: {free: 9}, takes: 100ms}}
                tests:
                  - name: one
                    longest: 40s
                    caller:
                      - {says: What is free?, clip: caller-1-question.wav}
                    expect:
                      end_reason: caller_hangup
                      tools: [{look_up: {day: Friday}}]
                      agent_says: Good morning
                      caller_says: Friday
                      events: [agent_ready, caller_speech_started, caller_speech_ended, agent_answered, ended]
                      rules: [answers, ends-on-purpose, keeps-model]
                """
            let result = try #require(try await Self.results(yaml, environment).first)
            #expect(result.isPassed, "\(TextReport.lines(result))")
            let spans = result.runs.first?.call.callerSpans ?? []
            #expect(spans.reduce(0) { $0 + $1.end - $1.begin } > 1000)
        }
    }

    @Test func `a text model plays the caller and judges the call, through a program that speaks`() async throws {
        let program = NSTemporaryDirectory() + "talkpath-speaker-\(UUID().uuidString)"
        try "#!/bin/sh\ncp '\(Self.audio)/caller-3-goodbye.wav' \"$2\"\n"
            .write(toFile: program, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        defer { try? FileManager.default.removeItem(atPath: program) }
        let asked = Mutex<[String]>([])
        let service = try await SimulatorHTTPServer.start(
            host: "127.0.0.1",
            port: 0,
            on: MultiThreadedEventLoopGroup.singleton
        ) { exchange in
            let text = String(decoding: exchange.body, as: UTF8.self)
            asked.withLock { $0.append(text) }
            let answer = text.contains("You judge") ? "No, it was rude." : "Thank you, goodbye. [hangs up]"
            let body: JSONValue = ["choices": [["message": ["role": "assistant", "content": .string(answer)]]]]
            exchange.respond(200, body: body.serialized())
        }
        try await Self.besideModel(Self.script) { environment in
            let yaml = """
                tests:
                  - name: one
                    stage: live
                    longest: 40s
                    agent: {first_message: Greet.}
                    tools: {look_up: {returns: {free: 9}}}
                    persona: {is: You are in a hurry., opens: What is free on Friday?}
                    expect: {end_reason: caller_hangup, judged: Was the agent polite?}
                """
            var environment = environment
            environment["TALKPATH_TEST_MODEL"] = "any"
            environment["TALKPATH_TEST_MODEL_URL"] = "http://127.0.0.1:\(service.port)/v1"
            environment["TALKPATH_TEST_SPEECH"] = program
            let result = try #require(try await Self.results(yaml, environment).first)
            #expect(result.obstacle == nil)
            let words = result.failed?.failures.map { "\($0.name): \($0.words)" } ?? []
            #expect(words == ["judged: 'Was the agent polite?': No, it was rude."], "\(words)")
            let caller = result.runs.first?.call.turns.filter(\.isCaller).count ?? 0
            #expect(caller == 2)
        }
        await service.shutdown()
        let prompts = asked.withLock { $0 }
        #expect(prompts.count == 2 && prompts[0].contains("in a hurry") && prompts[0].contains("Let me see."))
    }

    @Test func `what a live test lacks is told, and no call is played`() async throws {
        let head = "tests:\n  - {name: one, stage: live, agent: {provider: openai}, "
        let spoken = try await Self.results(
            head + "caller: [{says: Hello.}], expect: {end_reason: caller_hangup}}",
            ["PATH": "/nowhere"]
        )
        #expect(spoken.first?.obstacle?.contains("install espeak-ng") == true)
        let clip = try await Self.results(
            head + "caller: [{says: Hello., clip: none.wav}], expect: {end_reason: caller_hangup}}",
            [:]
        )
        #expect(clip.first?.obstacle?.contains("none.wav: cannot be read") == true)
        #expect(clip.first?.isPassed == false)
    }

    @Test(arguments: [
        ("caller: [{says: a, for: 1s}], expect: {duration: 1s}", "live words take the time that they take"),
        ("caller: [hangs_up, {says: a}], expect: {duration: 1s}", "a live caller does this at the end only"),
        ("caller: [{says: a}], model: [], expect: {duration: 1s}", "a live test has no 'model'"),
        ("persona: {opens: a}, expect: {duration: 1s}", "'is' is missing"),
        ("persona: {is: a}, expect: {judged: Polite?}", "a text model may not be the only judge"),
        ("caller: [{stays: 2s, at: 5s}], expect: {duration: 1s}", "the last step of a live caller has no 'at'"),
        ("caller: [{stays: 2s, after: 5s}], expect: {duration: 1s}", "has no 'after'"),
        ("caller: [{hangs_up: true, at: 5s}], expect: {duration: 1s}", "has no 'at'"),
    ])
    func `what cannot stand in a live test is named`(members: String, words: String) throws {
        #expect {
            _ = try Suite(text: "tests:\n  - {name: one, stage: live, \(members)}", file: "suite.yaml")
        } throws: {
            "\($0)".contains(words)
        }
    }

    @Test func `a live call that is longer than it may be, and a step that is not reached, fail the test`() async throws
    {
        let script = AgentScript(turns: [.init(.connect, audio: Self.tone, transcript: "Good morning.")])
        try await Self.besideModel(script) { environment in
            let yaml = """
                stage: live
                agent: {first_message: Greet.}
                tests:
                  - name: one
                    longest: 5s
                    caller:
                      - {says: What is free?, clip: caller-3-goodbye.wav, at: 0s}
                      - {says: Are you there?, clip: caller-3-goodbye.wav, at: 10m}
                    expect: {duration: 1m}
                """
            let result = try #require(try await Self.results(yaml, environment).first)
            let words = result.failed?.failures.map(\.words) ?? []
            #expect(
                words == [
                    "the call was still live after 5000 ms: the caller hung up",
                    "the call ended before the caller's step 2",
                ],
                "\(TextReport.lines(result))"
            )
        }
    }

    @Test func `a text model that is not set up is told before anything is played`() async throws {
        let text =
            "tests:\n  - {name: one, caller: [{says: a}], model: [{says: b}], expect: {duration: 1m, judged: Polite?}}"
        let judged = try await Self.results(text, [:])
        #expect(
            judged.first?.runs.isEmpty == true && judged.first?.obstacle?.contains("TALKPATH_TEST_MODEL is") == true
        )
        for (variable, words) in [("TALKPATH_TEST_MODEL_URL", "no address"), ("PATH", "nor OPENAI_API_KEY is set")] {
            let other = try await Self.results(text, ["TALKPATH_TEST_MODEL": "any", variable: "nowhere"])
            #expect(other.first?.runs.isEmpty == true && other.first?.obstacle?.contains(words) == true)
        }
    }

    @Test func `only the settings that reach the model reach the server of a live test`() {
        let left = LiveStage.settings(of: [
            "OPENAI_API_KEY": "a", "GEMINI_LIVE_URL": "b", "TELEGRAM_BOT_TOKEN": "c", "TALKPATH_GATEWAY_URL": "d",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "e", "TALKPATH_ANALYSIS_URL": "f", "TALKPATH_DATABASE_URL": "g",
            "TWILIO_API_KEY": "h", "TALKPATH_NEW_SETTING": "i",
        ])
        #expect(left == ["OPENAI_API_KEY": "a", "GEMINI_LIVE_URL": "b"])
    }

    // MARK: Sounds

    /// Runs the body with a folder, and with a speech program that is this script.
    private static func withProgram(
        _ script: String,
        _ body: (_ folder: String, _ program: String) async throws -> Void
    )
        async throws
    {
        let folder = NSTemporaryDirectory() + "talkpath-speech-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let program = "\(folder)/speak"
        try "#!/bin/sh\n\(script)\n".write(toFile: program, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        try await body(folder, program)
    }

    @Test(arguments: ["--version", "-f /etc/passwd", "it's $HOME; `x`"])
    func `words that look like options or commands are spoken as words`(words: String) async throws {
        // As getopt does: what follows the two hyphens is no option.
        let script =
            "cp '\(Self.audio)/caller-3-goodbye.wav' \"$2\"; [ \"$3\" = -- ] && printf %s \"$4\" > \"${0%/*}/words\""
        try await Self.withProgram(script) { folder, program in
            let samples = try await SpokenWords(environment: ["TALKPATH_TEST_SPEECH": program]).spoken(words)
            #expect(samples.count > 1000)
            #expect(try String(contentsOfFile: "\(folder)/words", encoding: .utf8) == words)
        }
    }

    @Test func `a speech program that fails or does not end is told`() async throws {
        let endless = #"echo $$ > "${0%/*}/pid"; exec sleep 300 >/dev/null 2>&1"#
        for (script, words) in [("exit 3", "failed with status 3"), (endless, "has not spoken within")] {
            try await Self.withProgram(script) { folder, program in
                let environment = ["TALKPATH_TEST_SPEECH": program]
                await #expect {
                    _ = try await SpokenWords(environment: environment, patience: .milliseconds(300)).spoken("a")
                } throws: {
                    "\($0)".contains(words)
                }
                guard script == endless else { return }
                let written = try String(contentsOfFile: folder + "/pid", encoding: .utf8)
                let pid = try #require(pid_t(written.trimmingCharacters(in: .whitespacesAndNewlines)))
                // The process is gone once Foundation has collected its status.
                while kill(pid, 0) == 0 { try await Task.sleep(for: .milliseconds(5)) }
            }
        }
    }

    @Test func `recordings of any rate become the telephone's, and strange ones are refused`() async throws {
        func tone(_ hertz: Double, _ rate: Int) -> [Int16] {
            (0..<rate).map { Int16(10_000 * sin(Double($0) * 2 * .pi * hertz / Double(rate))) }
        }
        func converted(_ samples: [Int16], _ rate: Int) throws -> [Int16] {
            let file = NSTemporaryDirectory() + "talkpath-\(UUID().uuidString).wav"
            defer { try? FileManager.default.removeItem(atPath: file) }
            try Data(WAV.encode(channels: [samples], sampleRate: rate)).write(to: URL(fileURLWithPath: file))
            return try SpokenWords.clip(file)
        }
        let low = try converted(tone(1000, 22_050), 22_050)
        let worst = zip(low, tone(1000, 8000)).dropFirst(200).dropLast(200).map { abs(Int($0) - Int($1)) }.max() ?? 0
        #expect(abs(low.count - 8000) <= 1 && worst < 200)
        let high = try converted(tone(6000, 22_050), 22_050).dropFirst(200).dropLast(200)
        #expect(high.map { abs(Int($0)) }.max() ?? 0 < 100)
        #expect(throws: SpokenWords.Failure.self) { _ = try converted([1, 2, 3], 1) }
        #expect(throws: SpokenWords.Failure.self) { _ = try converted([Int16](repeating: 1, count: 4000 * 601), 4000) }
    }
}
