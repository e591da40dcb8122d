package import TalkpathAudio
import TalkpathWire

/// What a call was before anything happened: enough to begin it again, and nothing secret.
package struct CaptureFacts: Equatable, Sendable {
    package var callID: CallID
    package var direction: CallDirection
    /// The carrier's name of the call, where it was known from the start.
    package var carrierCallID: String?
    /// There is a carrier to place and to hang up with.
    package var hasCarrier: Bool
    package var hasTools: Bool
    package var agent: AgentProfile
    package var limits: CallLimits
    package var startedAt: WallTime
    /// The instant that all times of the capture count from. Not in the file.
    package var startedOn: MonotonicInstant
    package var wish: CaptureWish
    /// What must not be written down, wherever it turns up. Not in the file.
    package var secrets: [String]

    package init(
        callID: CallID,
        direction: CallDirection,
        carrierCallID: String?,
        hasCarrier: Bool,
        hasTools: Bool,
        agent: AgentProfile,
        limits: CallLimits,
        startedAt: WallTime,
        startedOn: MonotonicInstant,
        wish: CaptureWish,
        secrets: [String]
    ) {
        self.callID = callID
        self.direction = direction
        self.carrierCallID = carrierCallID
        self.hasCarrier = hasCarrier
        self.hasTools = hasTools
        self.agent = agent
        self.limits = limits
        self.startedAt = startedAt
        self.startedOn = startedOn
        self.wish = wish
        self.secrets = secrets
    }
}

extension CaptureFacts {
    var json: JSONValue {
        var json: JSONValue = [
            "call_id": .string(callID.text), "direction": .string(direction.rawValue),
            "has_carrier": .bool(hasCarrier), "has_tools": .bool(hasTools),
            "started_at_ms": .number(JSONNumber(Int(startedAt.milliseconds))),
            "agent": agent.capturedJSON, "limits": limits.capturedJSON,
        ]
        json.set("carrier_call_id", carrierCallID.map(JSONValue.string))
        return json
    }

    init?(json: JSONValue) {
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
            agent: agent,
            limits: CallLimits(capturedJSON: json["limits"] ?? .null),
            startedAt: WallTime(milliseconds: Int64(json["started_at_ms"]?.int ?? 0)),
            startedOn: MonotonicInstant(nanoseconds: 0),
            wish: CaptureWish(wire: true),
            secrets: []
        )
    }
}

/// Everything that changes what a session does. What is not named here comes back as its default.
extension AgentProfile {
    fileprivate var capturedJSON: JSONValue {
        var json: JSONValue = [
            "provider": .string(provider.rawValue), "model": .string(model), "format": .string(format.rawValue),
            "instructions": .string(instructions), "may_end_call": .bool(mayEndCall),
            "connect_policy": .string(connectPolicy.rawValue),
            "tools": .array(
                tools.map {
                    [
                        "name": .string($0.name), "description": .string($0.description),
                        "parameters": .string($0.parameters),
                    ]
                }
            ),
        ]
        json.set("voice", voice.map(JSONValue.string))
        json.set("first_message", firstMessage.map(JSONValue.string))
        return json
    }

    fileprivate init?(capturedJSON json: JSONValue) {
        guard let provider = AgentProvider(rawValue: json["provider"]?.string ?? ""),
            let model = json["model"]?.string, let format = Format(rawValue: json["format"]?.string ?? "")
        else { return nil }
        self.init(
            provider: provider,
            model: model,
            apiKey: "",
            voice: json["voice"]?.string,
            format: format,
            instructions: json["instructions"]?.string ?? "",
            firstMessage: json["first_message"]?.string,
            tools: (json["tools"]?.array ?? []).map {
                AgentTool(
                    name: $0["name"]?.string ?? "",
                    description: $0["description"]?.string ?? "",
                    parameters: $0["parameters"]?.string ?? "{}"
                )
            },
            mayEndCall: json["may_end_call"]?.bool ?? true,
            connectPolicy: ConnectPolicy(rawValue: json["connect_policy"]?.string ?? "") ?? .onRinging
        )
    }
}
