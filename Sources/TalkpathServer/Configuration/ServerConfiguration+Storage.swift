import TalkpathStore
import TalkpathWire

/// Reads and checks the settings of storage, notifications and analysis.
extension ServerConfiguration {
    static let defaultFolder = "talkpath-data"

    static func storage(_ settings: inout SettingsReader, isDevelopment: Bool) -> Storage {
        var storage = Storage(folder: isDevelopment ? nil : defaultFolder)
        if let folder = settings.text(.dataFolder) { storage.folder = folder == ":memory:" ? nil : folder }
        storage.database = settings.text(.databaseURL).map(Database.init)
        if let word = settings.word(.durability, as: SQLCallStore.Durability.self) { storage.durability = word }
        let mayBeOff = "must be off, forever or a number of days"
        if let text = settings.text(.keepTranscripts) {
            if let value = Retention(setting: text) {
                storage.transcripts = value
            } else {
                settings.report(.keepTranscripts, mayBeOff)
            }
        }
        if let text = settings.text(.keepRecordings) {
            if let value = Retention(setting: text) {
                storage.recordings = value
            } else {
                settings.report(.keepRecordings, mayBeOff)
            }
        }
        for (setting, path) in [(Setting.keepCalls, \Storage.calls), (.keepEvents, \.events)] {
            guard let text = settings.text(setting) else { continue }
            if let value = Retention(setting: text), !value.isOff {
                storage[keyPath: path] = value
            } else {
                settings.report(setting, "must be forever or a number of days")
            }
        }
        return storage
    }

    static func notifications(_ settings: SettingsReader) -> Notifications {
        var notifications = Notifications()
        let (url, secret) = (settings.text(.webhookURL), settings.text(.webhookSecret))
        if url != nil || secret != nil { notifications.webhook = Webhook(url: url ?? "", secret: secret ?? "") }
        let (token, chat) = (settings.text(.telegramToken), settings.text(.telegramChat))
        if token != nil || chat != nil {
            var telegram = Telegram(botToken: token ?? "", chatID: chat ?? "")
            if let url = settings.text(.telegramURL) { telegram.baseURL = url }
            notifications.telegram = telegram
        }
        if let url = settings.text(.gatewayURL) {
            var gateway = Gateway(url: url, token: settings.text(.gatewayToken))
            if let session = settings.text(.gatewaySession) { gateway.session = session }
            notifications.gateway = gateway
        }
        return notifications
    }

    static func analysis(_ settings: inout SettingsReader) -> Analysis? {
        guard let provider = settings.word(.analysisProvider, as: AgentProvider.self) else { return nil }
        guard AgentProvider.vendors.contains(provider) else {
            settings.report(.analysisProvider, "must be openai or gemini")
            return nil
        }
        return Analysis(
            provider: provider,
            baseURL: settings.text(.analysisURL),
            model: settings.text(.analysisModel) ?? "",
            apiKey: settings.text(.analysisKey) ?? ""
        )
    }

    // MARK: Checking

    func storageProblems() -> [ConfigurationError.Problem] {
        guard let database = storage.database, let fault = StoreDatabase.fault(inAddress: database.url) else {
            return []
        }
        return [problem(.databaseURL, fault)]
    }

    /// The policy for addresses that tenants name.
    var addressPolicy: OutboundAddressPolicy { isDevelopment ? .development : .strict }

    func notificationProblems() -> [ConfigurationError.Problem] {
        var problems: [ConfigurationError.Problem] = []
        if let webhook = notifications.webhook {
            problems += addressProblems(.webhookURL, webhook.url, schemes: [.http, .https])
            if WebhookSecret.all(in: webhook.secret) == nil {
                problems.append(problem(.webhookSecret, "must be whsec_ and base64 of 24 to 64 bytes"))
            }
        }
        if let telegram = notifications.telegram {
            if telegram.botToken.isEmpty { problems.append(problem(.telegramToken, "is missing")) }
            if telegram.chatID.isEmpty { problems.append(problem(.telegramChat, "is missing")) }
            problems += addressProblems(.telegramURL, telegram.baseURL, schemes: [.http, .https])
        }
        if let gateway = notifications.gateway {
            problems += addressProblems(.gatewayURL, gateway.url, schemes: [.ws, .wss])
        }
        return problems
    }

    func analysisProblems() -> [ConfigurationError.Problem] {
        guard let analysis else { return [] }
        var problems: [ConfigurationError.Problem] = []
        if analysis.model.isEmpty { problems.append(problem(.analysisModel, "is missing")) }
        do {
            let url = try OutboundURL(analysis.baseURL)
            // The operator may use plain http, for a model on the same machine.
            if url.scheme != .http, url.scheme != .https { throw OutboundAddressError.malformed("") }
        } catch {
            problems.append(problem(.analysisURL, "must be an http or https address"))
        }
        return problems
    }

    private func addressProblems(
        _ setting: Setting,
        _ text: String,
        schemes: Set<OutboundURL.Scheme>
    ) -> [ConfigurationError.Problem] {
        do {
            let url = try configuredAddressPolicy.parse(text)
            guard schemes.contains(url.scheme) else {
                let names = schemes.map { "\($0.rawValue)://" }.sorted().joined(separator: " or ")
                return [problem(setting, "must begin with \(names)")]
            }
            return []
        } catch {
            return [problem(setting, error.message)]
        }
    }

    /// The policy for addresses in the configuration, which may lead into the operator's own network.
    var configuredAddressPolicy: OutboundAddressPolicy {
        OutboundAddressPolicy(allowsPlain: isDevelopment, allowsPrivate: true)
    }
}
