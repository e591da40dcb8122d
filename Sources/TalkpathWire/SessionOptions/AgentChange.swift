/// A change of a session's configuration while it lasts. `nil` members stay as they are.
public struct AgentChange: Equatable, Sendable {
    public var instructions: String?
    /// Every provider refuses this change. The member exists so that the answer can explain that.
    public var voice: String?
    public var openAI = OpenAIOptions()
    public var gemini = GeminiOptions()
    /// Merged into the message last; overrides it.
    public var raw: JSONValue?

    public init() {}

    package var isEmpty: Bool { self == AgentChange() }

    /// The changed fields, under their names in the control API.
    package var fields: [String] {
        var fields: [String] = []
        if instructions != nil { fields.append("instructions") }
        if voice != nil { fields.append("voice") }
        fields += (openAI.json.object ?? []).map { "openai.\($0.key)" }
        fields += (gemini.json.object ?? []).map { "gemini.\($0.key)" }
        if raw != nil { fields.append("raw") }
        return fields
    }

    /// Adds a later change, whose members override this one's.
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

    /// Throws if the provider does not allow one of the changes in a live session.
    package func check(_ provider: AgentProvider) throws(AgentOptionFault) {
        if provider == .gemini, let field = fields.first {
            throw AgentOptionFault(
                field,
                "cannot be changed on a live call: Gemini takes its set-up once, when a session begins. Send the agent a "
                    + "message instead, or change the agent for its next calls"
            )
        }
        if provider == .socket, let field = fields.first(where: { $0 != "instructions" }) {
            throw AgentOptionFault(
                field,
                "cannot be changed on a live call of an agent's own socket, only its instructions"
            )
        }
        if provider == .openaiLive, let field = fields.first(where: { $0 != "instructions" }) {
            throw AgentOptionFault(
                field,
                "cannot be changed on a live call: GPT-Live takes its set-up once, when a session begins, and later only "
                    + "further instructions"
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
                "cannot be changed on a live call: the session's tools are fixed when it begins"
            )
        }
    }
}

extension OpenAIOptions {
    /// Returns these options, overridden one by one by those that `later` sets.
    package func changed(by later: OpenAIOptions) -> OpenAIOptions {
        var json = json
        for member in later.json.object ?? [] { json.set(member.key, member.value) }
        return OpenAIOptions(json: json)
    }
}
