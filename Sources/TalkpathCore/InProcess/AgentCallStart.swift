public import TalkpathWire

/// The facts of a call that an in-process agent learns at its beginning.
public struct AgentCallStart: Equatable, Sendable {
    /// Id, direction, numbers, metadata and variables of the call.
    public var details: AgentCallDetails
    /// With its placeholders filled in.
    public var instructions: String
    /// Fields of the profile, for the agent to use as it likes.
    public var model: String
    public var voice: String?
    public var language: String?
    /// The functions for ``AgentCall/call(function:arguments:)``.
    public var tools: [AgentTool]
    /// The words so far, the oldest first, if the call has lasted longer than this run of the agent.
    public var conversation: [AgentCommand.Turn]

    /// Reads the protocol's `start` message.
    init(_ json: JSONValue) {
        func text(_ field: String) -> String { json[field]?.string ?? "" }
        details = AgentCallDetails(
            id: text("call_id"),
            direction: text("direction"),
            from: text("from"),
            to: text("to"),
            metadata: json["metadata"] ?? [:],
            variables: json["variables"] ?? [:]
        )
        instructions = text("instructions")
        model = text("model")
        voice = json["voice"]?.string
        language = json["language"]?.string
        tools = (json["tools"]?.array ?? []).map { tool in
            AgentTool(
                name: tool["name"]?.string ?? "",
                description: tool["description"]?.string ?? "",
                parameters: (tool["parameters"] ?? [:]).serializedText()
            )
        }
        conversation = (json["conversation"]?.array ?? []).compactMap { turn in
            guard let role = AgentCommand.MessageRole(turn["role"]), let text = turn["text"]?.string else { return nil }
            return AgentCommand.Turn(role, text)
        }
    }
}

extension AgentCommand.MessageRole {
    init?(_ json: JSONValue?) {
        guard let text = json?.string else { return nil }
        self.init(rawValue: text)
    }
}
