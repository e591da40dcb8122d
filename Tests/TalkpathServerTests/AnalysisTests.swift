import AsyncHTTPClient
import Logging
import NIOHTTP1
import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire
import Testing

@testable import TalkpathServer

/// The analysis of ended calls.
@Suite(.timeLimit(.minutes(5))) struct AnalysisTests {
    // MARK: Figures

    private static let marks: [(CallEvent.Kind, Int)] = [
        (.answered, 4000), (.agentSpeechStarted, 4200), (.callerSpeechStarted, 8000), (.callerSpeechEnded, 10_000),
        (.agentSpeechStarted, 10_600), (.interrupted(heardMilliseconds: 900), 11_500),
        (.callerSpeechStarted, 11_400), (.callerSpeechEnded, 13_000), (.agentSpeechStarted, 14_000),
    ]

    private static func talkedCall() -> CallSnapshot {
        var call = EndedCalls.call("one")
        // 3 s, 0.9 s and 4 s reached the caller.
        call.metrics.bytesToCaller = 7900 * 8
        call.metrics.interruptions = 1
        call.loopScore = 0.125
        call.transcript = [
            TranscriptEntry(speaker: .agent, text: String(repeating: "a", count: 30), milliseconds: 4300),
            TranscriptEntry(speaker: .caller, text: "My secret words", milliseconds: 10_000),
            TranscriptEntry(speaker: .agent, text: String(repeating: "b", count: 9), milliseconds: 10_700),
            TranscriptEntry(speaker: .agent, text: String(repeating: "c", count: 40), milliseconds: 14_100),
        ]
        return call
    }

    @Test func `metrics are computed from our own records`() {
        var timeline = ConversationTimeline()
        for (kind, at) in Self.marks {
            timeline.note(CallEvent(callID: CallID("one"), at: .milliseconds(at), kind: kind))
        }
        let call = Self.talkedCall()
        let analysis = ConversationMetrics(timeline: timeline, call: call).analysis
        #expect(analysis.callerTalk == .milliseconds(3600))
        #expect(analysis.agentTalk == .milliseconds(7900))
        #expect(abs((analysis.agentTalkRatio ?? 0) - 7900 / 11_500) < 0.0001)
        #expect(analysis.interruptions == 1 && analysis.loopScore == 0.125)
        #expect(analysis.turns == 2 && analysis.meanTurnLatency == .milliseconds(800))
        #expect(analysis.longestTurnLatency == .milliseconds(1000))
        // From the agent's last word, at 18 s, to the end at 34 s; the pause after the greeting is shorter than 2 s.
        #expect(analysis.silences == 1 && analysis.silence == .seconds(16))
        #expect(analysis.longestSilence == .seconds(16))
    }

    @Test func `a call that was not answered has no metrics`() {
        var call = EndedCalls.call("one")
        call.answeredAt = nil
        let analysis = ConversationMetrics(timeline: ConversationTimeline(), call: call).analysis
        #expect(analysis == CallAnalysis())
    }

    // MARK: A model's opinion

    private static let opinion = #"{"summary":"They met.","sentiment":"Positive","outcome":"Appointment booked"}"#

    private func answer(_ provider: AgentProvider, _ text: String) -> String {
        let json: JSONValue =
            switch provider {
            case .openai: ["choices": [["message": ["role": "assistant", "content": .string(text)]]]]
            case .gemini, .openaiLive, .socket:
                ["candidates": [["content": ["role": "model", "parts": [["text": .string(text)]]]]]]
            }
        return json.serializedText()
    }

    @Test(arguments: AgentProvider.vendors, [opinion, "```json\n\(opinion)\n```"])
    func `a model is asked in its provider's protocol`(provider: AgentProvider, text: String) async throws {
        let reply = Receiver.Reply(body: answer(provider, text))
        try await Receiver.run(answer: { _ in reply }) { receiver async throws in
            let model = AnalysisModel(
                configuration: .init(provider: provider, baseURL: receiver.url, model: "judge-1", apiKey: "the key"),
                client: HTTPClient.shared
            )
            let opinion = try await model.opinion(on: Self.talkedCall())
            #expect(
                opinion == AnalysisOpinion(summary: "They met.", sentiment: .positive, outcome: "appointment_booked")
            )
            let message = try await receiver.next()
            let words: String?
            switch provider {
            case .openai:
                #expect(message.path == "/v1/chat/completions")
                #expect(message.headers["authorization"] == "Bearer the key")
                #expect(message.json["model"] == "judge-1" && message.json["messages"]?[0]?["role"] == "system")
                words = message.json["messages"]?[1]?["content"]?.string
            case .gemini, .openaiLive, .socket:
                #expect(message.path == "/v1beta/models/judge-1:generateContent")
                #expect(message.headers["x-goog-api-key"] == "the key")
                words = message.json["contents"]?[0]?["parts"]?[0]?["text"]?.string
            }
            #expect(words?.contains("Caller: My secret words\nAgent: bbbbbbbbb") == true)
        }
    }

    @Test(arguments: [
        (500, "", true), (429, "", true), (401, "", false), (200, "no json", false), (200, "{}", false),
    ])
    func `a failing model is logged without the caller's words`(status: Int, body: String, isPassing: Bool)
        async throws
    {
        try await Receiver.run(answer: { _ in .init(status: status, body: body) }) { receiver async throws in
            let model = AnalysisModel(
                configuration: .init(provider: .openai, baseURL: receiver.url, model: "judge-1", apiKey: "the key"),
                client: HTTPClient.shared
            )
            let failure = await #expect(throws: AnalysisModel.Failure.self) {
                try await model.opinion(on: Self.talkedCall())
            }
            #expect(failure?.isPassing == isPassing)
            #expect(failure.map { !$0.description.contains("secret") && !$0.description.contains("key") } == true)
        }
    }

    // MARK: After a call

    /// Analyses one ended call; returns it with the published events.
    private func analysed(
        model: @escaping @Sendable (Receiver.Message) async -> Receiver.Reply
    ) async throws -> (call: CallSnapshot?, told: [String], warnings: Int) {
        let warnings = Atomic(0)
        var result: (CallSnapshot?, [String], Int) = (nil, [], 0)
        try await Receiver.run(answer: model) { receiver async throws in
            let clock = SystemClock()
            let recorder = EventRecorder(clock: clock)
            let store = try SQLCallStore(.memory, outbox: recorder, identifiers: SystemIdentifiers())
            let call = Self.talkedCall()
            try await store.journal(EndedCalls.live("one"))
            for (kind, at) in Self.marks {
                recorder.publish(CallEvent(callID: CallID("one"), at: .milliseconds(at), kind: kind))
            }
            let receipt = try #require(call.receipt)
            recorder.publish(CallEvent(callID: CallID("one"), at: .seconds(34), kind: .ended(receipt)))
            try await store.save(call)
            try await store.writePending()
            var service = AnalysisService(
                store: store,
                recorder: recorder,
                model: AnalysisModel(
                    configuration: .init(provider: .openai, baseURL: receiver.url, model: "judge-1", apiKey: "k"),
                    client: HTTPClient.shared
                ),
                clock: clock,
                logger: Logger(label: "test") { _ in CountingLogHandler { warnings.add(1, ordering: .relaxed) } }
            )
            service.pause = .milliseconds(1)
            let bell = Bell()
            let number = recorder.bells.add(bell, call: CallID("one"))
            let running = Task { [service] in try await service.run() }
            while try await store.find(CallID("one"))?.analysis == nil { await bell.wait(atMost: .seconds(5)) }
            recorder.bells.remove(number)
            running.cancel()
            try? await running.value
            let told = try await store.events(of: CallID("one"), after: 0).map(\.type)
            result = (try await store.find(CallID("one")), told, warnings.load(ordering: .relaxed))
        }
        return result
    }

    @Test func `the analysis is kept with the metrics and published`() async throws {
        let body = answer(.openai, Self.opinion)
        let (call, told, warnings) = try await analysed { _ in .init(body: body) }
        let analysis = try #require(call?.analysis)
        #expect(analysis.summary == "They met." && analysis.outcome == "appointment_booked")
        #expect(analysis.sentiment == .positive && analysis.model == "judge-1")
        #expect(analysis.turns == 2 && analysis.callerTalk == .milliseconds(3600))
        #expect(told.last == "call.analyzed" && told.count { $0 == "call.analyzed" } == 1)
        #expect(warnings == 0)
    }

    @Test func `a failing model is asked three times and the metrics are published all the same`() async throws {
        let asked = Atomic(0)
        let (call, told, warnings) = try await analysed { _ in
            asked.add(1, ordering: .relaxed)
            return .init(status: 500)
        }
        let analysis = try #require(call?.analysis)
        #expect(analysis.summary == nil && analysis.model == nil && analysis.turns == 2)
        #expect(told.last == "call.analyzed")
        #expect(asked.load(ordering: .relaxed) == 3 && warnings == 3)
    }

    @Test func `a model that does not answer delays no call`() async throws {
        let gate = Gate()
        try await Receiver.run(answer: { _ in
            await gate.pass()
            return .init(status: 500)
        }) { receiver async throws in
            try await ServerFolder.run { folder async throws in
                // A former server has left one call to analyse.
                try await folder.withStore { store in
                    try await store.journal(EndedCalls.live("one"))
                    try await store.save(Self.talkedCall())
                }
                try await TestServer.run(configure: {
                    $0.storage = .init(folder: folder.path)
                    $0.analysis = .init(provider: .openai, baseURL: receiver.url, model: "judge-1", apiKey: "k")
                }) { test async throws in
                    _ = try await receiver.next()
                    let receipt = try await test.end(try await test.place())
                    #expect(receipt.status == 200)
                    let record = receipt["steps"]?.array?.first { $0["step"] == "save_record" }
                    #expect(record?["outcome"] == "done")
                    let waiting = try await test.send(.GET, "/api/calls/one")
                    #expect(waiting.status == 200 && waiting["analysis"]?["turns"] == nil)
                    gate.open()
                }
            }
        }
    }
}

/// Counts the logged warnings and errors.
private struct CountingLogHandler: LogHandler {
    let count: @Sendable () -> Void
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    init(count: @escaping @Sendable () -> Void) { self.count = count }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        if event.level >= .warning { count() }
    }
}
