public import TalkpathWire

/// The longest time of each stage of a call, and the guards that end it when it goes nowhere. All durations are
/// bounds, not waits. A guard that is `nil` is off.
public struct CallLimits: Equatable, Sendable {
    /// From the start to the forced end. The carrier is told as well.
    public var maxDuration: Duration = .seconds(3600)
    /// From the order until the callee's phone rings: carriers queue calls that come faster than they dial.
    public var queueTimeout: Duration = .seconds(120)
    /// Rings this long, by the carrier's clock; ours allows 15 seconds more, and counts from the first ring.
    public var ringTimeout: Duration = .seconds(60)
    /// From the answer to the carrier's media.
    public var mediaTimeout: Duration = .seconds(20)
    /// From opening the model's socket until it is ready for audio.
    public var agentSetupTimeout: Duration = .seconds(10)
    /// Attempts in a row to open the model's socket, before the call is given up.
    public var agentAttempts: Int = 3
    /// Between two of these attempts; doubled each time.
    public var agentRetryDelay: Duration = .milliseconds(250)
    /// From the beginning of the end to the receipt, even if a peer does not answer.
    public var endBound: Duration = .seconds(5)
    /// The time for which the media socket stays open for the carrier's goodbye after the confirmed hang-up.
    public var goodbye: Duration = .milliseconds(250)
    /// A drain that asks for nothing else.
    public var drainTimeout: Duration = .seconds(10)

    // MARK: Guards

    /// Neither side speaks: the caller by our voice detectors or the model's, the agent by its played audio. Then
    /// ``idlePrompt``, if there is one, and `idle_timeout`.
    public var idleTimeout: Duration? = .seconds(120)
    /// The agent's request to an idle caller, before the call is given up.
    public var idlePrompt: IdlePrompt?
    /// Answered, but the caller's line is dead: it brings no audio, or none above −60 dBFS. The time in which the agent
    /// speaks does not count, because callers listen silently. Then `silence_timeout`.
    public var silenceTimeout: Duration? = .seconds(90)
    /// The model's socket is open, the caller has finished, and no answer comes. The socket is then opened anew as if
    /// it had been lost, ``agentAttempts`` times, and at last the call ends with `agent_lost`.
    public var agentSilenceTimeout: Duration? = .seconds(10)
    /// The carrier's detection of answering machines. Outbound calls only.
    public var machineDetection: MachineDetection = .off
    /// The handling of a call that a machine answers, by the carrier's report: `hangUp` ends the call with `voicemail`.
    public var onMachine: MachinePolicy = .hangUp
    /// Two agents that talk to each other in circles: `loop_detected`.
    public var loopGuard: LoopGuardPolicy? = LoopGuardPolicy()

    public init() {}
}

/// A call to be placed.
public struct OutboundCall: Sendable {
    /// A name chosen beforehand, unlike any other; `nil` lets the manager choose.
    public var id: CallID?
    public var from: String
    /// In E.164.
    public var to: String
    public var agent: AgentProfile
    /// Those of the agent where the call brings none of its own.
    public var limits: CallLimits
    /// Labels that the creator of the call wants to find in its record.
    public var metadata: [String: JSONValue]
    /// The values that filled in the agent's instructions.
    public var variables: [String: JSONValue]
    /// The origin at which the carrier reaches this server, if another than the configured one.
    public var publicURL: String?
    /// The owner: a server shows tenants their own calls only.
    public var tenant: String
    /// The captures and recordings to keep; nil leaves it to the agent's profile.
    public var capture: CapturePolicy?

    public init(
        id: CallID? = nil,
        from: String,
        to: String,
        agent: AgentProfile,
        limits: CallLimits? = nil,
        metadata: [String: JSONValue] = [:],
        variables: [String: JSONValue] = [:],
        publicURL: String? = nil,
        tenant: String = ""
    ) {
        self.id = id
        self.from = from
        self.to = to
        self.agent = agent
        self.limits = limits ?? agent.limits
        self.metadata = metadata
        self.variables = variables
        self.publicURL = publicURL
        self.tenant = tenant
    }
}

/// A call that comes in: the carrier has announced it, or a program opens its media socket itself.
public struct InboundCall: Sendable {
    /// A name chosen beforehand, unlike any other; `nil` lets the manager choose.
    public var id: CallID?
    public var from: String
    public var to: String
    /// The carrier's name of the call. `nil` for a call without a carrier: a media socket that was not announced, a
    /// page.
    public var carrierCallID: String?
    public var agent: AgentProfile
    /// Those of the agent where the call brings none of its own.
    public var limits: CallLimits
    /// The operator's own facts, kept with the call's record.
    public var metadata: [String: JSONValue]
    /// The values that have filled the agent's placeholders.
    public var variables: [String: JSONValue]
    /// The owner.
    public var tenant: String
    /// The captures and recordings to keep; nil leaves it to the agent's profile.
    public var capture: CapturePolicy?

    public init(
        id: CallID? = nil,
        from: String,
        to: String,
        carrierCallID: String?,
        agent: AgentProfile,
        limits: CallLimits? = nil,
        metadata: [String: JSONValue] = [:],
        variables: [String: JSONValue] = [:],
        tenant: String = ""
    ) {
        self.id = id
        self.from = from
        self.to = to
        self.carrierCallID = carrierCallID
        self.agent = agent
        self.limits = limits ?? agent.limits
        self.metadata = metadata
        self.variables = variables
        self.tenant = tenant
    }
}
