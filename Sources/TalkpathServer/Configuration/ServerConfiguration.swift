public import Logging
public import TalkpathCore
public import TalkpathWire

/// Everything a server is told before it starts.
///
/// Read from the environment and a file by ``read(environment:file:isDevelopment:)``, or put together in code; either
/// way ``problems()`` names what is wrong before anything is opened. Neither `print` nor `dump` show secrets.
public struct ServerConfiguration: Sendable {
    /// For work on one machine: bound to loopback only, no key needed, unannounced media sockets are new calls.
    public var isDevelopment: Bool
    /// `127.0.0.1` in development, otherwise every address there is.
    public var host: String
    /// 0 takes a free one.
    public var port: Int
    /// The origin at which the carrier reaches this server, `https://voice.example.com`. In development, without one,
    /// it is the bound address.
    public var publicURL: String?
    public var apiKeys: [APIKey]
    /// The keys that open `/metrics`, which covers all tenants. Empty: the default tenant's keys do.
    public var metricsKeys: [String] = []
    /// Whether the console is served at `/console`. In development it is, unless it is switched off.
    public var hasConsole: Bool
    /// The agent of calls that name no other.
    public var agent: AgentProfile
    /// Access to the models of tenants' agents, by provider. The provider of ``agent`` needs no entry.
    public var providers: [AgentProvider: ProviderAccess]
    public var limits: CallLimits
    /// Beginnings of numbers in E.164 that may be called. Empty: none. `+` is every country; `+1` the United States and
    /// Canada, to which others' area codes may be added (`+1809`); satellites and other global networks need a prefix of
    /// their own (`+881`).
    public var allowedDestinations: [String]
    /// The types of number that may be called, of those that a prefix allows. Short and emergency numbers never are.
    public var allowedNumberTypes: Set<NumberType>
    /// Numbers that tenants' calls may come from, besides those of ``twilio``, ``tenantTwilio`` and ``inboundAgents``.
    public var fromNumbers: [String: Set<String>]
    /// Further origins, besides ``publicURL``, from which the carrier may fetch a call's instructions.
    public var callOrigins: [CallOrigin]
    /// At the same time, of all tenants together.
    public var maximumCalls: Int
    /// Connections of one remote address at once, a reverse proxy being one; nil: three quarters of all that there may
    /// be.
    public var connectionsPerAddress: Int?
    /// Placed by one tenant, on average; twice as many may come at once.
    public var callsPerSecond: Int
    /// At the same time, of each tenant, placed or taken. `nil` is as many as there are of all.
    public var maximumCallsPerTenant: Int?
    /// Streams of events that a tenant may follow at the same time.
    public var maximumFollowersPerTenant = 100
    /// Agents that are kept for a tenant.
    public var maximumAgentsPerTenant = 1000
    /// That the calls of a tenant may talk, in each day of UTC. `nil` is without bound.
    public var minutesPerDay: Int?
    /// `nil` places no calls; in development only.
    public var twilio: Twilio?
    /// Told to stop, the server lets calls go on for this long before it ends them.
    public var drainTimeout: Duration
    /// Tenants with accounts of their own at the carrier. The others' calls go over ``twilio``.
    public var tenantTwilio: [String: Twilio]
    /// The agents of inbound calls, by called number; they precede the numbers that agents claim.
    public var inboundAgents: [String: InboundAgent]
    /// `nil`: plain HTTP, for a reverse proxy in front.
    public var tls: TLSFiles?
    /// From a request's head to the end of its body; who is slower is cut off.
    var requestTimeout = Duration.seconds(10)
    /// From a connection's beginning to the end of its first request's head.
    var headTimeout = Duration.seconds(10)
    public var logLevel: Logger.Level
    public var storage = Storage()
    public var notifications = Notifications()
    /// `nil`: no language model judges calls; figures are computed all the same.
    public var analysis: Analysis?
    /// Counts for the command `serve`: an embedder's own logging system has its own.
    public var logFormat: LogFormat
    /// The capture of calls and agents that set none.
    public var capture: CaptureWish
    /// The folder of captures and recordings; `nil` keeps none.
    public var recordings: Recordings?

    /// A key of the control API, and its tenant.
    public struct APIKey: Sendable {
        public var tenant: String
        public var secret: String

        /// The tenant of keys that name none, and of calls that come in.
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
        /// `nil` is the provider's own address.
        public var baseURL: String?
        /// The service behind OpenAI's wire; nil takes it from the address.
        public var service: RealtimeService?

        public init(apiKey: String, model: String, baseURL: String? = nil) {
            self.apiKey = apiKey
            self.model = model
            self.baseURL = baseURL
        }
    }

    /// An agent that takes calls.
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
        /// The tenant whose calls may name it; nil: all tenants.
        public var tenant: String?
        public var url: String

        public init(_ url: String, tenant: String? = nil) {
            self.url = url
            self.tenant = tenant
        }
    }

    /// A certificate with its chain, and its key, both PEM. Read again when one of them changes.
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
        /// Further tokens with which webhooks may be signed, while the account's is being replaced.
        public var otherAuthTokens: [String] = []
        /// Authorises requests to the account instead of its token; webhooks are signed with the token all the same.
        public var apiKey: APIKey?
        /// In E.164; calls are placed from it.
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
        host = isDevelopment ? "127.0.0.1" : EveryAddress.host
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
    /// The account that a tenant's calls go over.
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

/// Everything that is wrong with a configuration.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A setting and what is wrong with it; never its value, which may be a secret.
    public struct Problem: Hashable, Sendable, CustomStringConvertible {
        /// The name it has in the environment, or the file's.
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

    /// A line each.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
