package import TalkpathCore

/// A receiver of call events: a webhook, a Telegram chat or a message gateway.
package struct Endpoint: Equatable, Sendable {
    package enum Kind: String, Sendable {
        case webhook, telegram, gateway
    }

    package struct EarlierSecret: Equatable, Sendable {
        package var secret: String
        package var until: WallTime
    }

    package var id: String
    /// `nil` for the calls of every tenant. Only the configuration can create such an endpoint.
    package var tenant: String?
    /// `nil` for the calls of every agent.
    package var agentID: String?
    package var kind: Kind
    package var url: String
    /// Empty if the configuration holds the secret.
    package var secret: String
    /// The previous secret. Events are signed with it as well, for a while.
    package var earlier: EarlierSecret?
    /// The event types to send; `nil` for all of them.
    package var types: [String]?
    /// True if the configuration defines the endpoint. The API cannot change it then.
    package var isConfigured: Bool
    /// True if the endpoint gets only the events of calls that are bound to it.
    package var isBound: Bool
    /// The message format, if the endpoint is a webhook.
    package var format: WebhookFormat
    /// The reason why the server stopped sending to it; `nil` while it sends.
    package var stopped: String?
    package var createdAt: WallTime

    package init(
        id: String,
        tenant: String?,
        agentID: String? = nil,
        kind: Kind,
        url: String,
        secret: String,
        types: [String]? = nil,
        isConfigured: Bool = false,
        isBound: Bool = false,
        format: WebhookFormat = .standard,
        createdAt: WallTime
    ) {
        self.id = id
        self.tenant = tenant
        self.agentID = agentID
        self.kind = kind
        self.url = url
        self.secret = secret
        self.types = types
        self.isConfigured = isConfigured
        self.isBound = isBound
        self.format = format
        self.createdAt = createdAt
    }
}

/// An event on its way to one endpoint.
package struct Delivery: Equatable, Sendable {
    package var id: Int64
    package var endpointID: String
    package var event: OutboxEvent
    /// The number of failed attempts.
    package var attempts: Int
    /// The time when the delivery was given up; `nil` while it is being tried.
    package var diedAt: WallTime?
    /// The fault of the last attempt.
    package var failure: String?
}
