import TalkpathAudio
package import TalkpathCore
package import TalkpathWire

extension CallEvent {
    /// The event as a moment of its call.
    package var momentJSON: JSONValue {
        let (name, members) = named
        return .object(
            [(key: "kind", value: .string(name.rawValue)), (key: "at_ms", value: JSONValue(at.wholeMilliseconds))]
                + members.map { (key: $0.0, value: $0.1) }
        )
    }

    /// The names of all kinds of moments.
    package static let momentKinds = MomentKind.allCases.map(\.rawValue)

    /// The kinds of moments. The raw values are stable.
    enum MomentKind: String, CaseIterable {
        case started, ringing, answered
        case mediaStarted = "media_started"
        case agentReady = "agent_ready"
        case callerSpeechStarted = "caller_speech_started"
        case callerSpeechEnded = "caller_speech_ended"
        case agentSpeechStarted = "agent_speech_started"
        case agentAnswered = "agent_answered"
        case interrupted, transcript, dtmf
        case toolCalled = "tool_called"
        case agentLost = "agent_lost"
        case agentFailedOver = "agent_failed_over"
        case carrierError = "carrier_error"
        case responseFailed = "response_failed"
        case transferring
        case transferAnswered = "transfer_answered"
        case transferFailed = "transfer_failed"
        case machineDetected = "machine_detected"
        case idlePrompted = "idle_prompted"
        case loopSuspected = "loop_suspected"
        case listenerJoined = "listener_joined"
        case ended
    }

    private var named: (MomentKind, [(String, JSONValue)]) {
        switch kind {
        case .started: (.started, [])
        case .ringing: (.ringing, [])
        case .answered: (.answered, [])
        case .mediaStarted: (.mediaStarted, [])
        case .agentReady: (.agentReady, [])
        case .callerSpeechStarted: (.callerSpeechStarted, [])
        case .callerSpeechEnded: (.callerSpeechEnded, [])
        case .agentSpeechStarted: (.agentSpeechStarted, [])
        case .agentAnswered(let latency): (.agentAnswered, [("latency_ms", JSONValue(latency.wholeMilliseconds))])
        case .interrupted(let heard): (.interrupted, [("heard_ms", JSONValue(heard))])
        case .transcript(let turn), .transcriptCorrected(let turn): (.transcript, [("turn", turn.json)])
        case .dtmf: (.dtmf, [])
        case .toolCalled(let name): (.toolCalled, [("name", .string(name))])
        case .agentLost(let message): (.agentLost, [("reason", .string(message))])
        case .agentFailedOver(let failover): (.agentFailedOver, failover.members)
        case .carrierError(let fault): (.carrierError, (fault.json.object ?? []).map { ($0.key, $0.value) })
        case .responseFailed(let status, let code):
            (.responseFailed, [("status", .string(status)), ("code", .string(code))])
        case .transferring: (.transferring, [])
        case .transferAnswered: (.transferAnswered, [])
        case .transferFailed(let outcome, let message):
            (.transferFailed, [("reason", .string(message)), ("outcome", .optional(outcome?.rawValue))])
        case .machineDetected(let answer): (.machineDetected, [("answered_by", .string(answer.rawValue))])
        case .idlePrompted: (.idlePrompted, [])
        case .loopSuspected(let score): (.loopSuspected, [("score", JSONNumber(score).map(JSONValue.number) ?? .null)])
        case .listenerJoined: (.listenerJoined, [])
        case .ended(let receipt): (.ended, [("receipt", receipt.json)])
        }
    }
}

extension CallWatch {
    var json: JSONValue {
        var muted: [JSONValue] = []
        if activities.contains(.callerMuted) { muted.append(.string(CallLeg.caller.rawValue)) }
        if activities.contains(.agentMuted) { muted.append(.string(CallLeg.agent.rawValue)) }
        let words = activities.subtracting([.callerMuted, .agentMuted]).map(\.word).sorted()
        return [
            "caller_speaks": .bool(callerSpeaks), "agent_is_heard": .bool(agentIsHeard), "muted": .array(muted),
            "under_way": .array(words.map(JSONValue.string)),
        ]
    }
}

extension CallActivity {
    /// The activity in the API's words. The words are stable.
    var word: String {
        switch self {
        case .saying: "saying"
        case .playing: "playing"
        case .dialling: "dialling"
        case .collecting: "collecting"
        case .callerMuted: "caller_muted"
        case .agentMuted: "agent_muted"
        case .runningTool: "running_tool"
        case .transferring: "transferring"
        case .transferred: "transferred"
        case .carrierSpeaking: "carrier_speaking"
        case .fallingBack: "falling_back"
        case .renewing: "renewing"
        }
    }
}

/// A call in a list that a client watches.
struct WatchedCall: Equatable {
    var call: CallSnapshot
    var watch: CallWatch

    /// True if both look the same to a client. The passing of time is no difference.
    static func == (left: WatchedCall, right: WatchedCall) -> Bool {
        left.watch == right.watch && left.call.status == right.call.status
            && left.call.answeredAt == right.call.answeredAt && left.call.answeredBy == right.call.answeredBy
            && left.call.loopScore == right.call.loopScore && left.call.transcript.last == right.call.transcript.last
            && left.call.metrics.turnLatency == right.call.metrics.turnLatency
            && left.call.metrics.interruptions == right.call.metrics.interruptions
    }

    var json: JSONValue {
        var json = call.listJSON
        json.set("activity", watch.json)
        json.set("turn_latency", call.metrics.turnLatency.json)
        json.set("interruptions", JSONValue(call.metrics.interruptions))
        json.set("last_turn", call.transcript.last?.json ?? .null)
        return json
    }
}
