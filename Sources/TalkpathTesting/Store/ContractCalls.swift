import TalkpathCore
import TalkpathWire

/// Calls for the check of a store. Every field has a value that a careless store would lose.
enum ContractCalls {
    static let noon = WallTime(milliseconds: 1_772_366_400_000)
    static let key = "sk-of-the-contract"

    static func live(_ id: String, carrierCallID: String? = nil, startedAt: WallTime = noon) -> CallSnapshot {
        let agent = AgentProfile(
            id: "support",
            name: "Support",
            provider: .openai,
            model: "gpt-realtime",
            apiKey: key,
            voice: "marin",
            format: .pcmu,
            instructions: "Be \"brief\".\nGrüße zurück.",
            firstMessage: "Hello!",
            tools: [AgentTool(name: "weather", description: "Tells it.", parameters: #"{"type":"object"}"#)],
            mayEndCall: false,
            connectPolicy: .onAnswer,
            baseURL: "wss://models.example.test"
        )
        var call = CallSnapshot(
            id: CallID(id),
            direction: .outbound,
            from: "+14155550100",
            to: "+14155550101",
            agent: agent,
            tenant: "default",
            startedAt: startedAt
        )
        call.carrierCallID = carrierCallID
        call.metadata = ["order": 17, "customer": ["name": "Ada"], "Upper": true]
        call.variables = ["customer": "Ada", "order": ["lines": [1, 2]]]
        call.publicURL = "https://voice.example.test"
        return call
    }

    static func ended(_ id: String, carrierCallID: String? = "CA1", startedAt: WallTime = noon) -> CallSnapshot {
        let ended = WallTime(milliseconds: startedAt.milliseconds + 34_182)
        var call = live(id, carrierCallID: carrierCallID, startedAt: startedAt)
        call.status = .completed
        call.answeredAt = WallTime(milliseconds: startedAt.milliseconds + 4110)
        call.endedAt = ended
        call.duration = .nanoseconds(34_182_123_456)
        call.transcript = [
            TranscriptEntry(
                speaker: .agent,
                text: "Hello!",
                milliseconds: 4300,
                heardMilliseconds: 400,
                producedMilliseconds: 900
            ),
            TranscriptEntry(speaker: .caller, text: "My PIN is 4711 🙂", milliseconds: 6000),
        ]
        call.metrics.framesFromCaller = 1500
        call.metrics.interruptions = 2
        call.metrics.usage.outputTokens = 99
        call.metrics.turnLatency.count = 3
        call.metrics.turnLatency.percentile95 = .milliseconds(812)
        var part = AgentPart(
            agent: AgentReference(id: "desk", name: "Desk", provider: .gemini, model: "m"),
            began: .zero,
            ready: .milliseconds(300),
            ended: .seconds(5)
        )
        part.reason = "gone"
        part.usage.outputTokens = 9
        call.agentParts = [
            part, AgentPart(agent: AgentReference(provider: .openai, model: "n"), began: .seconds(5)),
        ]
        call.answeredBy = .human
        call.loopScore = 0.25
        call.receipt = EndReceipt(
            callID: call.id,
            status: .completed,
            reason: .endedByAPI,
            note: "Customer requested",
            duration: call.duration,
            ringing: .milliseconds(4110),
            talking: .nanoseconds(30_072_123_456),
            startedAt: startedAt,
            answeredAt: call.answeredAt,
            endedAt: ended,
            carrierConfirmed: false,
            teardown: .milliseconds(43),
            steps: [
                .init(name: .stopBridge, outcome: .done, started: .zero, duration: .microseconds(100)),
                .init(
                    name: .hangUp,
                    outcome: .timedOut,
                    started: .microseconds(100),
                    duration: .milliseconds(38),
                    error: "the carrier did not answer in time"
                ),
            ]
        )
        call.receipt?.usage.inputCachedTokens = 64
        return call
    }

    /// The other of two calls: unlike `ended` in everything that a filter names.
    static func other(_ id: String) -> CallSnapshot {
        var call = ended(id, carrierCallID: "CA2", startedAt: noon + 60_000)
        call.tenant = "acme"
        call.direction = .inbound
        call.status = .noAnswer
        call.from = "+493012345"
        call.to = "+14155550199"
        call.agent.id = "sales"
        call.metadata = ["note": "Rückruf_100%"]
        return call
    }

    /// The names of the fields in which two calls differ.
    static func differences(_ left: CallSnapshot, _ right: CallSnapshot) -> [String] {
        var names: [String] = []
        func compare<Value: Equatable>(_ name: String, _ path: KeyPath<CallSnapshot, Value>) {
            if left[keyPath: path] != right[keyPath: path] { names.append(name) }
        }
        compare("id", \.id)
        compare("direction", \.direction)
        compare("status", \.status)
        compare("from", \.from)
        compare("to", \.to)
        compare("carrierCallID", \.carrierCallID)
        compare("agent", \.agent)
        compare("metadata", \.metadata)
        compare("variables", \.variables)
        compare("publicURL", \.publicURL)
        compare("tenant", \.tenant)
        compare("startedAt", \.startedAt)
        compare("answeredAt", \.answeredAt)
        compare("endedAt", \.endedAt)
        compare("duration", \.duration)
        compare("transcript", \.transcript)
        compare("metrics", \.metrics)
        compare("agentParts", \.agentParts)
        compare("answeredBy", \.answeredBy)
        compare("loopScore", \.loopScore)
        compare("receipt", \.receipt)
        return names.isEmpty && left != right ? ["another field"] : names
    }
}

extension WallTime {
    static func + (time: WallTime, milliseconds: Int64) -> WallTime {
        WallTime(milliseconds: time.milliseconds + milliseconds)
    }
}
