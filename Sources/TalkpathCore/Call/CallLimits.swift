public import TalkpathWire

/// How long a call may take in each of its stages. All durations are bounds, not waits.
public struct CallLimits: Equatable, Sendable {
    /// From the start to the forced end. The carrier is told as well.
    public var maxDuration: Duration = .seconds(3600)
    /// Rings this long, by the carrier's clock; ours allows 15 seconds more.
    public var ringTimeout: Duration = .seconds(60)
    /// From the answer to the carrier's media.
    public var mediaTimeout: Duration = .seconds(20)
    /// From opening the model's socket until it is ready for audio.
    public var agentSetupTimeout: Duration = .seconds(10)
    /// How often the model's socket is opened, in a row, before the call is given up.
    public var agentAttempts: Int = 3
    /// Between two of these attempts; doubled each time.
    public var agentRetryDelay: Duration = .milliseconds(250)
    /// From the beginning of the end to the receipt, whoever does not answer.
    public var endBound: Duration = .seconds(5)
    /// How long the media socket stays open for the carrier's farewell once it has confirmed the hang-up.
    public var farewell: Duration = .milliseconds(250)
    /// A drain that asks for nothing else.
    public var drainTimeout: Duration = .seconds(10)

    public init() {}
}

/// A call to be placed.
public struct OutboundCall: Sendable {
    public var from: String
    /// In E.164.
    public var to: String
    public var agent: AgentProfile
    public var limits: CallLimits
    /// Whatever the one who placed it wants to find in its record.
    public var metadata: [String: JSONValue]
    /// The origin at which the carrier reaches this server, if another than the configured one.
    public var publicURL: String?
    /// Whose call it is: a server shows tenants their own calls only.
    public var tenant: String

    public init(
        from: String,
        to: String,
        agent: AgentProfile,
        limits: CallLimits = CallLimits(),
        metadata: [String: JSONValue] = [:],
        publicURL: String? = nil,
        tenant: String = ""
    ) {
        self.from = from
        self.to = to
        self.agent = agent
        self.limits = limits
        self.metadata = metadata
        self.publicURL = publicURL
        self.tenant = tenant
    }
}

/// A call that the carrier has announced.
public struct InboundCall: Sendable {
    public var from: String
    public var to: String
    /// `nil` for a media socket nobody announced.
    public var carrierCallID: String?
    public var agent: AgentProfile
    public var limits: CallLimits
    /// Whose call it is.
    public var tenant: String

    public init(
        from: String,
        to: String,
        carrierCallID: String?,
        agent: AgentProfile,
        limits: CallLimits = CallLimits(),
        tenant: String = ""
    ) {
        self.from = from
        self.to = to
        self.carrierCallID = carrierCallID
        self.agent = agent
        self.limits = limits
        self.tenant = tenant
    }
}
