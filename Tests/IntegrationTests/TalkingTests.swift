import Foundation
import NIOPosix
import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathServer
import TalkpathWire
import Testing

@testable import TalkpathSimulators

/// Received messages, readable from any thread.
private final class Bodies: Sendable {
    private let bodies = Mutex<[[UInt8]]>([])

    var all: [[UInt8]] { bodies.withLock { $0 } }

    func add(_ body: [UInt8]) { bodies.withLock { $0.append(body) } }
}

/// Requests to a live call through the control API, over real sockets, judged by the caller's audio, the model's
/// messages and the carrier's requests.
@Suite struct TalkingTests {
    private static func speech(_ number: Int, _ milliseconds: Int, rate: Int = 24_000) -> [Int16] {
        SyntheticSpeech.samples(number: number, lasting: .milliseconds(milliseconds), rate: rate)
    }

    /// A sweep from 300 to 800 Hz correlates with itself at one lag only.
    private static func sweep(_ milliseconds: Int, rate: Int) -> [Int16] {
        let length = Double(milliseconds) / 1000
        return (0..<milliseconds * rate / 1000).map { index in
            let time = Double(index) / Double(rate)
            return Int16(8000 * sin(2 * .pi * (300 * time + 250 * time * time / length)))
        }
    }

    private static let greeting = AgentScript.Turn(.connect, audio: speech(1, 300), transcript: "Hello.")

    private func stream(_ stage: CallStage) async throws -> MediaStreamRecord {
        try #require(await stage.twilio.records().first?.streams.first)
    }

    // MARK: Saying

    @Test(arguments: [AgentProvider.openai, .gemini])
    func `the agent says the requested words and the answer comes once they were played`(_ provider: AgentProvider)
        async throws
    {
        let notice = AgentScript.Turn(.request, audio: Self.speech(6, 700), transcript: "The line closes soon.")
        try await CallStage.with(provider, agent: AgentScript(turns: [Self.greeting, notice])) { stage in
            let id = try await stage.bridged()
            try await stage.waitFor { $0 == .agentFellSilent }
            let said = try await stage.post("/api/calls/\(id)/say", ["text": "Say that the line closes soon."])
            #expect(said.status == 200, "\(said.body.serializedText())")
            #expect(said.body["text"]?.string == "The line closes soon.")
            #expect(said.body["cut"]?.bool == false)
            // The answer comes when the caller has heard the words, not when the model has generated them.
            let heard = try await stream(stage).heardSamples
            let match = AudioCorrelation.bestLag(of: Self.speech(6, 700, rate: 8000), in: heard, maxLag: 40_000)
            #expect(abs(match.coefficient) > 0.9)
            let told = try #require(await stage.models().first).textsReceived
            #expect(told.contains { $0.contains("Say that the line closes soon.") })
            _ = try await stage.end(id)
        }
    }

    @Test(arguments: [(8000, 0.999), (16_000, 0.97), (24_000, 0.97)])
    func `a clip is played unchanged and the answer has the played duration`(rate: Int, likeness: Double) async throws {
        let clip = Self.sweep(800, rate: rate)
        let file = PlainBase64.encode(WAV.encode(channels: [clip], sampleRate: rate))
        try await CallStage.with(agent: .silent) { stage in
            let id = try await stage.bridged()
            let played = try await stage.post("/api/calls/\(id)/say", ["audio": .string(file)])
            #expect(played.status == 200, "\(played.body.serializedText())")
            #expect(played.body["cut"]?.bool == false)
            #expect(abs((played.body["heard_ms"]?.int ?? 0) - 800) <= 20)
            let heard = try await stream(stage).heardSamples
            let match = AudioCorrelation.bestLag(of: Self.sweep(800, rate: 8000), in: heard, maxLag: 40_000)
            // The search tries whole samples only, so half a sample is lost at a change of rate.
            #expect(match.coefficient > likeness)
            _ = try await stage.end(id)
        }
    }

    @Test func `a clip that the end interrupts is reported as interrupted`() async throws {
        let file = PlainBase64.encode(WAV.encode(channels: [Self.speech(9, 5000, rate: 8000)], sampleRate: 8000))
        try await CallStage.with(agent: .silent) { stage in
            let id = try await stage.bridged()
            async let played = stage.post("/api/calls/\(id)/say", ["audio": .string(file)])
            try await stage.waitFor { $0 == .agentHeard }
            #expect(try await stage.end(id).status == 200)
            let answer = try await played
            // The answer has the played duration, or says that the call ended; it never reports a success.
            #expect(answer.body["cut"]?.bool == true || answer.body["code"]?.string == "call_already_ended")
        }
    }

    // MARK: Keys

    @Test func `keys that the server sends are heard as tones`() async throws {
        try await CallStage.with(agent: .silent) { stage in
            let id = try await stage.bridged()
            let sent = try await stage.post("/api/calls/\(id)/dtmf", ["digits": "15w#"])
            #expect(sent.status == 200, "\(sent.body.serializedText())")
            let keys = try DTMFDetector.keys(in: try await stream(stage).heardSamples, sampleRate: 8000)
            #expect(String(keys.map(\.character)) == "15#")
            _ = try await stage.end(id)
        }
    }

    @Test(arguments: [AgentProvider.openai, .gemini])
    func `keys that the caller presses are sent to the model in one piece`(_ provider: AgentProvider) async throws {
        let phone = PhoneScript(turns: [PhoneScript.Turn(.start(after: .milliseconds(400)), .keys("427#"))])
        try await CallStage.with(provider, carrier: .answers(phone), agent: .silent) { stage in
            let id = try await stage.bridged()
            try await stage.waitFor { $0 == .dtmf(digit: "#") }
            var told: [String] = []
            while told.isEmpty {
                try await Task.sleep(for: .milliseconds(10))
                told = try #require(await stage.models().first).textsReceived.filter { $0.contains("keypad") }
            }
            #expect(told.count == 1 && told[0].contains("4 2 7 pound"))
            _ = try await stage.end(id)
        }
    }

    // MARK: Muting

    @Test func `a muted caller is not heard by the model until unmuted`() async throws {
        // The caller answers clips, so that even on a slow machine the caller speaks after the muting and after its
        // end.
        let clip = JSONValue.string(
            PlainBase64.encode(WAV.encode(channels: [Self.speech(9, 400, rate: 8000)], sampleRate: 8000))
        )
        let phone = PhoneScript(
            turns: [1, 2].map {
                SyntheticSpeech.callerTurn(
                    .agentEnds(after: .milliseconds(100)),
                    number: $0,
                    lasting: .milliseconds(600)
                )
            }
        )
        try await CallStage.with(carrier: .answers(phone), agent: .silent) { stage in
            let id = try await stage.bridged()
            #expect(try await stage.post("/api/calls/\(id)/mute", ["leg": "caller"]).status == 200)
            #expect(try await stage.post("/api/calls/\(id)/say", ["audio": clip]).status == 200)
            try await stage.waitFor { $0 == .userEnded(turn: 0) }
            #expect(try await stage.post("/api/calls/\(id)/unmute", ["leg": "caller"]).status == 200)
            #expect(try await stage.post("/api/calls/\(id)/say", ["audio": clip]).status == 200)
            try await stage.waitFor { if case .callerSpeechStarted = $0 { true } else { false } }
            try await stage.waitFor { $0 == .userEnded(turn: 1) }
            let agent = try #require(await stage.models().first)
            // A caller's turns have the odd pitches: 3 is the first, 5 the second.
            let window = agent.inputFormat.sampleRate / 5
            let samples = agent.receivedSamples
            let heard = Set(
                stride(from: 0, to: max(0, samples.count - window), by: window / 2).compactMap {
                    SyntheticSpeech.number(of: samples[$0..<$0 + window], rate: agent.inputFormat.sampleRate)
                }
            )
            #expect(!heard.contains(3))
            #expect(heard.contains(5))
            _ = try await stage.end(id)
        }
    }

    // MARK: Tools

    @Test(arguments: [AgentProvider.openai, .gemini])
    func `a function of the agent is called over HTTP and its answer is sent to the model`(_ provider: AgentProvider)
        async throws
    {
        let asking = AgentScript.Turn(
            .connect,
            audio: [],
            toolCall: AgentScript.ToolCall(name: "stock", arguments: #"{"item":"lamp"}"#)
        )
        let answering = AgentScript.Turn(.toolResult, audio: Self.speech(4, 400), transcript: "Seven of them.")
        let bodies = Bodies()
        let shop = try await SimulatorHTTPServer.start(
            host: "127.0.0.1",
            port: 0,
            on: MultiThreadedEventLoopGroup.singleton
        ) { exchange in
            bodies.add(exchange.body)
            exchange.respond(200, body: Array(#"{"left":7}"#.utf8))
        }
        let url = "http://127.0.0.1:\(shop.port)/stock"
        try await CallStage.with(
            provider,
            agent: AgentScript(turns: [asking, answering]),
            configure: {
                let tool = AgentTool(name: "stock", description: "What is left")
                $0.agent.endpoints = [ToolEndpoint(tool: tool, url: url)]
            }
        ) { stage in
            let id = try await stage.bridged()
            try await stage.waitFor { $0 == .agentHeard }
            let agent = try #require(await stage.models().first)
            #expect(agent.toolResults.contains { $0.output.contains("7") })
            let asked = try #require(bodies.all.first)
            let body = try JSONValue(parsing: asked.span.bytes)
            #expect(body["name"]?.string == "stock")
            #expect(body["arguments"]?["item"]?.string == "lamp")
            #expect(body["call_id"]?.string == id)
            _ = try await stage.end(id)
        }
        await shop.shutdown()
    }
}
