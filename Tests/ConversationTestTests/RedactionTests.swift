import Foundation
import TalkpathAudio
import TalkpathCore
import TalkpathSimulation
import TalkpathWire
import Testing

@testable import TalkpathConversationTests

/// Captures that may be shared: nothing in them tells what somebody said, or who it was.
///
/// One after the other, because the live tests beside need a thread in time.
@Suite(.serialized) struct RedactionTests {
    private static let folder = CapturedTestTests.folder
    private static let key = Array("a key that nobody may learn".utf8)

    // MARK: Nothing private

    private static let agent: AgentProfile = {
        var agent = AgentProfile(provider: .openai, model: "gpt-realtime-2", apiKey: "k")
        agent.tools = [
            AgentTool(
                name: "find_slot",
                description: "Finds a slot",
                parameters: #"{"type":"object","properties":{"day":{"type":"string"}}}"#
            )
        ]
        return agent
    }()

    /// One message or description of each kind, with every member that may hold a text.
    static let samples: [String] = [
        // The description of a call.
        #"""
        {"call_id":"call-1","direction":"inbound","carrier_call_id":"CA1","has_carrier":true,"started_at_ms":1760000000000,
        "agent":{"provider":"openai","model":"gpt-realtime-2","format":"pcm","instructions":"Be kind.","voice":"marin",
        "first_message":"Hello.","connect_policy":"on_ringing","greeting_policy":"wait","barge_in":"model","resampler":"polyphase",
        "tools":[{"name":"find_slot","description":"Finds","behavior":"wait","scheduling":"silent",
        "parameters":"{\"type\":\"object\",\"title\":\"a\",\"properties\":{\"day\":{\"type\":\"string\",\"format\":\"date\",\"enum\":[\"a\"],\"default\":\"b\",\"examples\":[\"c\",{\"d\":7}],\"const\":\"e\",\"pattern\":\"f\",\"description\":\"g\"}},\"required\":[\"day\"]}"}],
        "endpoints":[{"name":"find_slot","description":"Finds","parameters":"not JSON"}],
        "transfer_targets":["a",{"name":"b","on_failure":"say_goodbye","goodbye":"c","language":"en"}],
        "fallback":{"words":"a","language":"de-DE","transfers":true},
        "openai":{"turn_detection":{"type":"server_vad","threshold":0.5,"eagerness":"low"},"noise_reduction":{"type":"near_field"},
        "transcription":{"model":"whisper-1","languages":["en"],"prompt":"a","keywords":["b"]},"reasoning":{"effort":"low"},
        "tool_choice":{"type":"mcp","server_label":"a","name":"b"},"max_output_tokens":"inf","truncation":"auto",
        "tracing":{"workflow_name":"a","group_id":"b","metadata":{"c":"d","e":7}}},
        "gemini":{"activity_detection":{"start_sensitivity":"low"},"thinking_level":"low","language":"de",
        "transcription":{"languages":["de"],"vocabulary":["a"],"mode":"smart"},"context_compression":"off"},
        "openai_live":{"delegation":{"type":"responses","model":"gpt-5.4-mini","instructions":"a","tool":"find_slot"}}},
        "limits":{"max_duration_ms":3600000,"on_machine":"hang_up","machine_detection":"off","idle_prompt":{"words":"a","times":1}}}
        """#,
        // OpenAI.
        #"{"type":"session.created","event_id":"event_1","session":{"id":"sess_1","object":"realtime.session","model":"m","expires_at":1760003600,"instructions":"a","voice":"ash","output_modalities":["audio"],"tools":[{"type":"function","name":"find_slot","description":"a","parameters":{"type":"object","properties":{"day":{"type":"string","enum":["a"]}}}}],"prompt":{"id":"a","variables":{"b":"c"}},"include":["a"]}}"#,
        #"{"type":"conversation.item.input_audio_transcription.completed","item_id":"item_1","content_index":0,"transcript":"a","logprobs":[{"token":"a","logprob":-0.25,"bytes":[65,110]}],"usage":{"type":"tokens","input_tokens":3}}"#,
        #"{"type":"conversation.item.input_audio_transcription.delta","item_id":"item_1","delta":"Hello there"}"#,
        #"{"type":"response.output_audio_transcript.done","item_id":"item_1","transcript":"a"}"#,
        #"{"type":"conversation.item.added","item":{"id":"item_1","type":"message","role":"user","name":"a","status":"completed","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"https://a.example/b.png"}]}}"#,
        #"{"type":"response.function_call_arguments.done","call_id":"call_1","name":"find_slot","arguments":"{\"day\":\"a\",\"b\":{\"c\":\"d\"},\"e\":[7]}"}"#,
        #"{"type":"response.output_item.done","item":{"type":"mcp_call","server_label":"a","name":"b","arguments":"{\"c\":1}","output":"[{\"d\":\"e\"}]","error":{"type":"http_error","code":404,"message":"f"}}}"#,
        #"{"type":"response.done","response":{"id":"resp_1","status":"failed","status_details":{"type":"failed","reason":"turn_detected","error":{"type":"server_error","code":"a","message":"The server had an error with a."}},"metadata":{"a":"b"},"output":[{"type":"message","content":[{"transcript":"c"}]}],"usage":{"total_tokens":12}}}"#,
        #"{"type":"error","event_id":"event_1","error":{"type":"invalid_request_error","code":"invalid_value","param":"session.voice","message":"Invalid value: a. Supported are b.","event_id":"c"}}"#,
        // Gemini.
        #"{"serverContent":{"modelTurn":{"role":"model","parts":[{"text":"a","thought":true},{"inlineData":{"mimeType":"audio/pcm;rate=24000","data":"b"}},{"executableCode":{"code":"c","language":"PYTHON"}}]},"inputTranscription":{"text":"a","languageCode":"de"},"outputTranscription":{"text":"a"},"turnCompleteReason":"STOP","groundingMetadata":{"webSearchQueries":["a"],"b":"c"}},"usageMetadata":{"promptTokenCount":3,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":3}]}}"#,
        #"{"toolCall":{"functionCalls":[{"id":"a","name":"find_slot","args":{"day":"b","c":{"d":7}}}]},"toolCallCancellation":{"ids":["e"]}}"#,
        #"{"goAway":{"timeLeft":"1.5s"},"sessionResumptionUpdate":{"newHandle":"a","resumable":true},"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"a","details":[{"@type":"b","reason":"c"}]}}"#,
        // An agent behind the agent socket.
        #"{"type":"ready","input_format":{"encoding":"pcm16","sample_rate":16000},"output_format":"a","resume":"b","caller_turns":true}"#,
        #"{"type":"end","reason":"a","drain":true}"#,
        #"{"type":"transcript","speaker":"caller","turn":"a","response":"b","text":"c"}"#,
        #"{"type":"tool_call","id":"a","name":"find_slot","arguments":{"day":"b","c":7}}"#,
        #"{"type":"response_end","response":"a","status":"completed","reason":"b"}"#,
        #"{"type":"mark","name":"a"}"#,
        #"{"type":"error","code":"a","message":"b","fatal":true}"#,
        #"{"type":"session.closed","reason":"content","usage":{"seconds":1}}"#,
        // Twilio.
        #"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"accountSid":"AC1","callSid":"CA1","streamSid":"MZ1","tracks":["inbound"],"customParameters":{"a":"b"},"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000}}}"#,
        #"{"event":"dtmf","streamSid":"MZ1","sequenceNumber":"5","dtmf":{"track":"inbound_track","digit":"7"}}"#,
        #"{"event":"media","media":{"track":"inbound","chunk":"2","timestamp":"120","payload":"a"}}"#,
        #"{"event":"mark","mark":{"name":"tp-1-2"}}"#,
        // What no version of a protocol has yet.
        #"{"type":"caller.profile","profile":{"caller":{"name":"a","address":["b"]},"note":"c","born":1970}}"#,
    ]

    /// Events of ours, as a capture holds them.
    static let events: [String] = [
        #"{"what":"agent_closed","socket":1,"reason":"the model's socket was closed (1008: a)"}"#,
        #"{"what":"agent_connect_failed","socket":1,"message":"a.example.com refused the connection","is_final":false}"#,
        #"{"what":"placing_failed","code":"refused","message":"a","carrier_code":21211,"retry_after_ms":500}"#,
        #"{"what":"carrier_reported","report":"stream_failed","source":"stream","code":31003,"message":"a","carrier_call_id":"CA1"}"#,
        #"{"what":"tool_answered","id":"call_1","output":"{\"a\":\"b\",\"c\":[{\"d\":7}]}"}"#,
        #"{"what":"tool_answered","id":"call_1","output":"a text"}"#,
        #"{"what":"message_sent","text":"a","author":"operator","is_answered":true}"#,
        #"{"what":"say_requested","text":"a"}"#, #"{"what":"digits_requested","digits":"12#"}"#,
        #"{"what":"end_requested","reason":"ended_by_api","note":"a"}"#,
        #"{"what":"transfer_requested","ring_timeout_ms":30000,"goodbye":"a","language":"en"}"#,
        ##"{"what":"collection_requested","maximum":4,"terminator":"#","timeout_ms":10000}"##,
    ]

    /// A name in the shapes in which people and machines write it.
    private static let plants = [
        "Zanzibar", "O’Zanzibar's house", "d'zanzibar", "the caller's name is Zanzibar, isn't it",
        "zanzibar.example.com",
        "“Zanzibar”", "`zanzibar", "zanzibar_hill", "anna-zanzibar", "Zanzibar1", "item_zanzibar", "tp-zanzibar",
        "talkpath-zanzibar", #"{"zanzibar":{"zanzibar":["zanzibar"]}}"#, #""zanzibar""#, "gpt-zanzibar-1",
        "zh-Zanzibar",
    ]

    private static func replaced(_ json: JSONValue, isEvent: Bool) -> String {
        var disguise = MessageDisguise(key: key, agent: agent, shift: 1000)
        return (isEvent ? disguise.replace(event: json) : disguise.replace(json)).serializedText()
    }

    @Test(arguments: samples.map { ($0, false) } + events.map { ($0, true) })
    func `a name is not left wherever it stands in a message`(text: String, isEvent: Bool) throws {
        let sample = try JSONValue(parsing: text)
        // Each shape everywhere at once, where the message stays what it is; and some shape at each place by itself.
        var planted = Self.plants.map { Self.filled(sample, with: $0) }
        for (place, plant) in Self.planted(.string("here"), in: sample, at: { $0.string != nil }).enumerated() {
            let name = JSONValue.string(Self.plants[place % Self.plants.count])
            planted.append(Self.exchanged(plant, name))
        }
        for one in planted {
            let left = Self.replaced(one, isEvent: isEvent).lowercased()
            let isLeft = left.contains("zanz")
            #expect(!isLeft, "\(one.serializedText()) becomes \(left)")
        }
    }

    /// The message with a name in place of each text but those that tell what the message is.
    private static func filled(_ json: JSONValue, with name: String) -> JSONValue {
        switch json {
        case .object(let members):
            let kept: Set = ["type", "what", "event", "provider", "direction", "format"]
            return .object(members.map { ($0.key, kept.contains($0.key) ? $0.value : filled($0.value, with: name)) })
        case .array(let elements): return .array(elements.map { filled($0, with: name) })
        case .string(let text):
            guard let inner = try? JSONValue(parsing: text), inner.object != nil else { return .string(name) }
            return .string(filled(inner, with: name).serializedText())
        case .number, .bool, .null: return json
        }
    }

    /// The message with a value in place of the text `here`.
    private static func exchanged(_ json: JSONValue, _ value: JSONValue) -> JSONValue {
        switch json {
        case .object(let members): return .object(members.map { ($0.key, exchanged($0.value, value)) })
        case .array(let elements): return .array(elements.map { exchanged($0, value) })
        case .string(let text):
            if text == "here" { return value }
            guard text.contains("\"here\""), let inner = try? JSONValue(parsing: text) else { return json }
            return .string(exchanged(inner, value).serializedText())
        case .number, .bool, .null: return json
        }
    }

    @Test(arguments: samples.map { ($0, false) } + events.map { ($0, true) })
    func `a telephone number and a name of a member are not left wherever they stand`(text: String, isEvent: Bool)
        throws
    {
        let sample = try JSONValue(parsing: text)
        let number = Self.planted(15_550_143_271, in: sample) { $0.number != nil || $0.string != nil }
        for planted in number {
            let isLeft = Self.replaced(planted, isEvent: isEvent).contains("5550143271")
            #expect(!isLeft, "\(planted.serializedText())")
        }
        for planted in Self.planted(
            ["Zanzibar": ["zanzibar_hill": 7]],
            in: sample,
            at: { $0.string != nil || $0.object != nil }
        ) {
            let isLeft = Self.replaced(planted, isEvent: isEvent).lowercased().contains("zanz")
            #expect(!isLeft, "\(planted.serializedText())")
        }
    }

    /// The JSON once for each place that fits, with the value there. Texts that hold JSON have places too.
    private static func planted(_ value: JSONValue, in json: JSONValue, at fits: (JSONValue) -> Bool) -> [JSONValue] {
        var results: [JSONValue] = fits(json) ? [value] : []
        switch json {
        case .object(let members):
            for (place, member) in members.enumerated() {
                for inner in planted(value, in: member.value, at: fits) {
                    var changed = members
                    changed[place].value = inner
                    results.append(.object(changed))
                }
            }
        case .array(let elements):
            for (place, element) in elements.enumerated() {
                for inner in planted(value, in: element, at: fits) {
                    var changed = elements
                    changed[place] = inner
                    results.append(.array(changed))
                }
            }
        case .string(let text):
            guard let inner = try? JSONValue(parsing: text), inner.object != nil || inner.array != nil else { break }
            results += planted(value, in: inner, at: fits).map { .string($0.serializedText()) }
        case .number, .bool, .null: break
        }
        return results
    }

    @Test(arguments: ["openai", "gemini"])
    func `a name that everybody says is not left in the capture, nor in the test that is made of it`(provider: String)
        throws
    {
        let yaml = """
            agent:
              provider: \(provider)
              instructions: You work for Zanzibar.
              first_message: Greet Zanzibar.
              transfer_targets: [{name: Zanzibar, number: "+15550100"}]
              limits: {idle_prompt: {words: "Zanzibar?"}}
            tools:
              find_slot:
                description: Finds Zanzibar's slots.
                parameters: {type: object, properties: {who: {type: string, enum: [Zanzibar]}}}
                returns: {Zanzibar: [{zanzibar_hill: "Zanzibar 9:00"}]}
            tests:
              - name: one
                caller:
                  - says: My name is Zanzibar.
                  - interrupts: I said Zanzibar’s.
                  - presses: "15#"
                model:
                  - says: Hello, Zanzibar.
                  - {says: "Let me look for you, Zanzibar, and for all the others of the family.", calls: find_slot, with: {who: Zanzibar, Zanzibar: 1}}
                  - says: Nine, Zanzibar.
                  - {fails: lost-socket}
                  - {says: Goodbye Zanzibar., calls: end_call, with: {reason: Zanzibar was served}}
                expect: {duration: 10m}
            """
        guard case .scripted(let test)? = try Suite(text: yaml, file: "s.yaml").tests.first?.kind else {
            return #expect(Bool(false))
        }
        let played = try #require(ScriptedStage(test: test).play(seed: 1).capture)
        #expect(Self.text(played).contains("Zanzibar"))
        let disguised = try CaptureDisguise(played, key: Self.key)
        let isLeft = Self.text(disguised.capture).lowercased().contains("zanz")
        #expect(!isLeft)
        #expect(disguised.differences == [])
        let made = try CaptureTest(try Replay(disguised.capture).replayed(), capture: "shared.tpcap").yaml
        let isTold = made.lowercased().contains("zanz")
        #expect(!isTold, "\(made)")
    }

    private static func text(_ capture: Capture) -> String {
        var texts = [capture.facts.json.serializedText()]
        for record in capture.records {
            if let message = record.message { texts.append(String(decoding: message.text, as: UTF8.self)) }
            if let event = record.event { texts.append(event.json.serializedText()) }
        }
        return texts.joined(separator: "\n")
    }

    // MARK: What stays

    @Test func `words of the protocol, figures and declared names stay`() throws {
        let kept = [
            #"{"type":"input_audio_buffer.speech_started","audio_start_ms":1200,"item_id":"item_1"}"#,
            #"{"serverContent":{"generationComplete":true,"turnComplete":true},"usageMetadata":{"promptTokenCount":3}}"#,
            #"{"goAway":{"timeLeft":"1.5s"}}"#,
            #"{"type":"ready","input_format":{"encoding":"pcm16","sample_rate":16000}}"#,
            #"{"event":"media","media":{"track":"inbound","chunk":"2","timestamp":"120","payload":"[removed]"}}"#,
            #"{"event":"mark","mark":{"name":"tp-1-2"}}"#,
            #"{"type":"error","error":{"type":"invalid_request_error","code":"conversation_already_has_active_response","message":"Rate limit reached. Please try again in 1.2s.","param":null}}"#,
        ]
        for text in kept {
            let left = Self.replaced(try JSONValue(parsing: text), isEvent: false)
            #expect(left == text)
        }
        // Of our own events every member is read again.
        for text in Self.events {
            let event = try JSONValue(parsing: text)
            let left = try JSONValue(parsing: Self.replaced(event, isEvent: true))
            #expect(left.object?.map(\.key) == event.object?.map(\.key))
            #expect(left["what"] == event["what"])
        }
        let call = try JSONValue(parsing: #"{"name":"find_slot","arguments":"{\"day\":\"Friday\",\"Anna\":1}"}"#)
        let replaced = try JSONValue(parsing: Self.replaced(call, isEvent: false))
        let arguments = try JSONValue(parsing: replaced["arguments"]?.string ?? "")
        #expect(replaced["name"] == "find_slot")
        #expect(arguments.object?.map(\.key).first == "day" && arguments["Anna"] == nil)
    }

    @Test func `dates move with the date of the call`() throws {
        let text = Self.replaced(
            ["started_at_ms": 1_760_000_000_000, "session": ["expires_at": 1_760_003_600, "created_at": 12]],
            isEvent: false
        )
        #expect(text == #"{"started_at_ms":1760000001000,"session":{"expires_at":1760003601,"created_at":0}}"#)
    }

    @Test func `what machines say of faults keeps its sense and loses the rest`() {
        let words = WordDisguise(key: Self.key)
        func report(_ text: String) -> String { ProtocolWords.maskedReport(text, words) }
        let told = "the model's socket was closed (1007: Invalid argument)"
        #expect(report(told) == told)
        #expect(report("Please try again in 1m3.5s.") == "Please try again in 1m3.5s.")
        let masked = report("Rate limit for Anna's org-abc123 on +15550100, api.acme.com; see 'Bob'")
        #expect(masked.hasPrefix("Rate limit for "))
        for secret in ["Anna", "abc123", "15550100", "acme", "Bob"] {
            let isLeft = masked.contains(secret)
            #expect(!isLeft, "\(masked)")
        }
    }

    @Test func `the same word becomes the same word, and another key gives another`() {
        let words = WordDisguise(key: Self.key)
        let one = words.replace("Anna calls Anna at 10:30. 👩‍🦰")
        let parts = one.split(separator: " ")
        #expect(parts[0] == parts[2] && parts.count == 6 && one.count == "Anna calls Anna at 10:30. 👩‍🦰".count)
        #expect(one.first?.isUppercase == true && one.hasSuffix(". *"))
        // Words that begin alike do not become words that begin alike.
        let alike = ["ra", "ran", "rang", "range", "ranger"].map { words.replace($0).prefix(1) }
        #expect(Set(alike).count > 1)
        let others = WordDisguise(key: [1])
        #expect(others.replace("Anna calls Anna at 10:30.") != words.replace("Anna calls Anna at 10:30."))
    }

    @Test func `a transfer target has another name, the same where a function is given it`() throws {
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

    // MARK: The same call

    /// The same calls with the other provider go the same ways.
    static let redacted = CapturedTestTests.names.filter {
        $0.hasPrefix("openai") || $0.contains("tool") || $0.contains("barge")
    }

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
        for turn in before.transcript where turn.text.count > 5 {
            let isLeft = Self.text(disguise.capture).contains(turn.text)
            #expect(!isLeft, "\(turn.text)")
        }
        // Speech differs in nearly every sample, and is as loud.
        let (old, new) = (try #require(original.capture.recording), try #require(disguise.capture.recording))
        #expect(abs((SpeechMeter(old.caller).level ?? 0) - (SpeechMeter(new.caller).level ?? 0)) < 0.5)
        let spoken = zip(old.caller, new.caller).filter { abs(Int($0.0)) > 500 }
        #expect(spoken.isEmpty || spoken.count { $0.0 == $0.1 } * 20 < spoken.count)
    }
}
