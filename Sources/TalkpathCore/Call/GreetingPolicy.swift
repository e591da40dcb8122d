/// The side that speaks first where both would.
public enum GreetingPolicy: String, Sendable, CaseIterable {
    /// A caller who speaks before the greeting is answered instead. One who speaks during the greeting interrupts it.
    case callerFirst = "caller_first"
    /// The caller's words before the end of the greeting do not reach the agent.
    case greetingFirst = "greeting_first"
}
