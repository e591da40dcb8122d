import Testing

@testable import TalkpathWire

/// The models' counts: by kind, and equal to the reported sum.
struct AgentUsageTests {
    @Test func `OpenAI's counts are kept by kind`() throws {
        var codec = OpenAIRealtimeCodec()
        let events = try codec.receive(
            #"""
            {"type":"response.done","response":{"status":"completed","usage":{"total_tokens":253,"input_tokens":132,
             "output_tokens":121,"input_token_details":{"text_tokens":119,"audio_tokens":13,"cached_tokens":64,
             "cached_tokens_details":{"text_tokens":64,"audio_tokens":0}},
             "output_token_details":{"text_tokens":30,"audio_tokens":91}}}}
            """#
        )
        guard case .usage(let usage)? = events.first else {
            Issue.record("no usage")
            return
        }
        #expect(usage.inputAudioTokens + usage.inputTextTokens == usage.inputTokens)
        #expect(usage.outputAudioTokens + usage.outputTextTokens == usage.outputTokens)
        #expect(usage.inputTokens + usage.outputTokens == usage.totalTokens && usage.totalTokens == 253)
        #expect(usage.inputCachedTokens == 64)
        #expect(usage.inputCachedTextTokens == 64 && usage.inputCachedAudioTokens == 0)
    }

    @Test(arguments: [
        (#"{"type":"duration","seconds":3.25}"#, 0, 0, 3250),
        (#"{"type":"tokens","input_tokens":17,"output_tokens":5,"total_tokens":22}"#, 17, 5, 0),
        (#"{"type":"duration","seconds":1e300}"#, 0, 0, 1_000_000_000_000), (#"{"seconds":-4}"#, 0, 0, 0),
    ])
    func `OpenAI's counts for transcripts are kept apart from the model's tokens`(
        json: String,
        input: Int,
        output: Int,
        milliseconds: Int
    ) throws {
        var codec = OpenAIRealtimeCodec()
        let events = try codec.receive(
            #"{"type":"conversation.item.input_audio_transcription.completed","item_id":"i","transcript":"Hi","usage":"#
                + json + "}"
        )
        guard case .usage(let usage)? = events.last else {
            Issue.record("no usage")
            return
        }
        #expect(usage.transcriptionInputTokens == input && usage.transcriptionOutputTokens == output)
        #expect(usage.transcriptionMilliseconds == milliseconds && usage.totalTokens == 0 && usage.inputTokens == 0)
    }

    @Test func `Gemini's counts are kept by kind, with thoughts and functions`() throws {
        var codec = GeminiLiveCodec()
        let events = try codec.receive(
            #"""
            {"usageMetadata":{"promptTokenCount":100,"responseTokenCount":40,"totalTokenCount":165,
             "thoughtsTokenCount":15,"toolUsePromptTokenCount":10,"cachedContentTokenCount":50,
             "cacheTokensDetails":[{"modality":"AUDIO","tokenCount":20},{"modality":"TEXT","tokenCount":30}],
             "promptTokensDetails":[{"modality":"AUDIO","tokenCount":60},{"modality":"TEXT","tokenCount":40}],
             "toolUsePromptTokensDetails":[{"modality":"TEXT","tokenCount":10}],
             "responseTokensDetails":[{"modality":"AUDIO","tokenCount":40}]}}
            """#
        )
        guard case .usage(let usage)? = events.first else {
            Issue.record("no usage")
            return
        }
        #expect(usage.inputTokens == 110 && usage.inputAudioTokens == 60 && usage.inputTextTokens == 50)
        #expect(usage.outputTokens == 55 && usage.outputAudioTokens == 40 && usage.outputThinkingTokens == 15)
        #expect(usage.inputTokens + usage.outputTokens == usage.totalTokens && usage.inputCachedTokens == 50)
    }

    @Test func `sums saturate, each count by itself`() {
        var usage = AgentUsage(inputTokens: .max, outputTokens: 1, totalTokens: .max)
        var more = AgentUsage(inputTokens: 1, outputTokens: 2, totalTokens: 3)
        more.outputThinkingTokens = 5
        usage.add(more)
        #expect(usage.inputTokens == .max && usage.outputTokens == 3 && usage.totalTokens == .max)
        #expect(usage.outputThinkingTokens == 5)
    }
}
