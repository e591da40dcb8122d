public import TalkpathAudio
public import TalkpathWire

/// The agent of a call: its model, its connection and its instructions.
public struct AgentProfile: Equatable, Sendable, CustomStringConvertible {
    /// The audio format of the model's socket, both ways.
    public enum Format: String, Sendable, CaseIterable {
        /// Linear: 24 kHz both ways for OpenAI and GPT-Live; 16 kHz up and 24 kHz down for Gemini; for an agent behind
        /// the agent socket, ``socketRate`` both ways, until it asks for something else.
        case pcm
        /// The telephony leg's own µ-law, passed through untouched. Not for Gemini.
        case pcmu
    }

    /// The moment at which the model's socket is opened.
    public enum ConnectPolicy: String, Sendable, CaseIterable {
        /// As soon as the callee's phone rings, so that the agent is there when the call is answered.
        case onRinging = "on_ringing"
        /// At the answer of the call.
        case onAnswer = "on_answer"
    }

    /// Its name in a store of agents; `nil` for one that was made for a call.
    public var id: String?
    /// The agent's name for people.
    public var name: String?
    public var provider: AgentProvider
    public var model: String
    public var voice: String?
    public var format: Format
    public var instructions: String
    /// A request for the agent's first words, which it chooses itself. Without it, the agent waits for the caller.
    public var firstMessage: String?
    /// The handling of a greeting that the caller speaks before, or into.
    public var greetingPolicy = GreetingPolicy.callerFirst
    public var tools: [AgentTool]
    /// Offers the agent a function `end_call`.
    public var mayEndCall: Bool
    /// True if a caller who speaks into the goodbye of an agent that has called `end_call` keeps the call.
    public var callerMayKeepCall = true
    /// The targets of the agent's function `transfer_call`; without targets the agent does not have the function.
    public var transferTargets: [TransferTarget] = []
    /// Offers the agent a function `send_dtmf`.
    public var maySendDigits = true
    /// Functions that are carried out by HTTP requests.
    public var endpoints: [ToolEndpoint] = []
    /// The detector that silences the agent when the caller speaks over it.
    public var bargeIn = BargeIn.model
    /// The plan for opening the model's session anew before it is lost; nil follows the table of models.
    public var renewal: AgentRenewal?
    /// The caller's way on when the model is lost for good; without one, the call ends at once.
    public var fallback: AgentFallback?
    /// The agents that take the call over, in this order, when the one before is refused or lost for good: at most
    /// ``mostFailovers``, which have no list of their own. The call keeps this agent's limits, capture, webhook, fallback
    /// and greeting policy.
    public var failover: [AgentProfile] = []
    /// True if the agent is told which keys the caller presses.
    public var hearsDigits = true
    /// True if a key that the caller presses silences the agent, as speech over it does.
    public var keysInterrupt = false
    public var connectPolicy: ConnectPolicy
    /// The engine and quality of resampling between the telephone's rate and the model's.
    public var resampler: ResamplerEngine
    /// The model's address; `nil` is the provider's own. A socket agent must have one.
    public var baseURL: String?
    /// The tenant has named the address, and not the server's owner: it is judged before it is connected to.
    public var isAddressForeign = false
    /// The header that carries the key of a socket agent; nil is `Authorization`, with `Bearer`
    /// before the key.
    public var keyHeader: String?
    /// The sample rate of a socket agent, with ``Format/pcm``: 8000, 16000 or 24000.
    public var socketRate = 16_000
    /// The service behind OpenAI's wire, for agents of that provider; nil takes it from the address.
    public var service: RealtimeService?
    /// Never printed.
    public var apiKey: String
    /// Webhooks that get the events of this agent's calls, besides those that get every call's.
    public var webhook: AgentWebhook?
    /// The bounds and guards of this agent's calls, for those that bring none of their own.
    public var limits: CallLimits
    /// The captures and recordings to keep of this agent's calls; nil leaves it to the server.
    public var capture: CapturePolicy?
    /// Options that only OpenAI's sessions have.
    public var openAI = OpenAIOptions()
    /// Options that only Gemini's sessions have.
    public var gemini = GeminiOptions()
    /// Options that only GPT-Live's sessions have.
    public var live = OpenAILiveOptions()
    /// A JSON object in the provider's own words that is applied to the session's set-up last, for options without a
    /// field here.
    public var raw: JSONValue?
    /// The endpoint that allows or refuses calls of an MCP server's tools; nil asks the functions' handler.
    public var approval: ToolEndpoint?

    public init(
        id: String? = nil,
        name: String? = nil,
        provider: AgentProvider,
        model: String,
        apiKey: String,
        voice: String? = nil,
        format: Format = .pcm,
        instructions: String = "",
        firstMessage: String? = nil,
        tools: [AgentTool] = [],
        mayEndCall: Bool = true,
        connectPolicy: ConnectPolicy = .onRinging,
        resampler: ResamplerEngine = .default,
        baseURL: String? = nil,
        webhook: AgentWebhook? = nil,
        limits: CallLimits = CallLimits()
    ) {
        self.id = id
        self.name = name
        self.provider = provider
        self.model = model
        self.apiKey = apiKey
        self.voice = voice
        self.format = format
        self.instructions = instructions
        self.firstMessage = firstMessage
        self.tools = tools
        self.mayEndCall = mayEndCall
        self.connectPolicy = connectPolicy
        self.resampler = resampler
        self.baseURL = baseURL
        self.webhook = webhook
        self.limits = limits
    }

    /// OpenAI Realtime.
    public static func openAI(key: String, model: String = "gpt-realtime-2.1", instructions: String) -> AgentProfile {
        AgentProfile(provider: .openai, model: model, apiKey: key, instructions: instructions)
    }

    /// A deployment of Azure OpenAI.
    ///
    /// - Parameter resource: its name, or its whole address.
    public static func azure(
        resource: String,
        deployment: String,
        key: String,
        instructions: String
    ) -> AgentProfile {
        var agent = openAI(key: key, model: deployment, instructions: instructions)
        agent.service = .azure
        agent.baseURL =
            resource.utf8.contains(UInt8(ascii: ".")) || resource.utf8.contains(UInt8(ascii: "/"))
            ? resource : "wss://\(resource).openai.azure.com"
        return agent
    }

    /// xAI's voice agents.
    public static func xAI(key: String, model: String = "grok-voice-latest", instructions: String) -> AgentProfile {
        var agent = openAI(key: key, model: model, instructions: instructions)
        agent.service = .xai
        return agent
    }

    /// Gemini Live.
    public static func gemini(key: String, model: String = "gemini-3.8-live", instructions: String) -> AgentProfile {
        AgentProfile(provider: .gemini, model: model, apiKey: key, instructions: instructions)
    }

    /// OpenAI's GPT-Live.
    public static func openAILive(key: String, model: String = "gpt-live-1.1", instructions: String) -> AgentProfile {
        AgentProfile(provider: .openaiLive, model: model, apiKey: key, format: .pcmu, instructions: instructions)
    }

    /// A socket agent: a program that speaks Talkpath's protocol for agents.
    ///
    /// - Parameter key: sent as a bearer's token; empty for none.
    public static func socket(url: String, key: String = "", instructions: String = "") -> AgentProfile {
        var agent = AgentProfile(provider: .socket, model: "agent", apiKey: key, instructions: instructions)
        agent.baseURL = url
        agent.bargeIn = .local
        return agent
    }

    /// The most agents that ``failover`` may hold.
    public static let mostFailovers = 3

    /// This agent and those that take over after it, in their order.
    package var succession: [AgentProfile] { [self] + failover }

    private var socketFormat: AudioFormat {
        format == .pcmu ? .telephony : AudioFormat(encoding: .pcm16, sampleRate: socketRate)
    }

    /// Audio the agent is sent.
    public var inputFormat: AudioFormat {
        switch (provider, format) {
        case (.openai, .pcm), (.openaiLive, .pcm): .pcm24k
        case (.openai, .pcmu), (.openaiLive, .pcmu): .telephony
        case (.gemini, _): .pcm16k
        case (.socket, _): socketFormat
        }
    }

    /// Audio the agent sends.
    public var outputFormat: AudioFormat {
        switch (provider, format) {
        case (.openai, .pcmu), (.openaiLive, .pcmu): .telephony
        case (.openai, .pcm), (.openaiLive, .pcm), (.gemini, _): .pcm24k
        case (.socket, _): socketFormat
        }
    }

    var effectiveService: RealtimeService { service ?? baseURL.map(RealtimeService.init) ?? .openai }

    /// The address at which the model's socket is opened.
    var target: WebSocketTarget {
        switch provider {
        case .openai: return effectiveService.target(address: baseURL, model: model, apiKey: apiKey)
        case .gemini, .openaiLive: return provider.target(baseURL: baseURL, model: model, apiKey: apiKey)
        case .socket:
            var target = AgentSocketCodec.target(url: baseURL ?? "", secret: apiKey, header: keyHeader)
            target.isForeign = isAddressForeign
            return target
        }
    }

    var effectiveRenewal: AgentRenewal? {
        if let renewal { return renewal }
        // A session with a socket agent has no age limit.
        if provider == .socket { return nil }
        let age = AgentModelTraits(provider, model: model).renewal
        return AgentRenewal(quietAfter: age.quietAfter, atLatest: age.atLatest)
    }

    public var description: String { "\(provider.rawValue) \(model) \(format.rawValue)" }

    func configuration(resumptionHandle: String?) -> AgentSessionConfiguration {
        var configuration = AgentSessionConfiguration(
            model: model,
            voice: voice,
            instructions: instructions,
            tools: allTools,
            inputFormat: inputFormat,
            outputFormat: outputFormat,
            resumptionHandle: resumptionHandle,
            isInterrupted: bargeIn != .local
        )
        configuration.openAI = openAI
        configuration.gemini = gemini
        configuration.live = live
        configuration.raw = raw
        return configuration
    }

    /// Finds options that the model would refuse, and options that exclude each other.
    ///
    /// - Parameter hasHandler: a handler besides ``approval`` can decide about the calls of MCP servers' tools.
    public func check(hasHandler: Bool = true) throws(AgentOptionFault) {
        var check = AgentOptionCheck(
            provider: provider,
            model: model,
            configuration: configuration(resumptionHandle: nil)
        )
        check.promptsIdleCaller = limits.idlePrompt != nil
        check.canApprove = approval != nil || hasHandler
        check.service = effectiveService
        try check.run()
        try checkFailover(hasHandler: hasHandler)
    }

    private func checkFailover(hasHandler: Bool) throws(AgentOptionFault) {
        guard failover.count <= Self.mostFailovers else {
            throw AgentOptionFault("failover", "must have at most \(Self.mostFailovers) agents")
        }
        for (place, next) in failover.enumerated() {
            guard next.failover.isEmpty else {
                throw AgentOptionFault(
                    "failover[\(place)].failover",
                    "must be empty: the list is the first agent's alone"
                )
            }
            var next = next
            // The call keeps those of its first agent.
            next.limits = limits
            do throws(AgentOptionFault) {
                try next.check(hasHandler: hasHandler)
            } catch {
                throw AgentOptionFault("failover[\(place)].\(error.field)", error.message)
            }
        }
    }
}
