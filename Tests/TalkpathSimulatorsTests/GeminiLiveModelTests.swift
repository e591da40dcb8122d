import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathSimulators

struct GeminiLiveModelTests {
    private static let setup =
        #"{"setup":{"model":"models/m","inputAudioTranscription":{},"outputAudioTranscription":{},"#
        + #""sessionResumption":{}}}"#

    private let talkative = AgentScript(
        turns: [
            SyntheticSpeech.agentTurn(.connect, number: 0, lasting: .seconds(1)),
            SyntheticSpeech.agentTurn(.callerTurn, number: 1, lasting: .seconds(2)),
        ],
        callerTexts: ["hello"],
        thinkingTime: .milliseconds(100)
    )

    private func model(
        _ script: AgentScript = .silent,
        handles: GeminiHandles = GeminiHandles(),
        setup: String? = GeminiLiveModelTests.setup
    ) -> GeminiLiveModel {
        var model = GeminiLiveModel(
            session: 0,
            script: script,
            faults: [],
            keepsAudio: true,
            handles: handles,
            at: .milliseconds(0)
        )
        model.opened(at: .milliseconds(0))
        if let setup {
            model.receive(setup, at: 0)
            _ = model.takeOutputs()
        }
        return model
    }

    private func talk(_ model: inout GeminiLiveModel, from start: Int, speech: Int, silence: Int) {
        let samples =
            SyntheticSpeech.samples(number: 0, lasting: .milliseconds(100), rate: 16000).repeated(toCount: speech * 16)
            + [Int16](repeating: 0, count: silence * 16)
        for offset in stride(from: 0, to: samples.count, by: 320) {
            let text = PlainBase64.encode(Samples.encode(samples[offset..<offset + 320], .pcm16))
            model.receive(
                #"{"realtime_input":{"audio":{"mime_type":"audio/pcm;rate=16000","data":"\#(text)"}}}"#,
                at: start + offset / 16
            )
        }
    }

    private func kinds(_ messages: [JSONValue]) -> [String] {
        messages.flatMap { message in
            let members = message["serverContent"]?.object ?? message.object ?? []
            return members.map(\.key)
        }
    }

    @Test(arguments: [
        (#"{"setup":{"model":"models/m","voice":"x"}}"#, 1007), (#"{"setup":{}}"#, 1007), ("no", 1007),
        (#"{"setup":{"model":"m"}}"#, 1008), (#"{"realtimeInput":{"text":"x"}}"#, 1007), (#"{}"#, 1007),
        (#"{"setup":{"model":"models/m"},"realtimeInput":{}}"#, 1007),
        (#"{"setup":{"model":"models/m","sessionResumption":{"handle":"none"}}}"#, 1008),
    ])
    func `a wrong setup closes the socket`(message: String, code: Int) {
        var model = model(setup: nil)
        model.receive(message, at: 0)
        #expect(model.takeCloses() == [code])
        #expect(model.record.violations.count == 1)
    }

    private func content(_ text: String, complete: Bool) -> String {
        #"{"clientContent":{"turns":[{"role":"user","parts":[{"text":"\#(text)"}]}],"turnComplete":\#(complete)}}"#
    }

    private func setup(_ model: String, _ more: String = "") -> String {
        #"{"setup":{"model":"models/\#(model)"\#(more)}}"#
    }

    @Test func `announced history is not answered and the message after it is`() {
        var model = model(
            talkative,
            setup: setup("m", #","historyConfig":{"initialHistoryInClientContent":true}"#)
        )
        model.receive(content("before", complete: true), at: 0)
        model.advance(to: .milliseconds(3000))
        #expect(kinds(model.takeMessages()) == [])
        #expect(model.record.textsReceived == ["before"])
        model.receive(content("now", complete: true), at: 3000)
        model.advance(to: .milliseconds(3200))
        #expect(kinds(model.takeMessages()).contains("modelTurn"))
    }

    @Test func `a model that accepts no turns closes on them unless they were announced`() {
        var strict = model(setup: setup("gemini-3.1-flash-live-preview"))
        strict.receive(content("x", complete: false), at: 0)
        #expect(strict.takeCloses() == [1007])
        let announced = setup(
            "gemini-3.1-flash-live-preview",
            #","historyConfig":{"initialHistoryInClientContent":true}"#
        )
        var patient = model(setup: announced)
        patient.receive(content("x", complete: true), at: 0)
        #expect(patient.takeCloses() == [])
        patient.receive(content("y", complete: false), at: 0)
        #expect(patient.takeCloses() == [1007])
    }

    @Test(
        arguments: [
            ("gemini-3.8-live-extended-thinking", "BLOCKING", true, [1007]),
            ("gemini-3.8-live-extended-thinking", "NON_BLOCKING", false, [1007]),
            ("gemini-3.8-live-extended-thinking", "NON_BLOCKING", true, []), ("gemini-3.8-live", "BLOCKING", false, []),
            ("gemini-3.1-flash-live-preview", "NON_BLOCKING", false, [1007]),
        ] as [(String, String, Bool, [Int])]
    )
    func `each model accepts its own kind of functions`(name: String, behavior: String, thinks: Bool, closes: [Int]) {
        var model = model(setup: nil)
        let thinking = thinks ? #","generationConfig":{"thinkingConfig":{"thinkingLevel":"LOW"}}"# : ""
        let tools = #","tools":[{"functionDeclarations":[{"name":"f","behavior":"\#(behavior)"}]}]"#
        model.receive(setup(name, thinking + tools), at: 0)
        #expect(model.takeCloses() == closes)
    }

    @Test func `a text without a scripted answer is a turn that ends`() {
        var model = model(AgentScript())
        model.receive(#"{"realtimeInput":{"text":"x"}}"#, at: 0)
        model.advance(to: .milliseconds(1000))
        #expect(kinds(model.takeMessages()) == ["generationComplete", "turnComplete"])
    }

    @Test func `the usage of an interrupted turn is counted, too`() {
        var model = model(talkative)
        model.receive(#"{"realtimeInput":{"text":"x"}}"#, at: 0)
        model.advance(to: .milliseconds(400))
        _ = model.takeOutputs()
        model.receive(#"{"clientContent":{"turns":[],"turnComplete":false}}"#, at: 400)
        let messages = model.takeMessages()
        #expect(kinds(messages).prefix(2) == ["interrupted", "turnComplete"])
        #expect(messages[1]["usageMetadata"]?["responseTokenCount"]?.int ?? 0 > 0)
    }

    @Test func `a model in text mode sends words and no audio`() {
        var model = model(
            AgentScript(
                turns: [
                    .init(
                        .connect,
                        audio: SyntheticSpeech.samples(number: 0, lasting: .seconds(1), rate: 24000),
                        transcript: "Good morning to you."
                    )
                ]
            ),
            setup: setup("m", #","generationConfig":{"responseModalities":["TEXT"]}"#)
        )
        model.receive(#"{"realtimeInput":{"text":"x"}}"#, at: 0)
        model.advance(to: .milliseconds(5000))
        let parts = model.takeMessages().compactMap { $0["serverContent"]?["modelTurn"]?["parts"]?[0] }
        #expect(parts.compactMap { $0["text"]?.string }.joined() == "Good morning to you.")
        #expect(!parts.contains { $0["inlineData"] != nil })
    }

    @Test(arguments: [
        #""generationConfig":{"speechConfig":{"voiceConfig":{"replicatedVoiceConfig":{"mimeType":"audio/wav","voiceSampleAudio":"AAAA"}}}}"#,
        #""generationConfig":{"translationConfig":{"targetLanguageCode":"de","echoTargetLanguage":true}}"#,
    ])
    func `options of other clients are accepted`(member: String) {
        var model = model(setup: nil)
        model.receive(setup("m", "," + member), at: 0)
        #expect(model.takeCloses() == [])
    }

    @Test func `snake case is accepted like camel case`() {
        var model = model(setup: nil)
        model.receive(
            #"{"setup":{"model":"models/m","generation_config":{"response_modalities":["AUDIO"]}}}"#,
            at: 0
        )
        #expect(kinds(model.takeMessages()) == ["setupComplete"])
    }

    @Test func `a second setup is refused`() {
        var model = model()
        model.receive(Self.setup, at: 1)
        #expect(model.takeCloses() == [1007])
    }

    @Test(arguments: [
        #"{"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=16000","data":"AAA="},"text":"x"}}"#,
        #"{"realtimeInput":{"audio":{"mimeType":"audio/pcmu","data":"AAA="}}}"#,
        #"{"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=16000","data":"AAAA"}}}"#,
        #"{"realtimeInput":{"activityStart":{}}}"#,
        #"{"clientContent":{"turns":[{"role":"system","parts":[{"text":"x"}]}],"turnComplete":true}}"#,
        #"{"toolResponse":{"functionResponses":[{"name":"x","response":{}}]}}"#,
    ])
    func `a wrong message closes the socket`(message: String) {
        var model = model()
        model.receive(message, at: 1)
        #expect(model.takeCloses() == [1007])
    }

    @Test func `both alphabets of Base64 are accepted`() {
        var model = model()
        for data in ["_-8=", "/+8=", "_-8"] {
            model.receive(
                #"{"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=16000","data":"\#(data)"}}}"#,
                at: 1
            )
        }
        #expect(model.record.audioReceived == [0xFF, 0xEF, 0xFF, 0xEF, 0xFF, 0xEF])
    }

    @Test func `a turn is answered, and complete only when it may have been played`() throws {
        var model = model(talkative)
        talk(&model, from: 0, speech: 1000, silence: 1000)
        let generated = model.record.items
        #expect(generated.count == 1)
        model.advance(to: .milliseconds(2600))
        let first = kinds(model.takeMessages())
        #expect(first.first == "sessionResumptionUpdate")
        #expect(
            first.contains("modelTurn") && first.contains("outputTranscription") && first.contains("inputTranscription")
        )
        #expect(first.last == "generationComplete")
        #expect(!first.contains("turnComplete"))
        model.advance(to: .milliseconds(6000))
        let last = model.takeMessages()
        #expect(kinds(last) == ["turnComplete", "sessionResumptionUpdate"])
        #expect(last[0]["usageMetadata"] != nil)
        #expect(model.record.items[0].audio.count == 2 * 48000)
    }

    @Test func `the caller's speech interrupts without generation complete`() throws {
        var script = talkative
        script.generationSpeed = 1
        var model = model(script)
        model.receive(#"{"realtimeInput":{"text":"Greet the caller."}}"#, at: 0)
        talk(&model, from: 300, speech: 400, silence: 0)
        let kinds = kinds(model.takeMessages())
        let place = try #require(kinds.firstIndex(of: "interrupted"))
        #expect(kinds[place + 1] == "turnComplete")
        #expect(!kinds.contains("generationComplete"))
        #expect(!kinds[place...].contains("modelTurn"))
        #expect(model.record.items[0].wasInterrupted)
    }

    @Test func `an interruption after the generation counts while the audio may still play`() throws {
        var model = model(talkative)
        model.receive(#"{"realtimeInput":{"text":"Greet the caller."}}"#, at: 0)
        talk(&model, from: 600, speech: 300, silence: 0)
        #expect(kinds(model.takeMessages()).contains("interrupted"))
        let heard = try #require(model.record.items[0].heardMilliseconds)
        #expect((500...620).contains(heard))
    }

    @Test func `a session is resumed at its former position`() throws {
        let handles = GeminiHandles()
        var first = model(talkative, handles: handles)
        first.receive(#"{"realtimeInput":{"text":"Greet."}}"#, at: 0)
        first.advance(to: .milliseconds(5000))
        let given = first.takeMessages().compactMap { $0["sessionResumptionUpdate"]?["newHandle"]?.string }
        let handle = try #require(given.last)
        var second = model(talkative, handles: handles, setup: nil)
        second.receive(#"{"setup":{"model":"models/m","sessionResumption":{"handle":"\#(handle)"}}}"#, at: 0)
        #expect(kinds(second.takeMessages()).first == "setupComplete")
        talk(&second, from: 0, speech: 600, silence: 800)
        second.advance(to: .milliseconds(4000))
        #expect(SyntheticSpeech.number(of: second.record.sentSamples, rate: 24000) == 2)
        #expect(second.record.resumedHandle == handle)
    }

    @Test func `a tool is called and answered`() throws {
        var script = talkative
        script.turns[0].toolCall = .init(name: "end_call", arguments: #"{"reason":"done"}"#)
        script.turns.append(SyntheticSpeech.agentTurn(.toolResult, number: 2))
        var model = model(script)
        model.receive(#"{"realtimeInput":{"text":"Greet."}}"#, at: 0)
        model.advance(to: .milliseconds(2000))
        let messages = model.takeMessages()
        // The turn waits for the function.
        #expect(!kinds(messages).contains("generationComplete"))
        let calls = messages.compactMap { $0["toolCall"]?["functionCalls"]?[0] }
        let call = try #require(calls.first)
        #expect(call["args"] == ["reason": "done"])
        let id = try #require(call["id"]?.string)
        model.receive(
            #"{"toolResponse":{"functionResponses":[{"id":"\#(id)","name":"end_call","response":{"output":"ok"}}]}}"#,
            at: 2001
        )
        #expect(model.record.toolResults.map(\.callID) == [id])
        model.advance(to: .milliseconds(6000))
        let rest = kinds(model.takeMessages())
        #expect(
            rest.filter { $0 == "generationComplete" || $0 == "turnComplete" } == [
                "generationComplete", "turnComplete",
            ]
        )
        #expect(model.record.items.count == 2)
        #expect(model.record.violations.isEmpty)
    }

    /// Other clients take words after a call for a new turn, and discard the function's result.
    @Test func `the words that a call answers come before it unless the model transcribes late`() throws {
        var script = talkative
        script.turns[1] = .init(.callerTurn, audio: [], toolCall: .init(name: "end_call", arguments: "{}"))
        for (behaviours, wanted) in [
            ([], ["inputTranscription", "toolCall"]), ([ModelBehaviour.lateTranscript], ["toolCall"]),
        ] {
            var model = model(script)
            model.core.plan = HabitPlan(Set(behaviours))
            talk(&model, from: 0, speech: 600, silence: 900)
            model.advance(to: .milliseconds(2000))
            let told = kinds(model.takeMessages()).filter { $0 == "inputTranscription" || $0 == "toolCall" }
            #expect(told == wanted)
        }
    }
}
