import TalkpathAudio
import TalkpathCore
import TalkpathWire

// Use `JSONValue` for output: it keeps the order of members and the form of numbers, which Foundation's encoder does
// not.

extension EndReceipt {
    /// The answer to the client that ended the call.
    var json: JSONValue {
        [
            "success": .bool(isSuccess),
            "message": .string("Call \(callID) ended"),
            "call_id": .string(callID.text),
            "status": .string(status.rawValue),
            "ended_reason": .string(reason.rawValue),
            "ended_by": .string(reason.endedBy),
            "reason": .optional(note),
            "duration": .seconds(duration),
            "duration_ms": JSONValue(duration.wholeMilliseconds),
            "ring_ms": JSONValue(ringing.wholeMilliseconds),
            "talk_ms": JSONValue(talking.wholeMilliseconds),
            "started_at": .time(startedAt),
            "answered_at": .time(answeredAt),
            "ended_at": .time(endedAt),
            "carrier_confirmed": .bool(carrierConfirmed),
            "teardown_ms": JSONValue(teardown.wholeMilliseconds),
            "steps": .array(steps.map(\.json)),
            "queue_ms": JSONValue(queueing.wholeMilliseconds),
            "carrier_errors": .array(carrierFaults.map(\.json)),
            "usage": usage.json,
            "cost": cost?.json ?? .null,
            "transfer_outcome": .optional(transferOutcome?.rawValue),
            "agent_session": agentSession?.json ?? .null,
        ]
    }
}

extension CallCost {
    /// Amounts are exact decimal numbers. An unknown amount is null.
    var json: JSONValue {
        [
            "currency": "USD",
            "total": total?.json ?? .null,
            "model": total(.model)?.json ?? .null,
            "transcription": total(.transcription)?.json ?? .null,
            "carrier": total(.carrier)?.json ?? .null,
            "items": .array(
                items.map { item in
                    var json: JSONValue = [
                        "part": .string(item.part.rawValue), "kind": .string(item.kind),
                        "quantity": JSONValue(item.quantity), "unit": .string(item.unit.rawValue),
                        "price": item.price?.json ?? .null, "amount": item.amount?.json ?? .null,
                    ]
                    json.set("provider", item.agent.map { .string($0.provider.rawValue) })
                    json.set("model", item.agent.map { .string($0.model) })
                    return json
                }
            ),
        ]
    }
}

extension AgentSessionAccount {
    var json: JSONValue { ["closing": .optional(closing), "billed_seconds": JSONValue(billedSeconds)] }
}

extension CarrierFault {
    var json: JSONValue {
        [
            "source": .string(source.rawValue), "code": code.map { JSONValue($0) } ?? .null,
            "message": .string(message),
        ]
    }
}

extension EndReceipt.Step {
    var json: JSONValue {
        var json: JSONValue = [
            "step": .string(name.rawValue),
            "outcome": .string(outcome.rawValue),
            "started_ms": .tenths(started),
            "ms": .tenths(duration),
        ]
        json.set("error", error.map(JSONValue.string))
        return json
    }
}

extension JSONValue {
    static func optional(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }

    static func time(_ time: WallTime?) -> JSONValue { optional(time?.rfc3339) }

    /// In seconds, with at most three decimals.
    static func seconds(_ duration: Duration) -> JSONValue {
        number(Double(duration.wholeMilliseconds) / 1000)
    }

    /// In milliseconds, with one decimal.
    static func tenths(_ duration: Duration) -> JSONValue {
        number((duration.milliseconds * 10).rounded() / 10)
    }

    private static func number(_ value: Double) -> JSONValue {
        JSONNumber(value).map(JSONValue.number) ?? .null
    }
}
