import TalkpathCore
import TalkpathWire

extension ServerConfiguration {
    /// Returns every mistake in the settings. Opens nothing.
    public func problems() -> [ConfigurationError.Problem] {
        listeningProblems() + keyProblems() + publicURLProblems() + agentProblems() + doorProblems()
            + twilioProblems() + tenantProblems() + notificationProblems() + analysisProblems() + captureProblems()
            + storageProblems() + nodeProblems() + traceProblems()
    }

    func problem(_ setting: Setting, _ message: String) -> ConfigurationError.Problem {
        .init(setting.rawValue, message)
    }

    private func listeningProblems() -> [ConfigurationError.Problem] {
        guard isDevelopment, !Loopback.isLoopback(host: host) else { return [] }
        return [problem(.host, "--dev serves this machine only: must be 127.0.0.1, ::1 or localhost")]
    }

    private func keyProblems() -> [ConfigurationError.Problem] {
        var problems: [ConfigurationError.Problem] = []
        if apiKeys.isEmpty, !isDevelopment {
            problems.append(problem(.apiKeys, "is missing: without a key, only --dev serves, and only this machine"))
        }
        if apiKeys.contains(where: { $0.secret.utf8.count < Self.shortestKey }) {
            problems.append(problem(.apiKeys, "each key must have at least \(Self.shortestKey) characters"))
        }
        if apiKeys.contains(where: \.tenant.isEmpty) {
            problems.append(problem(.apiKeys, "the tenant before a colon must not be empty"))
        }
        if metricsKeys.contains(where: { $0.utf8.count < Self.shortestKey }) {
            problems.append(problem(.metricsKeys, "each key must have at least \(Self.shortestKey) characters"))
        }
        if metricsKeys.contains(where: { key in apiKeys.contains { $0.secret == key } }) {
            problems.append(problem(.metricsKeys, "must be another key than those of \(Setting.apiKeys.rawValue)"))
        }
        return problems
    }

    static let shortestKey = 16

    private func publicURLProblems() -> [ConfigurationError.Problem] {
        guard let publicURL else {
            return isDevelopment ? [] : [problem(.publicURL, "is missing: the carrier must reach this server there")]
        }
        guard PublicOrigin(publicURL, allowsPlain: isDevelopment) == nil else { return [] }
        return [
            problem(
                .publicURL,
                "must be an \(isDevelopment ? "http or https" : "https") address without query, such as "
                    + "https://voice.example.com"
            )
        ]
    }

    /// - Parameter agents: the in-process agents that the server was given.
    func problems(with agents: [String: any InProcessAgent]) -> [ConfigurationError.Problem] {
        guard let name = agent.baseURL.flatMap(AgentProfile.inProcessName), agents[name] == nil else { return [] }
        return [problem(.socketURL, "names an in-process agent that is not among the server's parts")]
    }

    private func agentProblems() -> [ConfigurationError.Problem] {
        let (key, url): (Setting, Setting) =
            switch agent.provider {
            case .openai: (.openAIKey, .openAIURL)
            case .gemini: (.geminiKey, .geminiURL)
            case .openaiLive: (.openAIKey, .openAILiveURL)
            case .socket: (.socketKey, .socketURL)
            }
        var problems: [ConfigurationError.Problem] = []
        // In development, a model at an address of the operator's own needs no key; a socket agent never does.
        if agent.apiKey.isEmpty, agent.provider != .socket, !(isDevelopment && agent.baseURL != nil) {
            problems.append(problem(key, "is missing"))
        }
        if agent.provider == .socket, agent.baseURL == nil {
            problems.append(problem(url, "is missing: a socket agent needs its address, wss://…"))
        }
        if let address = agent.baseURL {
            let schemes = isDevelopment ? ["ws://", "wss://"] : ["wss://"]
            let isInProcess = AgentProfile.inProcessName(inAddress: address) != nil && agent.provider == .socket
            if !isInProcess, !schemes.contains(where: address.hasPrefix) {
                problems.append(problem(url, "must begin with \(schemes.joined(separator: " or "))"))
            }
        }
        return problems
    }

    private func tenantProblems() -> [ConfigurationError.Problem] {
        let tenants = tenants
        var problems: [ConfigurationError.Problem] = []
        for (tenant, account) in tenantTwilio.sorted(by: { $0.key < $1.key }) {
            if !tenants.contains(tenant) { problems.append(problem(.tenantTwilio, "there is no key of '\(tenant)'")) }
            if !TwilioSID.isWellFormed(account.accountSID, prefix: "AC") {
                problems.append(
                    problem(.tenantTwilio, "the account of '\(tenant)' must be AC and 32 hexadecimal digits")
                )
            }
            if !account.hasGoodAPIKey {
                problems.append(
                    problem(.tenantTwilio, "the API key of '\(tenant)' must be SK and 32 hexadecimal digits")
                )
            }
            if !PhoneNumber.isE164(account.fromNumber) {
                problems.append(problem(.tenantTwilio, "the number of '\(tenant)' must be in E.164"))
            }
        }
        let accounts = ([twilio].compactMap(\.self) + tenantTwilio.values).map(\.accountSID)
        if Set(accounts).count < accounts.count {
            problems.append(problem(.tenantTwilio, "each tenant's account must be another"))
        }
        for agent in inboundAgents.values.sorted(by: { $0.id < $1.id }) where !tenants.contains(agent.tenant) {
            problems.append(problem(.inboundAgents, "there is no key of '\(agent.tenant)'"))
        }
        return problems
    }

    private func twilioProblems() -> [ConfigurationError.Problem] {
        guard let twilio else {
            return isDevelopment ? [] : [problem(.twilioAccountSID, "is missing")]
        }
        var problems: [ConfigurationError.Problem] = []
        if twilio.accountSID.isEmpty {
            problems.append(problem(.twilioAccountSID, "is missing"))
        } else if !TwilioSID.isWellFormed(twilio.accountSID, prefix: "AC") {
            problems.append(problem(.twilioAccountSID, "must be AC and 32 hexadecimal digits"))
        }
        if twilio.authToken.isEmpty { problems.append(problem(.twilioAuthToken, "is missing")) }
        if !twilio.hasGoodAPIKey {
            problems.append(problem(.twilioAPIKey, "must be SK and 32 hexadecimal digits, with its secret"))
        }
        if twilio.fromNumber.isEmpty {
            problems.append(problem(.twilioFromNumber, "is missing"))
        } else if !PhoneNumber.isE164(twilio.fromNumber) {
            problems.append(problem(.twilioFromNumber, "must be a number in E.164, such as +14155550100"))
        }
        if PublicOrigin(twilio.baseURL, allowsPlain: isDevelopment) == nil {
            problems.append(
                problem(.twilioBaseURL, "must be an \(isDevelopment ? "http or https" : "https") address")
            )
        }
        return problems
    }
}
