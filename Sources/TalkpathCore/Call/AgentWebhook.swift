/// An address to which the events of an agent's calls are sent.
public struct AgentWebhook: Equatable, Sendable, CustomStringConvertible, CustomReflectable {
    public var url: String
    /// The secret that signs the messages, `whsec_` and base64; `nil` is the server's own. Never printed.
    public var secret: String?
    /// The types of events that are sent, such as `call.ended`; empty is all of them.
    public var events: [String]
    /// In whose words.
    public var format: WebhookFormat

    public init(url: String, secret: String? = nil, events: [String] = [], format: WebhookFormat = .standard) {
        self.url = url
        self.secret = secret
        self.events = events
        self.format = format
    }

    public var description: String { "webhook" }
    public var customMirror: Mirror { Mirror(self, children: ["events": events]) }
}

/// In whose words a webhook is told what happens. The raw values are stable.
public enum WebhookFormat: String, Sendable, CaseIterable {
    /// Our own: every event.
    case standard
    /// `event_phone_call_started` and `event_phone_call_ended`, with the call as Talkover shows it.
    case talkover
    /// Vocode's envelope: `event_phone_call_connected` and `event_phone_call_ended`.
    case vocode
}
