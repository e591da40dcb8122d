import HTTPTypes
import Logging
import TalkpathCore
import TalkpathWire

/// The agents that take a call over after this one: its field `failover`.
extension AgentDefinition {
    /// One entry of the list.
    enum Successor: Equatable, Sendable {
        /// The id of a stored agent.
        case stored(String)
        /// This definition with the fields of the entry.
        case inline(AgentDefinition)
    }

    /// The call takes these from its first agent; an entry cannot have them.
    static let fieldsOfCall: Set<String> = [
        "numbers", "webhook", "limits", "capture", "fallback", "failover", "connect", "greeting_policy", "variables",
    ]

    /// An entry for another provider does not take these from the first agent.
    private static let fieldsOfProvider: Set<String> = [
        "model", "api_key", "voice", "format", "barge_in", "openai", "gemini", "openai_live", "socket", "raw",
    ]

    /// - Parameter configuration: the server's settings, whose agent's provider an entry has that names none.
    func successors(in configuration: ServerConfiguration) -> [Successor] {
        (json["failover"]?.array ?? []).map { entry in
            if let id = entry.string { return .stored(id) }
            return .inline(successor(entry, own: provider ?? configuration.agent.provider))
        }
    }

    private func successor(_ entry: JSONValue, own: AgentProvider) -> AgentDefinition {
        let provider = entry["provider"]?.string.flatMap(AgentProvider.init) ?? own
        var left = Self.fieldsOfCall.union(["name"])
        if provider != own { left.formUnion(Self.fieldsOfProvider) }
        // To another address, a secret is not taken along.
        if entry["socket"] != nil { left.formUnion(["api_key", "socket"]) }
        var merged = JSONValue.object((json.object ?? []).filter { !left.contains($0.key) })
        merged.set("provider", .string(provider.rawValue))
        for (name, value) in entry.object ?? [] { merged.set(name, value) }
        return AgentDefinition(stored: merged)
    }

    /// The agents of the list that need no store.
    ///
    /// - Returns: `nil` for a stored one.
    func inlineSuccessors(in configuration: ServerConfiguration) throws(Problem) -> [AgentProfile?] {
        var profiles: [AgentProfile?] = []
        for (place, successor) in successors(in: configuration).enumerated() {
            guard case .inline(let definition) = successor else {
                profiles.append(nil)
                continue
            }
            do throws(Problem) {
                profiles.append(try definition.profile(id: nil, in: configuration))
            } catch {
                throw error.of(successor: place)
            }
        }
        return profiles
    }

    // MARK: Secrets

    /// Checks the entries, and keeps the secrets of those that say `[redacted]` and stand where they stood.
    static func keepSuccessorsSecrets(_ entries: [JSONValue], before: AgentDefinition?) throws(Problem) -> JSONValue {
        let earlier = before?.json["failover"]?.array ?? []
        var kept: [JSONValue] = []
        for (place, entry) in entries.enumerated() {
            guard entry.object != nil else {
                kept.append(entry)
                continue
            }
            // A key must not reach another provider.
            let old = earlier.indices.contains(place) ? earlier[place] : .null
            let isSame = old.object != nil && (old["provider"] ?? .null) == (entry["provider"] ?? .null)
            do throws(Problem) {
                kept.append(try AgentDefinition(entry, replacing: isSame ? AgentDefinition(stored: old) : nil).json)
            } catch {
                throw error.of(successor: place)
            }
        }
        return .array(kept)
    }

    /// The list with the fields that it has, without their secrets.
    static func withoutSuccessorsSecrets(_ list: JSONValue) -> JSONValue {
        guard let entries = list.array else { return .null }
        return .array(
            entries.map { entry in
                guard entry.object != nil else { return entry }
                return .object(AgentDefinition(stored: entry).shown.filter { entry[$0.key] != nil })
            }
        )
    }
}

extension Problem {
    /// The problem of the agent at that place of `failover`.
    func of(successor place: Int) -> Problem {
        var problem = self
        let name = "failover[\(place)]"
        problem.detail = "'\(name)': \(detail)"
        problem.error = nil
        let field = members.first { $0.key == "field" }?.value.string
        problem.members.removeAll { $0.key == "field" }
        return problem.with("field", .string(field.map { "\(name).\($0)" } ?? name))
    }
}

extension ServerState {
    /// An agent with those that take over after it.
    struct Succession {
        var agent: AgentProfile
        /// The values of the stored ones for placeholders for which neither the call nor its first agent has one.
        var variables: [String: JSONValue] = [:]
    }

    /// Builds the agent of a definition and those of its `failover`.
    ///
    /// - Parameters:
    ///   - id: the agent's name in the store; `nil` for an agent of a single call.
    ///   - isStrict: throws for an agent of the list that cannot be used; otherwise that one is left out, with a line in
    ///     the log: a caller is not to be turned away for it.
    func succession(
        of definition: AgentDefinition,
        id: String?,
        tenant: String,
        isStrict: Bool = true
    ) async throws(Problem) -> Succession {
        var succession = Succession(agent: try definition.profile(id: id, in: configuration))
        for (place, successor) in definition.successors(in: configuration).enumerated() {
            do throws(Problem) {
                let next = try await profile(of: successor, after: id, tenant: tenant)
                var list = succession.agent
                list.failover.append(next.agent)
                try list.checkOptions()
                succession.agent = list
                succession.variables.merge(next.variables) { first, _ in first }
            } catch {
                let problem =
                    error.members.contains { $0.value.string?.hasPrefix("failover[") == true }
                    ? error : error.of(successor: place)
                guard !isStrict else { throw problem }
                logger.warning(
                    "An agent of a list cannot talk as it is, and is left out",
                    metadata: ["agent_id": "\(id ?? "")", "reason": "\(problem.detail)"]
                )
            }
        }
        return succession
    }

    private func profile(
        of successor: AgentDefinition.Successor,
        after id: String?,
        tenant: String
    ) async throws(Problem) -> Succession {
        var next: Succession
        switch successor {
        case .stored(AgentProfile.configuredID):
            next = Succession(agent: configuration.defaultAgent)
        case .stored(let name):
            guard name != id else {
                throw Problem(.unprocessableContent, .invalidField, "it is the agent itself")
            }
            let record = try await agent(name, tenant: tenant)
            next = Succession(
                agent: try record.definition.profile(id: name, in: configuration),
                variables: record.definition.variables
            )
        case .inline(let definition):
            next = Succession(agent: try definition.profile(id: nil, in: configuration))
        }
        // The list of the first agent alone counts.
        next.agent.failover = []
        return next
    }

    /// Refuses numbers and addresses of an agent, and of those that its list defines, that the tenant may not use.
    func check(doorsOf definition: AgentDefinition, tenant: String) async throws(Problem) {
        try check(numbersOf: definition)
        try await check(addressesOf: definition, tenant: tenant)
        for (place, successor) in definition.successors(in: configuration).enumerated() {
            guard case .inline(let next) = successor else { continue }
            do throws(Problem) {
                try check(numbersOf: next)
                try await check(addressesOf: next, tenant: tenant)
            } catch {
                throw error.of(successor: place)
            }
        }
    }
}

extension AgentProfile {
    /// The agent with this change, and with it those that take over after it.
    func changed(_ change: (inout AgentProfile) -> Void) -> AgentProfile {
        var agent = self
        change(&agent)
        for place in agent.failover.indices { change(&agent.failover[place]) }
        return agent
    }
}
