import TalkpathAudio
import TalkpathCore
import TalkpathWire

extension AgentDefinition {
    /// Builds the agent: the server's settings, overridden by the definition.
    ///
    /// - Parameters:
    ///   - id: the agent's name in the store; `nil` for an agent of a single call.
    ///   - configuration: the server's settings, with its own agent and limits.
    /// - Throws: `Problem` if the definition and the server's settings together make no usable agent.
    func profile(id: String?, in configuration: ServerConfiguration) throws(Problem) -> AgentProfile {
        var profile = try base(configuration)
        profile.id = id
        profile.name = name
        if let model = json["model"]?.string { profile.model = model }
        applySocket(to: &profile)
        if let key = json["api_key"]?.string { profile.apiKey = key }
        if let voice = json["voice"]?.string { profile.voice = voice }
        if let format = json["format"]?.string.flatMap(AgentProfile.Format.init) { profile.format = format }
        if let instructions = json["instructions"]?.string { profile.instructions = instructions }
        if let words = json["first_message"]?.string { profile.firstMessage = words.isEmpty ? nil : words }
        if let tools = json["tools"]?.array {
            profile.tools = tools.filter { $0["url"]?.string == nil }.map(Self.tool)
            profile.endpoints = tools.compactMap(Self.endpoint)
        }
        if let mayEnd = json["may_end_call"]?.bool { profile.mayEndCall = mayEnd }
        if let policy = json["greeting_policy"]?.string.flatMap(GreetingPolicy.init) {
            profile.greetingPolicy = policy
        }
        if let mayKeep = json["caller_may_keep_call"]?.bool { profile.callerMayKeepCall = mayKeep }
        if let policy = json["connect"]?.string.flatMap(AgentProfile.ConnectPolicy.init) {
            profile.connectPolicy = policy
        }
        if let maySend = json["may_send_dtmf"]?.bool { profile.maySendDigits = maySend }
        if let hears = json["hears_dtmf"]?.bool { profile.hearsDigits = hears }
        if let interrupt = json["dtmf_interrupts"]?.bool { profile.keysInterrupt = interrupt }
        if let bargeIn = json["barge_in"]?.string.flatMap(BargeIn.init) { profile.bargeIn = bargeIn }
        if let engine = json["resampler"]?.string.flatMap(ResamplerEngine.init) { profile.resampler = engine }
        if let targets = json["transfer_targets"]?.array {
            profile.transferTargets = try targets.map(Self.transferTarget)
        }
        if let fallback = json["fallback"], !fallback.isNull {
            profile.fallback = AgentFallback(
                words: fallback["words"]?.string,
                language: fallback["language"]?.string,
                transferTo: fallback["transfer_to"]?.string
            )
        }
        if let policy = try CapturePolicy(json["capture"]?.string) { profile.capture = policy }
        profile.webhook = webhook
        guard webhook == nil || webhook?.secret != nil || configuration.notifications.webhook != nil else {
            throw JSONBody.invalid("webhook.secret", "must be given: the server has no default")
        }
        profile.limits = configuration.limits
        if let limits = json["limits"] { profile.limits.apply(limits) }
        guard profile.provider != .socket || profile.baseURL != nil else {
            throw JSONBody.invalid("socket.url", "must be given: the server knows no agent of its owner's")
        }
        guard !profile.apiKey.isEmpty || profile.provider == .socket || configuration.isDevelopment else {
            throw JSONBody.invalid(
                "provider",
                "needs an 'api_key': the server has none for \(profile.provider.rawValue)"
            )
        }
        guard profile.format != .pcmu || profile.provider != .gemini else {
            throw JSONBody.invalid("format", "pcmu is not for gemini")
        }
        applyOptions(to: &profile)
        try profile.checkOptions()
        return profile
    }

    var webhook: AgentWebhook? {
        guard let webhook = json["webhook"], let url = webhook["url"]?.string else { return nil }
        return AgentWebhook(
            url: url,
            secret: webhook["secret"]?.string,
            events: webhook["events"]?.array?.compactMap(\.string) ?? [],
            format: webhook["format"]?.string.flatMap(WebhookFormat.init) ?? .standard
        )
    }

    /// The server's own agent. For another provider, only the settings that do not depend on the provider.
    private func base(_ configuration: ServerConfiguration) throws(Problem) -> AgentProfile {
        var profile = configuration.agent
        guard let provider, provider != profile.provider else { return profile }
        let access = configuration.providers[provider]
        profile.provider = provider
        profile.model = access?.model ?? AgentProfile.defaultModel(of: provider)
        profile.apiKey = access?.apiKey ?? ""
        profile.baseURL = access?.baseURL
        profile.service = access?.service
        profile.keyHeader = access?.keyHeader
        // A socket agent leaves the caller's turns to us; a model has a voice detector of its own.
        profile.bargeIn = provider == .socket ? .local : .model
        profile.voice = nil
        profile.format = provider == .openaiLive ? .pcmu : .pcm
        profile.openAI = OpenAIOptions()
        profile.gemini = GeminiOptions()
        profile.live = OpenAILiveOptions()
        profile.raw = JSONValue?.none
        return profile
    }

    /// An agent of the tenant's own. The server's secret is for the server's own agent, and does not go elsewhere.
    private func applySocket(to profile: inout AgentProfile) {
        guard let socket = json["socket"], profile.provider == .socket else { return }
        if let url = socket["url"]?.string {
            profile.baseURL = url
            profile.isAddressForeign = true
            profile.apiKey = ""
            profile.keyHeader = nil
        }
        if let header = socket["header"]?.string { profile.keyHeader = header }
        if let rate = socket["sample_rate"]?.int { profile.socketRate = rate }
    }

    static func endpoint(_ json: JSONValue) -> ToolEndpoint? {
        guard let url = json["url"]?.string else { return nil }
        var endpoint = ToolEndpoint(tool: tool(json), url: url)
        for (name, value) in json["headers"]?.object ?? [] { endpoint.headers[name] = value.string }
        if let milliseconds = json["timeout_ms"]?.int { endpoint.timeout = .milliseconds(milliseconds) }
        return endpoint
    }

    private static func tool(_ json: JSONValue) -> AgentTool {
        var tool = AgentTool(name: json["name"]?.string ?? "", description: json["description"]?.string ?? "")
        if let parameters = json["parameters"], !parameters.isNull { tool.parameters = parameters.serializedText() }
        tool.behavior = json["behavior"]?.string.flatMap(AgentTool.Behavior.init)
        tool.scheduling = json["scheduling"]?.string.flatMap(AgentTool.Scheduling.init)
        return tool
    }
}

extension AgentProfile {
    static func defaultModel(of provider: AgentProvider) -> String {
        switch provider {
        case .openai: openAI(key: "", instructions: "").model
        case .gemini: gemini(key: "", instructions: "").model
        case .openaiLive: openAILive(key: "", instructions: "").model
        case .socket: socket(url: "").model
        }
    }
}
