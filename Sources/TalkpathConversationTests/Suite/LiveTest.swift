package import TalkpathSimulation
package import TalkpathWire

/// A test in real time: a caller with a voice, and a model over the network.
package struct LiveTest: Sendable {
    /// A caller whom a text model plays.
    package struct Persona: Sendable, Equatable {
        /// Who it is, and what it wants.
        package var description: String
        /// What it says first.
        package var opening: String
        /// How often it speaks at most.
        package var turns: Int
    }

    package enum Caller: Sendable {
        /// The steps, and the clips that are played for some of them, by number.
        case scripted([TalkScript.CallerStep], clips: [Int: String])
        case persona(Persona)
    }

    package var provider: AgentProvider
    /// The agent, as in the control API; the provider and the suite's functions included.
    package var agent: JSONValue
    package var tools: [String: ScriptedTest.Tool]
    package var caller: Caller
    /// The time after which the call is ended.
    package var longest: Duration
}
