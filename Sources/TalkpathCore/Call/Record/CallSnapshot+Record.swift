import TalkpathAudio
package import TalkpathWire

/// A call as stores keep it: one JSON object, with the transcript apart, so that lists need not read it. The stores own
/// this form; the API's form is defined elsewhere.
extension CallSnapshot {
    /// Without the transcript, the analysis and the agent's key.
    package var record: JSONValue {
        .record([
            ("id", .string(id.text)),
            ("direction", .string(direction.rawValue)),
            ("status", .string(status.rawValue)),
            ("from", .string(from)),
            ("to", .string(to)),
            ("carrier_call_id", .optional(carrierCallID)),
            ("agent", agent.record),
            (
                "metadata",
                .object(metadata.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) })
            ),
            (
                "variables",
                .object(variables.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) })
            ),
            ("public_url", .optional(publicURL)),
            ("tenant", .string(tenant)),
            ("started_at", .milliseconds(startedAt)),
            ("answered_at", .milliseconds(answeredAt)),
            ("ended_at", .milliseconds(endedAt)),
            ("duration", .nanoseconds(duration)),
            ("metrics", metrics.record),
            ("agents", agentParts.isEmpty ? nil : .array(agentParts.map(\.record))),
            ("answered_by", .optional(answeredBy?.rawValue)),
            ("loop_score", .optional(loopScore)),
            ("receipt", receipt?.record),
        ])
    }

    package init(record: JSONValue) throws(RecordError) {
        let reader = RecordFields(record)
        let id = CallID(try reader.need("id", reader.text("id")))
        self.init(
            id: id,
            direction: try reader.need("direction", try reader.word("direction")),
            status: try reader.need("status", try reader.word("status")),
            from: reader.text("from") ?? "",
            to: reader.text("to") ?? "",
            carrierCallID: reader.text("carrier_call_id"),
            agent: try AgentProfile(record: reader.need("agent", reader.nested("agent"))),
            metadata: Dictionary(
                (record["metadata"]?.object ?? []).map { ($0.key, $0.value) },
                uniquingKeysWith: { $1 }
            ),
            variables: Dictionary(
                (record["variables"]?.object ?? []).map { ($0.key, $0.value) },
                uniquingKeysWith: { $1 }
            ),
            publicURL: reader.text("public_url"),
            tenant: reader.text("tenant") ?? "",
            startedAt: try reader.need("started_at", reader.time("started_at")),
            answeredAt: reader.time("answered_at"),
            endedAt: reader.time("ended_at"),
            duration: reader.duration("duration") ?? .zero,
            transcript: [],
            metrics: CallMetrics(record: reader.nested("metrics")),
            agentParts: try reader.list("agents", AgentPart.init(record:)),
            answeredBy: try reader.word("answered_by"),
            loopScore: reader.double("loop_score"),
            receipt: nil,
            analysis: nil
        )
        if let receipt = reader.nested("receipt") { self.receipt = try EndReceipt(record: receipt, callID: id) }
    }

    package var transcriptRecord: JSONValue {
        .array(
            transcript.map { turn in
                .record([
                    ("speaker", .string(turn.speaker.rawValue)),
                    ("text", .string(turn.text)),
                    ("at", JSONValue(turn.milliseconds)),
                    ("heard", turn.heardMilliseconds.map { JSONValue($0) }),
                    ("produced", turn.producedMilliseconds.map { JSONValue($0) }),
                    ("number", turn.number > 0 ? JSONValue(turn.number) : JSONValue?.none),
                ])
            }
        )
    }

    package mutating func readTranscript(record: JSONValue) throws(RecordError) {
        transcript = try RecordFields(["turns": record]).list("turns") { turn throws(RecordError) in
            TranscriptEntry(
                speaker: try turn.need("speaker", try turn.word("speaker")),
                text: turn.text("text") ?? "",
                milliseconds: turn.integer("at") ?? 0,
                heardMilliseconds: turn.integer("heard"),
                producedMilliseconds: turn.integer("produced"),
                number: max(0, turn.integer("number") ?? 0)
            )
        }
    }
}

extension AgentProfile {
    fileprivate var record: JSONValue {
        .record([
            ("id", .optional(id)),
            ("name", .optional(name)),
            ("provider", .string(provider.rawValue)),
            ("model", .string(model)),
            ("voice", .optional(voice)),
            ("format", .string(format.rawValue)),
            ("instructions", .string(instructions)),
            ("first_message", .optional(firstMessage)),
            (
                "tools",
                .array(
                    tools.map { tool in
                        [
                            "name": .string(tool.name), "description": .string(tool.description),
                            "parameters": .string(tool.parameters),
                        ]
                    }
                )
            ),
            ("may_end_call", .bool(mayEndCall)),
            ("connect", .string(connectPolicy.rawValue)),
            ("base_url", .optional(baseURL)),
        ])
    }

    fileprivate init(record: RecordFields) throws(RecordError) {
        self.init(
            provider: try record.need("agent.provider", try record.word("provider")),
            model: record.text("model") ?? "",
            apiKey: "",
            voice: record.text("voice"),
            format: try record.word("format") ?? .pcm,
            instructions: record.text("instructions") ?? "",
            firstMessage: record.text("first_message"),
            tools: try record.list("tools") { tool throws(RecordError) in
                AgentTool(
                    name: tool.text("name") ?? "",
                    description: tool.text("description") ?? "",
                    parameters: tool.text("parameters") ?? "{}"
                )
            },
            mayEndCall: record.value["may_end_call"]?.bool ?? true,
            connectPolicy: try record.word("connect") ?? .onRinging,
            baseURL: record.text("base_url")
        )
        id = record.text("id")
        name = record.text("name")
    }
}

extension AgentPart {
    fileprivate var record: JSONValue {
        .record([
            ("id", .optional(agent.id)), ("name", .optional(agent.name)),
            ("provider", .string(agent.provider.rawValue)),
            ("model", .string(agent.model)), ("began", .nanoseconds(began)), ("ready", .nanoseconds(ready)),
            ("ended", .nanoseconds(ended)), ("reason", .optional(reason)), ("usage", usage.record),
        ])
    }

    fileprivate init(record: RecordFields) throws(RecordError) {
        self.init(
            agent: AgentReference(
                id: record.text("id"),
                name: record.text("name"),
                provider: try record.need("agents.provider", try record.word("provider")),
                model: record.text("model") ?? ""
            ),
            began: record.duration("began") ?? .zero,
            ready: record.duration("ready"),
            ended: record.duration("ended")
        )
        reason = record.text("reason")
        usage = AgentUsage(record: record.nested("usage"))
    }
}

extension CallMetrics {
    private static var counters: [(String, WritableKeyPath<CallMetrics, Int>)] {
        [
            ("frames_from_caller", \.framesFromCaller),
            ("bytes_from_caller", \.bytesFromCaller),
            ("bytes_to_agent", \.bytesToAgent),
            ("bytes_from_agent", \.bytesFromAgent),
            ("frames_to_caller", \.framesToCaller),
            ("bytes_to_caller", \.bytesToCaller),
            ("interruptions", \.interruptions),
            ("flushed_ms", \.flushedMilliseconds),
            ("gaps", \.gaps),
            ("filled_ms", \.filledMilliseconds),
            ("duplicate_frames", \.duplicateFrames), ("outliers", \.outliers),
            ("resynchronisations", \.resynchronisations),
            ("dropped_ms", \.droppedMilliseconds),
            ("bad_messages", \.badMessages),
            ("underruns", \.underruns),
            ("failed_responses", \.failedResponses),
            ("longest_uplink_wait_ms", \.longestUplinkWaitMilliseconds),
            ("longest_backlog_ms", \.longestBacklogMilliseconds),
        ]
    }

    private static var latencies: [(String, WritableKeyPath<CallMetrics, LatencySummary>)] {
        [("turn_latency", \.turnLatency), ("clear_latency", \.clearLatency)]
    }

    fileprivate var record: JSONValue {
        let counters = Self.counters.map { (key: $0.0, value: JSONValue(self[keyPath: $0.1])) }
        let latencies = Self.latencies.map { (key: $0.0, value: self[keyPath: $0.1].record) }
        let tokens = AgentUsage.counts.map { (key: $0.name, value: JSONValue(usage[keyPath: $0.path])) }
        return .object(counters + tokens + latencies)
    }

    fileprivate init(record: RecordFields?) {
        self.init()
        for (name, counter) in Self.counters { self[keyPath: counter] = record?.integer(name) ?? 0 }
        for count in AgentUsage.counts { usage[keyPath: count.path] = record?.integer(count.name) ?? 0 }
        for (name, latency) in Self.latencies {
            self[keyPath: latency] = LatencySummary(record: record?.nested(name))
        }
    }
}

extension LatencySummary {
    fileprivate var record: JSONValue {
        .record([
            ("count", JSONValue(count)),
            ("mean", .nanoseconds(mean)),
            ("median", .nanoseconds(median)),
            ("p95", .nanoseconds(percentile95)),
            ("max", .nanoseconds(maximum)),
        ])
    }

    fileprivate init(record: RecordFields?) {
        self.init()
        guard let record else { return }
        count = record.integer("count") ?? 0
        mean = record.duration("mean") ?? .zero
        median = record.duration("median") ?? .zero
        percentile95 = record.duration("p95") ?? .zero
        maximum = record.duration("max") ?? .zero
    }
}
