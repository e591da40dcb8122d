import TalkpathCore
import TalkpathWire

/// The agent's options for the sessions of its provider, and the secrets in them.
extension AgentDefinition {
    func applyOptions(to profile: inout AgentProfile) {
        if let options = json["openai"] {
            profile.openAI = OpenAIOptions(json: options)
            profile.approval = options["mcp_approval"].flatMap { approval in
                var named = approval
                named.set("name", .string(AgentToolCall.approvalName))
                return Self.endpoint(named)
            }
        }
        if let options = json["gemini"] { profile.gemini = GeminiOptions(json: options) }
        if let options = json["openai_live"] { profile.live = OpenAILiveOptions(json: options) }
        if let raw = json["raw"] { profile.raw = raw }
    }

    // MARK: Secrets

    /// Shows the names of the secrets, but not their values.
    static func withoutServersSecrets(_ options: JSONValue) -> JSONValue {
        guard options.object != nil else { return .null }
        var shown = options
        if let servers = options["mcp_servers"]?.array {
            shown.set("mcp_servers", .array(servers.map(hidden)))
        }
        if let approval = options["mcp_approval"], !approval.isNull { shown.set("mcp_approval", hidden(approval)) }
        return shown
    }

    private static func hidden(_ object: JSONValue) -> JSONValue {
        var shown = object
        if object["authorization"]?.string != nil { shown.set("authorization", .string(redacted)) }
        if let headers = object["headers"]?.object {
            shown.set("headers", .object(headers.map { (key: $0.key, value: .string(redacted)) }))
        }
        return shown
    }

    /// Keeps a secret for which the new agent says `[redacted]`, if the secret still goes to the same address.
    static func keepServersSecrets(of options: JSONValue, before: AgentDefinition?) throws(Problem) -> JSONValue {
        var options = options
        let earlier = before?.json["openai"]
        if let servers = options["mcp_servers"]?.array {
            var kept: [JSONValue] = []
            for (index, server) in servers.enumerated() {
                let places = ["server_url", "connector_id", "tunnel_id"]
                guard places.filter({ server[$0]?.string != nil }).count == 1 else {
                    throw invalid("openai.mcp_servers[\(index)]", "must have one of \(places.joined(separator: ", "))")
                }
                let old = earlier?["mcp_servers"]?.array?.first { old in
                    places.allSatisfy { (old[$0] ?? .null) == (server[$0] ?? .null) }
                }
                kept.append(try keep(server, old, at: "openai.mcp_servers[\(index)]"))
            }
            options.set("mcp_servers", .array(kept))
        }
        if let approval = options["mcp_approval"], !approval.isNull {
            let old = earlier?["mcp_approval"].flatMap { $0["url"] == approval["url"] ? $0 : JSONValue?.none }
            options.set("mcp_approval", try keep(approval, old, at: "openai.mcp_approval"))
        }
        return options
    }

    private static func keep(_ object: JSONValue, _ old: JSONValue?, at field: String) throws(Problem) -> JSONValue {
        var kept = object
        if object["authorization"]?.string == redacted {
            guard let secret = old?["authorization"]?.string else {
                throw invalid("\(field).authorization", "is not the token itself")
            }
            kept.set("authorization", .string(secret))
        }
        var headers: [(key: String, value: JSONValue)] = []
        for (name, value) in object["headers"]?.object ?? [] {
            guard value.string == redacted else {
                headers.append((key: name, value: value))
                continue
            }
            guard let secret = old?["headers"]?[name] else {
                throw invalid("\(field).headers.\(name)", "is not the value itself")
            }
            headers.append((key: name, value: secret))
        }
        if object["headers"]?.object != nil { kept.set("headers", .object(headers)) }
        return kept
    }
}

extension AgentProfile {
    /// Refuses options that the model would refuse, before a phone rings.
    func checkOptions() throws(Problem) {
        do throws(AgentOptionFault) {
            try check(hasHandler: false)
        } catch {
            throw Problem(error)
        }
    }
}
