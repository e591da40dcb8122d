import HTTPTypes
import TalkpathWire

/// A route as the API's document describes it. A test compares these with what the router has, both ways.
struct Operation: Sendable {
    /// The clients that may use a route.
    enum Access: Sendable {
        /// Anybody.
        case open
        /// Clients with a key.
        case key
        /// The carrier, who signs.
        case carrier
    }

    struct Parameter: Sendable {
        enum Place: String, Sendable {
            case path, query, header
        }

        var place: Place
        var name: String
        var schema: Schema
        var isRequired: Bool
    }

    /// The body of a request.
    struct Body: Sendable {
        var type = "application/json"
        var schema: Schema
        var isRequired = true
    }

    struct Answer: Sendable {
        var status: Int
        var meaning: String
        /// The possible contents, by content type; none is an empty body.
        var contents: [(type: String, schema: Schema?)]
        var headers: [(name: String, schema: Schema)] = []
        /// An empty body will do as well, which OpenAPI has no words for.
        var mayBeEmpty = false
    }

    var method: HTTPRequest.Method
    /// With parameters in braces: `/api/calls/{call_id}`.
    var path: String
    /// Unlike any other's.
    var id: String
    /// Under what it is found.
    var area: String
    var summary: String
    var meaning: String?
    var access = Access.key
    var parameters: [Parameter] = []
    var body: Body?
    /// The possible answers. Any other status is a problem.
    var answers: [Answer]
    /// The form of problems on this route.
    var problem = (type: "application/problem+json", schema: Schema.named("Problem"))
    var isDeprecated = false
}

extension Operation.Parameter {
    static func path(_ name: String, _ schema: Schema) -> Self {
        Self(place: .path, name: name, schema: schema, isRequired: true)
    }
    static func query(_ name: String, _ schema: Schema) -> Self {
        Self(place: .query, name: name, schema: schema, isRequired: false)
    }
    static func requiredQuery(_ name: String, _ schema: Schema) -> Self {
        Self(place: .query, name: name, schema: schema, isRequired: true)
    }
    static func header(_ name: String, _ schema: Schema) -> Self {
        Self(place: .header, name: name, schema: schema, isRequired: false)
    }

    static let callID = path("call_id", .text(1...200).meaning("The call's `call_id`."))
    static let agentID = path("agent_id", .text(1...200).meaning("The agent's `agent_id`."))
}

extension Operation.Answer {
    static func json(_ status: Int, _ meaning: String, _ schema: Schema) -> Self {
        Self(status: status, meaning: meaning, contents: [("application/json", schema)])
    }
    static func empty(_ status: Int, _ meaning: String) -> Self {
        Self(status: status, meaning: meaning, contents: [])
    }
    /// One of our own problems.
    static func problem(_ status: Int, _ meaning: String) -> Self {
        Self(status: status, meaning: meaning, contents: [("application/problem+json", .named("Problem"))])
    }
}
