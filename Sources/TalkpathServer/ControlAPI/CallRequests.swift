import HTTPTypes
import TalkpathAudio
import TalkpathCore
import TalkpathWire

/// A request to place a call, from any of the routes that accept one.
struct CreateCallRequest: Sendable {
    /// The agent of the call.
    enum Agent: Sendable {
        /// The server's own agent.
        case configured
        /// A stored agent of the tenant, by its id.
        case stored(String)
        /// An agent for this call only.
        case inline(AgentDefinition)
    }

    var to: String
    var from: String?
    var agent = Agent.configured
    /// Values for the agent's placeholders.
    var variables: [String: JSONValue] = [:]
    /// True if a placeholder without a value is a mistake.
    var needsAllVariables = false
    var prompt: String?
    var firstMessage: String?
    var voice: String?
    /// The origin at which the carrier reaches this server for this call, as the request gave it.
    var publicURL: String?
    var metadata: [String: JSONValue] = [:]
    var capture: CapturePolicy?
    /// An object with the members of `LimitSchemas.members`, and possibly others.
    var limits: JSONValue = [:]
}

extension CreateCallRequest {
    /// The body of `POST /api/calls`.
    init(_ bytes: [UInt8]) throws(Problem) {
        let body = try JSONBody(bytes, CallSchemas.request)
        guard let to = body.text("to"), !to.isEmpty else {
            throw Problem(.badRequest, .missingField, "Missing 'to' phone number")
        }
        self.init(to: to)
        from = body.text("from")
        publicURL = body.text("webhook_url").flatMap { $0.isEmpty ? nil : $0 }
        try readAgentAndLimits(body)
    }

    /// The body of `POST /api/web-calls`: nothing is dialled, so it names no numbers.
    init(webCall bytes: [UInt8]) throws(Problem) {
        let body = try JSONBody(bytes, WebCallRoutes.callRequest)
        self.init(to: "")
        try readAgentAndLimits(body)
    }

    /// Reads the members of `CallSchemas.agentAndLimits`.
    private mutating func readAgentAndLimits(_ body: JSONBody) throws(Problem) {
        switch (body.text("agent_id"), body["agent"]) {
        case (nil, nil): agent = .configured
        case (let id?, nil): agent = .stored(id)
        case (nil, let definition?): agent = .inline(try AgentDefinition(definition))
        case (_?, _?): throw JSONBody.invalid("agent", "must not come with 'agent_id'")
        }
        variables = body.dictionary("variables")
        needsAllVariables = true
        prompt = body.text("prompt")
        firstMessage = body.text("first_message")
        voice = body.text("voice")
        metadata = body.dictionary("metadata")
        capture = try CapturePolicy(body.text("capture"))
        limits = body.value
    }
}

/// The body of `POST /api/calls/{call_id}/end`.
struct EndCallRequest {
    var request: EndRequest

    init(_ bytes: [UInt8], limits: CallLimits) throws(Problem) {
        try self.init(JSONBody(bytes, CallSchemas.end), limits: limits)
    }

    init(_ body: JSONBody, limits: CallLimits) throws(Problem) {
        let timeout = body["drain_timeout_ms"]?.int
        let mode: EndMode
        switch body.text("mode") {
        case "drain":
            mode = .drain(timeout: timeout.map { .milliseconds($0) } ?? limits.drainTimeout)
        default:
            guard timeout == nil else { throw JSONBody.invalid("drain_timeout_ms", "goes with 'mode' \"drain\" only") }
            mode = .now
        }
        request = EndRequest(.endedByAPI, mode: mode, note: body.text("reason"))
    }
}

/// The body of `POST /api/calls/end`: the calls, and how to end them.
struct EndCallsRequest {
    var end: EndCallRequest
    private var agentID: String?
    private var direction: CallDirection?
    private var olderThan: Duration?
    private var metadata: [String: JSONValue]

    init(_ bytes: [UInt8], limits: CallLimits) throws(Problem) {
        let body = try JSONBody(bytes, CallSchemas.endMany)
        let all = body["all"]?.bool ?? false
        let isFiltered = CallSchemas.endFilters.contains { body[$0.name] != nil }
        guard all != isFiltered else {
            throw Problem(.unprocessableContent, .invalidField, "Give either \"all\": true or which calls to end")
        }
        agentID = body.text("agent_id")
        direction = body.text("direction").flatMap(CallDirection.init(word:))
        olderThan = body["older_than_s"]?.int.map { .seconds($0) }
        metadata = body.dictionary("metadata")
        end = try EndCallRequest(body, limits: limits)
    }

    func matches(_ call: CallSnapshot) -> Bool {
        if let agentID, call.agent.id != agentID { return false }
        if let direction, call.direction != direction { return false }
        if let olderThan, call.duration < olderThan { return false }
        return metadata.allSatisfy { call.metadata[$0.key] == $0.value }
    }
}

extension CallDirection {
    static let words = ["outbound", "inbound", "outgoing", "incoming"]

    /// Also accepts `incoming` and `outgoing`, which clients of other systems send.
    init?(word: String) {
        switch word {
        case "inbound", "incoming": self = .inbound
        case "outbound", "outgoing": self = .outbound
        default: return nil
        }
    }
}

extension CapturePolicy {
    static let schema = Schema.text(1...40).meaning("Recording: `off`, `wire`, `audio` or `wire,audio`.")

    /// - Parameter text: `nil` leaves the choice to the agent and the server.
    init?(_ text: String?) throws(Problem) {
        guard let text else { return nil }
        guard let policy = CapturePolicy(words: text) else {
            throw JSONBody.invalid("capture", "must be off, wire, audio or wire,audio")
        }
        self = policy
    }
}
