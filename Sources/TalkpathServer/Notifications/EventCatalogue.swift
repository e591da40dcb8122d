import TalkpathAudio
import TalkpathCore
import TalkpathStore
import TalkpathWire

/// The events that the server sends. The raw values are stable.
enum EventType: String, Sendable, CaseIterable {
    case started = "call.started"
    case ringing = "call.ringing"
    case answered = "call.answered"
    case ended = "call.ended"
    case transcript = "call.transcript"
    case recording = "call.recording"
    case analyzed = "call.analyzed"
    case dtmf = "call.dtmf"
    case listened = "call.listened"
    case transferStarted = "call.transfer_started"
    case transferAnswered = "call.transfer_answered"
    case transferFailed = "call.transfer_failed"
    case toolCalled = "agent.tool_called"
    case agentLost = "agent.lost"
    case agentFailedOver = "agent.failed_over"
    case carrierError = "carrier.error"
    case responseFailed = "agent.response_failed"
    case failed = "call.failed"
}

/// The data of each event. The store adds the numbers of the call.
enum EventCatalogue {
    /// - Returns: `nil` for events that stay inside the server.
    static func event(_ event: CallEvent, at time: WallTime) -> OutboxEvent? {
        let (type, members): (EventType, [(String, JSONValue?)])
        switch event.kind {
        case .started: (type, members) = (.started, [])
        case .ringing: (type, members) = (.ringing, [])
        case .answered: (type, members) = (.answered, [])
        case .transcript(let turn): return make(.transcript, event.callID, at: time, told(turn))
        case .transcriptCorrected(let turn):
            return make(.transcript, event.callID, at: time, told(turn) + [("corrects", true)])
        case .dtmf: (type, members) = (.dtmf, [])
        case .listenerJoined: (type, members) = (.listened, [])
        case .carrierError(let fault):
            (type, members) = (
                .carrierError, (fault.json.object ?? []).map { ($0.key, $0.value) }
            )
        case .agentLost(let message): (type, members) = (.agentLost, [("reason", .string(message))])
        case .agentFailedOver(let failover): (type, members) = (.agentFailedOver, failover.members)
        case .responseFailed(let status, let code):
            (type, members) = (.responseFailed, [("status", .string(status)), ("code", .string(code))])
        case .transferring: (type, members) = (.transferStarted, [])
        case .transferAnswered: (type, members) = (.transferAnswered, [])
        case .transferFailed(let outcome, let message):
            (type, members) = (
                .transferFailed, [("outcome", .optional(outcome?.rawValue)), ("reason", .string(message))]
            )
        case .toolCalled(let name): (type, members) = (.toolCalled, [("name", .string(name))])
        // The store writes this event with the record. This copy counts if the record could not be saved.
        case .ended(let receipt): return ended(receipt, members: [])
        default: return nil
        }
        return make(type, event.callID, at: time, [("at_ms", JSONValue(event.at.wholeMilliseconds))] + members)
    }

    /// The members of a turn. The time is that of the words, not of the report.
    private static func told(_ turn: TranscriptEntry) -> [(String, JSONValue?)] {
        var json = turn.json
        json.set("turn_id", .string(turn.turnID))
        json.set("cut", .bool(turn.isCut))
        return (json.object ?? []).map { ($0.key, JSONValue?.some($0.value)) }
    }

    /// The events that are written with a call's record; the end comes last.
    static func events(endOf call: CallSnapshot) -> [OutboxEvent] {
        guard let receipt = call.receipt else { return [] }
        let members: [(String, JSONValue?)] = [
            ("agent", ["provider": .string(call.agent.provider.rawValue), "model": .string(call.agent.model)]),
            ("carrier_call_id", call.carrierCallID.map(JSONValue.string)),
            ("metadata", .object(call.metadata.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) })),
        ]
        let end = ended(receipt, members: members)
        guard call.status == .failed else { return [end] }
        let reason: [(String, JSONValue?)] = [
            ("ended_reason", .string(receipt.reason.rawValue)), ("reason", .optional(receipt.note)),
        ]
        return [make(.failed, call.id, tenant: call.tenant, at: receipt.endedAt, reason), end]
    }

    static func event(analysisOf call: CallSnapshot, at now: WallTime) -> OutboxEvent {
        make(.analyzed, call.id, tenant: call.tenant, at: now, [("analysis", call.analysis?.json ?? .null)])
    }

    static func recording(_ call: CallID, at now: WallTime) -> OutboxEvent {
        let address = JSONValue.string("/api/calls/\(call)/recording")
        return make(.recording, call, at: now, [("recording_url", address)])
    }

    private static func ended(_ receipt: EndReceipt, members: [(String, JSONValue?)]) -> OutboxEvent {
        let facts: [(String, JSONValue?)] = [
            ("status", .string(receipt.status.rawValue)), ("ended_reason", .string(receipt.reason.rawValue)),
            ("duration", .seconds(receipt.duration)), ("duration_ms", JSONValue(receipt.duration.wholeMilliseconds)),
        ]
        return make(.ended, receipt.callID, at: receipt.endedAt, facts + members + [("receipt", receipt.json)])
    }

    private static func make(
        _ type: EventType,
        _ call: CallID,
        tenant: String = "",
        at time: WallTime,
        _ members: [(String, JSONValue?)]
    ) -> OutboxEvent {
        let named: [(key: String, value: JSONValue)] = members.compactMap { key, value in
            value.map { (key: key, value: $0) }
        }
        return OutboxEvent(
            type: type.rawValue,
            callID: call,
            tenant: tenant,
            at: time,
            data: .object([(key: "call_id", value: .string(call.text))] + named)
        )
    }
}

extension OutboxEvent {
    /// The event in the form that receivers get.
    var json: JSONValue {
        ["type": .string(type), "timestamp": .time(at), "data": data]
    }
}

extension CallAnalysis {
    var json: JSONValue {
        func number(_ value: Double?) -> JSONValue {
            value.flatMap { JSONNumber(($0 * 1000).rounded() / 1000) }.map(JSONValue.number) ?? .null
        }
        func milliseconds(_ duration: Duration?) -> JSONValue {
            duration.map { JSONValue($0.wholeMilliseconds) } ?? .null
        }
        return [
            "summary": .optional(summary),
            "sentiment": .optional(sentiment?.rawValue),
            "outcome": .optional(outcome),
            "model": .optional(model),
            "agent_talk_ratio": number(agentTalkRatio),
            "agent_talk_ms": milliseconds(agentTalk),
            "caller_talk_ms": milliseconds(callerTalk),
            "interruptions": JSONValue(interruptions),
            "silences": JSONValue(silences),
            "silence_ms": milliseconds(silence),
            "longest_silence_ms": milliseconds(longestSilence),
            "turns": JSONValue(turns),
            "mean_turn_latency_ms": milliseconds(meanTurnLatency),
            "longest_turn_latency_ms": milliseconds(longestTurnLatency),
            "loop_score": number(loopScore),
        ]
    }
}
