/// Keeps calls in memory: the live ones and the newest of the ended ones, for the life of the process.
public actor InMemoryCallStore: CallStore {
    private var calls: [CallID: CallSnapshot] = [:]
    /// Of the ended ones, in the order of their ends.
    private var order: [CallID] = []
    private let capacity: Int

    public init(capacity: Int = 10_000) {
        self.capacity = max(1, capacity)
    }

    public func journal(_ call: CallSnapshot) {
        guard let known = calls[call.id] else {
            calls[call.id] = call.asKept
            return
        }
        let name = known.carrierCallID ?? call.carrierCallID
        calls[call.id] = known.endedAt == nil ? call.asKept : known
        calls[call.id]?.carrierCallID = name
    }

    public func save(_ call: CallSnapshot) {
        if calls.updateValue(call.asKept, forKey: call.id)?.endedAt == nil { order.append(call.id) }
        while order.count > capacity { calls[order.removeFirst()] = nil }
    }

    public func update(_ call: CallSnapshot) {
        if calls[call.id]?.endedAt != nil { calls[call.id] = call.asKept }
    }

    public func find(_ id: CallID) -> CallSnapshot? {
        calls[id]
    }

    public func calls(matching query: CallQuery) -> CallPage {
        query.page(of: ended)
    }

    public func count(matching query: CallQuery) -> Int {
        query.count(of: ended)
    }

    private var ended: [CallSnapshot] { order.compactMap { calls[$0] } }
}

extension CallSnapshot {
    /// As it is kept: a key has no business in a record, and how the agent was to be led is of no use afterwards.
    package var asKept: CallSnapshot {
        var call = self
        call.agent = AgentProfile(
            provider: agent.provider,
            model: agent.model,
            apiKey: "",
            voice: agent.voice,
            format: agent.format,
            instructions: agent.instructions,
            firstMessage: agent.firstMessage,
            tools: agent.tools,
            mayEndCall: agent.mayEndCall,
            connectPolicy: agent.connectPolicy,
            baseURL: agent.baseURL
        )
        call.agent.id = agent.id
        call.agent.name = agent.name
        return call
    }
}
