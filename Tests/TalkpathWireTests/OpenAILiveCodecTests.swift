import Foundation
import TalkpathAudio
import Testing

@testable import TalkpathWire

extension OpenAILiveCodec {
    mutating func receive(_ text: String) throws -> [AgentEvent] {
        var events: [AgentEvent] = []
        let bytes = Array(text.utf8)
        try receive(bytes.span.bytes, into: &events)
        return events
    }

    mutating func written(_ command: AgentCommand) throws -> [JSONValue] {
        var outbox = MessageOutbox()
        write(command, to: &outbox)
        return try outbox.drainJSON()
    }
}

struct OpenAILiveCodecTests {
    private static let started =
        #"{"type":"session.started","session":{"id":"live_1","expires_at":1790003600,"audio":{"format":{"type":"audio/pcmu","rate":8000}}}}"#

    private func started() throws -> OpenAILiveCodec {
        var codec = OpenAILiveCodec()
        _ = try codec.receive(Self.started)
        return codec
    }

    private static func configuration(_ tools: [AgentTool] = []) -> AgentSessionConfiguration {
        AgentSessionConfiguration(
            model: "gpt-live-1.1",
            voice: "marin",
            instructions: "Be brief.",
            tools: tools,
            inputFormat: .telephony,
            outputFormat: .telephony
        )
    }

    private static func call(_ id: String, _ status: String = "completed") -> String {
        #"{"type":"response.event","delegation_id":"d","event":{"type":"response.output_item.done","item":{"type":"function_call","status":"\#(status)","call_id":"\#(id)","name":"hours","arguments":"{}"}}}"#
    }

    private static func backend(_ kind: String) -> String {
        #"{"type":"response.event","event":{"type":"response.\#(kind)","response":{"id":"resp_1"}}}"#
    }

    // MARK: Reading

    @Test func `every message of the provider's own types is understood`() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../fixtures/openai-live/server.jsonl")
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
        var codec = OpenAILiveCodec()
        let told = try lines.flatMap { line in
            try codec.receive(line).map { event in
                switch event {
                case .ready: "ready"
                case .expires(let at): "expires \(at)"
                case .audio(let audio): "audio \(audio.item.index) \(audio.format)"
                case .agentTranscript(let words): "agent \(words.startMilliseconds ?? -1) \(words.text)"
                case .callerTranscript(let words): "caller \(words.startMilliseconds ?? -1) \(words.text)"
                case .toolCall(let call): "call \(call.id) \(call.name)"
                case .usage(let usage): "usage \(usage.inputTokens) \(usage.inputCachedTokens) \(usage.totalTokens)"
                case .sessionBilled(let seconds): "billed \(seconds)"
                case .sessionClosed(let closing): "closed \(closing.reason) \(closing.seconds)"
                case .error(let report): "error \(report.code) \(report.parameter ?? "") \(report.isFatal)"
                case .ignored: "-"
                default: "\(event)"
                }
            }
        }
        #expect(
            told == [
                "expires 1790003600", "ready", "-", "-", "audio 0 mulaw 8000 Hz", "agent 700 Good day,",
                "agent 1100  how can I help?", "caller 3000 When are you open?", "-", "-", "call call_1 hours", "-",
                "usage 90 30 102", "-", "call dlg_2 delegation", "billed 15",
                "error unknown_parameter session.speed false", "closed close_requested 21",
            ]
        )
    }

    @Test func `audio is found in place, in every order of the members`() throws {
        var codec = try started()
        for text in [
            #"{"type":"session.output_audio.delta","delta":"//79"}"#,
            #"{"delta":"//79","x":{"type":"y","delta":""},"type":"session.output_audio.delta","start_ms":4}"#,
        ] {
            guard case .audio(let audio)? = try codec.receive(text).first, case .inPlace = audio.payload else {
                Issue.record("not in place: \(text)")
                return
            }
            #expect(audio.payload.text(in: text) == "//79")
        }
        let escaped = #"{"type":"session.output_audio.delta","delta":"\/\/79"}"#
        guard case .audio(let audio)? = try codec.receive(escaped).first else {
            Issue.record("not audio")
            return
        }
        #expect(audio.payload == .unescaped(Array("//79".utf8)))
    }

    @Test func `the format that the session confirms is that of its audio`() throws {
        var codec = OpenAILiveCodec()
        _ = try codec.written(.configure(Self.configuration()))
        let text = Self.started.replacing(
            #""audio/pcmu","rate":8000"#,
            with: #""audio/pcm","rate":24000"#
        )
        #expect(try codec.receive(text) == [.expires(unixSeconds: 1_790_003_600), .ready])
        guard case .audio(let audio)? = try codec.receive(#"{"type":"session.output_audio.delta","delta":""}"#).first
        else {
            Issue.record("not audio")
            return
        }
        #expect(audio.format == .pcm24k)
    }

    @Test
    func `an error before the start refuses the set-up and names the parameter, a later one does not end the session`()
        throws
    {
        let text =
            #"{"type":"error","error":{"type":"invalid_request_error","code":"unknown_parameter","message":"m","param":"session.audio.output.voice"}}"#
        var codec = OpenAILiveCodec()
        guard case .error(let early)? = try codec.receive(text).first else {
            Issue.record("not an error")
            return
        }
        #expect(early.isFatal && early.refusesConfiguration && early.parameter == "session.audio.output.voice")
        codec = try started()
        guard case .error(let late)? = try codec.receive(text).first else {
            Issue.record("not an error")
            return
        }
        #expect(!late.isFatal && !late.refusesConfiguration)
    }

    @Test(arguments: ["expired", "content", "remote_hangup", "connection_lost"])
    func `a session that the provider closes is lost, with the reason`(reason: String) throws {
        var codec = try started()
        let events = try codec.receive(#"{"type":"session.closed","reason":"\#(reason)","usage":{"seconds":61.2}}"#)
        #expect(events.first == .sessionClosed(AgentSessionClosing(reason: reason, seconds: 62)))
        guard case .error(let report)? = events.last else {
            Issue.record("not an error")
            return
        }
        #expect(report.isFatal && report.parameter == reason)
    }

    @Test(
        arguments: [
            "1e300", "-1e300", "-5", "1e400", "9223372036854775808", "\"x\"", "null", "{}", "[]", "1e-300",
        ]
    )
    func `no number of the provider traps`(number: String) throws {
        for text in [
            #"{"type":"session.usage.updated","usage":{"seconds":\#(number)}}"#,
            #"{"type":"session.closed","reason":"expired","usage":{"seconds":\#(number)}}"#,
            #"{"type":"session.started","session":{"expires_at":\#(number),"audio":{"format":{"type":"audio/pcm","rate":\#(number)}}}}"#,
            #"{"type":"session.input_transcript.delta","delta":"x","start_ms":\#(number),"end_ms":\#(number)}"#,
            #"{"type":"session.output_transcript.delta","delta":"x","start_ms":\#(number)}"#,
            #"{"type":"response.event","event":{"type":"response.completed","response":{"usage":{"input_tokens":\#(number),"output_tokens":\#(number)}}}}"#,
        ] {
            var codec = OpenAILiveCodec()
            for event in try codec.receive(text) {
                switch event {
                case .sessionBilled(let seconds): #expect((0...1_000_000_000).contains(seconds))
                case .sessionClosed(let closing): #expect((0...1_000_000_000).contains(closing.seconds))
                case .callerTranscript(let piece), .agentTranscript(let piece):
                    #expect((piece.startMilliseconds ?? 0) >= 0)
                default: break
                }
            }
        }
    }

    @Test(
        arguments: [
            "[]", "{}", #"{"type":7}"#, #"{"type":"session.output_audio.delta"}"#,
            #"{"type":"session.output_transcript.delta"}"#, #"{"type":"response.event"}"#,
            #"{"type":"session.delegation.created","delegation":{"target":"client"}}"#,
            #"{"type":"response.event","event":{"type":"response.output_item.done","item":{"type":"function_call","call_id":"c"}}}"#,
        ]
    )
    func `a message without a required field is refused, and has no effect`(text: String) throws {
        var codec = try started()
        #expect(throws: WireError.self) { try codec.receive(text) }
        #expect(try codec.receive(#"{"type":"something.new"}"#) == [.ignored])
    }

    // MARK: Writing

    @Test func `the session starts with its model, voice, format and functions, and the conversation so far`() throws {
        var codec = OpenAILiveCodec()
        var configuration = Self.configuration([AgentTool(name: "hours", description: "d")])
        configuration.conversation = [.init(.user, "Hello?"), .init(.assistant, "Good day."), .init(.system, "n")]
        configuration.live.acknowledgementDelayMilliseconds = 0
        configuration.live.store = false
        let expected: JSONValue = [
            "type": "session.start",
            "session": [
                "model": "gpt-live-1.1", "instructions": "Be brief.",
                "audio": ["format": ["type": "audio/pcmu", "rate": 8000], "output": ["voice": "marin"]],
                "delegation": [
                    "type": "responses",
                    "responses": [
                        "model": "gpt-5.4-mini",
                        "tools": [
                            [
                                "type": "function", "name": "hours", "description": "d",
                                "parameters": ["type": "object", "properties": [:]],
                            ]
                        ],
                    ],
                    "acknowledgement_delay_ms": 0,
                ],
                "input": [
                    ["role": "user", "content": [["type": "input_text", "text": "Hello?"]]],
                    ["role": "assistant", "content": [["type": "output_text", "text": "Good day."]]],
                    ["role": "developer", "content": [["type": "input_text", "text": "n"]]],
                ],
                "store": false,
            ],
        ]
        #expect(try codec.written(.configure(configuration)) == [expected])
    }

    @Test func `a history that is too long loses its oldest turns`() throws {
        var codec = OpenAILiveCodec()
        var configuration = Self.configuration()
        configuration.conversation = (0..<400).map { .init($0 % 2 == 0 ? .user : .assistant, "turn \($0)") }
        let session = try codec.written(.configure(configuration))[0]["session"]
        #expect(session?["input"]?.array?.count == 128)
        #expect(session?["input"]?[127]?["content"]?[0]?["text"] == "turn 399")
        configuration.conversation = (0..<100).map { .init(.user, String(repeating: "\($0 % 10)", count: 3000)) }
        let short = try codec.written(.configure(configuration))[0]["session"]?["input"]?.array ?? []
        #expect(short.count == 5)
    }

    @Test func `the model speaks on commentary, and only on the last part of a long text`() throws {
        var codec = try started()
        let greeting = try codec.written(.say("Greet the caller."))
        #expect(
            greeting == [
                [
                    "type": "session.commentary.append", "content": "Speak to the caller now. Greet the caller.",
                    "delegation_id": nil,
                ]
            ]
        )
        let text = String(repeating: "é👩‍👩‍👧‍👦", count: 400)
        let parts = try codec.written(.prompt(text))
        #expect(parts.map { $0["type"]?.string }.dropLast().allSatisfy { $0 == "session.thinking.append" })
        #expect(parts.last?["type"] == "session.commentary.append")
        #expect(parts.allSatisfy { ($0["content"]?.string?.utf8.count ?? 9999) <= 1000 })
        let whole = parts.compactMap { $0["content"]?.string }.joined()
        #expect(Array(whole.utf8) == Array("Answer this now, aloud. \(text)".utf8))
    }

    @Test func `the model is asked to go on once, after the last result and the end of the response`() throws {
        var codec = try started()
        _ = try codec.receive(Self.backend("created"))
        _ = try codec.receive(Self.call("a"))
        // The result of a quick function comes before the model has called the next.
        #expect(
            try codec.written(.toolResult(id: "a", name: "hours", output: "1")).map { $0["type"] } == [
                "response.item.create"
            ]
        )
        _ = try codec.receive(Self.call("b"))
        #expect(try codec.receive(Self.backend("completed")) == [.ignored])
        let last = try codec.written(.toolResult(id: "b", name: "hours", output: "2"))
        #expect(last.map { $0["type"] } == ["response.item.create", "response.create"])
        #expect(try codec.written(.respond).isEmpty)
        #expect(try codec.written(.toolResult(id: "b", name: "hours", output: "2")).isEmpty)
    }

    @Test func `results that came before the end of the response make the model go on at that end`() throws {
        var codec = try started()
        _ = try codec.receive(Self.backend("created"))
        _ = try codec.receive(Self.call("a"))
        _ = try codec.written(.toolResult(id: "a", name: "hours", output: "1"))
        #expect(try codec.receive(Self.backend("completed")) == [.resultsComplete])
        #expect(try codec.written(.respond) == [["type": "response.create"]])
    }

    @Test func `a task for the agent itself has the conversation, and the agent says its result`() throws {
        var codec = OpenAILiveCodec()
        var configuration = Self.configuration([AgentTool(name: "ask_desk", description: "d")])
        configuration.live.delegation = .client(tool: "ask_desk")
        let session = try codec.written(.configure(configuration))[0]["session"]
        #expect(session?["delegation"] == ["type": "client"])
        _ = try codec.receive(Self.started)
        _ = try codec.receive(#"{"type":"session.output_transcript.delta","delta":"Hello!","start_ms":0,"end_ms":1}"#)
        _ = try codec.receive(#"{"type":"session.input_transcript.delta","delta":" Are you","start_ms":2,"end_ms":3}"#)
        _ = try codec.receive(#"{"type":"session.input_transcript.delta","delta":" open? ","start_ms":3,"end_ms":4}"#)
        let events = try codec.receive(
            #"{"type":"session.delegation.created","delegation":{"id":"dlg_1","type":"delegation","target":"client"},"offset_ms":5}"#
        )
        guard case .toolCall(let call)? = events.first else {
            Issue.record("not a call")
            return
        }
        #expect(call.id == "dlg_1" && call.name == "ask_desk")
        #expect(
            call.readableArguments == [
                "request": "Are you open?",
                "conversation": [
                    ["role": "assistant", "text": "Hello!"], ["role": "user", "text": "Are you open?"],
                ],
            ]
        )
        let result = try codec.written(.toolResult(id: "dlg_1", name: "ask_desk", output: "until six"))
        #expect(
            result == [
                ["type": "session.commentary.append", "content": "until six", "delegation_id": "dlg_1"]
            ]
        )
    }

    @Test func `messages that full duplex makes needless are not sent, and the end closes the session`() throws {
        var codec = try started()
        let item = AgentItem(index: 0)
        for command in [
            .truncate(item: item, heardMilliseconds: 5), .delete(item: item), .cancelResponse, .respond,
            .history([.init(.user, "x")]), .callerVoice(isSpeaking: true), .key(0x31),
        ] as [AgentCommand] {
            #expect(try codec.written(command).isEmpty)
        }
        let end = AgentCallEnd(reason: "caller_hangup", durationMilliseconds: 1, talkingMilliseconds: 1)
        #expect(try codec.written(.ended(end)) == [["type": "session.close"]])
    }

    @Test(
        arguments: [
            (nil, "wss://api.openai.com/v1/live/sessions", "Authorization"),
            ("ws://127.0.0.1:9", "ws://127.0.0.1:9/v1/live/sessions", "Authorization"),
            ("wss://r.openai.azure.com", "wss://r.openai.azure.com/openai/v1/live/sessions", "api-key"),
            ("wss://proxy.example/live", "wss://proxy.example/live", "Authorization"),
        ] as [(String?, String, String)]
    )
    func `the address has no query, and Azure has its own header`(address: String?, url: String, header: String) {
        let target = OpenAILiveCodec.target(address: address, apiKey: " k ")
        #expect(target.url == url)
        #expect(target.headers.map(\.name) == [header])
        #expect(target.headers[0].value == (header == "api-key" ? "k" : "Bearer k"))
    }
}
