import TalkpathAudio
import Testing

@testable import TalkpathWire

/// Sessions that are changed while they last, and services with OpenAI's protocol.
struct SessionChangeTests {
    private static func change(_ text: String, raw: JSONValue? = nil) throws -> AgentChange {
        var change = AgentChange()
        change.openAI = OpenAIOptions(json: try JSONValue(parsing: text))
        change.raw = raw
        return change
    }

    private static func written(_ change: AgentChange, isInterrupted: Bool = true) throws -> [JSONValue] {
        var codec = OpenAIRealtimeCodec()
        var configuration = AgentSessionConfiguration(model: "m", inputFormat: .pcm24k, outputFormat: .pcm24k)
        configuration.isInterrupted = isInterrupted
        return try codec.written(.change(change, configuration))
    }

    @Test func `only changes are sent, and audio's formats stay`() throws {
        var change = try Self.change(
            #"{"speed":1.5,"turn_detection":{"type":"semantic_vad"},"max_output_tokens":"inf"}"#,
            raw: ["include": ["x"]]
        )
        change.instructions = "Be brief."
        let session = try #require(try Self.written(change, isInterrupted: false).first?["session"])
        #expect(
            try session
                == JSONValue(
                    parsing: #"""
                        {"type":"realtime","instructions":"Be brief.","audio":{"input":{"turn_detection":
                         {"type":"semantic_vad","create_response":true,"interrupt_response":false}},"output":{"speed":1.5}},
                         "max_output_tokens":"inf","include":["x"]}
                        """#
                )
        )
    }

    @Test func `later requests to speak use the new instructions`() throws {
        var codec = OpenAIRealtimeCodec()
        var change = AgentChange()
        change.instructions = "Be brief."
        let configuration = AgentSessionConfiguration(
            model: "m",
            instructions: "Be brief.",
            inputFormat: .pcm24k,
            outputFormat: .pcm24k
        )
        _ = try codec.written(.change(change, configuration))
        let asked = try codec.written(.say("Greet them.")).first
        #expect(asked?["response"]?["instructions"] == "Be brief.\n\nGreet them.")
    }

    @Test func `Gemini gets no change`() throws {
        var codec = GeminiLiveCodec()
        let configuration = AgentSessionConfiguration(model: "m", inputFormat: .pcm16k, outputFormat: .pcm24k)
        #expect(try codec.written(.change(Self.change(#"{"speed":1.5}"#), configuration)).isEmpty)
    }

    @Test func `later changes replace earlier ones, option by option`() throws {
        var change = try Self.change(
            #"{"speed":1.5,"turn_detection":{"type":"server_vad","threshold":0.5}}"#,
            raw: ["a": ["b": 1]]
        )
        change.add(try Self.change(#"{"turn_detection":{"type":"semantic_vad"}}"#, raw: ["a": ["c": 2]]))
        #expect(change.openAI.json == ["turn_detection": ["type": "semantic_vad"], "speed": .decimal(1.5)])
        #expect(change.raw == ["a": ["b": 1, "c": 2]])
    }

    @Test(
        arguments: [
            (AgentProvider.openai, #"{"tracing":"auto"}"#, "openai.tracing"), (.openai, #"{"speed":1}"#, nil),
            (.openai, #"{"mcp_servers":[{"server_label":"a","server_url":"u"}]}"#, "openai.mcp_servers"),
            (.gemini, #"{"speed":1}"#, "openai.speed"),
        ] as [(AgentProvider, String, String?)]
    )
    func `options that a provider fixes at the start are refused`(
        provider: AgentProvider,
        options: String,
        field: String?
    ) throws {
        let change = try Self.change(options)
        var found: String?
        do throws(AgentOptionFault) {
            try change.check(provider)
        } catch {
            found = error.field
        }
        #expect(found == field)
    }

    // MARK: Services

    @Test(
        arguments: [
            (
                "wss://desk.openai.azure.com", .azure,
                "wss://desk.openai.azure.com/openai/v1/realtime?model=m", "api-key"
            ),
            (
                "https://desk.openai.azure.com/", .azure,
                "wss://desk.openai.azure.com/openai/v1/realtime?model=m", "api-key"
            ),
            (
                "wss://desk.openai.azure.com/openai/realtime?api-version=1", .azure,
                "wss://desk.openai.azure.com/openai/realtime?api-version=1&model=m", "api-key"
            ),
            ("wss://api.x.ai/v1/realtime", .xai, "wss://api.x.ai/v1/realtime?model=m", "Authorization"),
            ("wss://eu.api.x.ai", .xai, "wss://eu.api.x.ai/v1/realtime?model=m", "Authorization"),
            ("ws://127.0.0.1:9", .openai, "ws://127.0.0.1:9/v1/realtime?model=m", "Authorization"),
            ("ws://127.0.0.1:9/own", .openai, "ws://127.0.0.1:9/own?model=m", "Authorization"),
            // A name that only looks alike.
            (
                "wss://notapi.x.ai.example.com", .openai, "wss://notapi.x.ai.example.com/v1/realtime?model=m",
                "Authorization"
            ),
        ] as [(String, RealtimeService, String, String)]
    )
    func `a service is recognised by its address, and gets its own authorization`(
        address: String,
        service: RealtimeService,
        url: String,
        header: String
    ) {
        #expect(RealtimeService(address: address) == service)
        let target = service.target(address: address, model: "m", apiKey: "k\n")
        #expect(target.url == url && target.headers.map(\.name) == [header])
        #expect(target.headers.first?.value == (header == "api-key" ? "k" : "Bearer k"))
    }

    @Test func `a service without an address has its usual one`() {
        let target = RealtimeService.xai.target(model: RealtimeService.xai.defaultModel ?? "", apiKey: "k")
        #expect(target.url == "wss://api.x.ai/v1/realtime?model=grok-voice-latest")
        #expect(RealtimeService.azure.defaultModel == nil)
    }

    // MARK: The table of models

    @Test(
        arguments: [
            (AgentProvider.openai, "gpt-realtime-2.1", true, nil, 58),
            (.openai, "gpt-realtime", true, "2027-01-20", 58),
            (.openai, "gpt-realtime-mini-2025-12-15", true, "2027-01-20", 58),
            (.openai, "gpt-realtime-9", false, nil, 58),
            (.gemini, "models/gemini-3.8-live", true, nil, 55), (.gemini, "gemini-9-live", false, nil, 55),
        ] as [(AgentProvider, String, Bool, String?, Int)]
    )
    func `each model's session is renewed before its known end`(
        provider: AgentProvider,
        model: String,
        isKnown: Bool,
        end: String?,
        minutes: Int
    ) {
        let traits = AgentModelTraits(provider, model: model)
        #expect(traits.isKnown == isKnown && traits.endsOn == end)
        #expect(
            traits.renewal.atLatest == .seconds(minutes * 60) && traits.renewal.quietAfter < traits.renewal.atLatest
        )
    }
}
