public import TalkpathWire

/// An agent by its names, without its settings.
public struct AgentReference: Equatable, Sendable, CustomStringConvertible {
    /// Its name in a store of agents; `nil` for one that was made for the call.
    public var id: String?
    public var name: String?
    public var provider: AgentProvider
    public var model: String

    public init(_ agent: AgentProfile) {
        self.init(id: agent.id, name: agent.name, provider: agent.provider, model: agent.model)
    }

    public init(id: String? = nil, name: String? = nil, provider: AgentProvider, model: String) {
        self.id = id
        self.name = name
        self.provider = provider
        self.model = model
    }

    public var description: String { "\(provider.rawValue) \(model)" }
}

/// The next agent of a call's list has taken the call over.
public struct AgentFailover: Equatable, Sendable {
    public var from: AgentReference
    public var to: AgentReference
    /// Why the agent before was left. Free of secrets.
    public var reason: String

    public init(from: AgentReference, to: AgentReference, reason: String) {
        self.from = from
        self.to = to
        self.reason = reason
    }
}

/// The part that one agent has had in a call with a list of agents. All times count from the start of the call.
public struct AgentPart: Equatable, Sendable {
    public var agent: AgentReference
    /// The agent was the call's from then on.
    public var began: Duration
    /// A session with its model was there for the first time; `nil` if none ever was.
    public var ready: Duration?
    /// It was left for the next one; `nil` for the last.
    public var ended: Duration?
    /// Why it was left.
    public var reason: String?
    /// The provider's count in this part.
    public var usage = AgentUsage()

    public init(agent: AgentReference, began: Duration, ready: Duration? = nil, ended: Duration? = nil) {
        self.agent = agent
        self.began = began
        self.ready = ready
        self.ended = ended
    }
}
