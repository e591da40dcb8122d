/// Where the events of an agent's calls are sent.
public struct AgentWebhook: Equatable, Sendable, CustomStringConvertible, CustomReflectable {
    public var url: String
    /// What the messages are signed with, `whsec_` and base64; `nil` is the server's own. Never printed.
    public var secret: String?
    /// The types of events that are sent, such as `call.ended`; empty is all of them.
    public var events: [String]

    public init(url: String, secret: String? = nil, events: [String] = []) {
        self.url = url
        self.secret = secret
        self.events = events
    }

    public var description: String { "webhook" }
    public var customMirror: Mirror { Mirror(self, children: ["events": events]) }
}
