public import TalkpathWire

/// A target to which an agent may transfer a call.
public struct TransferTarget: Equatable, Sendable, CustomStringConvertible {
    /// By which the agent knows them: `sales`, `a person`.
    public var name: String
    /// In E.164. The agent never learns it, and can dial no other.
    public var number: String
    /// The plan for the caller if the target does not answer.
    public var onFailure: TransferFailurePlan

    public init(name: String, number: String, onFailure: TransferFailurePlan = .returnToAgent) {
        self.name = name
        self.number = number
        self.onFailure = onFailure
    }

    public var description: String { "transfer target \(name)" }
}

/// A function of an agent's that is carried out by an HTTP request.
///
/// The request is a POST of JSON: `{"call_id","tool_call_id","name","arguments"}`; the answer's body is the result for
/// the model.
public struct ToolEndpoint: Equatable, Sendable, CustomStringConvertible {
    public var tool: AgentTool
    public var url: String
    /// Sent along; may be secret.
    public var headers: [String: String]
    /// From the request to the whole answer.
    public var timeout: Duration
    /// A longer answer is an error.
    public var maximumBytes: Int

    public init(
        tool: AgentTool,
        url: String,
        headers: [String: String] = [:],
        timeout: Duration = .seconds(10),
        maximumBytes: Int = 64 * 1024
    ) {
        self.tool = tool
        self.url = url
        self.headers = headers
        self.timeout = timeout
        self.maximumBytes = maximumBytes
    }

    /// Addresses and headers may hold secrets.
    public var description: String { "tool endpoint \(tool.name)" }
}

extension AgentProfile {
    /// The function by which the agent ends the call.
    static let endCallTool = AgentTool(
        name: "end_call",
        description: "Ends the phone call. Say goodbye first; the call ends when your words have been heard.",
        parameters: #"{"type":"object","properties":{"reason":{"type":"string"}}}"#
    )

    /// The function by which the agent hands the call over.
    static func transferTool(to targets: [TransferTarget]) -> AgentTool {
        let names = JSONValue.array(targets.map { .string($0.name) })
        let parameters: JSONValue = [
            "type": "object",
            "properties": [
                "to": ["type": "string", "enum": names, "description": "The target that takes the call over."]
            ],
            "required": ["to"],
        ]
        return AgentTool(
            name: "transfer_call",
            description: "Hands the phone call over to another person. Tell the caller first; the call is handed over "
                + "when your words have been heard.",
            parameters: parameters.serializedText()
        )
    }

    /// The function by which the agent dials digits, as a menu at the other end wants them.
    static let sendDigitsTool = AgentTool(
        name: "send_dtmf",
        description: "Presses keys on the phone's keypad, for an automatic menu at the other end.",
        parameters: """
            {"type":"object","properties":{"digits":{"type":"string","description":"Any of 0-9, *, #; w waits half \
            a second."}},"required":["digits"]}
            """
    )

    /// All that the agent can call: its own and those it may use of ours. A name of its own hides ours.
    var allTools: [AgentTool] {
        var all = tools
        func add(_ tool: AgentTool) {
            if !all.contains(where: { $0.name == tool.name }) { all.append(tool) }
        }
        for endpoint in endpoints { add(endpoint.tool) }
        if mayEndCall { add(Self.endCallTool) }
        if !transferTargets.isEmpty { add(Self.transferTool(to: transferTargets)) }
        if maySendDigits { add(Self.sendDigitsTool) }
        return all
    }

    /// The closure that carries out a function of that name.
    enum ToolKind: Equatable {
        case endCall, transfer, sendDigits
        case endpoint(ToolEndpoint)
        case handler
    }

    func kind(ofTool name: String) -> ToolKind {
        if tools.contains(where: { $0.name == name }) { return .handler }
        if let endpoint = endpoints.first(where: { $0.tool.name == name }) { return .endpoint(endpoint) }
        if name == AgentToolCall.approvalName, !openAI.mcpServers.isEmpty {
            return approval.map(ToolKind.endpoint) ?? .handler
        }
        if name == Self.endCallTool.name, mayEndCall { return .endCall }
        if name == "transfer_call", !transferTargets.isEmpty { return .transfer }
        if name == Self.sendDigitsTool.name, maySendDigits { return .sendDigits }
        return .handler
    }
}
