import Logging
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathWire

extension ServerConfiguration {
    /// Reads the settings (`Setting`). The environment overrides the file.
    ///
    /// - Parameters:
    ///   - file: the text of a JSON object whose members are named like the environment's variables.
    ///   - override: changes the configuration last, for example by options of the command line.
    /// - Throws: `ConfigurationError` with every wrong or missing setting.
    public static func read(
        environment: [String: String],
        file: [UInt8]? = nil,
        isDevelopment: Bool = false,
        override: (inout ServerConfiguration) -> Void = { _ in }
    ) throws(ConfigurationError) -> ServerConfiguration {
        let (configuration, flaws) = inspect(
            environment: environment,
            file: file,
            isDevelopment: isDevelopment,
            override: override
        )
        // A setting that could not be read has its default value here. Do not report it a second time.
        let named = Set(flaws.map(\.setting))
        let problems = flaws + configuration.problems().filter { !named.contains($0.setting) }
        guard problems.isEmpty else { throw ConfigurationError(problems) }
        return configuration
    }

    /// Reads the settings as ``read(environment:file:isDevelopment:override:)`` does, but keeps the default of a
    /// setting that cannot be read.
    ///
    /// - Returns: the configuration, and the settings that could not be read.
    package static func inspect(
        environment: [String: String],
        file: [UInt8]?,
        isDevelopment: Bool,
        override: (inout ServerConfiguration) -> Void
    ) -> (configuration: ServerConfiguration, flaws: [ConfigurationError.Problem]) {
        var settings = SettingsReader(environment: environment, file: file)
        var configuration = ServerConfiguration(
            agent: agent(&settings, isDevelopment: isDevelopment),
            isDevelopment: isDevelopment
        )
        if let host = settings.text(.host) { configuration.host = host }
        if let port = settings.integer(.port, in: 0...65_535) { configuration.port = port }
        configuration.publicURL = settings.text(.publicURL)
        configuration.apiKeys = (settings.list(.apiKeys) ?? []).map(APIKey.init(setting:))
        configuration.metricsKeys = settings.list(.metricsKeys) ?? []
        configuration.readConsole(&settings)
        configuration.limits = limits(&settings)
        configuration.readDoors(&settings)
        if let calls = settings.integer(.maximumCalls, in: 1...100_000) { configuration.maximumCalls = calls }
        if let lanes = settings.integer(.mediaLanes, in: 1...LaneCount.most) { configuration.mediaLanes = lanes }
        configuration.carrierCallsPerSecond = settings.integer(.twilioCallsPerSecond, in: 1...1000)
        if let rate = settings.integer(.callsPerSecond, in: 1...10_000) { configuration.callsPerSecond = rate }
        if let value = settings.seconds(.drainTimeout, in: 0...3600) { configuration.drainTimeout = value }
        if let format = settings.word(.logFormat, as: LogFormat.self) { configuration.logFormat = format }
        configuration.connectionsPerAddress = settings.integer(.connectionsPerAddress, in: 1...1_000_000)
        configuration.maximumCallsPerTenant = settings.integer(.maximumCallsPerTenant, in: 1...100_000)
        if let most = settings.integer(.maximumFollowersPerTenant, in: 1...100_000) {
            configuration.maximumFollowersPerTenant = most
        }
        if let most = settings.integer(.maximumAgentsPerTenant, in: 1...100_000) {
            configuration.maximumAgentsPerTenant = most
        }
        configuration.minutesPerDay = settings.integer(.minutesPerDay, in: 1...10_000_000)
        configuration.providers = providers(settings)
        let carrierURL = carrierURL(&settings)
        configuration.tenantTwilio = tenantTwilio(&settings, at: carrierURL)
        configuration.inboundAgents = inboundAgents(&settings)
        configuration.tls = tls(&settings)
        if let level = settings.word(.logLevel, as: Logger.Level.self) { configuration.logLevel = level }
        configuration.twilio = twilio(&settings, at: carrierURL, isDevelopment: isDevelopment)
        configuration.storage = storage(&settings, isDevelopment: isDevelopment)
        configuration.node = node(&settings)
        configuration.readCapture(&settings)
        configuration.notifications = notifications(settings)
        configuration.readTraces(&settings)
        configuration.pricesPath = settings.text(.prices)
        configuration.analysis = analysis(&settings)
        override(&configuration)
        return (configuration, settings.problems)
    }

    private static func agent(_ settings: inout SettingsReader, isDevelopment: Bool) -> AgentProfile {
        let provider = settings.word(.agentProvider, as: AgentProvider.self) ?? .openai
        let (key, url, model, defaultModel): (Setting, Setting, Setting?, String) =
            switch provider {
            case .openai: (.openAIKey, .openAIURL, .openAIModel, AgentProfile.openAI(key: "", instructions: "").model)
            case .gemini: (.geminiKey, .geminiURL, .geminiModel, AgentProfile.gemini(key: "", instructions: "").model)
            case .openaiLive:
                (
                    .openAIKey, .openAILiveURL, .openAILiveModel,
                    AgentProfile.openAILive(key: "", instructions: "").model
                )
            case .socket: (.socketKey, .socketURL, nil, AgentProfile.socket(url: "").model)
            }
        let format =
            settings.word(.agentFormat, as: AgentProfile.Format.self)
            ?? (provider == .openaiLive ? .pcmu : .pcm)
        if provider == .gemini, format == .pcmu { settings.report(.agentFormat, "pcmu is not for gemini") }
        let policy = settings.word(.agentConnect, as: AgentProfile.ConnectPolicy.self) ?? .onRinging
        let service = provider == .openai ? service(&settings) : nil
        var agent = AgentProfile(
            provider: provider,
            model: model.flatMap { settings.text($0) } ?? service?.defaultModel ?? defaultModel,
            apiKey: settings.text(key) ?? "",
            voice: settings.text(.agentVoice),
            format: format,
            instructions: settings.text(.agentInstructions) ?? "",
            firstMessage: settings.text(.agentFirstMessage),
            connectPolicy: policy,
            resampler: resampler(&settings),
            baseURL: settings.text(url)
        )
        agent.service = service
        if provider == .socket {
            agent.bargeIn = .local
            agent.keyHeader = settings.text(.socketHeader)
        }
        return agent
    }

    private static func service(_ settings: inout SettingsReader) -> RealtimeService? {
        let named = settings.word(.openAIService, as: RealtimeService.self)
        let service = named ?? settings.text(.openAIURL).map(RealtimeService.init(address:))
        guard service == .azure else { return service }
        if settings.text(.openAIURL) == nil {
            settings.report(.openAIURL, "is missing: azure needs the resource's address, wss://NAME.openai.azure.com")
        }
        if settings.text(.openAIModel) == nil {
            settings.report(.openAIModel, "is missing: azure needs the deployment's name")
        }
        return service
    }

    private static func providers(_ settings: SettingsReader) -> [AgentProvider: ProviderAccess] {
        let all: [(AgentProvider, key: Setting, model: Setting?, url: Setting)] = [
            (.openai, .openAIKey, .openAIModel, .openAIURL), (.gemini, .geminiKey, .geminiModel, .geminiURL),
            (.openaiLive, .openAIKey, .openAILiveModel, .openAILiveURL), (.socket, .socketKey, nil, .socketURL),
        ]
        var providers: [AgentProvider: ProviderAccess] = [:]
        for (provider, key, model, url) in all {
            guard settings.text(key) != nil || settings.text(url) != nil else { continue }
            providers[provider] = ProviderAccess(
                apiKey: settings.text(key) ?? "",
                model: model.flatMap { settings.text($0) } ?? service(settings, of: provider)?.defaultModel
                    ?? AgentProfile.defaultModel(of: provider),
                baseURL: settings.text(url)
            )
            providers[provider]?.service = service(settings, of: provider)
            if provider == .socket { providers[provider]?.keyHeader = settings.text(.socketHeader) }
        }
        return providers
    }

    private static func service(_ settings: SettingsReader, of provider: AgentProvider) -> RealtimeService? {
        guard provider == .openai else { return nil }
        return settings.text(.openAIService).flatMap(RealtimeService.init)
            ?? settings.text(.openAIURL).map(RealtimeService.init(address:))
    }

    private static func inboundAgents(_ settings: inout SettingsReader) -> [String: InboundAgent] {
        var agents: [String: InboundAgent] = [:]
        for entry in settings.list(.inboundAgents) ?? [] {
            let sides = entry.split(separator: "=", maxSplits: 1).map(String.init)
            let names = (sides.last ?? "").split(separator: "/", maxSplits: 1).map(String.init)
            guard sides.count == 2, PhoneNumber.isE164(sides[0]), agents[sides[0]] == nil, let id = names.last else {
                settings.report(.inboundAgents, "each must be +number=agent or +number=tenant/agent, one for a number")
                continue
            }
            agents[sides[0]] = names.count == 2 ? InboundAgent(tenant: names[0], id: id) : InboundAgent(id: id)
        }
        return agents
    }

    private static func tls(_ settings: inout SettingsReader) -> TLSFiles? {
        switch (settings.text(.tlsCertificate), settings.text(.tlsKey)) {
        case (let certificate?, let key?):
            return TLSFiles(certificate: certificate, key: key)
        case (nil, nil):
            return nil
        case (_?, nil):
            settings.report(.tlsKey, "is missing: a certificate needs its key")
            return nil
        case (nil, _?):
            settings.report(.tlsCertificate, "is missing: a key needs its certificate")
            return nil
        }
    }

    private static func resampler(_ settings: inout SettingsReader) -> ResamplerEngine {
        let profile = settings.word(.resamplerProfile, as: ResamplerProfile.self)
        do throws(ResamplerEngine.SelectionError) {
            return try ResamplerEngine(settings.text(.resampler) ?? "polyphase", profile: profile)
        } catch {
            switch error {
            case .unknownEngine:
                settings.report(.resampler, "must be one of \(ResamplerEngine.names.joined(separator: ", "))")
            case .profileDoesNotFit:
                settings.report(.resamplerProfile, "goes with polyphase only, and with no name that tells another one")
            }
        }
        return .default
    }

    private static func limits(_ settings: inout SettingsReader) -> CallLimits {
        var limits = CallLimits()
        // Twilio's own bounds on TimeLimit and Timeout.
        if let value = settings.seconds(.maxDuration, in: 1...14_400) { limits.maxDuration = value }
        if let value = settings.seconds(.queueTimeout, in: 5...3600) { limits.queueTimeout = value }
        if let value = settings.seconds(.ringTimeout, in: 5...600) { limits.ringTimeout = value }
        if let value = settings.seconds(.mediaTimeout, in: 1...120) { limits.mediaTimeout = value }
        if let value = settings.seconds(.agentSetupTimeout, in: 1...60) { limits.agentSetupTimeout = value }
        if let value = settings.seconds(.endBound, in: 1...30) { limits.endBound = value }
        return limits
    }
}

extension ServerConfiguration.APIKey {
    /// Reads `key`, or `tenant:key`.
    init(setting text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2 {
            self.init(String(parts[1]), tenant: String(parts[0]))
        } else {
            self.init(text)
        }
    }
}
