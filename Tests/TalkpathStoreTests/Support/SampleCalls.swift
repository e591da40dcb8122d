import TalkpathWire

@testable import TalkpathCore

/// Calls as they come to a store.
enum SampleCalls {
    static let noon = WallTime(milliseconds: 1_772_366_400_000)

    static func live(
        _ id: String,
        tenant: String = "default",
        carrierCallID: String? = nil,
        startedAt: WallTime = noon
    ) -> CallSnapshot {
        var agent = AgentProfile(
            provider: .openai,
            model: "gpt-realtime-2.1",
            apiKey: "sk-secret",
            voice: "marin",
            format: .pcmu,
            instructions: "Be \"brief\".\nGrüße zurück.",
            firstMessage: "Hello!",
            tools: [AgentTool(name: "weather", description: "Tells it.", parameters: #"{"type":"object"}"#)],
            mayEndCall: false,
            connectPolicy: .onAnswer,
            baseURL: "wss://models.example.test"
        )
        agent.id = "support"
        agent.name = "Support"
        return CallSnapshot(
            id: CallID(id),
            direction: .outbound,
            status: .initiating,
            from: "+14155550100",
            to: "+14155550101",
            carrierCallID: carrierCallID,
            agent: agent,
            metadata: ["order": 17, "customer": ["name": "Ada"], "Upper": true],
            variables: ["customer": "Ada", "order": ["lines": [1, 2]]],
            publicURL: "https://voice.example.test",
            tenant: tenant,
            startedAt: startedAt,
            duration: .zero,
            transcript: [],
            metrics: CallMetrics()
        )
    }

    static func ended(
        _ id: String,
        tenant: String = "default",
        carrierCallID: String? = "CA1",
        startedAt: WallTime = noon,
        confirmed: Bool = true
    ) -> CallSnapshot {
        var call = live(id, tenant: tenant, carrierCallID: carrierCallID, startedAt: startedAt)
        call.status = .completed
        call.answeredAt = WallTime(milliseconds: startedAt.milliseconds + 4110)
        call.endedAt = WallTime(milliseconds: startedAt.milliseconds + 34_182)
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
            endedAt: WallTime(milliseconds: startedAt.milliseconds + 34_182),
            carrierConfirmed: confirmed,
            teardown: .milliseconds(43),
            steps: [
                .init(name: .stopBridge, outcome: .done, started: .zero, duration: .microseconds(100)),
                .init(
                    name: .hangUp,
                    outcome: confirmed ? .done : .timedOut,
                    started: .microseconds(100),
                    duration: .milliseconds(38),
                    error: confirmed ? nil : "the carrier did not answer in time"
                ),
                .init(name: .closeAgent, outcome: .alreadyGone, started: .microseconds(200), duration: .zero),
                .init(name: .closeMedia, outcome: .skipped, started: .milliseconds(39), duration: .zero),
                .init(name: .saveRecord, outcome: .done, started: .milliseconds(41), duration: .zero),
            ]
        )
        call.receipt?.transferOutcome = .noAnswer
        call.receipt?.agentSession = AgentSessionAccount(closing: "close_requested", billedSeconds: 75)
        call.receipt?.usage.inputCachedTokens = 64
        call.receipt?.cost = CallCost(items: [
            .init(.model, "input_audio", 1200, .tokens, Price(decimal: "32")),
            .init(.carrier, "call", 1, .minutes, nil),
        ])
        return call
    }

    /// As it comes back from a store.
    static func kept(_ call: CallSnapshot) -> CallSnapshot { call.asKept }

    /// As it stands in a list.
    static func listed(_ call: CallSnapshot) -> CallSnapshot {
        var call = call.asKept
        call.transcript = []
        return call
    }
}

extension WallTime {
    static func + (time: WallTime, seconds: Int) -> WallTime {
        WallTime(milliseconds: time.milliseconds + Int64(seconds) * 1000)
    }
}
