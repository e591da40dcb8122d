import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathSimulators

/// Behaviours of real models, by name.
struct ModelBehaviourTests {
    // MARK: Names

    @Test func `behaviours are read by name`() {
        #expect(ModelBehaviours(words: "slow-pong,late-transcript") == .these([.slowPong, .lateTranscript]))
        #expect(ModelBehaviours(words: "slow-pong, go-away") == .these([.slowPong, .goAway]))
        #expect(
            ModelBehaviours(words: "random") == .random(seed: 1)
                && ModelBehaviours(words: "random:7") == .random(seed: 7)
        )
        for wrong in ["", "slow", "slow-pong,", "random:x", "random:1:2", "random,slow-pong"] {
            #expect(ModelBehaviours(words: wrong) == nil, "\(wrong)")
        }
    }

    @Test func `a random mix is the same for the same seed and has all behaviours in the long run`() {
        let mixes = (0..<200).map { ModelBehaviours.random(seed: 3).behaviours(inSession: $0) }
        #expect(mixes == (0..<200).map { ModelBehaviours.random(seed: 3).behaviours(inSession: $0) })
        #expect(mixes != (0..<200).map { ModelBehaviours.random(seed: 4).behaviours(inSession: $0) })
        #expect(mixes.reduce([]) { $0.union($1) } == Set(ModelBehaviour.allCases))
        #expect(mixes.contains([]) && mixes.allSatisfy { $0.count <= 3 })
    }

    @Test func `occasional behaviours take turns and spare the first answer and the one after each`() {
        var plan = HabitPlan([.rateLimit, .sideTalk, .slowPong])
        let seen = (0..<8).map { _ in plan.nextAnswer() }
        #expect(seen == [nil, .sideTalk, nil, .rateLimit, nil, nil, .sideTalk, nil])
    }

    @Test func `pongs take as long as those of real models`() async throws {
        #expect((0..<1000).map(HabitPlan.pongDelay).allSatisfy { (.seconds(8)...(.seconds(30))).contains($0) })
        var configuration = FakeAgentConfiguration(behaviours: .these([.slowPong]))
        configuration.pace = .fast(100)
        let server = try await FakeOpenAIRealtime.start(configuration)
        let socket = try await RawWebSocket.connect(server.url + "?model=m")
        let start = ContinuousClock.now
        try await socket.ping()
        #expect(ContinuousClock.now - start >= .milliseconds(79))
        await server.shutdown()
    }

    // MARK: Both models

    private static let tool = AgentScript.ToolCall(name: "hours", arguments: #"{"place":"clinic"}"#)

    private static func script(calls: Bool = false) -> AgentScript {
        func turn(_ trigger: AgentScript.Turn.Trigger, _ number: Int, _ call: AgentScript.ToolCall? = nil)
            -> AgentScript.Turn
        {
            .init(
                trigger,
                audio: SyntheticSpeech.samples(number: number, lasting: .seconds(1), rate: 24000),
                transcript: "one two three four",
                toolCall: call
            )
        }
        return AgentScript(
            turns: [
                turn(.connect, 0), turn(.callerTurn, 1, calls ? tool : nil), turn(.callerTurn, 2),
                turn(.toolResult, 3),
            ],
            otherwise: turn(.request, 4),
            callerTexts: ["hello"],
            thinkingTime: .milliseconds(100)
        )
    }

    private static func audio(speech: Int, silence: Int, rate: Int) -> [[UInt8]] {
        let loud = SyntheticSpeech.samples(number: 0, lasting: .milliseconds(100), rate: rate).prefix(rate / 20)
        let samples = loud.repeated(toCount: speech * rate / 1000) + [Int16](repeating: 0, count: silence * rate / 1000)
        return stride(from: 0, to: samples.count, by: rate / 50).map {
            Samples.encode(samples[$0..<min(samples.count, $0 + rate / 50)], .pcm16)
        }
    }

    private struct OpenAI {
        var model: OpenAIRealtimeModel
        var now = 0
        var messages: [JSONValue] = []

        init(_ behaviours: Set<ModelBehaviour>, _ script: AgentScript = ModelBehaviourTests.script()) {
            model = OpenAIRealtimeModel(
                model: "m",
                session: 0,
                script: script,
                faults: [],
                behaviours: behaviours,
                keepsAudio: true,
                at: .milliseconds(0)
            )
            model.opened(at: .milliseconds(0))
        }

        /// Advances the time.
        mutating func run(_ milliseconds: Int) {
            now += milliseconds
            model.advance(to: .milliseconds(now))
            messages += model.takeMessages()
        }

        mutating func send(_ text: String) {
            model.receive(text, at: now)
            messages += model.takeMessages()
        }

        mutating func talk(speech: Int, silence: Int = 700) {
            for piece in ModelBehaviourTests.audio(speech: speech, silence: silence, rate: 24000) {
                send(#"{"type":"input_audio_buffer.append","audio":"\#(PlainBase64.encode(piece))"}"#)
                run(20)
            }
        }

        var types: [String] { messages.compactMap { $0["type"]?.string } }

        func place(of type: String) -> Int? { types.firstIndex(of: type) }

        var responses: [JSONValue] {
            messages.filter { $0["type"] == "response.done" }.compactMap { $0["response"] }
        }

        /// Greets, and gets a question.
        mutating func begin() {
            send(#"{"type":"response.create"}"#)
            run(3000)
            messages = []
            talk(speech: 1000)
        }
    }

    private struct Gemini {
        var model: GeminiLiveModel
        var now = 0
        var messages: [JSONValue] = []
        var closes: [Int] = []

        init(
            _ behaviours: Set<ModelBehaviour>,
            _ script: AgentScript = ModelBehaviourTests.script(),
            handles: GeminiHandles = GeminiHandles(),
            resuming handle: String? = nil
        ) {
            model = GeminiLiveModel(
                session: 0,
                script: script,
                faults: [],
                behaviours: behaviours,
                keepsAudio: true,
                handles: handles,
                at: .milliseconds(0)
            )
            model.opened(at: .milliseconds(0))
            let resumption = handle.map { #"{"handle":"\#($0)"}"# } ?? "{}"
            let members = #""model":"models/m","outputAudioTranscription":{},"sessionResumption":\#(resumption)"#
            send(#"{"setup":{\#(members)}}"#)
        }

        mutating func take() {
            for output in model.takeOutputs() {
                switch output {
                case .send(let message, _): messages.append(JSONValue(message))
                case .close(let code, _): closes.append(code)
                case .vanish, .endStream, .event: break
                }
            }
        }

        mutating func run(_ milliseconds: Int) {
            now += milliseconds
            model.advance(to: .milliseconds(now))
            take()
        }

        mutating func send(_ text: String) {
            model.receive(text, at: now)
            take()
        }

        mutating func talk(speech: Int, silence: Int = 700) {
            for piece in ModelBehaviourTests.audio(speech: speech, silence: silence, rate: 16000) {
                let data = PlainBase64.encode(piece)
                send(#"{"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=16000","data":"\#(data)"}}}"#)
                run(20)
            }
        }

        mutating func begin() {
            send(#"{"realtimeInput":{"text":"Greet."}}"#)
            run(3000)
            messages = []
            talk(speech: 1000)
        }

        /// The item or response of each message.
        var kinds: [String] {
            messages.flatMap { message -> [String] in
                (message.object ?? []).flatMap { member -> [String] in
                    member.key == "serverContent" ? (member.value.object ?? []).map(\.key) : [member.key]
                }
            }
        }

        var reasons: [String] { messages.compactMap { $0["serverContent"]?["turnCompleteReason"]?.string } }
    }

    @Test func `a late transcript comes after the answer has begun`() throws {
        var openAI = OpenAI([.lateTranscript])
        openAI.send(
            #"{"type":"session.update","session":{"type":"realtime","audio":{"input":{"transcription":{"model":"t"}}}}}"#
        )
        openAI.begin()
        openAI.run(3000)
        let transcript = try #require(openAI.place(of: "conversation.item.input_audio_transcription.completed"))
        let answer = try #require(openAI.place(of: "response.output_audio.delta"))
        #expect(answer < transcript)
    }

    @Test func `a short sound is not a turn and a long one is`() {
        var openAI = OpenAI([.ignoredNoise])
        openAI.talk(speech: 300)
        openAI.run(3000)
        #expect(!openAI.types.contains("input_audio_buffer.speech_started"))
        openAI.talk(speech: 1000)
        openAI.run(3000)
        #expect(openAI.types.contains("input_audio_buffer.speech_started"))
        #expect(openAI.responses.count == 1 && openAI.model.record.callerTurns.count == 1)
        var gemini = Gemini([.ignoredNoise])
        gemini.talk(speech: 300)
        gemini.run(3000)
        #expect(gemini.model.record.callerTurns.isEmpty)
    }

    @Test func `a failed answer is given at the next request`() {
        for (behaviour, code) in [(ModelBehaviour.failedResponse, "server_error"), (.rateLimit, "rate_limit_exceeded")]
        {
            var openAI = OpenAI([behaviour])
            openAI.begin()
            openAI.run(2000)
            #expect(openAI.responses.map { $0["status"] } == ["failed"])
            #expect(openAI.responses[0]["status_details"]?["error"]?["code"]?.string == code)
            openAI.send(#"{"type":"response.create"}"#)
            openAI.run(3000)
            #expect(openAI.responses.map { $0["status"] } == ["failed", "completed"])
            // The answer is to the caller's turn.
            let items = openAI.model.record.items
            #expect(SyntheticSpeech.number(of: Samples.decode(items[1].audio, .pcm24k), rate: 24000) == 1)
        }
        var gemini = Gemini([.failedResponse])
        gemini.begin()
        gemini.run(1000)
        #expect(gemini.reasons == ["RESPONSE_REJECTED"] && !gemini.kinds.contains("modelTurn"))
        gemini.send(#"{"realtimeInput":{"text":"Please answer."}}"#)
        gemini.run(3000)
        let items = gemini.model.record.items
        #expect(SyntheticSpeech.number(of: Samples.decode(items[1].audio, .pcm24k), rate: 24000) == 1)
    }

    @Test func `a written answer has text and no audio, and is spoken at the next request`() {
        var openAI = OpenAI([.writtenAnswer])
        openAI.begin()
        openAI.run(2000)
        #expect(openAI.responses.map { $0["status"] } == ["completed"])
        #expect(openAI.types.contains("response.output_text.done"))
        #expect(!openAI.types.contains("response.output_audio.delta"))
        openAI.send(#"{"type":"response.create"}"#)
        openAI.run(3000)
        #expect(openAI.types.contains("response.output_audio.delta"))
        #expect(openAI.responses.map { $0["status"] } == ["completed", "completed"])
    }

    @Test func `an interrupted answer ends with an incomplete call of its function`() throws {
        var openAI = OpenAI([.cutCall], Self.script(calls: true))
        openAI.begin()
        openAI.run(120)
        openAI.send(#"{"type":"response.cancel"}"#)
        openAI.run(100)
        #expect(openAI.responses.map { $0["status"] } == ["cancelled"])
        let done = try #require(openAI.messages.first { $0["type"] == "response.function_call_arguments.done" })
        #expect(done["arguments"]?.string == Self.tool.arguments)
        let item = openAI.messages.last { $0["type"] == "response.output_item.done" }?["item"]
        #expect(item?["type"] == "function_call" && item?["status"] == "incomplete")
    }

    @Test func `an incomplete answer ends in the middle`() {
        var openAI = OpenAI([.incompleteResponse])
        openAI.begin()
        openAI.run(3000)
        #expect(openAI.responses.map { $0["status"] } == ["incomplete"])
        let item = openAI.model.record.items[1]
        #expect(item.producedBytes > 0 && item.producedBytes < 48_000)
        var gemini = Gemini([.incompleteResponse])
        gemini.begin()
        gemini.run(3000)
        #expect(gemini.reasons == ["RESPONSE_REJECTED"] && gemini.kinds.contains("modelTurn"))
        #expect(!gemini.kinds.contains("generationComplete"))
    }

    @Test func `side talk is not answered`() {
        var openAI = OpenAI([.sideTalk])
        openAI.begin()
        openAI.run(3000)
        #expect(openAI.responses.map { $0["output"] } == [[]])
        openAI.talk(speech: 1000)
        openAI.run(3000)
        #expect(openAI.responses.last?["output"]?.array?.count == 1)
        var gemini = Gemini([.sideTalk])
        gemini.begin()
        gemini.run(3000)
        #expect(gemini.kinds == [])
    }

    @Test func `the session ends between question and answer and the next one owes the answer`() throws {
        var openAI = OpenAI([.goAway])
        openAI.begin()
        openAI.run(300)
        #expect(openAI.messages.last?["error"]?["code"] == "session_expired" && openAI.responses.isEmpty)
        #expect(openAI.model.core.isOver)
        let handles = GeminiHandles()
        var gemini = Gemini([.goAway], handles: handles)
        gemini.send(#"{"realtimeInput":{"text":"Greet."}}"#)
        gemini.run(3000)
        let given = gemini.messages.compactMap { $0["sessionResumptionUpdate"]?["newHandle"]?.string }
        gemini.messages = []
        gemini.talk(speech: 1000)
        gemini.run(1500)
        #expect(gemini.kinds.contains("goAway") && !gemini.kinds.contains("modelTurn") && gemini.closes == [1001])
        let handle = try #require(given.last)
        var next = Gemini([], handles: handles, resuming: handle)
        next.send(#"{"realtimeInput":{"text":"You were asked something."}}"#)
        next.run(3000)
        #expect(SyntheticSpeech.number(of: next.model.record.sentSamples, rate: 24000) == 1)
    }

    @Test func `long reasoning is silent but sends signs of life`() {
        var openAI = OpenAI([.longReasoning])
        openAI.begin()
        openAI.run(8000)
        #expect(openAI.types.contains("response.created") && !openAI.types.contains("response.output_audio.delta"))
        openAI.run(3000)
        #expect(openAI.responses.map { $0["status"] } == ["completed"])
        var gemini = Gemini([.longReasoning])
        gemini.begin()
        gemini.run(8000)
        #expect(gemini.messages.count { $0["serverContent"]?["interactionStatus"] == "IN_PROGRESS" } >= 4)
        #expect(!gemini.kinds.contains("modelTurn"))
        gemini.run(3000)
        #expect(gemini.kinds.contains("modelTurn"))
    }

    @Test func `an answer is reported interrupted after its end`() throws {
        var gemini = Gemini([.staleInterrupted])
        gemini.begin()
        gemini.run(4000)
        gemini.run(200)
        let kinds = gemini.kinds.filter { ["turnComplete", "interrupted"].contains($0) }
        #expect(kinds == ["turnComplete", "interrupted"])
    }

    @Test func `functions are called before the words or between them`() throws {
        for behaviour in [ModelBehaviour.toolCallFirst, .toolCallBetween] {
            var openAI = OpenAI([behaviour], Self.script(calls: true))
            openAI.begin()
            openAI.run(3000)
            let call = try #require(openAI.place(of: "response.function_call_arguments.done"))
            let audio = openAI.types.indices.filter { openAI.types[$0] == "response.output_audio.delta" }
            #expect(audio.contains { $0 > call } && audio.contains { $0 < call } == (behaviour == .toolCallBetween))
            let output = try #require(openAI.responses.first?["output"]?.array)
            #expect(
                output.map { $0["type"] == "function_call" } == [
                    behaviour == .toolCallFirst, behaviour != .toolCallFirst,
                ]
            )
            let indices = openAI.messages.filter { $0["type"] == "response.output_item.done" }.map {
                $0["output_index"]
            }
            #expect(Set(indices.compactMap { $0?.int }) == [0, 1])

            var gemini = Gemini([behaviour], Self.script(calls: true))
            gemini.begin()
            gemini.run(500)
            let message = try #require(gemini.messages.compactMap { $0["toolCall"] }.first)
            let id = try #require(message["functionCalls"]?[0]?["id"]?.string)
            gemini.send(#"{"toolResponse":{"functionResponses":[{"id":"\#(id)","name":"hours","response":{}}]}}"#)
            gemini.run(5000)
            // The words end before the model speaks of the result.
            let items = gemini.model.record.items
            #expect(items.count == 3 && items[1].isComplete && !items[1].wasInterrupted)
            #expect(SyntheticSpeech.number(of: Samples.decode(items[2].audio, .pcm24k), rate: 24000) == 3)
        }
    }

    @Test func `the first call of a function is malformed`() throws {
        var openAI = OpenAI([.brokenArguments], Self.script(calls: true))
        openAI.begin()
        openAI.run(3000)
        let done = openAI.messages.first { $0["type"] == "response.function_call_arguments.done" }
        #expect(done?["arguments"] == #"{"place":"clinic""#)
        var gemini = Gemini([.brokenArguments], Self.script(calls: true))
        gemini.begin()
        gemini.run(3000)
        #expect(gemini.reasons == ["MALFORMED_FUNCTION_CALL"] && !gemini.kinds.contains("toolCall"))
        gemini.send(#"{"realtimeInput":{"text":"Try again."}}"#)
        gemini.run(1000)
        #expect(gemini.kinds.contains("toolCall"))
    }

    @Test func `a set-up with transcription is refused`() {
        var openAI = OpenAI([.refusedSettings])
        let update =
            #"{"type":"session.update","session":{"type":"realtime","audio":{"input":{"transcription":{"model":"t"}}}}}"#
        openAI.send(update)
        openAI.send(update)
        #expect(
            openAI.messages.first { $0["type"] == "error" }?["error"]?["param"]
                == "session.audio.input.transcription.model"
        )
        #expect(openAI.types.last == "session.updated" && openAI.model.record.violations.isEmpty)
        var gemini = GeminiLiveModel(
            session: 0,
            script: .silent,
            faults: [],
            behaviours: [.refusedSettings],
            keepsAudio: false,
            handles: GeminiHandles(),
            at: .milliseconds(0)
        )
        gemini.receive(#"{"setup":{"model":"models/m","inputAudioTranscription":{}}}"#, at: 0)
        #expect(gemini.takeCloses() == [1007])
    }
}
