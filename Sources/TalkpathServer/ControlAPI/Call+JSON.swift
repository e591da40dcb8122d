import TalkpathAudio
import TalkpathCore
import TalkpathWire

extension CallSnapshot {
    /// One line of a list. Lists say `incoming` for an inbound call, because the clients of an earlier route expect
    /// that word.
    var listJSON: JSONValue {
        json(direction: direction == .inbound ? "incoming" : direction.rawValue)
    }

    /// Everything that is known about the call.
    var json: JSONValue {
        var json = json(direction: direction.rawValue)
        json.set("variables", .dictionary(variables))
        json.set("transcript", .array(transcript.map(\.json)))
        json.set("agents", agentParts.isEmpty ? nil : .array(agentParts.map(\.json)))
        json.set("metrics", metrics.json)
        json.set("cost", (receipt?.cost ?? cost)?.json ?? .null)
        json.set("receipt", receipt?.json ?? .null)
        json.set("analysis", analysis?.json)
        return json
    }

    private func json(direction: String) -> JSONValue {
        [
            "call_id": .string(id.text),
            "to_number": .string(to),
            "from_number": .string(from),
            "status": .string(status.rawValue),
            "direction": .string(direction),
            "started_at": .time(startedAt),
            "answered_at": .time(answeredAt),
            "ended_at": .time(endedAt),
            "duration": .seconds(duration),
            "duration_ms": JSONValue(duration.wholeMilliseconds),
            "ended_reason": .optional(receipt?.reason.rawValue),
            "answered_by": .optional(answeredBy?.rawValue),
            "loop_score": loopScore.flatMap { JSONNumber(($0 * 1000).rounded() / 1000) }.map(JSONValue.number) ?? .null,
            "cost_usd": (receipt?.cost ?? cost)?.total?.json ?? .null,
            "carrier_call_id": .optional(carrierCallID),
            "agent_id": .optional(agent.id),
            "agent": [
                "name": .optional(agent.name),
                "provider": .string(agent.provider.rawValue),
                "model": .string(agent.model),
                "format": .string(agent.format.rawValue),
            ],
            "metadata": .dictionary(metadata),
        ]
    }
}

extension JSONValue {
    /// An object whose members are sorted by name.
    static func dictionary(_ members: [String: JSONValue]) -> JSONValue {
        .object(
            members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
                .map { (key: $0.key, value: $0.value) }
        )
    }
}

extension AgentReference {
    var json: JSONValue {
        [
            "agent_id": .optional(id), "name": .optional(name), "provider": .string(provider.rawValue),
            "model": .string(model),
        ]
    }
}

extension AgentFailover {
    /// The members of its event.
    var members: [(String, JSONValue)] { [("from", from.json), ("to", to.json), ("reason", .string(reason))] }
}

extension AgentPart {
    var json: JSONValue {
        var json = agent.json
        json.set("from_ms", JSONValue(began.wholeMilliseconds))
        json.set("ready_ms", ready.map { JSONValue($0.wholeMilliseconds) } ?? .null)
        json.set("until_ms", ended.map { JSONValue($0.wholeMilliseconds) } ?? .null)
        json.set("left_reason", .optional(reason))
        json.set("usage", usage.json)
        return json
    }
}

extension TranscriptEntry {
    var json: JSONValue {
        var json: JSONValue = [
            "role": .string(speaker.rawValue), "text": .string(text), "at_ms": JSONValue(milliseconds),
        ]
        json.set("heard_ms", heardMilliseconds.map { JSONValue($0) })
        json.set("heard_text", isCut ? .string(heardText) : nil)
        if number > 0 { json.set("turn_id", .string(turnID)) }
        return json
    }

    /// The identifier of the turn in the API, unique within its call.
    var turnID: String { "turn-\(number)" }
}

extension CallMetrics {
    var json: JSONValue {
        var json: JSONValue = [
            "frames_from_caller": JSONValue(framesFromCaller),
            "bytes_from_caller": JSONValue(bytesFromCaller),
            "bytes_to_agent": JSONValue(bytesToAgent),
            "bytes_from_agent": JSONValue(bytesFromAgent),
            "frames_to_caller": JSONValue(framesToCaller),
            "bytes_to_caller": JSONValue(bytesToCaller),
            "interruptions": JSONValue(interruptions),
            "flushed_ms": JSONValue(flushedMilliseconds),
            "gaps": JSONValue(gaps),
            "filled_ms": JSONValue(filledMilliseconds),
            "duplicate_frames": JSONValue(duplicateFrames),
            "outliers": JSONValue(outliers),
            "resynchronisations": JSONValue(resynchronisations),
            "dropped_ms": JSONValue(droppedMilliseconds),
            "bad_messages": JSONValue(badMessages),
            "underruns": JSONValue(underruns),
            "failed_responses": JSONValue(failedResponses),
            "longest_uplink_wait_ms": JSONValue(longestUplinkWaitMilliseconds),
            "longest_backlog_ms": JSONValue(longestBacklogMilliseconds),
            "turn_latency": turnLatency.json,
            "barge_in_clear": clearLatency.json,
        ]
        for count in AgentUsage.counts { json.set(count.name, JSONValue(usage[keyPath: count.path])) }
        return json
    }
}

extension AgentUsage {
    var json: JSONValue {
        .object(Self.counts.map { (key: $0.name, value: JSONValue(self[keyPath: $0.path])) })
    }
}

extension LatencySummary {
    /// In milliseconds, with fractions.
    var json: JSONValue {
        [
            "count": JSONValue(count),
            "mean_ms": .tenths(mean),
            "p50_ms": .tenths(median),
            "p95_ms": .tenths(percentile95),
            "max_ms": .tenths(maximum),
        ]
    }
}
