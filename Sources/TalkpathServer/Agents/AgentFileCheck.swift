package import TalkpathCore
package import TalkpathWire

/// A check of an agent's definition, without a server and without a call.
package struct AgentFileCheck {
    /// The reasons for which a server would refuse the definition; empty if it would accept it.
    package var problems: [String] = []
    /// Hints for the author of the definition.
    package var notes: [String] = []
    /// The set-up message to the model, without secrets; `nil` if the definition is refused.
    package var setup: JSONValue?
    /// The agent of the definition; `nil` if the definition is refused.
    package var profile: AgentProfile?

    /// - Parameter base: the settings for the fields that the definition leaves out.
    package init(_ bytes: [UInt8], over base: AgentProfile) {
        do throws(Problem) {
            let body = try JSONBody(bytes, AgentSchemas.definition)
            let definition = try AgentDefinition(body.value)
            var base = base
            // The definition is checked without the provider's key.
            if base.apiKey.isEmpty { base.apiKey = "any" }
            let configuration = ServerConfiguration(agent: base, isDevelopment: true)
            var agent = try definition.profile(id: nil, in: configuration)
            let successors = try definition.inlineSuccessors(in: configuration)
            agent.failover = successors.compactMap(\.self)
            try agent.checkOptions()
            notes = agent.succession.flatMap(Self.notes)
            if agent.failover.count < successors.count {
                notes.append("'failover' names stored agents: a server alone can check that they are there")
            }
            setup = agent.shownSetup
            profile = agent
        } catch {
            problems = [error.detail]
        }
    }

    private static func notes(_ agent: AgentProfile) -> [String] {
        let traits = AgentModelTraits(agent.provider, model: agent.model)
        var notes: [String] = []
        if !traits.isKnown {
            notes.append("the model \(agent.model) is not in the table: its limits are unknown")
        }
        if let day = traits.endsOn { notes.append("the model \(agent.model) is switched off on \(day)") }
        if let model = agent.openAI.transcription?.model, let day = agent.openAI.transcription?.endsOn {
            notes.append("the transcription \(model) is switched off on \(day)")
        }
        return notes
    }
}
