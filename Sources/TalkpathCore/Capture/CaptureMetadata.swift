package import TalkpathAudio
package import TalkpathWire

/// The description of a call at its start: enough to run it again, and nothing secret.
package struct CaptureMetadata: Equatable, Sendable {
    package var callID: CallID
    package var direction: CallDirection
    /// The carrier's ID of the call, if it was known from the start.
    package var carrierCallID: String?
    /// True if the call has a carrier that can place and hang up calls.
    package var hasCarrier: Bool
    package var hasTools: Bool
    package var hasToolEndpoints: Bool
    package var agent: AgentProfile
    package var limits: CallLimits
    package var startedAt: WallTime
    /// The origin of all times in the capture. Not in the file.
    package var startedOn: MonotonicInstant
    package var policy: CapturePolicy
    /// Texts that must never be written, wherever they occur. Not in the file.
    package var secrets: [String]

    package init(
        callID: CallID,
        direction: CallDirection,
        carrierCallID: String?,
        hasCarrier: Bool,
        hasTools: Bool,
        hasToolEndpoints: Bool = false,
        agent: AgentProfile,
        limits: CallLimits,
        startedAt: WallTime,
        startedOn: MonotonicInstant,
        policy: CapturePolicy,
        secrets: [String]
    ) {
        self.callID = callID
        self.direction = direction
        self.carrierCallID = carrierCallID
        self.hasCarrier = hasCarrier
        self.hasTools = hasTools
        self.hasToolEndpoints = hasToolEndpoints
        self.agent = agent
        self.limits = limits
        self.startedAt = startedAt
        self.startedOn = startedOn
        self.policy = policy
        self.secrets = secrets
    }
}

extension CaptureMetadata {
    package var json: JSONValue {
        var json: JSONValue = [
            "call_id": .string(callID.text), "direction": .string(direction.rawValue),
            "has_carrier": .bool(hasCarrier), "has_tools": .bool(hasTools),
            "has_tool_endpoints": .bool(hasToolEndpoints),
            "started_at_ms": .number(JSONNumber(Int(startedAt.milliseconds))),
            "agent": agent.capturedJSON, "limits": limits.capturedJSON,
        ]
        json.set("carrier_call_id", carrierCallID.map(JSONValue.string))
        return json
    }

    package init?(json: JSONValue) {
        guard let id = json["call_id"]?.string,
            let direction = CallDirection(rawValue: json["direction"]?.string ?? ""),
            let agent = json["agent"].flatMap(AgentProfile.init(capturedJSON:))
        else { return nil }
        self.init(
            callID: CallID(id),
            direction: direction,
            carrierCallID: json["carrier_call_id"]?.string,
            hasCarrier: json["has_carrier"]?.bool ?? false,
            hasTools: json["has_tools"]?.bool ?? false,
            hasToolEndpoints: json["has_tool_endpoints"]?.bool ?? false,
            agent: agent,
            limits: CallLimits(capturedJSON: json["limits"] ?? .null),
            startedAt: WallTime(milliseconds: Int64(json["started_at_ms"]?.int ?? 0)),
            startedOn: MonotonicInstant(nanoseconds: 0),
            policy: CapturePolicy(wire: true),
            secrets: []
        )
    }
}
