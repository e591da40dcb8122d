import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathSimulators

/// The fake models accept the options of the real ones, and refuse all others.
struct OptionRulesTests {
    private func answer(_ model: String, to session: String) throws -> JSONValue {
        var model = OpenAIRealtimeModel(
            model: model,
            session: 0,
            script: .silent,
            faults: [],
            keepsAudio: false,
            at: .milliseconds(0)
        )
        model.opened(at: .milliseconds(0))
        _ = model.takeMessages()
        model.receive(#"{"type":"session.update","session":{"type":"realtime",\#(session)}}"#, at: 1)
        return try #require(model.takeMessages().first)
    }

    @Test(arguments: [
        #""audio":{"input":{"turn_detection":{"type":"semantic_vad","eagerness":"low"}}}"#,
        #""reasoning":{"effort":"xhigh"},"parallel_tool_calls":true,"truncation":"disabled","tracing":"auto""#,
        #""truncation":{"type":"retention_ratio","retention_ratio":0.8,"token_limits":{"post_instructions":9}}"#,
        #""tools":[{"type":"mcp","server_label":"a","server_url":"u"}],"tool_choice":{"type":"mcp","server_label":"a"}"#,
    ])
    func `OpenAI accepts its options`(session: String) throws {
        #expect(try answer("gpt-realtime-2.1", to: session)["type"] == "session.updated")
    }

    @Test(
        arguments: [
            (
                #""audio":{"input":{"turn_detection":{"type":"semantic_vad","threshold":0.5}}}"#,
                "session.audio.input.turn_detection.threshold"
            ),
            (
                #""audio":{"input":{"noise_reduction":{"type":"near_field","strength":2}}}"#,
                "session.audio.input.noise_reduction.strength"
            ),
            (
                #""audio":{"input":{"transcription":{"model":"whisper-1","keywords":["a"]}}}"#,
                "session.audio.input.transcription.keywords"
            ),
            (#""reasoning":{"effort":"deep"}"#, "session.reasoning.effort"),
            (#""truncation":{"type":"retention_ratio"}"#, "session.truncation.retention_ratio"),
            (#""truncation":"never""#, "session.truncation"), (#""tracing":{"name":"a"}"#, "session.tracing.name"),
            (#""tool_choice":{"type":"function","name":"a"}"#, "session.tool_choice"),
            (#""tools":[{"type":"mcp","server_label":"a"}]"#, "session.tools[0]"),
        ]
    )
    func `OpenAI refuses unknown options`(session: String, parameter: String) throws {
        #expect(try answer("gpt-realtime-2.1", to: session)["error"]?["param"]?.string == parameter)
    }

    @Test func `OpenAI's older models refuse reasoning`() throws {
        let refusal = try answer("gpt-realtime-1.5", to: #""reasoning":{"effort":"low"}"#)
        #expect(refusal["error"]?["param"] == "session.reasoning")
    }

    @Test(
        arguments: [
            ("gemini-3.8-live", #""proactivity":{"proactiveAudio":false}"#, [1007]),
            ("gemini-3.8-live", #""proactivity":{"proactiveAudio":true}"#, []),
            ("gemini-3.1-flash-live-preview", #""proactivity":{"proactiveAudio":true}"#, [1007]),
            ("gemini-3.1-flash-live-preview", #""generationConfig":{"enableAffectiveDialog":true}"#, [1007]),
            ("gemini-2.5-flash-live", #""generationConfig":{"thinkingConfig":{"thinkingLevel":"LOW"}}"#, [1007]),
            ("gemini-3.8-live", #""generationConfig":{"thinkingConfig":{"thinkingLevel":"DEEP"}}"#, [1007]),
            ("gemini-3.8-live", #""inputAudioTranscription":{"vocabulary":["a"]}"#, [1007]),
            ("gemini-3.8-live", #""inputAudioTranscription":{"customVocabulary":["a"],"mode":"SMART"}"#, []),
            (
                "gemini-3.8-live",
                #""contextWindowCompression":{"triggerTokens":"5","slidingWindow":{"targetTokens":"5"}}"#, [1007]
            ),
        ] as [(String, String, [Int])]
    )
    func `each of Gemini's models accepts its own options`(name: String, setup: String, closes: [Int]) {
        var model = GeminiLiveModel(
            session: 0,
            script: .silent,
            faults: [],
            keepsAudio: false,
            handles: GeminiHandles(),
            at: .milliseconds(0)
        )
        model.opened(at: .milliseconds(0))
        model.receive(#"{"setup":{"model":"models/\#(name)",\#(setup)}}"#, at: 0)
        #expect(model.takeCloses() == closes)
    }
}
