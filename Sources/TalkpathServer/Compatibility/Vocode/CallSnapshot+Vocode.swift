import TalkpathAudio
import TalkpathCore
import TalkpathWire

extension CallSnapshot {
    /// The call with every field of Vocode's. Fields without a counterpart are null. Vocode shows the credentials of
    /// the telephony account; here they are never read.
    ///
    /// - Parameters:
    ///   - withAgent: true if the agent itself is shown; lists show its id.
    ///   - hasAccount: true if the tenant has an account at the carrier.
    func vocodeJSON(withAgent: Bool, hasAccount: Bool, hasRecording: Bool) -> JSONValue {
        [
            "id": .string(id.text),
            "user_id": .string(tenant),
            "status": .string(vocodeStatus),
            "error_message": .optional(vocodeError),
            "recording_available": .bool(hasRecording),
            "transcript": .optional(transcriptText),
            "human_detection_result": .optional(vocodeHumanDetection),
            "do_not_call_result": .null,
            "telephony_id": .optional(carrierCallID),
            "stage": .string(vocodeStage),
            "stage_outcome": .optional(vocodeOutcome),
            "telephony_metadata": .null,
            "to_number": .string(to),
            "from_number": .string(from),
            "agent": withAgent ? vocodeAgent : .string(agent.id ?? id.text),
            "telephony_provider": "twilio",
            "agent_phone_number": .string(direction == .outbound ? from : to),
            "start_time": .time(startedAt),
            "end_time": .time(endedAt),
            "hipaa_compliant": false,
            "on_no_human_answer": .string(agent.limits.onMachine.rawValue),
            "context": .dictionary(variables),
            "run_do_not_call_detection": false,
            "telephony_account_connection": hasAccount ? Self.vocodeAccount : .null,
            "telephony_params": .null,
        ]
    }

    /// Vocode's envelope, with the members of its own events.
    func vocodeMessage(_ type: String, hasEnded: Bool) -> JSONValue {
        let minutes = JSONNumber((Double(talking.wholeMilliseconds) / 60_000 * 1000).rounded() / 1000)
        let payload: JSONValue =
            hasEnded
            ? ["conversation_minutes": minutes.map(JSONValue.number) ?? .null]
            : ["to_phone_number": .string(to), "from_phone_number": .string(from)]
        return ["type": .string(type), "call_id": .string(id.text), "payload": payload]
    }

    private var vocodeStatus: String {
        switch status {
        case .initiating, .ringing: "not_started"
        case .inProgress, .ending: "in_progress"
        case .completed, .busy, .noAnswer, .canceled: "ended"
        case .failed: "error"
        }
    }

    private var vocodeError: String? {
        guard status == .failed, let receipt else { return nil }
        return receipt.steps.compactMap(\.error).first ?? receipt.reason.rawValue
    }

    private var vocodeHumanDetection: String? {
        switch answeredBy {
        case .human: "human"
        case .machine, .machineEnd, .fax: "no_human"
        case .unknown, nil: nil
        }
    }

    private var vocodeStage: String {
        if receipt?.reason == .transferred { return "transfer_successful" }
        return answeredAt == nil ? "created" : "picked_up"
    }

    private var vocodeOutcome: String? {
        switch receipt?.reason {
        case .noAnswer, .busy: "human_unanswered"
        case .failed, .canceled: "call_did_not_connect"
        case .callerHangup: "human_disconnected"
        case .transferred, nil: nil
        case .transferFailed: "transfer_unanswered"
        case .endedByAPI, .voicemail, .agentHangup, .maxDuration, .idleTimeout, .silenceTimeout, .loopDetected,
            .agentLost, .mediaLost, .shutdown, .nodeLost, .queueTimeout:
            answeredAt == nil ? "call_did_not_connect" : "bot_disconnected"
        }
    }

    private var vocodeAgent: JSONValue {
        [
            "id": .string(agent.id ?? id.text),
            "user_id": .string(tenant),
            "name": .optional(agent.name),
            "prompt": [
                "id": .string(agent.id ?? id.text), "user_id": .string(tenant),
                "content": .string(agent.instructions), "collect_fields": [], "context_endpoint": .null,
                "prompt_template": .null,
            ],
            "language": .null,
            "actions": [],
            "voice": agent.voice.map { ["id": .string($0), "user_id": .string(tenant)] } ?? .null,
            "initial_message": .optional(agent.firstMessage),
            "webhook": .null,
            "vector_database": .null,
            "openai_account_connection": agent.provider == .openai ? Self.vocodeModelAccount : .null,
            "openai_model_name_override": .string(agent.model),
        ]
    }

    private static let vocodeAccount: JSONValue = [
        "type": "account_connection_twilio",
        "credentials": ["twilio_account_sid": "[redacted]", "twilio_auth_token": "[redacted]"],
    ]

    private static let vocodeModelAccount: JSONValue = [
        "type": "account_connection_openai", "credentials": ["openai_api_key": "[redacted]"],
    ]
}
