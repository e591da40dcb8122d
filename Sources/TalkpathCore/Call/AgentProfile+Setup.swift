import TalkpathAudio
package import TalkpathWire

extension AgentProfile {
    /// The set-up that begins a session with the model, for people to read: without tokens and headers.
    package var shownSetup: JSONValue? {
        var shown = self
        for place in shown.openAI.mcpServers.indices {
            if shown.openAI.mcpServers[place].authorization != nil {
                shown.openAI.mcpServers[place].authorization = MCPServer.redacted
            }
            shown.openAI.mcpServers[place].headers = shown.openAI.mcpServers[place].headers.map {
                (name: $0.name, value: MCPServer.redacted)
            }
        }
        var codec = AgentCodec(provider)
        var outbox = MessageOutbox()
        codec.write(.configure(shown.configuration(resumptionHandle: nil)), to: &outbox)
        var setup: JSONValue?
        outbox.drain { setup = try? JSONValue(parsing: $0) }
        return setup
    }
}
