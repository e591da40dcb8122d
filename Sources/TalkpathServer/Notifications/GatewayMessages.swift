import TalkpathAudio
import TalkpathCore
import TalkpathStore
import TalkpathWire

/// The messages to a gateway of agents: `sessions_send` requests of JSON-RPC 2.0, with flat objects that have a
/// `message_type`.
enum GatewayMessages {
    /// - Parameter call: the call in the store.
    /// - Returns: `nil` for an event for which the gateway has no message.
    static func message(_ event: OutboxEvent, call: CallSnapshot?) -> JSONValue? {
        let data = event.data
        func flat(_ type: String, _ members: [(String, JSONValue)]) -> JSONValue {
            let first: [(String, JSONValue)] = [
                ("message_type", .string(type)), ("call_id", .string(event.callID.text)),
            ]
            let all = first + members + [("timestamp", .time(event.at))]
            return .object(all.map { (key: $0.0, value: $0.1) })
        }
        switch EventType(rawValue: event.type) {
        case .started:
            let metadata = call.map { call in
                JSONValue.object(call.metadata.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) })
            }
            return flat(
                "call_started",
                [
                    ("to_number", data["to_number"] ?? .null), ("prompt", .optional(call?.agent.instructions)),
                    ("metadata", metadata ?? [:]),
                ]
            )
        case .transcript:
            // The gateway has no message for a corrected turn.
            if data["corrects"]?.bool == true { return JSONValue?.none }
            return flat(
                "transcript",
                [("speaker", data["role"] ?? .null), ("text", data["text"] ?? .null), ("is_final", true)]
            )
        case .analyzed:
            let analysis = data["analysis"]
            let entities: JSONValue = ["sentiment": analysis?["sentiment"] ?? .null]
            return flat(
                "structured_data",
                [
                    ("intent", analysis?["outcome"] ?? .null), ("entities", entities),
                    ("summary", analysis?["summary"] ?? .null), ("confidence", .null),
                ]
            )
        case .toolCalled:
            return flat("action", [("action_type", data["name"] ?? .null), ("parameters", [:])])
        case .dtmf:
            return flat("action", [("action_type", "dtmf"), ("parameters", [:])])
        case .ended:
            let words = call?.transcript.map { "\($0.speaker.rawValue): \($0.text)" }.joined(separator: "\n")
            return flat(
                "call_ended",
                [
                    ("duration", data["duration"] ?? .null), ("outcome", data["ended_reason"] ?? .null),
                    ("full_transcript", .optional(words)), ("summary", .optional(call?.analysis?.summary)),
                ]
            )
        case .failed:
            return flat(
                "error",
                [
                    ("error_code", data["ended_reason"] ?? "failed"),
                    ("error_message", data["reason"]?.string.map(JSONValue.string) ?? "the call failed"),
                ]
            )
        case .agentLost:
            return flat("error", [("error_code", "agent_lost"), ("error_message", data["reason"] ?? .null)])
        case .ringing, .answered, .recording, .listened, .transferStarted, .transferAnswered, .transferFailed,
            .carrierError, .responseFailed, .agentFailedOver, nil:
            return nil
        }
    }

    static func heartbeat(at now: WallTime) -> JSONValue {
        ["message_type": "heartbeat", "timestamp": .time(now)]
    }

    /// - Parameter id: `nil` for a message that needs no answer.
    static func request(_ message: JSONValue, session: String, id: Int?) -> JSONValue {
        var request: JSONValue = [
            "jsonrpc": "2.0", "method": "sessions_send",
            "params": ["sessionKey": .string(session), "message": message],
        ]
        request.set("id", id.map { JSONValue($0) })
        return request
    }
}
