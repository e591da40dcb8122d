public import Logging
public import TalkpathCore
public import TalkpathWire

/// All settings of a server.
///
/// Read it from the environment and a file with ``read(environment:file:isDevelopment:override:)``, or build it in
/// code. Either way ``problems()`` reports mistakes before anything is opened. `print` and `dump` show no secrets.
public struct ServerConfiguration: Sendable {
    /// For work on one machine: listens on loopback only, needs no key, and accepts media sockets without a token as
    /// new calls.
    public var isDevelopment: Bool
    /// `127.0.0.1` in development, otherwise all addresses of the machine.
    public var host: String {
        didSet { host = ListeningHost.read(host) }
    }
    /// 0 chooses a free one.
    public var port: Int
    /// The origin at which the carrier reaches this server, such as `https://voice.example.com`. In development the
    /// default is the bound address.
    public var publicURL: String?
    public var apiKeys: [APIKey]
    /// The keys for `/metrics`, which covers all tenants. If empty, the default tenant's keys are valid.
    public var metricsKeys: [String] = []
    /// True if the console is served at `/console`. The default is `true` in development only.
    public var hasConsole: Bool
    /// The agent of calls that name no other.
    public var agent: AgentProfile
    /// Access to the models of tenants' agents, by provider. The provider of ``agent`` needs no entry.
    public var providers: [AgentProvider: ProviderAccess]
    public var limits: CallLimits
    /// Prefixes of E.164 numbers that may be called; empty allows none. `+` allows every country, and `+1` the United
    /// States and Canada. Other areas of `+1` need their area code (`+1809`). Satellites and other global networks need
    /// a prefix of their own (`+881`).
    public var allowedDestinations: [String]
    /// The types of number that may be called, among the numbers that a prefix allows. Short and emergency numbers are
    /// never called.
    public var allowedNumberTypes: Set<NumberType>
    /// Numbers that tenants' calls may come from, besides those of ``twilio``, ``tenantTwilio`` and ``inboundAgents``.
    public var fromNumbers: [String: Set<String>]
    /// Further origins, besides ``publicURL``, from which the carrier may fetch a call's instructions.
    public var callOrigins: [CallOrigin]
    /// The most simultaneous calls of all tenants together.
    public var maximumCalls: Int
    /// The threads that calls are spread over, at least one.
    public var mediaLanes = 1
    /// The most simultaneous connections of one remote address; a reverse proxy is one address. `nil` for three
    /// quarters of all connections.
    public var connectionsPerAddress: Int?
    /// The most calls that one tenant may place per second, on average. Bursts may have twice as many.
    public var callsPerSecond: Int
    /// Creates a second to one account at the carrier; more wait for their turn. Nil: as they come.
    public var carrierCallsPerSecond: Int?
    /// The most simultaneous calls of each tenant, inbound and outbound. `nil` for ``maximumCalls``.
    public var maximumCallsPerTenant: Int?
    /// The most event streams that a tenant may follow at the same time.
    public var maximumFollowersPerTenant = 100
    /// The most stored agents of a tenant.
    public var maximumAgentsPerTenant = 1000
    /// The most minutes that a tenant's calls may talk in a day of UTC. `nil` for no limit.
    public var minutesPerDay: Int?
    /// `nil` places no calls. Allowed in development only.
    public var twilio: Twilio?
    /// The time that live calls have to finish when the server stops.
    public var drainTimeout: Duration
    /// Tenants with accounts of their own at the carrier. Calls of other tenants use ``twilio``.
    public var tenantTwilio: [String: Twilio]
    /// The agents of inbound calls, by called number. They take precedence over the numbers that agents claim.
    public var inboundAgents: [String: InboundAgent]
    /// `nil` for plain HTTP, behind a reverse proxy.
    public var tls: TLSFiles?
    /// The time from a request's head to the end of its body. A slower client is disconnected.
    var requestTimeout = Duration.seconds(10)
    /// The time from a connection's beginning to the end of its first request's head.
    var headTimeout = Duration.seconds(10)
    public var logLevel: Logger.Level
    public var storage = Storage()
    /// This server as one of several nodes; `nil` for a server that has its store for itself.
    public var node: Node?
    public var notifications = Notifications()
    /// `nil` without a language model that judges calls. Figures are computed all the same.
    public var analysis: Analysis?
    /// The collector of the traces of calls; `nil` for none, or for the tracer that the program has bootstrapped
    /// (swift-distributed-tracing).
    public var traces: Traces?
    /// True if traces have the words of the call and the arguments of functions.
    public var tracesHoldContent = false
    /// A file of prices (docs/configuration.md); `nil` for the table that comes with the program.
    public var pricesPath: String?
    /// The format of the command `serve`. An embedder configures logging itself.
    public var logFormat: LogFormat
    /// The capture of calls and agents that set none.
    public var capture: CapturePolicy
    /// The folder of captures and recordings; `nil` keeps none.
    public var recordings: Recordings?

    /// A key of the control API, and its tenant.
    public struct APIKey: Sendable {
        public var tenant: String
        public var secret: String

        /// The tenant of keys that name none, and of inbound calls.
        public static let defaultTenant = "default"

        public init(_ secret: String, tenant: String = APIKey.defaultTenant) {
            self.secret = secret
            self.tenant = tenant
        }
    }

    /// Access to a provider's models.
    public struct ProviderAccess: Sendable {
        public var apiKey: String
        public var model: String
        /// `nil` for the provider's own address.
        public var baseURL: String?
        /// The service that speaks OpenAI's protocol; `nil` derives it from the address.
        public var service: RealtimeService?
        /// The header that carries the key of a socket agent; nil is `Authorization`.
        public var keyHeader: String?

        public init(apiKey: String, model: String, baseURL: String? = nil) {
            self.apiKey = apiKey
            self.model = model
            self.baseURL = baseURL
        }
    }

    /// An agent that takes inbound calls.
    public struct InboundAgent: Equatable, Sendable {
        public var tenant: String
        public var id: String

        public init(tenant: String = APIKey.defaultTenant, id: String) {
            self.tenant = tenant
            self.id = id
        }
    }

    /// A further origin at which the carrier reaches this server.
    public struct CallOrigin: Equatable, Sendable {
        /// The tenant whose calls may name it; `nil` for all tenants.
        public var tenant: String?
        public var url: String

        public init(_ url: String, tenant: String? = nil) {
            self.url = url
            self.tenant = tenant
        }
    }

    /// A certificate with its chain, and its key, both PEM. The server reads them again when one of them changes.
    public struct TLSFiles: Equatable, Sendable {
        public var certificate: String
        public var key: String

        public init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// The account at the carrier.
    public struct Twilio: Sendable {
        /// An API key of the account.
        public struct APIKey: Sendable {
            /// `SK` and 32 hexadecimal digits.
            public var sid: String
            public var secret: String

            public init(sid: String, secret: String) {
                self.sid = sid
                self.secret = secret
            }
        }

        public var accountSID: String
        public var authToken: String
        /// Further tokens that may sign webhooks, while the account's token is being replaced.
        public var otherAuthTokens: [String] = []
        /// Authorises requests to the account instead of its token. Webhooks are still signed with the token.
        public var apiKey: APIKey?
        /// The number in E.164 that calls are placed from.
        public var fromNumber: String
        public var baseURL: String

        public init(
            accountSID: String,
            authToken: String,
            fromNumber: String,
            baseURL: String = "https://api.twilio.com"
        ) {
            self.accountSID = accountSID
            self.authToken = authToken
            self.fromNumber = fromNumber
            self.baseURL = baseURL
        }
    }

    public init(agent: AgentProfile, isDevelopment: Bool = false) {
        self.isDevelopment = isDevelopment
        self.agent = agent
        host = isDevelopment ? "127.0.0.1" : ListeningHost.every
        port = 8080
        apiKeys = []
        hasConsole = isDevelopment
        providers = [:]
        limits = CallLimits()
        allowedDestinations = isDevelopment ? ["+"] : []
        allowedNumberTypes = isDevelopment ? Destinations.standardTypes.union([.unknown]) : Destinations.standardTypes
        fromNumbers = [:]
        callOrigins = []
        maximumCalls = 1000
        callsPerSecond = 10
        drainTimeout = .seconds(30)
        tenantTwilio = [:]
        inboundAgents = [:]
        logLevel = .info
        logFormat = .console
        capture = .nothing
    }
}

extension ServerConfiguration {
    /// Returns the account that a tenant's calls use.
    func twilio(of tenant: String) -> Twilio? { tenantTwilio[tenant] ?? twilio }

    /// ``agent`` under its name, with the server's limits.
    var defaultAgent: AgentProfile {
        var agent = agent
        agent.id = AgentProfile.configuredID
        agent.limits = limits
        return agent
    }
}

extension ServerConfiguration.ProviderAccess: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "access to \(model)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["model": model]) }
}

extension ServerConfiguration.APIKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "key of \(tenant)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["tenant": tenant]) }
}

extension ServerConfiguration.Twilio.APIKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "API key \(sid)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["sid": sid]) }
}

extension ServerConfiguration.Twilio: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "Twilio account \(accountSID) at \(baseURL)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["accountSID": accountSID, "baseURL": baseURL]) }
}

/// All mistakes in a configuration.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A setting and its mistake. Never holds the value, which may be a secret.
    public struct Problem: Hashable, Sendable, CustomStringConvertible {
        /// The name of the environment's variable, or of the file.
        public var setting: String
        public var message: String

        public init(_ setting: String, _ message: String) {
            self.setting = setting
            self.message = message
        }

        public var description: String { "\(setting): \(message)" }
    }

    public var problems: [Problem]

    public init(_ problems: [Problem]) {
        self.problems = problems
    }

    /// One line a mistake.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
