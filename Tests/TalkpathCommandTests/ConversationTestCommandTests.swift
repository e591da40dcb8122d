import Foundation
import Testing

/// `talkpath test` and `talkpath capture`, as a user runs them.
@Suite struct ConversationTestCommandTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    private static func inFolder(_ body: (_ folder: String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "talkpath-suite-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private static let suite = """
        tests:
          - name: kept
            caller: [{says: Hello.}]
            model: [{says: Good morning.}]
            expect: {end_reason: caller_hangup, agent_says: morning}
          - name: broken <on purpose>
            caller: [{says: Hello.}]
            model: [{says: Good morning.}]
            expect: {agent_says: evening}

        """

    @Test func `a suite that fails on purpose fails the command, in the text and in the JSON`() throws {
        try Self.inFolder { folder in
            let file = "\(folder)/suite.yaml"
            try Self.suite.write(toFile: file, atomically: true, encoding: .utf8)
            let outcome = try Executable.run([
                "test", file, "--junit", "\(folder)/out.xml", "--html", "\(folder)/out.html", "--captures",
                "\(folder)/failed",
            ])
            let text = String(decoding: outcome.output, as: UTF8.self)
            #expect(outcome.status == 1, "\(outcome.errors)")
            #expect(text.contains("ok    kept") && text.contains("FAIL  broken <on purpose>"))
            #expect(
                text.contains("suite.yaml:9: agent_says: the agent did not say 'evening'; said was 'Good morning.'")
            )
            let xml = try String(contentsOfFile: "\(folder)/out.xml", encoding: .utf8)
            #expect(xml.contains(#"tests="2" failures="1" errors="0""#))
            #expect(
                try String(contentsOfFile: "\(folder)/out.html", encoding: .utf8).contains("broken &lt;on purpose&gt;")
            )
            let capture = "\(folder)/failed/broken--on-purpose-.tpcap"
            #expect(try Executable.run(["replay", capture]).status == 0)
            let only = try Executable.run(["test", file, "--only", "kept"])
            #expect(only.status == 0)
        }
    }

    @Test func `each failed test has a capture of its own, and a suite without a wanted test is left out`() throws {
        try Self.inFolder { folder in
            let broken = Self.suite.replacing("kept", with: "broken (on purpose)").replacing(
                "says: morning",
                with: "says: night"
            )
            try broken.write(toFile: "\(folder)/one.yaml", atomically: true, encoding: .utf8)
            try Self.suite.write(toFile: "\(folder)/two.yaml", atomically: true, encoding: .utf8)
            let files = ["\(folder)/one.yaml", "\(folder)/two.yaml"]
            let outcome = try Executable.run(["test"] + files + ["--captures", "\(folder)/failed"])
            let kept = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/failed").sorted()
            #expect(outcome.status == 1)
            #expect(
                kept == ["broken--on-purpose--2.tpcap", "broken--on-purpose--3.tpcap", "broken--on-purpose-.tpcap"],
                "\(outcome.errors)"
            )
            let only = try Executable.run(["test"] + files + ["--only", "kept"])
            #expect(only.status == 0, "\(only.errors)")
            let none = try Executable.run(["test"] + files + ["--only", "nowhere"])
            #expect(none.status == 2 && none.errors.contains("no test has 'nowhere' in its name"))
        }
    }

    @Test func `a suite that cannot be read is told with its line, and nothing is played`() throws {
        try Self.inFolder { folder in
            let file = "\(folder)/suite.yaml"
            let text = Self.suite.replacing("says: Hello.", with: "say: Hello.", maxReplacements: 1)
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            for (arguments, words) in [
                (["test", file], "suite.yaml:3:15: 'tests[1].caller[1]' has no member 'say'; did you mean 'says'?"),
                (["test", "\(folder)/none.yaml"], "there is no such file"),
            ] {
                let outcome = try Executable.run(arguments)
                #expect(outcome.status == 2 && outcome.output.isEmpty)
                #expect(outcome.errors.contains(words), "\(outcome.errors)")
            }
        }
    }

    @Test func `a failed call becomes a test that fails, also when it is redacted`() throws {
        try Self.inFolder { folder in
            let call = "\(folder)/call.tpcap"
            let source = "\(Self.root)/fixtures/calls/openai-agent-lost-and-resumed.tpcap"
            try FileManager.default.copyItem(atPath: source, toPath: call)
            for arguments in [["capture", "to-test", call], ["capture", "to-test", call, "--redact"]] {
                let made = try Executable.run(arguments)
                #expect(made.status == 0, "\(made.errors)")
                #expect(String(decoding: made.output, as: UTF8.self).contains("keeps-model: agent_lost"))
                let played = try Executable.run(["test", "\(folder)/call.yaml"])
                #expect(played.status == 1, "\(played.errors)")
                #expect(String(decoding: played.output, as: UTF8.self).contains("rules: keeps-model: agent_lost"))
            }
            let twice = try Executable.run([
                "capture", "to-test", call, "--expect", "agent_says: x", "--expect", "agent_says: y", "--expect",
                "rules: all",
            ])
            #expect(twice.status == 0, "\(twice.errors)")
            let wrong = try Executable.run(["capture", "to-test", call, "--expect", "agent_say: x"])
            #expect(wrong.status == 2 && wrong.errors.contains("did you mean 'agent_says'?"), "\(wrong.errors)")
            let none = try Executable.run(["capture", "redact", "\(folder)/call.yaml", "\(folder)/out.tpcap"])
            #expect(none.status == 2 && none.errors.contains("not a capture"))
        }
    }

    @Test func `the example in the document passes unchanged`() throws {
        try Self.inFolder { folder in
            let text = try String(contentsOfFile: "\(Self.root)/docs/conversation-tests.md", encoding: .utf8)
            let example = try #require(text.components(separatedBy: "```yaml\n").dropFirst().first)
            let yaml = try #require(example.components(separatedBy: "```").first)
            try yaml.write(toFile: "\(folder)/clinic.yaml", atomically: true, encoding: .utf8)
            let outcome = try Executable.run(["test", "\(folder)/clinic.yaml"])
            #expect(outcome.status == 0, "\(String(decoding: outcome.output, as: UTF8.self)) \(outcome.errors)")
        }
    }
}
