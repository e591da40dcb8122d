import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathCore
@testable import TalkpathSimulation

/// Recorded calls whose models refuse a part of their set-up, or call functions with broken arguments.
@Suite struct RefusedSetupTests {
    private static func says(_ text: String, at: Duration) -> CaptureRecord {
        CaptureRecord(.agentIn, at: at, .message(CaptureMessage(prefix: Array(text.utf8))))
    }

    private static func sent(_ call: ReplayedCall, _ name: String) -> [JSONValue] {
        call.capture.records.filter { $0.kind == .agentOut }.compactMap { record in
            guard let message = record.message, String(decoding: message.prefix, as: UTF8.self).contains(name) else {
                return nil
            }
            return try? JSONValue(parsing: message.text)
        }
    }

    private static func place(_ capture: Capture, of text: String) throws -> Int {
        try #require(
            capture.records.firstIndex {
                $0.kind == .agentIn && String(decoding: $0.message?.prefix ?? [], as: UTF8.self).contains(text)
            }
        )
    }

    @Test(arguments: [
        ("Function calling behavior BLOCKING is not supported for this model.", ["generationConfig", "tools"]),
        ("Request contains an invalid argument.", ["generationConfig", "tools"]),
    ])
    func `a model that closes on its set-up gets one without the refused part, and the call goes on`(
        words: String,
        kept: [String]
    ) async throws {
        var capture = try CapturedCallsTests.replay("gemini-plain-conversation").capture
        let opened = try #require(
            capture.records.firstIndex { if case .agentOpened? = $0.event { true } else { false } }
        )
        let at = capture.records[opened].at
        let closed = CaptureEvent.agentClosed(socket: 1, reason: "the model's socket was closed (1007: \(words))")
        // Until the next socket is requested.
        let ticks = (1...30).map { CaptureRecord(.tick, at: at + .milliseconds(20 * $0)) }
        capture.records.insert(
            contentsOf: [CaptureRecord(.event, at: at, .event(closed))] + ticks
                + [CaptureRecord(.event, at: at, .event(.agentOpened(socket: 2)))],
            at: opened + 1
        )
        let call = try await Replay(capture).run()
        let setups = Self.sent(call, "\"setup\"").compactMap { $0["setup"] }
        try #require(setups.count == 2)
        func behavior(_ setup: JSONValue) -> String? {
            setup["tools"]?[0]?["functionDeclarations"]?[0]?["behavior"]?.string
        }
        #expect(setups.map(behavior) == ["BLOCKING", nil])
        for member in kept { #expect(setups[1][member] != nil) }
        #expect(call.metrics.bytesFromAgent > 0)
        #expect(call.receipt?.reason == .callerHangup)
    }

    @Test func `a refused part is left out on the same socket, and the call goes on`() async throws {
        var capture = try CapturedCallsTests.replay("openai-plain-conversation").capture
        let updated = try Self.place(capture, of: "session.updated")
        let refusal =
            #"{"type":"error","error":{"type":"invalid_request_error","code":"invalid_value","message":"m","param":"session.audio.input.transcription.model"}}"#
        capture.records.insert(Self.says(refusal, at: capture.records[updated].at), at: updated)
        let call = try await Replay(capture).run()
        let models = Self.sent(call, "session.update").map {
            $0["session"]?["audio"]?["input"]?["transcription"]?["model"]?.string
        }
        #expect(models == ["gpt-transcribe", "gpt-4o-mini-transcribe"])
        #expect(call.receipt?.reason == .callerHangup)
        #expect(!call.events.contains { if case .agentLost = $0.kind { true } else { false } })
    }

    @Test func `a model that refuses every set-up is given up`() async throws {
        var capture = try CapturedCallsTests.replay("openai-plain-conversation").capture
        let updated = try Self.place(capture, of: "session.updated")
        let refusal = #"{"type":"error","error":{"type":"t","code":"c","message":"m","param":"session.tools[0]"}}"#
        capture.records.insert(Self.says(refusal, at: capture.records[updated].at), at: updated)
        let call = try await Replay(capture).run()
        #expect(call.receipt?.reason == .agentLost)
    }

    // MARK: Arguments

    @Test(arguments: [#"{"place":"her"#, #""here""#, "[1]", "null", "", "{} {}"])
    func `broken arguments are reported to the model as an error, and the function is not called`(arguments: String)
        async throws
    {
        var capture = try CapturedCallsTests.replay("openai-tool-call").capture
        let place = try Self.place(capture, of: "response.function_call_arguments.done")
        let bytes = try #require(capture.records[place].message?.bytes)
        var message = try JSONValue(parsing: bytes)
        let id = try #require(message["call_id"]?.string)
        message.set("arguments", .string(arguments))
        capture.records[place].content = .message(CaptureMessage(prefix: message.serialized()))
        let call = try await Replay(capture).run()
        let outputs = Self.sent(call, "function_call_output").filter { $0["item"]?["call_id"]?.string == id }
        try #require(outputs.count == 1)
        #expect(outputs[0]["item"]?["output"]?.string == ToolOutput.brokenArguments)
        // The model is asked to go on with the error.
        let ask = Self.sent(call, "response.create")
        #expect(!ask.isEmpty)
        let honest = try await CapturedCallsTests.replay("openai-tool-call").run()
        func called(_ call: ReplayedCall) -> Int {
            call.events.filter { if case .toolCalled = $0.kind { true } else { false } }.count
        }
        #expect(called(call) == called(honest) - 1)
    }
}
