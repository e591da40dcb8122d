import TalkpathCore
import AsyncHTTPClient
import Foundation
import TalkpathServer
import TalkpathSimulators
import TalkpathWire

/// The real server between a fake carrier and a fake model, while many calls with faults run.
struct SoakStage {
    private let plan: SoakPlan
    let twilio: FakeTwilio
    private let model: FakeModel
    private let server: TalkpathServer
    private let client: HTTPClient
    let api: LoopbackClient

    /// The resources that calls use, and that must be back at their first count once every call has ended.
    struct Remains: Sendable {
        var sessions: Int
        var modelSockets: Int
        var callsAtCarrier: Int

        var isClean: Bool { sessions + modelSockets + callsAtCarrier == 0 }
    }

    struct Outcome: Sendable {
        var refused = 0
        var ended: [String: Int] = [:]
        var unconfirmed = 0
        var unfinished = 0
    }

    static func start(_ provider: AgentProvider, _ plan: SoakPlan, calls: Int) async throws -> SoakStage {
        var carrier = FakeTwilioConfiguration(keepsAudio: false)
        carrier.behavior = { _, number in plan.behavior(number) }
        return try await start(
            provider,
            plan,
            model: FakeAgentConfiguration(
                apiKey: "key",
                script: .echo,
                faults: plan.agentFaults(sessions: calls * 2),
                keepsAudio: false
            ),
            carrier: carrier,
            settings: [
                "TALKPATH_MAX_DURATION_S": "4", "TALKPATH_MEDIA_TIMEOUT_S": "2", "TALKPATH_AGENT_SETUP_TIMEOUT_S": "2",
            ]
        )
    }

    static func start(
        _ provider: AgentProvider,
        _ plan: SoakPlan,
        model: FakeAgentConfiguration,
        carrier: FakeTwilioConfiguration,
        settings: [String: String]
    ) async throws -> SoakStage {
        let model = try await FakeModel.start(provider, model)
        let twilio = try await FakeTwilio.start(carrier)
        var environment = [
            "TALKPATH_HTTP_PORT": "0", "TALKPATH_LOG_LEVEL": "critical", "TALKPATH_MAX_CALLS_PER_SECOND": "10000",
            "TALKPATH_AGENT_PROVIDER": provider.rawValue,
            "TWILIO_ACCOUNT_SID": carrier.accountSID, "TWILIO_AUTH_TOKEN": carrier.authToken,
            "TWILIO_FROM_NUMBER": "+15550100100", "TWILIO_API_BASE_URL": twilio.baseURL,
        ].merging(settings) { $1 }
        let (key, address) =
            switch provider {
            case .openai: ("OPENAI_API_KEY", "OPENAI_REALTIME_URL")
            case .openaiLive: ("OPENAI_API_KEY", "OPENAI_LIVE_URL")
            case .gemini: ("GEMINI_API_KEY", "GEMINI_LIVE_URL")
            case .socket: ("TALKPATH_SOCKET_KEY", "TALKPATH_SOCKET_URL")
            }
        environment[key] = "key"
        environment[address] = model.url
        let server = try await TalkpathServer.start(try .read(environment: environment, isDevelopment: true))
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        return SoakStage(
            plan: plan,
            twilio: twilio,
            model: model,
            server: server,
            client: client,
            api: LoopbackClient(client: client, origin: "http://127.0.0.1:\(server.port)")
        )
    }

    /// Plays the calls, up to `atOnce` at the same time.
    func play(calls: Int, atOnce: Int, _ progress: @Sendable (Int) -> Void) async throws -> Outcome {
        var outcome = Outcome()
        var next = 0
        try await withThrowingTaskGroup(of: JSONValue?.self) { group in
            while next < min(calls, atOnce) {
                group.addTask { [next] in try await play(next) }
                next += 1
            }
            var done = 0
            while let record = try await group.next() {
                done += 1
                progress(done)
                outcome.add(record)
                if next < calls {
                    group.addTask { [next] in try await play(next) }
                    next += 1
                }
            }
        }
        return outcome
    }

    /// - Returns: the call's record; `nil` if the server refused the request.
    private func play(_ number: Int) async throws -> JSONValue? {
        let call = plan.call(number)
        if let fault = call.fault { await twilio.inject(fault) }
        let placed = try await api.post("/api/calls", ["to": "+15550100199"])
        guard placed.status == 201, let id = placed.body["call_id"]?.string else { return nil }
        try await Task.sleep(for: call.patience)
        switch call.ender {
        case .now: _ = try await api.post("/api/calls/\(id)/end", [:])
        case .drain: _ = try await api.post("/api/calls/\(id)/end", ["mode": "drain", "drain_timeout_ms": 800])
        case .three:
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 { group.addTask { _ = try await api.post("/api/calls/\(id)/end", [:]) } }
                try await group.waitForAll()
            }
        case .callerHangsUp:
            let record = try await api.get("/api/calls/\(id)").body
            if let sid = record["carrier_call_id"]?.string { await twilio.hangUp(sid) }
        case .nobody: break
        }
        return try await record(of: id)
    }

    /// Waits for the call's record with its receipt; the call's limits end every call within that time. Returns an
    /// empty object if no receipt comes.
    func record(of id: String, within seconds: Int = 30) async throws -> JSONValue {
        for _ in 0..<seconds * 20 {
            let call = try await api.get("/api/calls/\(id)").body
            if call["receipt"]?.isNull == false { return call }
            try await Task.sleep(for: .milliseconds(50))
        }
        return [:]
    }

    func remains() async throws -> Remains {
        let records = await twilio.records()
        return Remains(
            sessions: await server.manager.activeCalls,
            modelSockets: await model.openSessions(),
            callsAtCarrier: records.count { !$0.isOver }
        )
    }

    /// Waits until nothing is left of the calls, or until `limit` is over.
    func settle(within limit: Duration) async throws -> Remains {
        let clock = ContinuousClock()
        let deadline = clock.now + limit
        while true {
            let remains = try await remains()
            if remains.isClean || clock.now > deadline { return remains }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    func shutDown() async throws {
        await server.shutDown()
        await twilio.shutdown()
        await model.shutdown()
        try await client.shutdown()
    }
}

extension SoakStage.Outcome {
    mutating func add(_ record: JSONValue?) {
        guard let record else {
            refused += 1
            return
        }
        guard let receipt = record["receipt"], !receipt.isNull else {
            unfinished += 1
            return
        }
        ended[receipt["ended_reason"]?.string ?? "?", default: 0] += 1
        if receipt["carrier_confirmed"]?.bool != true { unconfirmed += 1 }
    }
}
