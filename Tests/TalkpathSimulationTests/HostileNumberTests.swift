import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathCore
@testable import TalkpathSimulation

/// Extreme numbers in messages and captures never trap: each test replaces every number of every message by one that no
/// honest peer sends. A trap would end this process.
@Suite struct HostileNumberTests {
    // MARK: Messages

    /// Each kind of message once more for each of its numbers and each hostile value, directly behind itself.
    private static func hostile(_ capture: Capture, known: inout Set<String>) -> [CaptureRecord] {
        capture.records.flatMap { record -> [CaptureRecord] in
            guard record.kind == .telephonyIn || record.kind == .agentIn, let bytes = record.message?.bytes,
                let json = try? JSONValue(parsing: bytes),
                known.insert(HostileNumbers.shape(of: Self.named(json))).inserted
            else { return [record] }
            let variants = HostileNumbers.variants(of: json).map { variant in
                CaptureRecord(record.kind, at: record.at, .message(CaptureMessage(prefix: variant.serialized())))
            }
            return [record] + variants
        }
    }

    /// The text without the parts that differ between messages of one kind.
    private static func named(_ json: JSONValue) -> JSONValue {
        var json = json
        for key in ["event_id", "item_id", "response_id", "previous_item_id", "delta", "transcript", "mark"] {
            json.set(key, nil)
        }
        return json
    }

    @Test(arguments: TestSeeds.some(of: CapturedCallsTests.names))
    func `a call survives hostile numbers in the messages of both its sockets`(name: String) async throws {
        var capture = try CapturedCallsTests.replay(name).capture
        var known: Set<String> = []
        let honest = capture.records.count
        capture.records = Self.hostile(capture, known: &known)
        #expect(capture.records.count > honest + 100)
        let call = try await Replay(capture).run()
        #expect(call.receipt != nil)
        #expect(call.metrics.usage.inputTokens >= 0 && call.metrics.usage.outputTokens >= 0)
    }

    /// Fields that the captured calls do not have.
    private static let openAI = [
        #"{"type":"session.updated","session":{"audio":{"input":{"format":{"type":"audio/pcm","rate":24000}},"output":{"format":{"type":"audio/pcm","rate":24000},"speed":1.0}},"max_output_tokens":4096,"expires_at":1790000000}}"#,
        #"{"type":"input_audio_buffer.speech_started","audio_start_ms":1500,"item_id":"item_U"}"#,
        #"{"type":"input_audio_buffer.speech_stopped","audio_end_ms":2500,"item_id":"item_U"}"#,
        #"{"type":"input_audio_buffer.timeout_triggered","item_id":"item_U","audio_start_ms":1,"audio_end_ms":2}"#,
        #"{"type":"response.output_audio.delta","item_id":"item_a","response_id":"r","output_index":0,"content_index":0,"delta":"//79AAAA++//"}"#,
        #"{"type":"response.function_call_arguments.done","call_id":"c1","name":"f","output_index":1,"arguments":"{\"n\":9223372036854775807}"}"#,
        #"{"type":"conversation.item.truncated","item_id":"item_a","content_index":0,"audio_end_ms":1500}"#,
        #"{"type":"conversation.item.input_audio_transcription.completed","item_id":"item_U","content_index":0,"transcript":"Yes.","usage":{"type":"duration","seconds":3}}"#,
        #"{"type":"rate_limits.updated","rate_limits":[{"name":"tokens","limit":40000,"remaining":39000,"reset_seconds":1.5}]}"#,
        #"{"type":"response.done","response":{"status":"completed","usage":{"total_tokens":3,"input_tokens":1,"output_tokens":2,"input_token_details":{"text_tokens":1,"audio_tokens":1}}}}"#,
        #"{"type":"response.done","response":{"status":"completed","usage":{"input_tokens":1,"output_tokens":2}}}"#,
        #"{"type":"error","error":{"type":"t","code":7,"message":"m","param":1}}"#,
    ]
    private static let gemini = [
        #"{"usageMetadata":{"promptTokenCount":1,"responseTokenCount":2,"totalTokenCount":3,"thoughtsTokenCount":4,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":5}]}}"#,
        #"{"serverContent":{"turnComplete":true},"usageMetadata":{"promptTokenCount":1,"responseTokenCount":2}}"#,
        #"{"sessionResumptionUpdate":{"newHandle":"h","resumable":true,"lastConsumedClientMessageIndex":"12"}}"#,
        #"{"voiceActivity":{"voiceActivityType":"ACTIVITY_START","audioOffset":"1.5s"}}"#,
        #"{"toolCall":{"functionCalls":[{"id":"1","name":"f","args":{"n":1}}]}}"#,
        #"{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm;rate=24000","data":"AAAA"}}]}}}"#,
        #"{"goAway":{"timeLeft":"49.5s"}}"#,
    ]

    @Test(arguments: TestSeeds.some(of: openAI.map { ("openai", $0) } + gemini.map { ("gemini", $0) }))
    func `a call survives hostile numbers in rare messages of its model`(model: String, message: String) async throws {
        var capture = try CapturedCallsTests.replay("\(model)-plain-conversation").capture
        let middle = capture.records.count / 2
        let at = capture.records[middle].at
        let variants = HostileNumbers.variants(of: try JSONValue(parsing: message))
        #expect(!variants.isEmpty)
        capture.records.insert(
            contentsOf: variants.map {
                CaptureRecord(.agentIn, at: at, .message(CaptureMessage(prefix: $0.serialized())))
            },
            at: middle
        )
        let call = try await Replay(capture).run()
        #expect(call.receipt != nil)
        #expect(call.metrics.usage.inputTokens >= 0 && call.metrics.usage.outputTokens >= 0)
    }

    /// A whole conversation in the protocol for agents, and every other message of an agent.
    private static let socket = [
        #"{"type":"ready","caller_turns":true,"input_format":{"encoding":"mulaw","sample_rate":8000},"output_format":{"encoding":"pcm16","sample_rate":24000}}"#,
        #"{"type":"response_start","response":"a"}"#,
        #"{"type":"mark","name":"m"}"#,
        #"{"type":"transcript","speaker":"agent","text":"Good day.","final":false}"#,
        #"{"type":"response_end","response":"a"}"#,
        #"{"type":"transcript","speaker":"caller","turn":"7","text":"Yes."}"#,
        #"{"type":"response_start","response":"1"}"#,
        #"{"type":"tool_call","id":"1","name":"f","arguments":{"n":1,"list":[2]}}"#,
        #"{"type":"tool_cancel","ids":["1",1]}"#,
        #"{"type":"interrupt"}"#,
        #"{"type":"going_away","time_left_ms":2000}"#,
        #"{"type":"error","code":"7","message":"m"}"#,
    ]

    /// A captured call with a socket agent. The numbers of its first message are hostile, then those of all others.
    @Test func `a call survives hostile numbers in the messages of a socket agent`() async throws {
        var capture = try CapturedCallsTests.replay("openai-plain-conversation").capture
        var json = capture.facts.json
        var agent = try #require(json["agent"])
        agent.set("provider", "socket")
        agent.set("openai", nil)
        json.set("agent", agent)
        let facts = try #require(CaptureMetadata(json: json))
        #expect(facts.agent.provider == .socket)
        capture.facts = facts
        let first = try #require(capture.records.firstIndex { $0.kind == .agentIn })
        let messages = try Self.socket.map { try JSONValue(parsing: $0) }
        let at = capture.records[first].at
        let audio = CaptureRecord(
            .agentAudioIn,
            at: at,
            .message(CaptureMessage(prefix: [], audio: .bytes([UInt8](repeating: 1, count: 4800))))
        )
        capture.records.removeAll { $0.kind == .agentIn }
        var said: [CaptureRecord] = []
        var count = 0
        for message in messages {
            // The first valid message makes the agent ready; those after it are ignored.
            let variants = HostileNumbers.variants(of: message) + [message]
            count += variants.count - 1
            said += variants.map { CaptureRecord(.agentIn, at: at, .message(CaptureMessage(prefix: $0.serialized()))) }
            said.append(audio)
        }
        #expect(count > 100)
        capture.records.insert(contentsOf: said, at: first)
        let call = try await Replay(capture).run()
        #expect(call.receipt != nil)
        #expect(!call.callerAudio.isEmpty)
        #expect(call.turns.contains { $0.speaker == .agent })
        #expect(call.transcript.contains { $0.speaker == .caller && $0.text == "Yes." })
    }

    @Test(arguments: [
        (
            "openai",
            #"{"type":"response.done","response":{"status":"completed","usage":{"input_tokens":9223372036854775807,"output_tokens":1}}}"#
        ),
        ("gemini", #"{"usageMetadata":{"promptTokenCount":9223372036854775807,"responseTokenCount":1}}"#),
    ])
    func `counts of tokens are accepted up to a bound, however often the model reports them`(
        model: String,
        message: String
    ) async throws {
        var capture = try CapturedCallsTests.replay("\(model)-plain-conversation").capture
        let honest = try await Replay(capture).run().metrics
        let middle = capture.records.count / 2
        let record = CaptureRecord(
            .agentIn,
            at: capture.records[middle].at,
            .message(CaptureMessage(prefix: Array(message.utf8)))
        )
        capture.records.insert(contentsOf: repeatElement(record, count: 2), at: middle)
        let call = try await Replay(capture).run()
        #expect(call.metrics.usage.inputTokens == honest.usage.inputTokens + 2 << 53)
        #expect(call.metrics.usage.outputTokens == honest.usage.outputTokens + 2)
        capture.records.insert(contentsOf: repeatElement(record, count: 2000), at: middle)
        #expect(try await Replay(capture).run().metrics.usage.inputTokens == Int.max)
    }

    // MARK: Captures

    /// About the first second of a call.
    private static func beginning(_ name: String) throws -> Capture {
        var capture = try CapturedCallsTests.replay(name).capture
        capture.records = Array(capture.records.prefix(150))
        capture.ending = .cut
        return capture
    }

    @Test(arguments: ["openai-dtmf", "gemini-tool-call"])
    func `a capture's facts may have any number`(name: String) async throws {
        var capture = try Self.beginning(name)
        var read = 0
        for variant in HostileNumbers.variants(of: capture.facts.json) {
            guard let facts = CaptureMetadata(json: variant) else { continue }
            read += 1
            capture.facts = facts
            try await Replay(capture).run()
            // A capture that was read can be written, too.
            _ = capture.encoded()
        }
        #expect(read > 200)
    }

    @Test func `a capture's events may have any number`() async throws {
        let events = [
            #"{"what":"placing_failed","code":"unavailable","message":"m","retry_after_ms":1000}"#,
            #"{"what":"hang_up_failed","code":"unavailable","message":"m","retry_after_ms":1000}"#,
            #"{"what":"agent_opened","socket":1}"#, #"{"what":"agent_unwanted","socket":1}"#,
            #"{"what":"agent_leg_closed","socket":1}"#, #"{"what":"agent_closed","socket":1,"reason":"r"}"#,
            #"{"what":"agent_connect_failed","socket":1,"message":"m","is_final":false}"#,
            #"{"what":"end_requested","reason":"ended_by_api","drain_ms":1000}"#,
            #"{"what":"collection_requested","maximum":4,"timeout_ms":1000,"digit_timeout_ms":1000}"#,
            #"{"what":"transfer_requested","drain_ms":1000,"ring_timeout_ms":20000}"#,
            #"{"what":"ended","receipt":{"status":"completed","reason":"ended_by_api","duration_ms":1,"talk_ms":1,"teardown_ms":1,"steps":[{"step":"hang_up","outcome":"done","started_ms":1,"ms":1}]}}"#,
        ]
        let whole = try CapturedCallsTests.replay("openai-dtmf").capture
        let middle = whole.records.count / 2
        for event in events {
            let read = HostileNumbers.variants(of: try JSONValue(parsing: event)).compactMap(CaptureEvent.init)
            #expect(!read.isEmpty, "\(event)")
            var capture = whole
            let at = whole.records[middle].at
            capture.records.insert(
                contentsOf: read.map { CaptureRecord(.event, at: at, .event($0)) },
                at: middle
            )
            try await Replay(capture).run()
            _ = capture.encoded()
        }
    }

    /// The file with the time of record `number` moved by this much, and a valid checksum.
    private static func file(_ original: [UInt8], record number: Int, laterBy delta: Int64) -> [UInt8]? {
        var bytes = CaptureBytes(original[...])
        guard bytes.take(CaptureFormat.magic.count) != nil, bytes.varint() != nil else { return nil }
        for index in 0... {
            let begin = bytes.offset
            guard let length = bytes.varint(), let body = bytes.take(Int(length)), bytes.littleEndian32() != nil else {
                return nil
            }
            guard index == number else { continue }
            var content = CaptureBytes(body)
            guard let kind = content.byte(), content.signedVarint() != nil else { return nil }
            var changed: [UInt8] = [kind]
            changed.append(signedVarint: delta)
            changed += content.rest()
            var file = Array(original[..<begin])
            file.append(varint: UInt64(changed.count))
            file += changed
            file.append(littleEndian: CRC32.of(changed[...]))
            return file + bytes.rest()
        }
        return nil
    }

    @Test(arguments: ["openai-dtmf", "gemini-tool-call"])
    func `a capture's records may have any time`(name: String) async throws {
        let original = try Self.beginning(name).encoded()
        // Up to the longest call; a later record is refused.
        let limit = CaptureFormat.latestRecord.wholeNanoseconds
        let times: [Int64] = [
            .min, .max, .min + 1, .max - 1, -1, 1 << 53, 1_000_000_000 * 3600, limit / 2, limit - 1_000_000_000,
            limit + 1,
        ]
        var replayed = 0
        for record in stride(from: 0, to: 150, by: 11) {
            for time in times {
                let file = try #require(Self.file(original, record: record, laterBy: time))
                let call = try await Replay(bytes: file).run()
                _ = call.capture.encoded()
                #expect(call.isCut)
                #expect(call.duration >= .zero && call.duration <= CaptureFormat.latestRecord)
                // An hour of silence at most for each record, for any time of it.
                #expect(call.callerAudio.count < 8000 * 60 * 3)
                replayed += 1
            }
        }
        #expect(replayed == 140)
    }
}
