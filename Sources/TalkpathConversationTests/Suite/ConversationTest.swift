package import TalkpathSimulation
package import TalkpathWire

/// One test of a suite.
package struct ConversationTest: Sendable {
    package enum Kind: Sendable {
        /// A scripted caller and a scripted model, on virtual time.
        case scripted(ScriptedTest)
        /// A captured call, on virtual time.
        case captured(path: String)
        /// A caller with a voice and a model over the network, in real time.
        case live(LiveTest)
    }

    package var name: String
    package var file: String
    package var line: Int
    package var kind: Kind
    package var expectations: [Expectation]
    /// The times that the test is played, each with another seed.
    package var runs: Int
    /// The share of runs that must pass.
    package var passRate: Share

    /// True for a test that is the same in each run.
    var isCaptured: Bool { if case .captured = kind { true } else { false } }

    /// True for a test that a text model judges.
    var isJudgedByModel: Bool { expectations.contains { !$0.questions.isEmpty } }

    /// True for a test that a text model judges, or whose caller it plays.
    var needsTextModel: Bool {
        if case .live(let test) = kind, case .persona = test.caller { return true }
        return isJudgedByModel
    }

    /// The runs that must pass.
    package var needed: Int { max(1, passRate.fewest(of: runs)) }
}

/// A test whose caller, model and functions follow a script.
package struct ScriptedTest: Sendable {
    /// The answer of a function, and the time that it takes.
    package struct Tool: Sendable, Equatable {
        package var output: JSONValue
        package var milliseconds: Int
    }

    package var provider: AgentProvider
    /// The agent, as in the control API; its own model and functions included.
    package var agent: JSONValue
    package var tools: [String: Tool]
    package var script: TalkScript
}

/// The tests of one file.
package struct Suite: Sendable {
    package var name: String
    package var file: String
    package var tests: [ConversationTest]
}
