import TalkpathCore
import TalkpathStore
import TalkpathWire

/// Keeps agents in the store.
///
/// To find a number, it looks through the tenant's definitions: a tenant has few agents, and inbound calls are rare.
/// Agents are saved one after another, so that one of two agents that claim a number at once is refused. The store
/// belongs to one process.
actor SQLAgentStore: AgentStore {
    private let store: SQLCallStore
    private var isSaving = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ store: SQLCallStore) {
        self.store = store
    }

    func save(_ agent: AgentRecord, atMost most: Int) async throws -> (agent: AgentRecord, isNew: Bool) {
        await begin()
        defer { end() }
        let numbers = Set(agent.definition.numbers)
        let others = try await all(tenant: agent.tenant)
        for other in others where other.id != agent.id {
            if let number = other.definition.numbers.first(where: numbers.contains) {
                throw NumberTaken(number: number)
            }
        }
        guard others.count < most || others.contains(where: { $0.id == agent.id }) else { throw TooManyAgents() }
        let kept = try await store.putAgent(
            tenant: agent.tenant,
            id: agent.id,
            profile: agent.definition.json,
            at: agent.updatedAt
        )
        return (AgentRecord(kept.agent), kept.isNew)
    }

    func find(_ id: String, tenant: String) async throws -> AgentRecord? {
        try await store.agent(tenant: tenant, id: id).map(AgentRecord.init)
    }

    func find(number: String, tenant: String) async throws -> AgentRecord? {
        try await all(tenant: tenant).first { $0.definition.numbers.contains(number) }
    }

    func all(tenant: String) async throws -> [AgentRecord] {
        try await store.agents(tenant: tenant).map(AgentRecord.init)
            .sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
    }

    func delete(_ id: String, tenant: String) async throws -> Bool {
        try await store.deleteAgent(tenant: tenant, id: id)
    }

    // MARK: Saving one after another

    private func begin() async {
        guard isSaving else {
            isSaving = true
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func end() {
        if waiting.isEmpty { isSaving = false } else { waiting.removeFirst().resume() }
    }
}

extension AgentRecord {
    fileprivate init(_ stored: StoredAgent) {
        self.init(
            id: stored.id,
            tenant: stored.tenant,
            definition: AgentDefinition(stored: stored.profile),
            createdAt: stored.createdAt,
            updatedAt: stored.updatedAt
        )
    }
}
