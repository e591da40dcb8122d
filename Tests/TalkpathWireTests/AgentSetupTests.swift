import TalkpathAudio
import Testing

@testable import TalkpathWire

/// The set-up of each model, the parts left out after a refusal, and the agent's own instructions in every request.
struct AgentSetupTests {
    private static func configuration(_ model: String) -> AgentSessionConfiguration {
        AgentSessionConfiguration(
            model: model,
            voice: "Puck",
            instructions: "You speak Danish only.",
            tools: [AgentTool(name: "wait", description: "Waits.")],
            inputFormat: .pcm16k,
            outputFormat: .pcm24k
        )
    }

    private static func geminiSetup(
        _ model: String,
        _ change: (inout AgentSessionConfiguration) -> Void = { _ in }
    ) throws -> (setup: JSONValue, codec: GeminiLiveCodec) {
        var codec = GeminiLiveCodec()
        var configuration = configuration(model)
        change(&configuration)
        let written = try codec.written(.configure(configuration))
        return (try #require(written.first?["setup"]), codec)
    }

    private static func behavior(_ setup: JSONValue) -> String? {
        setup["tools"]?[0]?["functionDeclarations"]?[0]?["behavior"]?.string
    }

    // MARK: Models

    @Test(
        arguments: [
            ("gemini-3.8-live", "BLOCKING"), ("models/gemini-3.8-live", "BLOCKING"),
            ("gemini-3.8-live-extended-thinking", "NON_BLOCKING"), ("gemini-3.1-flash-live-preview", nil),
            ("gemini-2.5-flash-native-audio-preview-12-2025", nil),
            ("projects/p/locations/l/models/GEMINI-3.8-LIVE", "BLOCKING"),
            ("gemini-9-live", nil), ("", nil),
        ] as [(String, String?)]
    )
    func `functions are declared as the model accepts them`(model: String, behavior: String?) throws {
        #expect(Self.behavior(try Self.geminiSetup(model).setup) == behavior)
    }

    @Test func `only a model with optional reasoning is asked for it`() throws {
        let level = ["generationConfig", "thinkingConfig", "thinkingLevel"]
        func asked(_ model: String) throws -> String? {
            try level.reduce(Self.geminiSetup(model).setup as JSONValue?) { $0?[$1] }?.string
        }
        #expect(try asked("gemini-3.8-live-extended-thinking") == "LOW")
        for model in ["gemini-3.8-live", "gemini-3.1-flash-live-preview", "gemini-9-live"] {
            #expect(try asked(model) == nil)
        }
    }

    @Test(arguments: ["gemini-3.1-flash-live-preview", "gemini-3.8-live", "gemini-9-live"])
    func `former words are announced, sent in one piece, and never again as a turn`(model: String) throws {
        var (setup, codec) = try Self.geminiSetup(model) { $0.hasHistory = true }
        #expect(setup["historyConfig"] == ["initialHistoryInClientContent": true])
        let turns: [AgentCommand.Turn] = [
            .init(.assistant, "How can I help?"), .init(.user, "Monday."), .init(.system, "s"),
        ]
        #expect(
            try codec.written(.history(turns)) == [
                [
                    "clientContent": [
                        "turns": [
                            ["role": "model", "parts": [["text": "How can I help?"]]],
                            ["role": "user", "parts": [["text": "Monday."]]],
                            ["role": "user", "parts": [["text": "s"]]],
                        ], "turnComplete": true,
                    ]
                ]
            ]
        )
        for command in [AgentCommand.history(turns), .addMessage(role: .system, text: "A member since 2019.")] {
            let later = try codec.written(command)
            #expect(later.count == 1)
            #expect(later[0]["clientContent"] == nil)
            #expect(later[0]["realtimeInput"]?["text"]?.string?.isEmpty == false)
        }
    }

    @Test func `a new conversation announces nothing, or the session would wait for it`() throws {
        #expect(try Self.geminiSetup("gemini-3.1-flash-live-preview").setup["historyConfig"] == nil)
    }

    @Test func `a note to a model that accepts turns at any time is a turn without an answer`() throws {
        var (setup, codec) = try Self.geminiSetup("gemini-2.5-flash-native-audio-preview-12-2025") {
            $0.hasHistory = true
        }
        #expect(setup["historyConfig"] == nil)
        for (role, name) in [(AgentCommand.MessageRole.user, "user"), (.system, "user"), (.assistant, "model")] {
            let turn: JSONValue = [
                "clientContent": ["turns": [["role": .string(name), "parts": [["text": "t"]]]], "turnComplete": false]
            ]
            #expect(try codec.written(.addMessage(role: role, text: "t")) == [turn])
            #expect(try codec.written(.history([.init(role, "t")])) == [turn])
        }
    }

    @Test func `a history to OpenAI is its items in order`() throws {
        var codec = OpenAIRealtimeCodec()
        let written = try codec.written(.history([.init(.assistant, "a"), .init(.user, "b")]))
        #expect(written.map { $0["item"]?["role"]?.string } == ["assistant", "user"])
    }

    // MARK: Refusals

    @Test(
        arguments: [
            (
                "the model's socket was closed (1007: Function calling behavior BLOCKING is not supported.)",
                .functionBehavior
            ),
            ("(1007: Invalid value at 'setup.generation_config.thinking_config')", .thinkingLevel),
            ("(1008: historyConfig is not supported)", .history), ("(1007: unknown voice name)", .voice),
            ("(1007: Unknown name \"contextWindowCompression\")", .compression),
        ] as [(String, AgentSetting)]
    )
    func `a close that names the refused part leaves it out, once`(reason: String, setting: AgentSetting) {
        #expect(AgentProvider.gemini.settings(refusedByClosing: reason, besides: []) == [setting])
        #expect(AgentProvider.gemini.settings(refusedByClosing: reason, besides: [setting]).isEmpty)
        #expect(AgentProvider.openai.settings(refusedByClosing: reason, besides: []).isEmpty)
    }

    @Test func `a close without a name leaves out every optional part`() throws {
        let reason = "the model's socket was closed (1007: Request contains an invalid argument.)"
        let refused = AgentProvider.gemini.settings(refusedByClosing: reason, besides: [])
        #expect(AgentProvider.gemini.settings(refusedByClosing: reason, besides: refused).isEmpty)
        let setup = try Self.geminiSetup("gemini-3.8-live-extended-thinking") {
            $0.omitted = refused
            $0.hasHistory = true
            $0.language = "da"
        }.setup
        #expect(
            setup.object?.map(\.key) == [
                "model", "generationConfig", "systemInstruction", "tools", "sessionResumption",
            ]
        )
        #expect(setup["generationConfig"] == ["responseModalities": ["AUDIO"]])
        #expect(Self.behavior(setup) == nil)
    }

    @Test(arguments: [
        "(1007: API key not valid. Please pass a valid API key.)", "(1006)", "(1011: internal error)",
        "(1008: You exceeded your current quota)", "(1007: session handle expired)", "",
    ])
    func `a close for another reason leaves out no part`(reason: String) {
        #expect(AgentProvider.gemini.settings(refusedByClosing: reason, besides: []).isEmpty)
    }

    @Test func `OpenAI's refusal of a part names it, and the next set-up does not have it`() throws {
        var codec = OpenAIRealtimeCodec()
        let refusal =
            #"{"type":"error","error":{"type":"invalid_request_error","code":"invalid_value","message":"m","param":"session.audio.input.transcription.model"}}"#
        guard case .error(let report)? = try codec.receive(refusal).first else {
            Issue.record("no error")
            return
        }
        #expect(report.isFatal && report.refusesConfiguration)
        var omitted: Set<AgentSetting> = []
        var models: [String?] = []
        while true {
            var configuration = Self.configuration("gpt-realtime-2.1")
            configuration.omitted = omitted
            let session = try #require(try codec.written(.configure(configuration)).first?["session"])
            models.append(session["audio"]?["input"]?["transcription"]?["model"]?.string)
            let refused = AgentProvider.openai.settings(refusedAs: report.parameter, besides: omitted)
            guard !refused.isEmpty else { break }
            omitted.formUnion(refused)
        }
        #expect(models == ["gpt-transcribe", "gpt-4o-mini-transcribe", nil])
        #expect(AgentProvider.openai.settings(refusedAs: "session.audio.output.voice", besides: []) == [.voice])
        // Functions and instructions define the agent.
        #expect(AgentProvider.openai.settings(refusedAs: "session.tools[0].name", besides: []).isEmpty)
        #expect(AgentProvider.openai.settings(refusedAs: nil, besides: []).contains(.transcription))
    }

    @Test(arguments: [
        #"{"type":"error","error":{"code":"invalid_api_key","param":"session.model","event_id":"talkpath-configuration"}}"#,
        #"{"type":"error","error":{"code":"model_not_found","param":null,"event_id":"talkpath-configuration"}}"#,
    ])
    func `an error that ends the session is not a refusal of its set-up`(text: String) throws {
        var codec = OpenAIRealtimeCodec()
        guard case .error(let report)? = try codec.receive(text).first else {
            Issue.record("no error")
            return
        }
        #expect(report.isFatal && !report.refusesConfiguration)
    }

    // MARK: Instructions

    private static func asked(_ codec: inout OpenAIRealtimeCodec, _ words: String) throws -> String? {
        try codec.written(.say(words)).first?["response"]?["instructions"]?.string
    }

    @Test func `every request to speak has the agent's own instructions`() throws {
        var codec = OpenAIRealtimeCodec()
        _ = try codec.receive(#"{"type":"session.created","session":{"instructions":"The provider's."}}"#)
        _ = try codec.written(.configure(Self.configuration("gpt-realtime-2.1")))
        _ = try codec.receive(#"{"type":"session.updated","session":{"instructions":"You speak Danish only."}}"#)
        #expect(try Self.asked(&codec, "Greet them.") == "You speak Danish only.\n\nGreet them.")
    }

    @Test func `an agent without its own instructions keeps the provider's`() throws {
        var codec = OpenAIRealtimeCodec()
        #expect(try Self.asked(&codec, "Greet them.") == "Greet them.")
        _ = try codec.receive(#"{"type":"session.created","session":{"instructions":"The provider's."}}"#)
        var configuration = Self.configuration("gpt-realtime-2.1")
        configuration.instructions = ""
        _ = try codec.written(.configure(configuration))
        #expect(try Self.asked(&codec, "Greet them.") == "The provider's.\n\nGreet them.")
    }
}
