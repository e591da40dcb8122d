import TalkpathCore
import TalkpathSimulation
import TalkpathWire

/// Live tests of a suite.
extension SuiteReader {
    /// - Returns: one test, or one for each provider of its agent.
    func live(
        _ test: ConversationTest,
        _ value: YAMLValue,
        _ members: [String: YAMLValue],
        _ own: Standard
    ) throws(SuiteFault) -> [ConversationTest] {
        for other in ["model", "setup"] {
            guard let member = members[other] else { continue }
            throw member.fault("a live test has no '\(other)': the agent's own model answers")
        }
        let caller = try caller(value, members)
        let tools = try standard.tools + (members["tools"]?.members() ?? [])
        let stubs = try Self.stubs(tools)
        let longest = Duration.milliseconds(try members["longest"]?.milliseconds() ?? 180_000)
        let agents = try Self.agents(own.agent ?? standard.agent, tools: tools, of: AgentProvider.allCases)
        return agents.map { provider, agent in
            var one = test
            var agent = agent
            agent.set("provider", .string(provider.rawValue))
            one.kind = .live(
                LiveTest(provider: provider, agent: agent, tools: stubs, caller: caller, longest: longest)
            )
            if agents.count > 1 { one.name += " (\(provider.rawValue))" }
            return one
        }
    }

    private func caller(_ test: YAMLValue, _ members: [String: YAMLValue]) throws(SuiteFault) -> LiveTest.Caller {
        if let persona = members["persona"] {
            if let caller = members["caller"] { throw caller.fault("a test has 'caller' or 'persona', not both") }
            let parts = try persona.members(["is", "opens", "turns"])
            guard let description = parts["is"] else { throw persona.fault("'is' is missing: who the caller is") }
            return .persona(
                LiveTest.Persona(
                    description: try description.text(),
                    opening: try parts["opens"]?.text() ?? "Hello?",
                    turns: try parts["turns"]?.integer(1...50) ?? 8
                )
            )
        }
        guard let caller = members["caller"] else {
            throw test.fault("the test has neither a caller, a persona nor a capture")
        }
        var steps: [TalkScript.CallerStep] = []
        var clips: [Int: String] = [:]
        let list = try caller.list()
        for (number, value) in list.enumerated() {
            let step = try Self.step(value, isLive: true)
            switch step.deed {
            case .stays, .hangsUp:
                guard number == list.count - 1 else { throw value.fault("a live caller does this at the end only") }
                try Self.checkEnding(step, value)
            case .speaks, .presses: break
            }
            steps.append(step)
            let clip = value.isMapping ? try value.members().first { $0.name == "clip" }?.value.text() : nil
            if let clip { clips[number] = clip.hasPrefix("/") || folder.isEmpty ? clip : "\(folder)/\(clip)" }
        }
        return .scripted(steps, clips: clips)
    }

    /// Refuses times that the end of a live caller does not have.
    private static func checkEnding(_ step: TalkScript.CallerStep, _ value: YAMLValue) throws(SuiteFault) {
        guard value.isMapping else { return }
        let members = try value.members()
        for (name, member) in members where name == "at" || name == "after" && step.deed != .hangsUp {
            throw member.fault("the last step of a live caller has no '\(name)'")
        }
    }
}
