import Logging
import TalkpathAudio
import TalkpathCore
import TalkpathStore
import TalkpathWire

extension ServerConfiguration {
    /// A setting in force, from any source.
    struct SettingInForce: Equatable, Sendable {
        var setting: Setting
        /// Never a secret: for a secret, only whether it is set.
        var value: String
    }

    /// The settings that decide the server's behaviour, for its operator.
    var settingsInForce: [SettingInForce] {
        serving + calling + talking + keeping + telling
    }

    private func shown(_ setting: Setting, _ value: String?) -> SettingInForce {
        let isThere = !(value ?? "").isEmpty
        return SettingInForce(
            setting: setting,
            value: setting.isSecret ? (isThere ? "set" : "not set") : (isThere ? value ?? "" : "none")
        )
    }

    private func shown(_ setting: Setting, _ value: Int?, or absence: String = "without bound") -> SettingInForce {
        shown(setting, value.map(String.init) ?? absence)
    }

    private func shown(_ setting: Setting, _ value: Duration) -> SettingInForce {
        shown(setting, "\(Double(value.wholeMilliseconds) / 1000) s")
    }

    /// The origin of an address. Its path may be as confidential as a key.
    private func place(_ url: String?) -> String? {
        guard let url else { return nil }
        guard let parsed = try? OutboundURL(url) else { return "set" }
        let host = parsed.host.contains(":") ? "[\(parsed.host)]" : parsed.host
        return "\(parsed.scheme.rawValue)://\(host):\(parsed.port)"
    }

    private var serving: [SettingInForce] {
        [
            shown(.host, host), shown(.port, port), shown(.publicURL, place(publicURL)),
            shown(.tlsCertificate, tls?.certificate), shown(.tlsKey, tls?.key),
            shown(.apiKeys, apiKeys.isEmpty ? nil : "set"), shown(.metricsKeys, metricsKeys.isEmpty ? nil : "set"),
            shown(.console, hasConsole ? "on" : "off"),
            shown(.connectionsPerAddress, connectionsPerAddress, or: "three quarters of what the descriptors allow"),
            shown(.logLevel, logLevel.rawValue), shown(.logFormat, logFormat.rawValue),
            shown(.drainTimeout, drainTimeout), shown(.nodeURL, place(node?.url)),
            shown(.nodeSecret, node?.secret), shown(.nodeMediaURL, place(node?.mediaURL)),
        ]
    }

    private var calling: [SettingInForce] {
        [
            shown(.twilioAccountSID, twilio?.accountSID), shown(.twilioAuthToken, twilio?.authToken),
            shown(.twilioFromNumber, twilio?.fromNumber),
            shown(.twilioCallsPerSecond, carrierCallsPerSecond), shown(.twilioBaseURL, place(twilio?.baseURL)),
            shown(.tenantTwilio, tenantTwilio.isEmpty ? nil : "set"),
            shown(.allowedDestinations, allowedDestinations.joined(separator: ", ")),
            shown(.allowedNumberTypes, allowedNumberTypes.map(\.word).sorted().joined(separator: ", ")),
            shown(.maximumCalls, maximumCalls), shown(.mediaLanes, mediaLanes),
            shown(.callsPerSecond, callsPerSecond),
            shown(.maximumCallsPerTenant, maximumCallsPerTenant), shown(.minutesPerDay, minutesPerDay),
            shown(.maximumAgentsPerTenant, maximumAgentsPerTenant),
            shown(.maximumFollowersPerTenant, maximumFollowersPerTenant),
            shown(
                .inboundAgents,
                inboundAgents.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.tenant)/\($0.value.id)" }
                    .joined(separator: ", ")
            ),
            shown(.maxDuration, limits.maxDuration), shown(.queueTimeout, limits.queueTimeout),
            shown(.ringTimeout, limits.ringTimeout), shown(.mediaTimeout, limits.mediaTimeout),
            shown(.agentSetupTimeout, limits.agentSetupTimeout), shown(.endBound, limits.endBound),
        ]
    }

    private var talking: [SettingInForce] {
        func key(_ provider: AgentProvider) -> String? {
            agent.provider == provider ? agent.apiKey : providers[provider]?.apiKey
        }
        let model: (setting: Setting?, url: Setting) =
            switch agent.provider {
            case .openai: (.openAIModel, .openAIURL)
            case .gemini: (.geminiModel, .geminiURL)
            case .openaiLive: (.openAILiveModel, .openAILiveURL)
            case .socket: (nil, .socketURL)
            }
        return [
            shown(.agentProvider, agent.provider.rawValue), shown(.agentFormat, agent.format.rawValue),
            shown(.agentVoice, agent.voice), shown(.agentConnect, agent.connectPolicy.rawValue),
        ] + (model.setting.map { [shown($0, agent.model)] } ?? []) + [
            shown(model.url, place(agent.baseURL)),
            shown(.openAIKey, key(.openai) ?? key(.openaiLive)), shown(.geminiKey, key(.gemini)),
            shown(.socketKey, key(.socket)),
            shown(.resampler, agent.resampler.description),
        ]
    }

    private var keeping: [SettingInForce] {
        [
            shown(.dataFolder, storage.folder ?? ":memory:"), shown(.durability, storage.durability.rawValue),
            shown(.capture, capture.words), shown(.recordings, recordings?.folder),
            shown(.recordingFormat, recordings?.audioFormat.rawValue),
            shown(.keepTranscripts, storage.transcripts.words), shown(.keepRecordings, storage.recordings.words),
            shown(.keepCalls, storage.calls.words), shown(.keepEvents, storage.events.words),
        ]
    }

    private var telling: [SettingInForce] {
        [
            shown(.webhookURL, place(notifications.webhook?.url)),
            shown(.webhookSecret, notifications.webhook?.secret),
            shown(.telegramToken, notifications.telegram?.botToken),
            shown(.gatewayURL, place(notifications.gateway?.url)),
            shown(.gatewayToken, notifications.gateway?.token),
            shown(.analysisProvider, analysis?.provider.rawValue), shown(.analysisModel, analysis?.model),
            shown(.analysisKey, analysis?.apiKey), shown(.prices, pricesPath),
            shown(.tracesEndpoint, place(traces?.address)), shown(.traceContent, tracesHoldContent ? "on" : "off"),
        ]
    }
}

extension ServerConfiguration.Retention {
    /// The retention in the form of the setting.
    var words: String {
        switch self {
        case .off: "off"
        case .forever: "forever"
        case .days(let days): "\(days) days"
        }
    }
}
