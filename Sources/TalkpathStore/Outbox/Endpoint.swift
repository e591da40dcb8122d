package import TalkpathCore

/// Somebody who wants to be told what happens on calls.
package struct Endpoint: Equatable, Sendable {
    package enum Kind: String, Sendable {
        case webhook, telegram, gateway
    }

    package struct EarlierSecret: Equatable, Sendable {
        package var secret: String
        package var until: WallTime
    }

    package var id: String
    /// `nil`: of every tenant's calls. Such endpoints come from the configuration only.
    package var tenant: String?
    /// `nil`: of every agent's calls.
    package var agentID: String?
    package var kind: Kind
    package var url: String
    /// Empty where the configuration holds it.
    package var secret: String
    /// The one before it, with which events are signed as well for a while.
    package var earlier: EarlierSecret?
    /// `nil`: of everything.
    package var types: [String]?
    /// It stands in the configuration, and is not to be changed by anybody else.
    package var isConfigured: Bool
    /// It gets the events of those calls only that are bound to it.
    package var isBound: Bool
    /// In whose words, if it is a webhook.
    package var format: WebhookFormat
    /// Why nothing is sent any more; `nil` while something is.
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
    /// That have failed.
    package var attempts: Int
    /// When it was given up; `nil` while it is being tried.
    package var diedAt: WallTime?
    /// What went wrong the last time.
    package var failure: String?
}
