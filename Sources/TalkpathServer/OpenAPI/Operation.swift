import HTTPTypes
import TalkpathWire

/// A route in the API document. A test compares these with the router's routes, in both directions.
struct Operation: Sendable {
    /// The clients that may use a route.
    enum Access: Sendable {
        /// Every client.
        case open
        /// Clients with a key.
        case key
        /// The carrier, which signs its requests.
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
        /// The possible contents, by content type. None means an empty body.
        var contents: [(type: String, schema: Schema?)]
        var headers: [(name: String, schema: Schema)] = []
        /// True if the body may also be empty, which OpenAPI cannot express.
        var mayBeEmpty = false
    }

    var method: HTTPRequest.Method
    /// The path with parameters in braces: `/api/calls/{call_id}`.
    var path: String
    /// Unique among all operations.
    var id: String
    /// The section of the document.
    var area: String
    var summary: String
    var meaning: String?
    var access = Access.key
    var parameters: [Parameter] = []
    var body: Body?
    /// The possible answers. Every other status is a problem.
    var answers: [Answer]
    /// The format of problems on this route.
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
    /// A problem in our own format.
    static func problem(_ status: Int, _ meaning: String) -> Self {
        Self(status: status, meaning: meaning, contents: [("application/problem+json", .named("Problem"))])
    }
}
