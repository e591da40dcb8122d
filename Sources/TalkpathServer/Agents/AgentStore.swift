import TalkpathCore

/// An agent in the store.
struct AgentRecord: Equatable, Sendable {
    /// Unique within the tenant.
    var id: String
    var tenant: String
    var definition: AgentDefinition
    var createdAt: WallTime
    var updatedAt: WallTime
}

/// The store of tenants' agents. Contract:
///
/// * An agent is known by its tenant and its id. Two tenants may use the same id for different agents.
/// * A number belongs to one agent of a tenant. `save` refuses an agent whose numbers another one has, and changes
/// nothing then. Saving and checking are one step.
/// * When `save` or `delete` has returned, the change is as durable as the store promises.
/// * The definition is kept as `AgentDefinition.json`, which holds the tenant's secrets: never log it.
protocol AgentStore: Sendable {
    /// Stores a new agent, or replaces the one of that id. The first one's `createdAt` stays.
    ///
    /// - Parameter most: the most agents that the tenant may have. An existing one may be replaced beyond that.
    /// - Returns: the agent as stored, and whether it is new.
    func save(_ agent: AgentRecord, atMost most: Int) async throws -> (agent: AgentRecord, isNew: Bool)
    func find(_ id: String, tenant: String) async throws -> AgentRecord?
    /// The agent that answers calls to a number.
    func find(number: String, tenant: String) async throws -> AgentRecord?
    /// Oldest first. Those of the same time are sorted by id.
    func all(tenant: String) async throws -> [AgentRecord]
    /// - Returns: true if the tenant had an agent of that id.
    func delete(_ id: String, tenant: String) async throws -> Bool
}

/// A number that already belongs to another agent of the tenant.
struct NumberTaken: Error, Equatable {
    var number: String
}

/// The tenant has as many agents as it may.
struct TooManyAgents: Error {}

/// Keeps agents for the life of the process.
actor InMemoryAgentStore: AgentStore {
    private struct Key: Hashable {
        var tenant: String
        var id: String
    }

    private var agents: [Key: AgentRecord] = [:]

    func save(_ agent: AgentRecord, atMost most: Int = .max) throws -> (agent: AgentRecord, isNew: Bool) {
        let numbers = Set(agent.definition.numbers)
        for other in agents.values where other.tenant == agent.tenant && other.id != agent.id {
            if let number = other.definition.numbers.first(where: numbers.contains) {
                throw NumberTaken(number: number)
            }
        }
        let key = Key(tenant: agent.tenant, id: agent.id)
        var agent = agent
        let before = agents[key]
        if let before {
            agent.createdAt = before.createdAt
        } else if agents.values.count(where: { $0.tenant == agent.tenant }) >= most {
            throw TooManyAgents()
        }
        agents[key] = agent
        return (agent, before == nil)
    }

    func find(_ id: String, tenant: String) -> AgentRecord? {
        agents[Key(tenant: tenant, id: id)]
    }

    func find(number: String, tenant: String) -> AgentRecord? {
        agents.values.first { $0.tenant == tenant && $0.definition.numbers.contains(number) }
    }

    func all(tenant: String) -> [AgentRecord] {
        agents.values.filter { $0.tenant == tenant }.sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
    }

    func delete(_ id: String, tenant: String) -> Bool {
        agents.removeValue(forKey: Key(tenant: tenant, id: id)) != nil
    }
}
