import TalkpathAudio
import TalkpathWire
import Testing

@testable import TalkpathCore

/// A call with a list of agents: when the one in use is left, and which one follows.
struct AgentFailoverTests {
    private static let second = AgentProfile(provider: .gemini, model: "second", apiKey: "k")
    private static let third = AgentProfile(provider: .openaiLive, model: "third", apiKey: "k")

    /// A call whose first socket is being opened.
    private func ringing(_ failover: [AgentProfile] = [second], limits: CallLimits = CallLimits()) -> MachineDriver {
        let call = MachineDriver(limits: limits, failover: failover)
        call.begin()
        call.placed()
        call.progress(.ringing)
        return call
    }

    private func talking(_ failover: [AgentProfile] = [second]) -> MachineDriver {
        let call = ringing(failover)
        call.agentReady()
        call.progress(.answered)
        call.stream()
        call.pass(.seconds(20))
        return call
    }

    private static func changes(_ actions: [SessionAction]) -> [String] {
        actions.compactMap { if case .changeAgent(let failover) = $0 { failover.to.model } else { nil } }
    }

    private static func sockets(_ actions: [SessionAction]) -> [AgentSocketID] {
        actions.compactMap { if case .connectAgent(let socket) = $0 { socket } else { nil } }
    }

    @Test(arguments: [true, false])
    func `an agent that is refused at its set-up is left at once, for good or for now`(isFinal: Bool) {
        let call = ringing()
        let given = call.on {
            $0.agentConnectFailed(socket: 1, AgentConnectError("HTTP 429", isFinal: isFinal), at: $1)
        }
        #expect(Self.changes(given) == ["second"] && Self.sockets(given) == [2])
        #expect(call.machine.agentNumber == 1)
        let parts = call.machine.agentParts
        #expect(parts.map(\.agent.model) == ["agent", "second"])
        #expect(parts.map(\.reason) == ["HTTP 429", nil])
        #expect(parts[0].ready == nil && parts[0].ended == parts[1].began)
    }

    @Test func `an agent that is not set up in time is left at once`() {
        let call = ringing()
        let given = call.pass(CallLimits().agentSetupTimeout)
        #expect(Self.changes(given) == ["second"] && Self.sockets(given) == [2])
    }

    @Test func `an agent whose refused set-up can do with less is asked again`() {
        let call = ringing()
        call.on {
            $0.agentOpened(socket: 1, at: $1)
            return []
        }
        var given = call.on { $0.agentLost(socket: 1, message: "1007", isAmended: true, at: $1) }
        given += call.pass(.seconds(1))
        #expect(Self.changes(given).isEmpty && Self.sockets(given) == [2])
    }

    @Test func `an agent that was there is opened again, and left when that has failed too often`() {
        let call = talking()
        var given = call.on { $0.agentLost(socket: 1, message: "gone", at: $1) }
        for socket in 2...(CallLimits().agentAttempts) {
            given += call.pass(.seconds(2))
            #expect(Self.changes(given).isEmpty)
            given += call.on {
                $0.agentConnectFailed(socket: AgentSocketID(socket), AgentConnectError("gone"), at: $1)
            }
        }
        #expect(Self.changes(given) == ["second"])
        #expect(call.isLive)
    }

    @Test func `an agent whose reopening is refused for good is left at once`() {
        let call = talking()
        call.on { $0.agentLost(socket: 1, message: "gone", at: $1) }
        call.pass(.seconds(1))
        let given = call.on { $0.agentConnectFailed(socket: 2, AgentConnectError("401", isFinal: true), at: $1) }
        #expect(Self.changes(given) == ["second"] && Self.sockets(given) == [3])
    }

    @Test func `the call ends without an agent only when each of the list was tried`() {
        let call = ringing([Self.second, Self.third])
        call.progress(.answered)
        call.stream()
        let refused = AgentConnectError("403", isFinal: true)
        var given = call.on { $0.agentConnectFailed(socket: 1, refused, at: $1) }
        given += call.on { $0.agentConnectFailed(socket: 2, refused, at: $1) }
        #expect(Self.changes(given) == ["second", "third"])
        #expect(call.isLive)
        given = call.on { $0.agentConnectFailed(socket: 3, refused, at: $1) }
        #expect(Self.changes(given).isEmpty && given.contains(MachineDriver.hangUp))
    }

    @Test func `the last of the list has the attempts of an agent that is alone`() {
        let call = ringing()
        call.on { $0.agentConnectFailed(socket: 1, AgentConnectError("503"), at: $1) }
        var given = call.on { $0.agentConnectFailed(socket: 2, AgentConnectError("503"), at: $1) }
        given += call.pass(.seconds(1))
        #expect(Self.sockets(given) == [3])
        #expect(call.isLive)
    }

    @Test func `a call that drains takes no other agent`() {
        let call = talking()
        call.end(.endedByAPI, .drain(timeout: .seconds(10)))
        let given = call.on { $0.agentLost(socket: 1, message: "gone", at: $1) } + call.pass(.seconds(2))
        #expect(Self.changes(given).isEmpty && Self.sockets(given).isEmpty)
    }

    @Test(arguments: [true, false]) func `the next agent greets a caller who has heard none`(wasHeard: Bool) {
        let call = talking()
        if wasHeard { call.machine.agentWasHeard() }
        call.on { $0.agentLost(socket: 1, message: "gone", at: $1) }
        call.pass(.seconds(1))
        call.on { $0.agentConnectFailed(socket: 2, AgentConnectError("401", isFinal: true), at: $1) }
        let given = call.agentReady(3)
        #expect(given.contains(.openUplink(isFirst: false)))
        #expect(given.contains(.greet) == !wasHeard)
    }

    @Test func `an agent that is lost while the caller is with another party is followed when the caller returns`() {
        let call = talking()
        call.on {
            $0.beginTransfer(
                .init(instructions: .dial(number: "+15550100", callerID: nil, ringTimeout: .seconds(20))),
                mode: .now,
                at: $1
            )
        }
        call.on { $0.agentLost(socket: 1, message: "gone", at: $1) }
        call.pass(.seconds(1))
        let given = call.on { $0.agentConnectFailed(socket: 2, AgentConnectError("401", isFinal: true), at: $1) }
        #expect(Self.changes(given) == ["second"])
        #expect(call.isLive && call.machine.agentLoss == nil)
    }

    @Test func `tokens are counted for the agent that has used them`() {
        let call = talking()
        call.machine.agentUsed(AgentUsage(inputTokens: 1, outputTokens: 2, totalTokens: 3))
        call.on { $0.agentLost(socket: 1, message: "gone", at: $1) }
        call.pass(.seconds(1))
        call.on { $0.agentConnectFailed(socket: 2, AgentConnectError("401", isFinal: true), at: $1) }
        call.agentReady(3)
        call.machine.agentUsed(AgentUsage(inputTokens: 10, outputTokens: 20, totalTokens: 30))
        #expect(call.machine.agentParts.map(\.usage.totalTokens) == [3, 30])
        #expect(call.machine.usage.totalTokens == 33)
    }
}

/// Options of the agents in a list.
struct AgentListCheckTests {
    @Test func `a fault names the place of its agent in the list`() {
        var agent = AgentProfile.openAI(key: "k", instructions: "")
        var faulty = AgentProfile.gemini(key: "k", instructions: "")
        faulty.openAI.mcpServers = [MCPServer(label: "m", place: .url("https://mcp.test"))]
        agent.failover = [.gemini(key: "k", instructions: ""), faulty]
        let fault = #expect(throws: AgentOptionFault.self) { try agent.check() }
        #expect(fault?.field.hasPrefix("failover[1].openai") == true)
    }

    @Test func `a list within a list is refused, and so is a long one`() {
        var agent = AgentProfile.openAI(key: "k", instructions: "")
        var nested = AgentProfile.gemini(key: "k", instructions: "")
        nested.failover = [.gemini(key: "k", instructions: "")]
        agent.failover = [nested]
        #expect(throws: AgentOptionFault.self) { try agent.check() }
        agent.failover = Array(repeating: .gemini(key: "k", instructions: ""), count: AgentProfile.mostFailovers + 1)
        #expect(throws: AgentOptionFault.self) { try agent.check() }
        agent.failover.removeLast()
        #expect(throws: Never.self) { try agent.check() }
    }
}
