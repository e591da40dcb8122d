package import TalkpathCore
package import TalkpathWire

/// What would become of an agent's definition, without a server and without a call.
package struct AgentFileCheck {
    /// Why a server would refuse it; empty if it would not.
    package var problems: [String] = []
    /// What its owner may want to know.
    package var notes: [String] = []
    /// What the model would be told, if the definition is good. Secrets are not in it.
    package var setup: JSONValue?

    /// - Parameter base: what the definition leaves out.
    package init(_ bytes: [UInt8], over base: AgentProfile) {
        do throws(Problem) {
            let body = try JSONBody(bytes, AgentSchemas.definition)
            let definition = try AgentDefinition(body.value)
            var base = base
            // Whose key it is, is no matter of the definition.
            if base.apiKey.isEmpty { base.apiKey = "any" }
            let agent = try definition.profile(id: nil, in: ServerConfiguration(agent: base, isDevelopment: true))
            notes = Self.notes(agent)
            setup = agent.shownSetup
        } catch {
            problems = [error.detail]
        }
    }

    private static func notes(_ agent: AgentProfile) -> [String] {
        let traits = AgentModelTraits(agent.provider, model: agent.model)
        var notes: [String] = []
        if !traits.isKnown {
            notes.append("the model \(agent.model) is not in the table: nothing can be said of what it refuses")
        }
        if let day = traits.endsOn { notes.append("the model \(agent.model) is switched off on \(day)") }
        if let model = agent.openAI.transcription?.model, let day = agent.openAI.transcription?.endsOn {
            notes.append("the transcription \(model) is switched off on \(day)")
        }
        return notes
    }
}
