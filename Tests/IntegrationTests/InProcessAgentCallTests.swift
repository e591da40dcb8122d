import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathServer
import TalkpathSimulators
import TalkpathWire
import Testing

/// Calls of the real server with an agent of its own process, over the simulated carrier.
@Suite struct InProcessAgentCallTests {
    /// Answers what it is told to say and every turn of the caller, and writes down what it learns.
    private final class Receptionist: InProcessAgent {
        let events = Mutex<[AgentCallEvent]>([])
        let starts = Mutex<[AgentCallStart]>([])
        let heardSamples = Mutex<Int>(0)
        private let answer: [Int16]

        var outputRate: AgentSampleRate { .hz24000 }

        init(answerLasting duration: Duration) {
            answer = SyntheticSpeech.samples(number: 2, lasting: duration, rate: 24_000)
        }

        func run(_ call: AgentCall) async throws {
            starts.withLock { $0.append(call.start) }
            async let hearing: Void = hear(call.callerAudio)
            for await event in call.events {
                events.withLock { $0.append(event) }
                switch event {
                case .say, .callerStopped:
                    if case .callerStopped = event { try await call.callerTranscript("Hello there.") }
                    try await call.respond { speech in
                        try await speech.transcript("Good day.")
                        try await speech.send(answer)
                    }
                case .digit("9"): try await call.end(note: "pressed 9")
                default: break
                }
            }
            await hearing
        }

        private func hear(_ audio: CallerAudio) async {
            for await chunk in audio { heardSamples.withLock { $0 += chunk.count } }
        }
    }

    private static func with(
        _ agent: Receptionist,
        phone: PhoneScript,
        _ body: (CallStage, JSONValue) async throws -> Void
    ) async throws {
        let settings = ["TALKPATH_SOCKET_URL": "in-process:desk"]
        try await CallStage.with(
            .socket,
            carrier: .answers(phone),
            settings: settings,
            agents: ["desk": agent]
        ) { stage in
            let id = try await stage.place()
            try await body(stage, try await stage.record(of: id))
        }
    }

    @Test func `an agent of the process greets, hears keys and hangs up, and the caller hears it`() async throws {
        let agent = Receptionist(answerLasting: .milliseconds(500))
        let phone = PhoneScript(
            turns: [
                SyntheticSpeech.callerTurn(.agentEnds(after: .milliseconds(200)), number: 3, lasting: .seconds(1)),
                .init(.agentEnds(after: .milliseconds(200)), .keys("79")),
            ],
            ending: .staysSilent
        )
        try await Self.with(agent, phone: phone) { stage, call in
            #expect(call["receipt"]?["ended_reason"]?.string == "agent_hangup")
            let stream = try #require(await stage.twilio.records().first?.streams.first)
            #expect(stream.violations.isEmpty)
            // Two answers of half a second.
            #expect((7600...8400).contains(stream.playedBytes))
            let events = agent.events.withLock { $0 }
            #expect(events.first == .say("Greet the caller."))
            #expect(events.contains(.digit("7")))
            guard case .ended(let end) = events.last else {
                Issue.record("the last event was \(String(describing: events.last))")
                return
            }
            #expect(end.reason == "agent_hangup" && end.note == "pressed 9" && end.talkingMilliseconds > 0)
            let start = try #require(agent.starts.withLock { $0.first })
            #expect(start.details.direction == "outbound" && start.details.to == "+15550100199")
            #expect(start.tools.contains { $0.name == "end_call" })
            #expect(agent.heardSamples.withLock { $0 } > 16_000)
            let texts = (call["transcript"]?.array ?? []).compactMap { $0["text"]?.string }
            #expect(texts == ["Good day.", "Hello there.", "Good day."])
        }
    }

    @Test func `a caller who speaks over the agent cuts it short, and the agent learns what was heard`() async throws {
        let agent = Receptionist(answerLasting: .seconds(4))
        let words = SyntheticSpeech.callerTurn(.agentStarts(after: .milliseconds(800)), number: 3, lasting: .seconds(1))
        let phone = PhoneScript(turns: [words], ending: .hangsUp(after: .milliseconds(200)))
        try await Self.with(agent, phone: phone) { stage, call in
            let events = agent.events.withLock { $0 }
            let heard = events.compactMap { if case .interrupted(1, let heard) = $0 { heard } else { nil } }
            let first = try #require(heard.first)
            #expect(heard.count == 1 && (700...1500).contains(first))
            let turn = call["transcript"]?.array?.first
            #expect(turn?["heard_ms"]?.int == heard.first)
            #expect(call["receipt"]?["ended_reason"]?.string == "caller_hangup")
        }
    }

    @Test func `a server that has no such agent does not start, and a tenant's agent is refused`() async throws {
        let agent = Receptionist(answerLasting: .milliseconds(100))
        let settings = [
            "TALKPATH_HTTP_PORT": "0", "TALKPATH_AGENT_PROVIDER": "socket", "TALKPATH_SOCKET_URL": "in-process:nobody",
        ]
        var parts = TalkpathServer.Parts()
        parts.agents = ["desk": agent]
        let fault = await #expect(throws: ConfigurationError.self) {
            _ = try await TalkpathServer.start(try .read(environment: settings, isDevelopment: true), parts: parts)
        }
        #expect(fault?.problems.contains { $0.setting == "TALKPATH_SOCKET_URL" } == true)
        try await CallStage.with(.openai, agents: ["desk": agent]) { stage in
            func create(_ address: String) async throws -> CallStage.Answer {
                try await stage.post(
                    "/api/agents",
                    ["name": "Desk", "provider": "socket", "socket": ["url": .string(address)]]
                )
            }
            let known = try await create("in-process:desk")
            let unknown = try await create("in-process:nobody")
            #expect(known.status == 201 && unknown.status == 422)
        }
    }
}
