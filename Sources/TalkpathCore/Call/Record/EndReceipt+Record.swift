import TalkpathAudio
import TalkpathWire

extension EndReceipt {
    var record: JSONValue {
        .record([
            ("status", .string(status.rawValue)),
            ("reason", .string(reason.rawValue)),
            ("note", .optional(note)),
            ("duration", .nanoseconds(duration)),
            ("queueing", .nanoseconds(queueing)),
            ("ringing", .nanoseconds(ringing)),
            ("talking", .nanoseconds(talking)),
            ("started_at", .milliseconds(startedAt)),
            ("answered_at", .milliseconds(answeredAt)),
            ("ended_at", .milliseconds(endedAt)),
            ("carrier_confirmed", .bool(carrierConfirmed)),
            ("carrier_faults", .array(carrierFaults.map(\.record))),
            ("teardown", .nanoseconds(teardown)),
            ("usage", usage.record),
            ("cost", cost?.record),
            ("agent_session", agentSession?.record),
            ("transfer_outcome", .optional(transferOutcome?.rawValue)),
            (
                "steps",
                .array(
                    steps.map { step in
                        .record([
                            ("name", .string(step.name.rawValue)),
                            ("outcome", .string(step.outcome.rawValue)),
                            ("started", .nanoseconds(step.started)),
                            ("duration", .nanoseconds(step.duration)),
                            ("error", .optional(step.error)),
                        ])
                    }
                )
            ),
        ])
    }

    init(record: RecordFields, callID: CallID) throws(RecordError) {
        self.init(
            callID: callID,
            status: try record.need("receipt.status", try record.word("status")),
            reason: try record.need("receipt.reason", try record.word("reason")),
            note: record.text("note"),
            duration: record.duration("duration") ?? .zero,
            queueing: record.duration("queueing") ?? .zero,
            ringing: record.duration("ringing") ?? .zero,
            talking: record.duration("talking") ?? .zero,
            startedAt: try record.need("receipt.started_at", record.time("started_at")),
            answeredAt: record.time("answered_at"),
            endedAt: try record.need("receipt.ended_at", record.time("ended_at")),
            carrierConfirmed: record.value["carrier_confirmed"]?.bool ?? false,
            carrierFaults: try record.list("carrier_faults") { fault throws(RecordError) in
                try CarrierFault(record: fault)
            },
            teardown: record.duration("teardown") ?? .zero,
            steps: try record.list("steps") { step throws(RecordError) in
                Step(
                    name: try step.need("receipt.step", try step.word("name")),
                    outcome: try step.need("receipt.step", try step.word("outcome")),
                    started: step.duration("started") ?? .zero,
                    duration: step.duration("duration") ?? .zero,
                    error: step.text("error")
                )
            }
        )
        usage = AgentUsage(record: record.nested("usage"))
        cost = record.nested("cost").map { CallCost(record: $0.value) }
        agentSession = record.nested("agent_session").map(AgentSessionAccount.init(record:))
        transferOutcome = record.text("transfer_outcome").flatMap(TransferOutcome.init)
    }
}

extension AgentSessionAccount {
    fileprivate var record: JSONValue {
        .record([("closing", .optional(closing)), ("billed_seconds", JSONValue(billedSeconds))])
    }

    fileprivate init(record: RecordFields) {
        self.init(closing: record.text("closing"), billedSeconds: record.integer("billed_seconds") ?? 0)
    }
}

extension AgentUsage {
    var record: JSONValue {
        .object(Self.counts.map { (key: $0.name, value: JSONValue(self[keyPath: $0.path])) })
    }

    init(record: RecordFields?) {
        self.init()
        for count in Self.counts { self[keyPath: count.path] = record?.integer(count.name) ?? 0 }
    }
}

extension CarrierFault {
    fileprivate var record: JSONValue {
        .record([
            ("source", .string(source.rawValue)), ("code", code.map { JSONValue($0) }), ("message", .string(message)),
        ])
    }

    fileprivate init(record: RecordFields) throws(RecordError) {
        source = try record.need("receipt.carrier_fault", try record.word("source"))
        code = record.integer("code")
        message = record.text("message") ?? ""
    }
}
