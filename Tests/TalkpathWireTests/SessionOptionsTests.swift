import TalkpathAudio
import Testing

@testable import TalkpathWire

/// The options of an agent for its provider's sessions: their form, their refusals, and their answers.
struct SessionOptionsTests {
    private static func openAI(_ text: String) throws -> OpenAIOptions {
        OpenAIOptions(json: try JSONValue(parsing: text))
    }

    private static func gemini(_ text: String) throws -> GeminiOptions {
        GeminiOptions(json: try JSONValue(parsing: text))
    }

    private static func configuration(_ model: String) -> AgentSessionConfiguration {
        AgentSessionConfiguration(
            model: model,
            tools: [AgentTool(name: "wait", description: "Waits.")],
            inputFormat: .pcm24k,
            outputFormat: .pcm24k
        )
    }

    private static func session(
        _ model: String = "gpt-realtime-2.1",
        _ change: (inout AgentSessionConfiguration) throws -> Void
    ) throws -> JSONValue {
        var configuration = configuration(model)
        try change(&configuration)
        var codec = OpenAIRealtimeCodec()
        return try #require(try codec.written(.configure(configuration)).first?["session"])
    }

    private static func setup(
        _ model: String = "gemini-3.8-live",
        _ change: (inout AgentSessionConfiguration) throws -> Void
    ) throws -> JSONValue {
        var configuration = configuration(model)
        try change(&configuration)
        var codec = GeminiLiveCodec()
        return try #require(try codec.written(.configure(configuration)).first?["setup"])
    }

    // MARK: OpenAI

    private static let everything = #"""
        {"turn_detection":{"type":"server_vad","threshold":0.6,"prefix_padding_ms":200,"silence_duration_ms":400,
         "idle_timeout_ms":6000},"noise_reduction":{"type":"far_field","strength":0.5},
         "transcription":{"languages":["de","en"],"prompt":"A clinic.","keywords":["Sonnenschein"]},"speed":1.25,
         "reasoning":{"effort":"low"},"parallel_tool_calls":false,"tool_choice":{"type":"function","name":"wait"},
         "max_output_tokens":500,"tracing":{"workflow_name":"w","group_id":"g","metadata":{"a":1}},
         "truncation":{"type":"retention_ratio","retention_ratio":0.8,"token_limits":{"post_instructions":4000}},
         "mcp_servers":[{"server_label":"desk","server_url":"https://desk.example/mcp","authorization":"t",
          "headers":{"x-a":"b"},"allowed_tools":["look"],"require_approval":"always"}]}
        """#

    @Test func `every option is in OpenAI's session at the provider's place`() throws {
        let session = try Self.session { $0.openAI = try Self.openAI(Self.everything) }
        let input = session["audio"]?["input"]
        #expect(
            try input?["turn_detection"]
                == JSONValue(
                    parsing: #"""
                        {"type":"server_vad","threshold":0.6,"prefix_padding_ms":200,"silence_duration_ms":400,
                         "idle_timeout_ms":6000,"create_response":true,"interrupt_response":true}
                        """#
                )
        )
        #expect(try input?["noise_reduction"] == JSONValue(parsing: #"{"type":"far_field","strength":0.5}"#))
        #expect(
            input?["transcription"]
                == [
                    "model": "gpt-transcribe", "languages": ["de", "en"], "prompt": "A clinic.",
                    "keywords": ["Sonnenschein"],
                ]
        )
        #expect(session["audio"]?["output"]?["speed"]?.double == 1.25)
        #expect(session["reasoning"] == ["effort": "low"] && session["parallel_tool_calls"] == false)
        #expect(session["tool_choice"] == ["type": "function", "name": "wait"])
        #expect(session["max_output_tokens"] == 500)
        #expect(session["tracing"] == ["workflow_name": "w", "group_id": "g", "metadata": ["a": 1]])
        #expect(session["truncation"]?["token_limits"] == ["post_instructions": 4000])
        #expect(session["tools"]?[1]?["type"] == "mcp" && session["tools"]?[1]?["require_approval"] == "always")
    }

    @Test(arguments: [
        everything, "{}", #"{"turn_detection":{"type":"semantic_vad","eagerness":"high"},"noise_reduction":"off"}"#,
        #"{"tool_choice":"required","max_output_tokens":"inf","truncation":"disabled","tracing":"auto"}"#,
        #"{"tool_choice":{"type":"mcp","server_label":"desk","name":"look"},"truncation":"auto"}"#,
    ])
    func `OpenAI's options are read as they are written`(text: String) throws {
        let options = try Self.openAI(text)
        #expect(OpenAIOptions(json: options.json) == options)
        #expect(try options.json == JSONValue(parsing: text))
    }

    @Test func `disabled noise reduction is null on the wire, and absent without a setting`() throws {
        let off = try Self.session { $0.openAI.noiseReduction = .off }
        #expect(off["audio"]?["input"]?["noise_reduction"] == JSONValue.null)
        let unasked = try Self.session { _ in }
        #expect(unasked["audio"]?["input"]?["noise_reduction"] == nil)
    }

    @Test(arguments: [
        ("gpt-transcribe", ["de"], #"{"model":"gpt-transcribe","language":"de","keywords":["k"],"prompt":"p"}"#),
        ("whisper-1", ["de"], #"{"model":"whisper-1","language":"de","prompt":"p"}"#),
        ("gpt-realtime-whisper", [], #"{"model":"gpt-realtime-whisper"}"#),
    ])
    func `a transcription has only options that its model supports`(
        model: String,
        languages: [String],
        wire: String
    ) throws {
        let asked = OpenAIOptions.Transcription(model: model, languages: languages, prompt: "p", keywords: ["k"])
        #expect(try asked.wire(defaultModel: "x", language: nil) == JSONValue(parsing: wire))
    }

    // MARK: Gemini

    private static let everythingOfGemini = #"""
        {"activity_detection":{"start_sensitivity":"high","end_sensitivity":"low","prefix_padding_ms":40,
         "silence_duration_ms":300},"turn_coverage":"all_input","thinking_level":"xhigh","language":"de-DE",
         "transcription":{"languages":["de-DE"],"vocabulary":["Sonnenschein"],"mode":"smart"},"proactive_audio":true,
         "affective_dialog":true,"context_compression":{"trigger_tokens":20000,"target_tokens":8000}}
        """#

    @Test func `every option is in Gemini's setup at the provider's place`() throws {
        let setup = try Self.setup {
            $0.gemini = try Self.gemini(Self.everythingOfGemini)
            $0.tools[0].behavior = .background
        }
        #expect(
            setup["realtimeInputConfig"]
                == [
                    "activityHandling": "START_OF_ACTIVITY_INTERRUPTS", "turnCoverage": "TURN_INCLUDES_ALL_INPUT",
                    "automaticActivityDetection": [
                        "startOfSpeechSensitivity": "START_SENSITIVITY_HIGH",
                        "endOfSpeechSensitivity": "END_SENSITIVITY_LOW", "prefixPaddingMs": 40,
                        "silenceDurationMs": 300,
                    ],
                ]
        )
        let generation = setup["generationConfig"]
        #expect(generation?["thinkingConfig"] == ["thinkingLevel": "XHIGH"])
        #expect(generation?["speechConfig"] == ["languageCode": "de-DE"])
        #expect(generation?["enableAffectiveDialog"] == true && setup["proactivity"] == ["proactiveAudio": true])
        #expect(
            setup["inputAudioTranscription"]
                == ["languageCodes": ["de-DE"], "customVocabulary": ["Sonnenschein"], "mode": "SMART"]
        )
        #expect(
            setup["contextWindowCompression"] == ["triggerTokens": "20000", "slidingWindow": ["targetTokens": "8000"]]
        )
        #expect(setup["tools"]?[0]?["functionDeclarations"]?[0]?["behavior"] == "NON_BLOCKING")
    }

    @Test(arguments: [everythingOfGemini, "{}", #"{"context_compression":"off"}"#])
    func `Gemini's options are read as they are written`(text: String) throws {
        let options = try Self.gemini(text)
        #expect(GeminiOptions(json: options.json) == options)
        #expect(try options.json == JSONValue(parsing: text))
    }

    @Test func `the result of a function has its scheduling, if the agent's definition sets one`() throws {
        var codec = GeminiLiveCodec()
        var configuration = Self.configuration("gemini-3.8-live-extended-thinking")
        configuration.tools[0].scheduling = .whenIdle
        configuration.tools.append(AgentTool(name: "look", description: ""))
        _ = try codec.written(.configure(configuration))
        func response(_ name: String) throws -> JSONValue? {
            try codec.written(.toolResult(id: "1", name: name, output: "x")).first?["toolResponse"]?[
                "functionResponses"
            ]?[0]
        }
        let told = try response("wait")
        #expect(told?["scheduling"] == "WHEN_IDLE" && told?["willContinue"] == false)
        #expect(try response("look")?["scheduling"] == nil)
    }

    // MARK: The overlay

    @Test func `the overlay is applied to the set-up last, member by member`() throws {
        let raw = try JSONValue(parsing: #"{"audio":{"output":{"speed":0.5}},"include":["x"]}"#)
        let session = try Self.session {
            $0.openAI.speed = 1.5
            $0.raw = raw
        }
        #expect(session["audio"]?["output"]?["speed"]?.double == 0.5 && session["include"] == ["x"])
        #expect(session["audio"]?["output"]?["format"]?["type"] == "audio/pcm")
        let setup = try Self.setup { $0.raw = ["generationConfig": ["topK": 3]] }
        #expect(setup["generationConfig"] == ["responseModalities": ["AUDIO"], "topK": 3])
    }

    @Test func `after a refusal without a reason the set-up has no options`() throws {
        let refused = AgentProvider.gemini.settings(refusedByClosing: "closed (1007)", besides: [])
        let setup = try Self.setup {
            $0.gemini = try Self.gemini(Self.everythingOfGemini)
            $0.raw = ["labels": [:]]
            $0.omitted = refused
        }
        #expect(setup["proactivity"] == nil && setup["labels"] == nil)
        #expect(setup["generationConfig"] == ["responseModalities": ["AUDIO"]])
        let session = try Self.session {
            $0.openAI = try Self.openAI(Self.everything)
            $0.omitted = AgentProvider.openai.settings(refusedAs: nil, besides: [])
        }
        #expect(session["reasoning"] == nil && session["tools"]?[1]?["type"] == "mcp")
    }

    // MARK: Refused beforehand

    private static func fault(
        _ provider: AgentProvider,
        _ model: String,
        openAI: String = "{}",
        gemini: String = "{}",
        raw: String? = nil,
        _ tool: (inout AgentTool) -> Void = { _ in }
    ) throws -> String? {
        var configuration = configuration(model)
        configuration.openAI = try Self.openAI(openAI)
        configuration.gemini = try Self.gemini(gemini)
        configuration.raw = try raw.map { try JSONValue(parsing: $0) }
        tool(&configuration.tools[0])
        var check = AgentOptionCheck(provider: provider, model: model, configuration: configuration)
        check.promptsIdleCaller = true
        check.canApprove = false
        do throws(AgentOptionFault) {
            try check.run()
            return nil
        } catch {
            return error.field
        }
    }

    @Test(
        arguments: [
            (#"{"turn_detection":{"type":"server_vad","threshold":2}}"#, "openai.turn_detection.threshold"),
            (#"{"turn_detection":{"type":"server_vad","idle_timeout_ms":4}}"#, "openai.turn_detection.idle_timeout_ms"),
            // Our own prompt asks the caller, too.
            (
                #"{"turn_detection":{"type":"server_vad","idle_timeout_ms":6000}}"#,
                "openai.turn_detection.idle_timeout_ms"
            ),
            (#"{"speed":2}"#, "openai.speed"), (#"{"max_output_tokens":0}"#, "openai.max_output_tokens"),
            (#"{"noise_reduction":{"type":"near_field","strength":-1}}"#, "openai.noise_reduction.strength"),
            (#"{"truncation":{"retention_ratio":1.5}}"#, "openai.truncation.retention_ratio"),
            (#"{"tracing":{"metadata":[]}}"#, "openai.tracing.metadata"),
            (#"{"tool_choice":{"type":"function","name":"nobody"}}"#, "openai.tool_choice"),
            (#"{"tool_choice":{"type":"mcp","server_label":"nobody"}}"#, "openai.tool_choice"),
            (
                #"{"transcription":{"model":"whisper-1","languages":["de","en"]}}"#, "openai.transcription.languages"
            ),
            (#"{"transcription":{"model":"whisper-1","keywords":["a"]}}"#, "openai.transcription.keywords"),
            (#"{"transcription":{"model":"gpt-realtime-whisper","prompt":"a"}}"#, "openai.transcription.prompt"),
            (
                #"{"mcp_servers":[{"server_label":"a","server_url":"u","require_approval":"always"}]}"#,
                "openai.mcp_servers[a].require_approval"
            ),
            (
                #"{"mcp_servers":[{"server_label":"a","server_url":"u"},{"server_label":"a","server_url":"v"}]}"#,
                "openai.mcp_servers"
            ),
        ]
    )
    func `options that OpenAI would refuse are refused before a call is placed`(options: String, field: String) throws {
        #expect(try Self.fault(.openai, "gpt-realtime-2.1", openAI: options) == field)
        #expect(try Self.fault(.gemini, "gemini-3.8-live", openAI: options) == "openai")
    }

    @Test(
        arguments: [
            ("gpt-realtime", true), ("gpt-realtime-1.5", true), ("gpt-realtime-2025-08-28", true),
            ("gpt-realtime-mini-2025-12-15", true), ("gpt-realtime-2", false), ("gpt-realtime-2.1-mini", false),
            // These models are unknown, so their options are passed on.
            ("gpt-realtime-3", false), ("my-deployment", false),
        ]
    )
    func `only a model that is known not to reason is not asked to`(model: String, isRefused: Bool) throws {
        let effort = try Self.fault(.openai, model, openAI: #"{"reasoning":{"effort":"low"}}"#)
        #expect(effort == (isRefused ? "openai.reasoning.effort" : nil))
        let parallel = try Self.fault(.openai, model, openAI: #"{"parallel_tool_calls":true}"#)
        #expect(parallel == (isRefused ? "openai.parallel_tool_calls" : nil))
    }

    @Test(
        arguments: [
            ("gemini-3.8-live", #"{"proactive_audio":false}"#, "gemini.proactive_audio"),
            ("gemini-3.8-live", #"{"proactive_audio":true}"#, nil),
            ("gemini-3.1-flash-live-preview", #"{"proactive_audio":true}"#, "gemini.proactive_audio"),
            ("gemini-3.1-flash-live-preview", #"{"affective_dialog":true}"#, "gemini.affective_dialog"),
            ("gemini-2.5-flash-native-audio-preview-12-2025", #"{"thinking_level":"low"}"#, "gemini.thinking_level"),
            ("gemini-9-live", #"{"thinking_level":"low","affective_dialog":true}"#, nil),
            (
                "gemini-3.8-live", #"{"context_compression":{"trigger_tokens":5,"target_tokens":5}}"#,
                "gemini.context_compression.target_tokens"
            ),
            (
                "gemini-3.8-live", #"{"activity_detection":{"silence_duration_ms":-1}}"#,
                "gemini.activity_detection.silence_duration_ms"
            ),
        ] as [(String, String, String?)]
    )
    func `options that a Gemini model would refuse are refused before a call is placed`(
        model: String,
        options: String,
        field: String?
    ) throws {
        #expect(try Self.fault(.gemini, model, gemini: options) == field)
        #expect(try Self.fault(.openai, "gpt-realtime-2.1", gemini: options) == "gemini")
    }

    @Test(
        arguments: [
            ("gemini-3.1-flash-live-preview", .background, nil, "tools[wait].behavior"),
            ("gemini-3.8-live-extended-thinking", .blocking, nil, "tools[wait].behavior"),
            ("gemini-3.8-live-extended-thinking", nil, .silent, nil), ("gemini-3.8-live", .background, .silent, nil),
            ("gemini-3.8-live", nil, .silent, "tools[wait].scheduling"),
        ] as [(String, AgentTool.Behavior?, AgentTool.Scheduling?, String?)]
    )
    func `a function runs in a mode that its model allows`(
        model: String,
        behavior: AgentTool.Behavior?,
        scheduling: AgentTool.Scheduling?,
        field: String?
    ) throws {
        let change: (inout AgentTool) -> Void = {
            $0.behavior = behavior
            $0.scheduling = scheduling
        }
        #expect(try Self.fault(.gemini, model, change) == field)
        #expect(try Self.fault(.openai, "gpt-realtime-2.1", change) == "tools[wait].behavior")
    }

    @Test(arguments: [
        (AgentProvider.openai, #"{"audio":{"input":{"format":{"type":"audio/pcm"}}}}"#, "raw.audio.input.format"),
        (.openai, #"{"audio":null}"#, "raw.audio"), (.openai, #"{"model":"x"}"#, "raw.model"), (.openai, "[]", "raw"),
        (.gemini, #"{"sessionResumption":{}}"#, "raw.sessionResumption"),
        (
            .gemini, #"{"generation_config":{"response_modalities":["TEXT"]}}"#,
            "raw.generationConfig.responseModalities"
        ),
    ])
    func `the overlay cannot change fields that the bridge depends on`(
        provider: AgentProvider,
        raw: String,
        field: String
    ) throws {
        #expect(try Self.fault(provider, "m", raw: raw) == field)
    }

    // MARK: Tools on other servers

    private static let question = #"""
        {"type":"response.output_item.done","response_id":"r","output_index":0,"item":{"id":"q1",
         "type":"mcp_approval_request","server_label":"desk","name":"look","arguments":"{\"day\":1}"}}
        """#

    @Test(
        arguments: [
            (#"{"approve":true}"#, true, nil), (#"{"approve":false,"reason":"no"}"#, false, "no"), ("yes", false, nil),
            (#"{"error":"no such function"}"#, false, nil),
        ] as [(String, Bool, String?)]
    )
    func `a request for approval is a function, and every answer but a clear yes is a no`(
        output: String,
        isAllowed: Bool,
        reason: String?
    ) throws {
        var codec = OpenAIRealtimeCodec()
        guard case .toolCall(let call)? = try codec.receive(Self.question).first else {
            Issue.record("no question")
            return
        }
        #expect(call.name == AgentToolCall.approvalName && call.id == "q1")
        #expect(call.readableArguments == ["server_label": "desk", "name": "look", "arguments": ["day": 1]])
        let item = try codec.written(.toolResult(id: "q1", name: call.name, output: output)).first?["item"]
        #expect(item?["type"] == "mcp_approval_response" && item?["approval_request_id"] == "q1")
        #expect(item?["approve"] == .bool(isAllowed) && item?["reason"]?.string == reason)
    }
}
