import TalkpathCore
import TalkpathNIO

extension OutboundAddressPolicy {
    /// Judges the address of an agent that a tenant has named, for each connection anew.
    var judgeOfAgents: JudgeOfAgentAddresses {
        { [self] text in
            do throws(OutboundAddressError) {
                return .success(try await addresses(of: try parse(text)))
            } catch {
                let isFinal = error.code != .cannotBeResolved
                return .failure(AgentConnectError("the agent's address \(error.message)", isFinal: isFinal))
            }
        }
    }
}
