import TalkpathAudio
import Testing

@testable import TalkpathWire

struct AgentCodecTests {
    @Test func `each provider gets its own messages`() throws {
        var openAI = AgentCodec(.openai)
        #expect(openAI.awaitsGreeting)
        #expect(try openAI.receive(#"{"type":"session.created"}"#) == [.awaitingConfiguration])
        _ = try openAI.receive(#"{"type":"response.output_audio.done","item_id":"item_a"}"#)
        #expect(openAI.providerName(of: AgentItem(index: 0)) == "item_a")

        var gemini = AgentCodec(.gemini)
        #expect(!gemini.awaitsGreeting)
        #expect(try gemini.receive(#"{"setupComplete":{}}"#) == [.ready])
        #expect(gemini.providerName(of: AgentItem(index: 0)) == nil)

        var outbox = MessageOutbox()
        openAI.write(.say("x"), to: &outbox)
        gemini.write(.say("x"), to: &outbox)
        openAI.writeAudio(([0] as [UInt8]).span.bytes, to: &outbox)
        gemini.writeAudio(([0] as [UInt8]).span.bytes, to: &outbox)
        let keys = try outbox.drainJSON().map { $0.object?.first?.key }
        #expect(keys == ["type", "realtimeInput", "type", "realtimeInput"])
    }

    @Test func `OpenAI's address has the model and a header has the key`() {
        let target = AgentProvider.openai.target(model: "gpt realtime/ü", apiKey: " sk-1\n")
        #expect(target.url == "wss://api.openai.com/v1/realtime?model=gpt%20realtime%2F%C3%BC")
        #expect(target.headers.map(\.name) == ["Authorization"])
        #expect(target.headers.map(\.value) == ["Bearer sk-1"])
        let other = AgentProvider.openai.target(baseURL: "ws://127.0.0.1:9/v1?a=b", model: "m", apiKey: "k")
        #expect(other.url == "ws://127.0.0.1:9/v1?a=b&model=m")
    }

    @Test(
        arguments: [
            (
                nil,
                "wss://generativelanguage.googleapis.com/ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent"
            ),
            (
                "ws://127.0.0.1:80/",
                "ws://127.0.0.1:80/ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent"
            ),
            ("wss://example.com/ws/own.Method", "wss://example.com/ws/own.Method"),
        ] as [(String?, String)]
    )
    func `Gemini's address is an origin or the whole method, and does not have the key`(base: String?, url: String) {
        let target = AgentProvider.gemini.target(baseURL: base, model: "m", apiKey: "secret-key")
        #expect(target.url == url)
        #expect(target.headers.map(\.name) == ["x-goog-api-key"])
        #expect(target.headers.map(\.value) == ["secret-key"])
    }

    @Test func `no description of a target shows the key`() {
        for provider in AgentProvider.allCases {
            let target = provider.target(baseURL: "wss://a.example", model: "m", apiKey: "secret-key")
            var dumped = ""
            dump(target, to: &dumped)
            struct Holder { var target: WebSocketTarget }
            for text in ["\(target)", String(reflecting: target), dumped, "\(Holder(target: target))", "\([target])"] {
                #expect(!text.contains("secret-key"))
                #expect(text.contains(target.url))
            }
        }
    }

    @Test func `only formats that the provider accepts are supported`() {
        #expect(OpenAIRealtimeCodec.supports(.telephony))
        #expect(OpenAIRealtimeCodec.supports(.pcm24k))
        #expect(!OpenAIRealtimeCodec.supports(.pcm16k))
        #expect(GeminiLiveCodec.supports(.pcm16k))
        #expect(!GeminiLiveCodec.supports(.telephony))
    }
}
