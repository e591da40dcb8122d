import TalkpathAudio
package import TalkpathWire

extension CallAnalysis {
    package var record: JSONValue {
        .record([
            ("agent_talk_ratio", .optional(agentTalkRatio)),
            ("caller_talk", .nanoseconds(callerTalk)),
            ("agent_talk", .nanoseconds(agentTalk)),
            ("interruptions", JSONValue(interruptions)),
            ("silences", JSONValue(silences)),
            ("silence", .nanoseconds(silence)),
            ("longest_silence", .nanoseconds(longestSilence)),
            ("turns", JSONValue(turns)),
            ("mean_turn_latency", .nanoseconds(meanTurnLatency)),
            ("longest_turn_latency", .nanoseconds(longestTurnLatency)),
            ("loop_score", .optional(loopScore)),
            ("summary", .optional(summary)),
            ("sentiment", .optional(sentiment?.rawValue)),
            ("outcome", .optional(outcome)),
            ("model", .optional(model)),
        ])
    }

    package init(record: JSONValue) throws(RecordError) {
        let record = RecordFields(record)
        agentTalkRatio = record.double("agent_talk_ratio")
        callerTalk = record.duration("caller_talk") ?? .zero
        agentTalk = record.duration("agent_talk") ?? .zero
        interruptions = record.integer("interruptions") ?? 0
        silences = record.integer("silences") ?? 0
        silence = record.duration("silence") ?? .zero
        longestSilence = record.duration("longest_silence") ?? .zero
        turns = record.integer("turns") ?? 0
        meanTurnLatency = record.duration("mean_turn_latency")
        longestTurnLatency = record.duration("longest_turn_latency")
        loopScore = record.double("loop_score")
        summary = record.text("summary")
        sentiment = try record.word("sentiment")
        outcome = record.text("outcome")
        model = record.text("model")
    }
}
