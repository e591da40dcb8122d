public import TalkpathWire

extension ServerConfiguration {
    /// The receivers of the events of all tenants' calls. Tenants add endpoints of their own through the API.
    public struct Notifications: Sendable {
        public var webhook: Webhook?
        public var telegram: Telegram?
        public var gateway: Gateway?

        public init() {}
    }

    /// A receiver of signed HTTP requests (Standard Webhooks).
    public struct Webhook: Sendable {
        public var url: String
        /// `whsec_` and base64 of 24 to 64 bytes. While the secret is being replaced, several, separated by commas, the
        /// new one first. Events are signed with each of them.
        public var secret: String

        public init(url: String, secret: String) {
            self.url = url
            self.secret = secret
        }
    }

    /// A Telegram chat that gets a summary of every call.
    public struct Telegram: Sendable {
        public var botToken: String
        public var chatID: String
        public var baseURL: String

        public init(botToken: String, chatID: String, baseURL: String = "https://api.telegram.org") {
            self.botToken = botToken
            self.chatID = chatID
            self.baseURL = baseURL
        }
    }

    /// A gateway of agents that takes messages over a WebSocket.
    public struct Gateway: Sendable {
        public var url: String
        /// Sent as a bearer token.
        public var token: String?
        /// The session that receives the messages.
        public var session: String

        public init(url: String, token: String? = nil, session: String = "main") {
            self.url = url
            self.token = token
            self.session = session
        }
    }

    /// The language model that judges calls after their end.
    public struct Analysis: Sendable {
        /// The protocol. `openai` stands for any compatible endpoint.
        public var provider: AgentProvider
        /// The address without a path.
        public var baseURL: String
        public var model: String
        public var apiKey: String

        public init(provider: AgentProvider, baseURL: String? = nil, model: String, apiKey: String) {
            self.provider = provider
            self.baseURL = baseURL ?? Self.defaultURL(of: provider)
            self.model = model
            self.apiKey = apiKey
        }

        private static func defaultURL(of provider: AgentProvider) -> String {
            switch provider {
            case .openai: "https://api.openai.com"
            case .gemini, .openaiLive, .socket: "https://generativelanguage.googleapis.com"
            }
        }
    }
}

/// Keeps secrets out of `print` and `dump`.
extension ServerConfiguration.Webhook: CustomStringConvertible, CustomReflectable {
    public var description: String { "webhook" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension ServerConfiguration.Telegram: CustomStringConvertible, CustomReflectable {
    public var description: String { "Telegram chat" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension ServerConfiguration.Gateway: CustomStringConvertible, CustomReflectable {
    public var description: String { "gateway" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension ServerConfiguration.Analysis: CustomStringConvertible, CustomReflectable {
    public var description: String { "\(provider.rawValue) \(model)" }
    public var customMirror: Mirror { Mirror(self, children: ["model": model]) }
}
