import HTTPTypes
import Hummingbird
import TalkpathCore
import TalkpathNIO
import TalkpathStore
import TalkpathWire

/// Routes that store, show, change and delete tenants' agents.
struct AgentRoutes {
    let state: ServerState

    /// - Parameter api: the routes below `/api`, which need a key.
    func add(to api: RouterGroup<ServerContext>) {
        api.get("agents", use: list)
        api.post("agents", use: create)
        api.get("agents/:agent_id", use: show)
        api.put("agents/:agent_id", use: replace)
        api.delete("agents/:agent_id", use: delete)
    }

    @Sendable private func list(_ request: Request, _ context: ServerContext) async throws -> Response {
        let agents = try await state.agents.all(tenant: context.tenant)
        return .json(["agents": .array(agents.map(\.json)), "count": JSONValue(agents.count)])
    }

    @Sendable private func create(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try JSONBody(await request.bytes(), AgentSchemas.definition)
        let definition = try AgentDefinition(body.value)
        return try await save(definition, id: state.identifiers.makeCallID().text, tenant: context.tenant)
    }

    @Sendable private func show(_ request: Request, _ context: ServerContext) async throws -> Response {
        let id = context.parameters.get("agent_id") ?? ""
        if id == AgentProfile.configuredID { return .json(state.configuration.defaultAgent.definitionJSON) }
        return .json(try await state.agent(id, tenant: context.tenant).json)
    }

    @Sendable private func replace(_ request: Request, _ context: ServerContext) async throws -> Response {
        let id = try Self.changeableID(context)
        let body = try JSONBody(await request.bytes(), AgentSchemas.definition)
        let before = try await state.agents.find(id, tenant: context.tenant)
        let definition = try AgentDefinition(body.value, replacing: before?.definition)
        return try await save(definition, id: id, tenant: context.tenant)
    }

    @Sendable private func delete(_ request: Request, _ context: ServerContext) async throws -> Response {
        let id = try Self.changeableID(context)
        guard try await state.agents.delete(id, tenant: context.tenant) else { throw Problem.agentNotFound }
        return Response(status: .noContent)
    }

    private func save(_ definition: AgentDefinition, id: String, tenant: String) async throws -> Response {
        // Refuse now what the first call would refuse.
        _ = try await state.succession(of: definition, id: id, tenant: tenant)
        try await state.check(doorsOf: definition, tenant: tenant)
        let now = state.bridge.clock.wallTime
        let record = AgentRecord(id: id, tenant: tenant, definition: definition, createdAt: now, updatedAt: now)
        let saved: (agent: AgentRecord, isNew: Bool)
        do {
            saved = try await state.agents.save(record, atMost: state.configuration.maximumAgentsPerTenant)
        } catch is NumberTaken {
            throw Problem(.conflict, .numberTaken, "Another agent has one of these 'numbers'")
        } catch is TooManyAgents {
            throw Problem(
                .tooManyRequests,
                .tooManyAgents,
                "There are \(state.configuration.maximumAgentsPerTenant) agents already: delete one first"
            )
        }
        if let webhook = definition.webhook {
            try await state.store.calls.resumeWebhook(webhook, tenant: tenant)
            state.dispatcher.refresh()
        }
        var response = Response.json(saved.agent.json, status: saved.isNew ? .created : .ok)
        if saved.isNew { response.headers[.location] = "/api/agents/\(id)" }
        return response
    }

    private static func changeableID(_ context: ServerContext) throws(Problem) -> String {
        let id = context.parameters.get("agent_id") ?? ""
        guard id != AgentProfile.configuredID else {
            throw Problem(
                .forbidden,
                .forbidden,
                "The agent 'default' is the server's own and changes with its settings"
            )
        }
        let isGood = (1...200).contains(id.utf8.count) && id.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        guard isGood else { throw JSONBody.invalid("agent_id", "must have 1 to 200 printable ASCII characters") }
        return id
    }
}

extension ServerState {
    /// Refuses malformed addresses, and addresses inside the operator's network.
    ///
    /// A tenant's webhook must have a secret of its own. With the server's secret, the tenant could send the operator's
    /// receivers any message.
    func check(addressesOf definition: AgentDefinition, tenant: String) async throws(Problem) {
        if let webhook = definition.webhook, webhook.secret == nil, tenant != ServerConfiguration.APIKey.defaultTenant {
            throw JSONBody.invalid("webhook.secret", "must be given: the server's own is for its operator's agents")
        }
        for (field, tool, text) in definition.addresses {
            if field == AgentDefinition.socketField, let name = AgentProfile.inProcessName(inAddress: text) {
                guard inProcessAgents.contains(name) else {
                    throw JSONBody.invalid(field, "names no in-process agent of this server")
                }
                continue
            }
            do throws(OutboundAddressError) {
                let url = try addressPolicy.parse(text)
                let isSocket = url.scheme == .wss || url.scheme == .ws
                guard isSocket == (field == AgentDefinition.socketField) else {
                    throw OutboundAddressError.malformed("must begin with \(isSocket ? "https" : "wss")://")
                }
                _ = try await addressPolicy.addresses(of: url)
            } catch {
                // In development, the machine may have no network. The name is looked up again for every connection.
                if error.code == .cannotBeResolved, configuration.isDevelopment { continue }
                throw JSONBody.invalid(field, (tool.map { "of the tool '\($0)' " } ?? "") + error.message)
            }
        }
    }
}

extension AgentRecord {
    var json: JSONValue {
        .object(
            [(key: "agent_id", value: .string(id))] + definition.shown
                + [(key: "created_at", value: .time(createdAt)), (key: "updated_at", value: .time(updatedAt))]
        )
    }
}

extension AgentProfile {
    /// The name of the server's own agent.
    static let configuredID = "default"

    /// The server's own agent as the routes show agents.
    fileprivate var definitionJSON: JSONValue {
        let json: JSONValue = [
            "name": .optional(name),
            "provider": .string(provider.rawValue),
            "model": .string(model),
            "voice": .optional(voice),
            "format": .string(format.rawValue),
            "instructions": .string(instructions),
            "first_message": .optional(firstMessage),
            "may_end_call": .bool(mayEndCall),
            "connect": .string(connectPolicy.rawValue),
        ]
        let shown = AgentDefinition(stored: json).shown
        return .object(
            [(key: "agent_id", value: .string(Self.configuredID))] + shown
                + [(key: "created_at", value: .null), (key: "updated_at", value: .null)]
        )
    }
}
