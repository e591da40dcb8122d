#if os(Linux)
import AsyncHTTPClient
import Foundation
import Synchronization
import TalkpathAudio
import TalkpathCore
import TalkpathServer
import TalkpathSimulators
import TalkpathWire

/// Ends calls in one state, one after another, while other calls go on.
struct EndStage {
    /// The state of a call when it is ended.
    enum State: String, CaseIterable {
        case dialling, ringing
        case connecting = "model connecting"
        case bridged
        case speaking = "agent speaking"

        var behavior: CallBehavior {
            switch self {
            case .dialling: CallBehavior(outcome: .noAnswer(ringing: .seconds(30)), dialing: .seconds(30))
            case .ringing: CallBehavior(outcome: .noAnswer(ringing: .seconds(30)), dialing: .milliseconds(5))
            case .connecting, .bridged, .speaking:
                CallBehavior(outcome: .answers(ringing: .milliseconds(10)), dialing: .milliseconds(5))
            }
        }

        /// The instructions of the agent. They tell the bench's model how to behave.
        var prompt: String {
            switch self {
            case .dialling, .ringing, .bridged: "Echo."
            case .connecting: "bench: hesitate"
            case .speaking: "bench: talk"
            }
        }
    }

    /// Durations in milliseconds: as the client measures them, and as the receipt reports them.
    typealias Times = (request: Double, teardown: Double)

    var state: State
    var calls: Int
    var active: Int

    func run() async throws -> [Times] {
        let model = try LoadModelPort()
        let timeline = SimulatorTimeline()
        let carrier = FakeTwilioConfiguration(behavior: state.behavior, keepsAudio: false, timeline: timeline)
        let twilio = try await FakeTwilio.start(carrier)
        let server = try await TalkpathServer.start(
            try .read(
                environment: [
                    "TALKPATH_HTTP_PORT": "0", "TALKPATH_LOG_LEVEL": "critical", "OPENAI_API_KEY": "key",
                    "TALKPATH_MAX_CALLS": "20000", "TALKPATH_MAX_CALLS_PER_SECOND": "10000",
                    "OPENAI_REALTIME_URL": "ws://127.0.0.1:\(model.port)/v1/realtime",
                    "TWILIO_ACCOUNT_SID": carrier.accountSID, "TWILIO_AUTH_TOKEN": carrier.authToken,
                    "TWILIO_FROM_NUMBER": "+15550100100", "TWILIO_API_BASE_URL": twilio.baseURL,
                ],
                isDevelopment: true
            )
        )
        let others = OtherCalls(count: active, port: server.port, model: model)
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        let api = LoopbackClient(client: client, origin: "http://127.0.0.1:\(server.port)")
        let result: Result<[Times], any Error>
        do {
            try await others.begin()
            var times: [Times] = []
            for _ in 0..<calls { times.append(try await endOne(api, timeline, model)) }
            try await others.finish()
            result = .success(times)
        } catch {
            try? await others.finish()
            result = .failure(error)
        }
        await server.shutDown()
        await twilio.shutdown()
        try await client.shutdown()
        return try result.get()
    }

    private func endOne(_ api: LoopbackClient, _ timeline: SimulatorTimeline, _ model: LoadModelPort) async throws
        -> Times
    {
        let (position, sessions) = (timeline.count, model.sessionsReady)
        let placed = try await api.post("/api/calls", ["to": "+15550100199", "prompt": .string(state.prompt)])
        guard let id = placed.body["call_id"]?.string else {
            throw LoopbackClient.Refusal(placed)
        }
        switch state {
        case .dialling:
            break
        case .ringing:
            try await timeline.waitFor(after: position) { $0.kind == .callStatus("ringing") }
        case .connecting, .bridged, .speaking:
            try await timeline.waitFor(after: position) { if case .streamStarted = $0.kind { true } else { false } }
        }
        if state == .bridged || state == .speaking {
            while model.sessionsReady == sessions { try await Task.sleep(for: .milliseconds(1)) }
        }
        if state == .speaking { try await timeline.waitFor(after: position) { $0.kind == .agentHeard } }
        let clock = ContinuousClock()
        let began = clock.now
        let ended = try await api.post("/api/calls/\(id)/end", [:])
        let took = began.duration(to: clock.now)
        guard ended.status == 200 else {
            throw LoopbackClient.Refusal(ended)
        }
        return (took.milliseconds, ended.body["teardown_ms"]?.double ?? 0)
    }
}

/// The calls that go on while one is ended, and the model of all calls. They run on a thread of their own.
private final class OtherCalls: Sendable {
    private let count: Int
    private let port: Int
    private let model: LoadModelPort
    private let isDone = Atomic(false)
    private let (begun, hasBegun) = AsyncThrowingStream<Void, any Error>.makeStream()
    private let (ended, hasEnded) = AsyncThrowingStream<Void, any Error>.makeStream()

    init(count: Int, port: Int, model: LoadModelPort) {
        self.count = count
        self.port = port
        self.model = model
    }

    /// Returns when all of them have begun.
    func begin() async throws {
        let thread = Thread { [self] in
            do {
                let target = try LoadTarget(url: "ws://127.0.0.1:\(port)")
                let shape = LoadShape(provider: .openAI, format: .pcm)
                let run = try LoadRun(LoadRun.Plan(target: target, shape: shape), model: model)
                defer { run.close() }
                try run.open(calls: count)
                hasBegun.yield()
                try run.hold { isDone.load(ordering: .relaxed) }
                hasEnded.finish()
            } catch {
                hasBegun.finish(throwing: error)
                hasEnded.finish(throwing: error)
            }
        }
        thread.name = "fleet"
        thread.start()
        for try await _ in begun { return }
    }

    /// - Throws: if one of them was lost.
    func finish() async throws {
        isDone.store(true, ordering: .relaxed)
        for try await _ in ended {}
    }
}
#endif
