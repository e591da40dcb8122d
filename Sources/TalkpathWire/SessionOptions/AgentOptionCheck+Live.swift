/// Checks of GPT-Live's options: invalid values and combinations.
extension AgentOptionCheck {
    func checkLive() throws(AgentOptionFault) {
        try Self.check(live.acknowledgementDelayMilliseconds, in: 0...60_000, "openai_live.acknowledgement_delay_ms")
        switch live.delegation {
        case .client(let name)? where !tools.contains { $0.name == name }:
            throw AgentOptionFault(
                "openai_live.delegation.tool",
                "names the function '\(name)', which the agent does not have"
            )
        case .responses(let responses)?:
            try Self.check(
                responses.maxOutputTokens,
                in: 1...1_000_000,
                "openai_live.delegation.max_output_tokens"
            )
        case .client?, nil: return
        }
    }
}
