import HTTPTypes
import TalkpathCore
import TalkpathWire

/// An agent as a tenant defines it: a JSON object that matches `AgentSchemas.definition`. The server's settings are the
/// defaults of its fields.
struct AgentDefinition: Equatable, Sendable, CustomStringConvertible, CustomReflectable {
    /// With the tenant's secrets, as the store keeps it.
    private(set) var json: JSONValue

    /// Reads a definition from the store.
    init(stored json: JSONValue) {
        self.json = json
    }

    /// - Parameters:
    ///   - body: matches the schema already.
    ///   - before: the agent that is replaced. Its secrets stay where the new one says `[redacted]`.
    init(_ body: JSONValue, replacing before: AgentDefinition? = nil) throws(Problem) {
        json = body
        for name in ["agent_id", "created_at", "updated_at"] { json.set(name, nil) }
        json = .object((json.object ?? []).filter { !$0.value.isNull })
        try keepSecrets(of: before)
        try check()
    }

    static let redacted = "[redacted]"

    var name: String? { json["name"]?.string }
    var provider: AgentProvider? { json["provider"]?.string.flatMap(AgentProvider.init) }
    /// Our numbers whose inbound calls the agent takes.
    var numbers: [String] { json["numbers"]?.array?.compactMap(\.string) ?? [] }
    /// Values for placeholders for which a call brings none.
    var variables: [String: JSONValue] { Self.dictionary(json["variables"]) }

    /// The field of an own agent's address, the only one in ``addresses`` that is a WebSocket's.
    static let socketField = "socket.url"

    /// The addresses that the server sends requests to, by field.
    ///
    /// - Returns: the field, the tool that it belongs to, if any, and the address.
    var addresses: [(field: String, tool: String?, url: String)] {
        let webhook =
            json["webhook"]?["url"]?.string.map { [(field: "webhook.url", tool: String?.none, url: $0)] } ?? []
        let tools = (json["tools"]?.array ?? []).compactMap { tool in
            tool["url"]?.string.map { (field: "tools.url", tool: tool["name"]?.string, url: $0) }
        }
        let approval = json["openai"]?["mcp_approval"]?["url"]?.string
        let socket =
            json["socket"]?["url"]?.string.map { [(field: Self.socketField, tool: String?.none, url: $0)] } ?? []
        return webhook + tools + socket
            + [approval].compactMap(\.self).map { (field: "openai.mcp_approval.url", tool: String?.none, url: $0) }
    }

    /// All fields, without the secrets.
    var shown: [(key: String, value: JSONValue)] {
        AgentSchemas.fields.map { field in
            let value = json[field.name] ?? .null
            switch field.name {
            case "api_key": return (key: field.name, value: value.isNull ? .null : .string(Self.redacted))
            case "tools": return (key: field.name, value: Self.withoutHeaders(value))
            case "openai": return (key: field.name, value: Self.withoutServersSecrets(value))
            case "failover": return (key: field.name, value: Self.withoutSuccessorsSecrets(value))
            case "webhook": return (key: field.name, value: Self.withoutSecret(value))
            default: return (key: field.name, value: value)
            }
        }
    }

    var description: String { "agent" }
    var customMirror: Mirror { Mirror(self, children: ["name": name ?? ""]) }

    // MARK: Reading a definition

    private mutating func keepSecrets(of before: AgentDefinition?) throws(Problem) {
        if json["api_key"]?.string == Self.redacted {
            guard let key = before?.json["api_key"] else { throw Self.invalid("api_key", "is not the key itself") }
            // To another address, a secret is not taken along.
            guard before?.json["socket"]?["url"] == json["socket"]?["url"] else {
                throw Self.invalid("api_key", "is not the key itself")
            }
            json.set("api_key", key)
        }
        if let tools = json["tools"]?.array {
            var kept: [JSONValue] = []
            for tool in tools { kept.append(try Self.keepHeaders(of: tool, before: before)) }
            json.set("tools", .array(kept))
        }
        if let options = json["openai"] { json.set("openai", try Self.keepServersSecrets(of: options, before: before)) }
        if let entries = json["failover"]?.array {
            json.set("failover", try Self.keepSuccessorsSecrets(entries, before: before))
        }
        if var webhook = json["webhook"], webhook["secret"]?.string == Self.redacted {
            guard let secret = before?.json["webhook"]?["secret"] else {
                throw Self.invalid("webhook.secret", "is not the secret itself")
            }
            webhook.set("secret", secret)
            json.set("webhook", webhook)
        }
    }

    private static func keepHeaders(of tool: JSONValue, before: AgentDefinition?) throws(Problem) -> JSONValue {
        guard let headers = tool["headers"]?.object else { return tool }
        let earlier = before?.json["tools"]?.array?.first { $0["name"] == tool["name"] }
        var kept: [(key: String, value: JSONValue)] = []
        for (name, value) in headers {
            guard value.string == redacted else {
                kept.append((key: name, value: value))
                continue
            }
            // A secret must not be sent to another address than before.
            guard let secret = earlier?["headers"]?[name], earlier?["url"] == tool["url"] else {
                throw invalid("tools.headers.\(name)", "is not the value itself")
            }
            kept.append((key: name, value: secret))
        }
        var tool = tool
        tool.set("headers", .object(kept))
        return tool
    }

    /// The numbers that the agent may transfer a caller to.
    var dialledNumbers: [String] {
        (json["transfer_targets"]?.array ?? []).compactMap { $0["number"]?.string }
            + [json["fallback"]?["transfer_to"]?.string].compactMap(\.self)
    }

    static func transferTarget(_ json: JSONValue) throws(Problem) -> TransferTarget {
        TransferTarget(
            name: json["name"]?.string ?? "",
            number: json["number"]?.string ?? "",
            onFailure: try TransferFailurePlan(json, in: "transfer_targets.")
        )
    }

    /// Makes the checks that a schema cannot express.
    private func check() throws(Problem) {
        for target in json["transfer_targets"]?.array ?? [] { _ = try Self.transferTarget(target) }
        for number in numbers + dialledNumbers where !PhoneNumber.isE164(number) {
            throw Problem(
                .unprocessableContent,
                .invalidNumber,
                "'numbers', 'transfer_targets' and 'fallback.transfer_to' must be numbers in E.164"
            )
        }
        guard Set(numbers).count == numbers.count else { throw Self.invalid("numbers", "must not repeat one") }
        if json["format"]?.string == AgentProfile.Format.pcmu.rawValue, provider == .gemini {
            throw Self.invalid("format", "pcmu is not for gemini")
        }
        if let secret = json["webhook"]?["secret"]?.string, WebhookSecret(secret) == nil {
            throw Self.invalid("webhook.secret", "must be whsec_ and base64 of 24 to 64 bytes")
        }
        if json["socket"] != nil, let provider, provider != .socket {
            throw Self.invalid("socket", "is for agents of the provider socket only")
        }
        if let rate = json["socket"]?["sample_rate"]?.int, ![8000, 16_000, 24_000].contains(rate) {
            throw Self.invalid("socket.sample_rate", "must be 8000, 16000 or 24000")
        }
        if let header = json["socket"]?["header"]?.string, !Self.isHeaderName(header) {
            throw Self.invalid("socket.header", "must be the name of a header, such as X-Api-Key")
        }
        let names = (json["tools"]?.array ?? []).compactMap { $0["name"]?.string }
        guard Set(names).count == names.count else { throw Self.invalid("tools", "must have different names") }
    }

    /// A token of RFC 9110, and none of the headers of the handshake itself.
    private static func isHeaderName(_ name: String) -> Bool {
        let reserved = ["host", "connection", "upgrade", "content-length", "transfer-encoding"]
        let lowered = name.lowercased()
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        } && !reserved.contains(lowered) && !lowered.hasPrefix("sec-websocket-")
    }

    static func invalid(_ name: String, _ message: String) -> Problem { JSONBody.invalid(name, message) }

    /// Shows the names of the headers, but not their values.
    private static func withoutHeaders(_ tools: JSONValue) -> JSONValue {
        guard let tools = tools.array else { return .null }
        return .array(
            tools.map { tool in
                guard let headers = tool["headers"]?.object else { return tool }
                var shown = tool
                shown.set("headers", .object(headers.map { (key: $0.key, value: .string(redacted)) }))
                return shown
            }
        )
    }

    private static func withoutSecret(_ webhook: JSONValue) -> JSONValue {
        guard webhook.object != nil else { return .null }
        return [
            "url": webhook["url"] ?? .null,
            "secret": (webhook["secret"] ?? .null).isNull ? .null : .string(redacted),
            "events": webhook["events"] ?? [],
            "format": webhook["format"] ?? .string(WebhookFormat.standard.rawValue),
        ]
    }

    static func dictionary(_ value: JSONValue?) -> [String: JSONValue] {
        Dictionary((value?.object ?? []).map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    }
}
