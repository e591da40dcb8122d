import Foundation
import TalkpathCore
import TalkpathSimulation
import TalkpathWire
import Testing

@testable import TalkpathConversationTests

/// Tests and shareable captures that are made of captured calls.
@Suite struct CapturedTestTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("fixtures/calls").path

    static let names =
        (try? FileManager.default.contentsOfDirectory(atPath: folder))?
        .filter { $0.hasSuffix(".tpcap") }.sorted() ?? []

    private static func results(_ yaml: String) async throws -> [TestResult] {
        await SuiteRunner(width: 1).play(try Suite(text: yaml, file: "\(folder)/made.yaml").tests)
    }

    @Test(arguments: names)
    func `the test of a call fails exactly as the call broke rules, and names the same`(name: String) async throws {
        let made = CaptureTest(try Replay("\(Self.folder)/\(name)").replayed(), capture: name)
        let result = try #require(try await Self.results(made.yaml).first)
        #expect(result.isPassed == made.breaches.isEmpty, "\(made.yaml)")
        #expect(result.failed?.failures.map(\.words) ?? [] == made.breaches)
        #expect(result.obstacle == nil)
    }

    @Test func `the calls that went wrong are told apart from those that did not`() throws {
        func breaches(_ name: String) throws -> [String] {
            CaptureTest(try Replay("\(Self.folder)/\(name).tpcap").replayed(), capture: name).breaches
        }
        #expect(try breaches("openai-plain-conversation").isEmpty)
        #expect(try breaches("openai-agent-lost-and-resumed").contains { $0.hasPrefix("keeps-model") })
        #expect(try breaches("gemini-loop").contains { $0.contains("loop_detected") })
        #expect(try breaches("gemini-gap") == ["hears-all: 120 ms of the caller's audio are missing"])
    }

    @Test func `what should have been is expected besides`() async throws {
        let made = CaptureTest(
            try Replay("\(Self.folder)/openai-tool-call.tpcap").replayed(),
            capture: "openai-tool-call.tpcap",
            expected: ["tools: [{weather: {}}, end_call]", "agent_says: sunshine"]
        )
        let result = try #require(try await Self.results(made.yaml).first)
        #expect(result.failed?.failures.map(\.name) == ["agent_says"], "\(TextReport.lines(result))")
    }

    // MARK: Redaction

    /// The same calls with the other provider go the same ways.
    static let redacted = names.filter { $0.hasPrefix("openai") || $0.contains("tool") || $0.contains("barge") }

    private static let key = Array("a key that nobody may learn".utf8)

    @Test(arguments: redacted)
    func `a redacted call does the same at the same times, and replays without a difference`(name: String) async throws
    {
        let original = try Replay("\(Self.folder)/\(name)")
        let disguise = try CaptureDisguise(original.capture, key: Self.key)
        #expect(disguise.differences == [], "\(name)")
        let again = try Replay(bytes: disguise.capture.encoded()).replayed()
        #expect(again.differences == [], "\(again.differences.prefix(3))")
        let before = try original.replayed()
        #expect(again.receipt?.reason == before.receipt?.reason)
        #expect(again.transcript.map { $0.text.count } == before.transcript.map { $0.text.count })
        #expect(again.toolCalls.map(\.name) == before.toolCalls.map(\.name))
    }

    @Test(arguments: ["openai-tool-call", "gemini-tool-call", "openai-loop", "gemini-three-barge-ins", "openai-dtmf"])
    func `nothing private is left in a redacted call`(name: String) throws {
        let original = try Capture(reading: ReplayFile.bytes(of: "\(Self.folder)/\(name).tpcap"))
        let disguised = try CaptureDisguise(original, key: Self.key).capture
        func text(_ capture: Capture) -> String {
            var texts = [capture.facts.json.serializedText()]
            for record in capture.records {
                if let message = record.message { texts.append(String(decoding: message.text, as: UTF8.self)) }
                if let event = record.event { texts.append(event.json.serializedText()) }
            }
            return texts.joined(separator: "\n")
        }
        let (before, after) = (text(original), text(disguised))
        for word in ["Harbour", "clinic", "Greet the"] where before.contains(word) {
            let isLeft = after.contains(word)
            #expect(!isLeft, "\(name): \(word)")
        }
        for turn in try Replay(original).replayed().transcript where turn.text.count > 5 {
            let isLeft = after.contains(turn.text)
            #expect(!isLeft, "\(turn.text)")
        }
        let names = [original.facts.callID.text, original.facts.carrierCallID].compactMap { $0 }
        let left = names.filter(after.contains)
        #expect(left.isEmpty)
        if let id = original.records.compactMap(\.event).compactMap({ $0.json["carrier_call_id"]?.string }).first {
            let isLeft = after.contains(id)
            #expect(!isLeft)
        }
        // Speech differs in nearly every sample, and is as loud.
        let (old, new) = (try #require(original.recording), try #require(disguised.recording))
        #expect(abs((SpeechMeter(old.caller).level ?? 0) - (SpeechMeter(new.caller).level ?? 0)) < 0.5)
        let spoken = zip(old.caller, new.caller).filter { abs(Int($0.0)) > 500 }
        #expect(spoken.isEmpty || spoken.count { $0.0 == $0.1 } * 20 < spoken.count)
    }

    @Test func `the same word becomes the same word, and another key gives another`() {
        let words = WordDisguise(key: Self.key)
        let one = words.replace("Anna calls Anna at 10:30.")
        let parts = one.split(separator: " ")
        #expect(parts[0] == parts[2] && parts.count == 5 && one.count == "Anna calls Anna at 10:30.".count)
        #expect(one.first?.isUppercase == true && one.hasSuffix("."))
        // Words that begin alike do not become words that begin alike.
        let alike = ["ra", "ran", "rang", "range", "ranger"].map { words.replace($0).prefix(1) }
        #expect(Set(alike).count > 1)
        let others = WordDisguise(key: [1])
        #expect(others.replace("Anna calls Anna at 10:30.") != one)
    }

    @Test func `whom a call may be handed to has another name, the same where a function is given it`() throws {
        var disguise = MessageDisguise(key: Self.key)
        let agent = disguise.replace(
            [
                "agent": [
                    "transfer_targets": [
                        "billing",
                        ["name": "sales", "on_failure": "say_goodbye", "goodbye": "Bye now", "language": "en-GB"],
                    ]
                ]
            ]
        )
        let targets = try #require(agent["agent"]?["transfer_targets"]?.array)
        let call = disguise.replace(["type": "function_call", "name": "transfer_call", "arguments": #"{"to":"sales"}"#])
        let given = try JSONValue(parsing: try #require(call["arguments"]?.string))
        #expect(targets[0] != "billing" && targets[1]["name"] != "sales" && targets[1]["goodbye"] != "Bye now")
        #expect(targets[1]["on_failure"] == "say_goodbye" && targets[1]["language"] == "en-GB")
        #expect(given["to"] == targets[1]["name"] && call["name"] == "transfer_call")
    }

    @Test func `what machines say of faults keeps its sense and loses its quotations`() {
        #expect(
            MessageDisguise.masked("Rate limit for 'Anna' of org-abc123def456 on +15550100: Please try again in 1.2s.")
                == "Rate limit for 'xxxx' of xxx-xxxxxxxxxxxx on +xxxxxxxx: Please try again in 1.2s."
        )
    }
}
