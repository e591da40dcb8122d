/// What of a session's set-up is to change while it lasts. What is nil stays as it is.
public struct AgentChange: Equatable, Sendable {
    public var instructions: String?
    /// Refused by every provider, and here so that the answer can say why.
    public var voice: String?
    public var openAI = OpenAIOptions()
    public var gemini = GeminiOptions()
    /// Laid over what is sent, at last.
    public var raw: JSONValue?

    public init() {}

    package var isEmpty: Bool { self == AgentChange() }

    /// The fields that change, by the names of the control API.
    package var fields: [String] {
        var fields: [String] = []
        if instructions != nil { fields.append("instructions") }
        if voice != nil { fields.append("voice") }
        fields += (openAI.json.object ?? []).map { "openai.\($0.key)" }
        fields += (gemini.json.object ?? []).map { "gemini.\($0.key)" }
        if raw != nil { fields.append("raw") }
        return fields
    }

    /// Takes over what another change says.
    package mutating func add(_ later: AgentChange) {
        instructions = later.instructions ?? instructions
        openAI = openAI.changed(by: later.openAI)
        gemini = later.gemini.isEmpty ? gemini : later.gemini
        if let more = later.raw {
            var all = raw ?? [:]
            all.overlay(more)
            raw = all
        }
    }

    /// What no session of the provider lets be changed.
    package func check(_ provider: AgentProvider) throws(AgentOptionFault) {
        if provider == .gemini, let field = fields.first {
            throw AgentOptionFault(
                field,
                "cannot be changed on a live call: Gemini takes its set-up once, when a session begins. Send the agent a "
                    + "message instead, or change the agent for its next calls"
            )
        }
        if !gemini.isEmpty {
            throw AgentOptionFault("gemini", "is not for an agent of openai: that provider knows nothing of it")
        }
        if voice != nil {
            throw AgentOptionFault(
                "voice",
                "cannot be changed on a live call: the provider keeps the voice with which the agent has spoken"
            )
        }
        if openAI.tracing != nil {
            throw AgentOptionFault(
                "openai.tracing",
                "cannot be changed on a live call: the provider fixes it when the session begins"
            )
        }
        if !openAI.mcpServers.isEmpty {
            throw AgentOptionFault(
                "openai.mcp_servers",
                "cannot be changed on a live call: what the agent can do is settled when the session begins"
            )
        }
    }
}

extension OpenAIOptions {
    /// These, with what another set of options says in its place, option by option.
    package func changed(by later: OpenAIOptions) -> OpenAIOptions {
        var json = json
        for member in later.json.object ?? [] { json.set(member.key, member.value) }
        return OpenAIOptions(json: json)
    }
}
