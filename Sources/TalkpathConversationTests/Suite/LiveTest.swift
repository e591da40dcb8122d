package import TalkpathSimulation
package import TalkpathWire

/// A test in real time: a caller with a voice, and a model over the network.
package struct LiveTest: Sendable {
    /// A caller whom a text model plays.
    package struct Persona: Sendable, Equatable {
        /// The person, and what it wants.
        package var description: String
        /// The first words.
        package var opening: String
        /// The most times that it speaks.
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
