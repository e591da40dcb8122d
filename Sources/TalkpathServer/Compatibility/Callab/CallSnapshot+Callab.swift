import TalkpathAudio
import TalkpathCore
import TalkpathWire

extension CallSnapshot {
    /// The call with every field of Callab's. Fields without a counterpart are null.
    ///
    /// - Parameter recordingURL: the address of its recording, if there is one.
    func callabJSON(recordingURL: String?) -> JSONValue {
        [
            "id": .string(id.text),
            "call_sid": .optional(carrierCallID),
            "company_id": .null,
            "campaign_id": .null,
            "ai_agent_id": .optional(agent.id),
            "contact_id": .null,
            "call_provider": "twilio",
            "call_from": .string(from),
            "call_to": .string(to),
            "call_duration": JSONValue((talking.wholeMilliseconds + 500) / 1000),
            "call_status": .string(status.rawValue),
            "call_direction": .string(direction.rawValue),
            "is_test": .bool(isTest),
            "call_rating": .null,
            "call_feedback": .null,
            "record_url": .optional(recordingURL),
            "transcript": .optional(transcriptText),
            "transcript_object": ["turns": .array(transcript.map(\.json))],
            "transcript_language": .null,
            "cost": .null,
            "price_unit": .null,
            "latency": analysis?.meanTurnLatency.map { JSONValue($0.wholeMilliseconds) } ?? .null,
            "disconnect_reason": .optional(receipt.map { $0.note ?? $0.reason.rawValue }),
            "analysis_sentiment": .optional(analysis?.sentiment?.rawValue),
            "agent_task_status": .null,
            "agent_task_feedback": .null,
            "metadata": .dictionary(metadata),
            "agent_dynamic_variables": .dictionary(variables),
            "agent_post_call_outcomes": analysis?.json ?? .null,
            "notes": .null,
            "created_at": .time(startedAt),
            "updated_at": .time(updatedAt),
            "deleted_at": .null,
            "started_at": .time(startedAt),
            "ended_at": .time(endedAt),
            "retry_at": .null,
            "workspace_id": .null,
        ]
    }
}
