import TalkpathWire

/// Reads the accounts at the carrier from the settings.
extension ServerConfiguration {
    /// Returns `nil` in development without an account. No call can be placed then.
    static func twilio(_ settings: inout SettingsReader, at url: String?, isDevelopment: Bool) -> Twilio? {
        let texts = [Setting.twilioAccountSID, .twilioFromNumber].map { settings.text($0) }
        let tokens = settings.list(.twilioAuthToken) ?? []
        if isDevelopment, texts.allSatisfy({ $0 == nil }), tokens.isEmpty { return nil }
        var twilio = Twilio(accountSID: texts[0] ?? "", authToken: tokens.first ?? "", fromNumber: texts[1] ?? "")
        twilio.otherAuthTokens = Array(tokens.dropFirst())
        twilio.apiKey = apiKey(&settings)
        if let url { twilio.baseURL = url }
        return twilio
    }

    private static func apiKey(_ settings: inout SettingsReader) -> Twilio.APIKey? {
        switch (settings.text(.twilioAPIKey), settings.text(.twilioAPISecret)) {
        case (let sid?, let secret?): return Twilio.APIKey(sid: sid, secret: secret)
        case (nil, nil): return nil
        case (_?, nil): settings.report(.twilioAPISecret, "is missing: an API key needs its secret")
        case (nil, _?): settings.report(.twilioAPIKey, "is missing: a secret needs its API key (SK…)")
        }
        return nil
    }

    /// Returns the address of the carrier's API: `https://api.{edge}.{region}.twilio.com` if an edge or a region is
    /// set, otherwise the configured address, or `nil` for the usual one.
    static func carrierURL(_ settings: inout SettingsReader) -> String? {
        let url = settings.text(.twilioBaseURL)
        let (region, edge) = (settings.text(.twilioRegion), settings.text(.twilioEdge))
        guard region != nil || edge != nil else { return url }
        if url != nil {
            settings.report(.twilioBaseURL, "says where the carrier is asked, and so do region and edge: leave one out")
        }
        var areGood = true
        for (setting, word) in [(Setting.twilioRegion, region), (.twilioEdge, edge)] where !isPartOfName(word ?? "") {
            settings.report(setting, "must be a word of lower-case letters, such as ie1 or dublin")
            areGood = false
        }
        guard areGood else { return nil }
        // An edge alone means the first region.
        return "https://api.\(edge.map { "\($0)." } ?? "")\(region ?? "us1").twilio.com"
    }

    private static func isPartOfName(_ word: String) -> Bool {
        word.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || byte == UInt8(ascii: "-")
        }
    }

    static func tenantTwilio(_ settings: inout SettingsReader, at url: String?) -> [String: Twilio] {
        var accounts: [String: Twilio] = [:]
        for entry in settings.list(.tenantTwilio) ?? [] {
            let parts = entry.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 4 || parts.count == 6, parts.allSatisfy({ !$0.isEmpty }), accounts[parts[0]] == nil
            else {
                settings.report(
                    .tenantTwilio,
                    "each must be tenant:AC…:auth token:+number, or with :SK…:secret behind it, one for a tenant"
                )
                continue
            }
            let tokens = parts[2].split(separator: "|").map(String.init)
            var account = Twilio(accountSID: parts[1], authToken: tokens.first ?? "", fromNumber: parts[3])
            account.otherAuthTokens = Array(tokens.dropFirst())
            if parts.count == 6 { account.apiKey = Twilio.APIKey(sid: parts[4], secret: parts[5]) }
            if let url { account.baseURL = url }
            accounts[parts[0]] = account
        }
        return accounts
    }
}

extension ServerConfiguration.Twilio {
    /// The tokens that may sign webhooks.
    var authTokens: [String] { [authToken] + otherAuthTokens }

    var hasGoodAPIKey: Bool {
        apiKey.map { TwilioSID.isWellFormed($0.sid, prefix: "SK") && !$0.secret.isEmpty } ?? true
    }

    func account() throws(TwilioRequestError) -> TwilioAccount {
        try TwilioAccount(
            accountSID: accountSID,
            username: apiKey?.sid ?? accountSID,
            secret: apiKey?.secret ?? authToken,
            baseURL: baseURL
        )
    }
}
