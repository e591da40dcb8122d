import TalkpathWire

@testable import TalkpathCore
@testable import TalkpathTesting

/// Calls as they come to a store: those of the contract, and what only our own stores are asked for.
enum SampleCalls {
    static let noon = ContractCalls.noon
    static let key = ContractCalls.key

    static func live(
        _ id: String,
        tenant: String = "default",
        carrierCallID: String? = nil,
        startedAt: WallTime = noon
    ) -> CallSnapshot {
        var call = ContractCalls.live(id, carrierCallID: carrierCallID, startedAt: startedAt)
        call.tenant = tenant
        return call
    }

    static func ended(
        _ id: String,
        tenant: String = "default",
        carrierCallID: String? = "CA1",
        startedAt: WallTime = noon,
        confirmed: Bool = true
    ) -> CallSnapshot {
        var call = ContractCalls.ended(id, carrierCallID: carrierCallID, startedAt: startedAt)
        call.tenant = tenant
        guard let receipt = call.receipt else { return call }
        call.receipt = EndReceipt(
            callID: call.id,
            status: receipt.status,
            reason: receipt.reason,
            note: receipt.note,
            duration: receipt.duration,
            ringing: receipt.ringing,
            talking: receipt.talking,
            startedAt: receipt.startedAt,
            answeredAt: receipt.answeredAt,
            endedAt: receipt.endedAt,
            carrierConfirmed: confirmed,
            teardown: receipt.teardown,
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
        call.receipt?.usage = receipt.usage
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

/// Of a time and seconds; that of the contract counts milliseconds.
extension WallTime {
    static func + (time: WallTime, seconds: Int) -> WallTime {
        WallTime(milliseconds: time.milliseconds + Int64(seconds) * 1000)
    }
}
