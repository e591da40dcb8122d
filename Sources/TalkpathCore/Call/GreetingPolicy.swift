/// Who speaks first where both would.
public enum GreetingPolicy: String, Sendable, CaseIterable {
    /// A caller who speaks before the greeting is answered, and not greeted. One who speaks into it interrupts it.
    case callerFirst = "caller_first"
    /// What the caller says before the greeting has been heard to its end does not reach the agent.
    case greetingFirst = "greeting_first"
}
