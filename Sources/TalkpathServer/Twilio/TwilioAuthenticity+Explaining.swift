import Logging
import TalkpathCore
import TalkpathWire

/// The reason for a webhook's refusal, for the operator: most often a proxy in front changes a signed part.
extension TwilioAuthenticity {
    /// A webhook, as it came.
    struct Webhook {
        /// Path and query.
        var target: String
        var form: FormParameters
        var signature: String?
        var settings: String?
        /// The origins that were tried.
        var origins: [PublicOrigin]
        var signer: Signer
        /// Hosts that the request itself names, in `Host` or `X-Forwarded-Host`. Never believed, but they tell.
        var namedHosts: [String]
    }

    /// For the log. Holds no secret, no number, and of the account only its last characters.
    func explanation(of webhook: Webhook) -> Logger.Metadata {
        let path = webhook.target.prefix { $0 != "?" }
        let checked = webhook.origins.map { $0.text + path }.joined(separator: " ")
        return [
            "path": "\(String(path).asLogged)", "checked_url": "\(checked.asLogged)",
            "account": "\(webhook.form["AccountSid"].map { "…" + String($0.suffix(4)).asLogged } ?? "none")",
            "reason": "\(reason(webhook))",
        ]
    }

    private func reason(_ webhook: Webhook) -> String {
        guard let signature = webhook.signature, !signature.isEmpty else {
            return "it has no signature: it is not Twilio's, or a proxy takes X-Twilio-Signature away"
        }
        if let differences = differences(webhook) {
            return "it was signed for another address: \(differences.joined(separator: ", ")); compare "
                + "\(Setting.publicURL.rawValue) with what the carrier is told, and with what the proxy changes"
        }
        if let account = webhook.form["AccountSid"], !isKnown(accountSID: account) {
            return "its AccountSid is of no account that the settings name"
        }
        return
            "no auth token of the account fits: it may have been replaced (\(Setting.twilioAuthToken.rawValue) takes several)"
    }

    /// The difference between the signed address and the checked one; nil if no likely address was signed.
    private func differences(_ webhook: Webhook) -> [String]? {
        guard let validator = webhook.signer.validator, let origin = webhook.origins.first.map(Parts.init) else {
            return nil
        }
        let named = webhook.namedHosts.prefix(3).map { Parts.hostAndPort($0) }
        var hosts = [(host: origin.host, port: origin.port)] + named
        hosts += hosts.map { (host: $0.host, port: nil) }
        for scheme in ["https", "http"] {
            for (host, port) in hosts {
                for prefix in Set([origin.prefix, ""]).sorted() {
                    let authority = port.map { "\(host):\($0)" } ?? host
                    let isSigned = validator.isValid(
                        url: "\(scheme)://\(authority)\(prefix)\(webhook.target)",
                        body: .form(webhook.form),
                        signature: webhook.signature,
                        settings: webhook.settings
                    )
                    guard isSigned else { continue }
                    return [
                        scheme == origin.scheme ? nil : "scheme \(scheme)",
                        host == origin.host ? nil : "host \(host.asLogged)",
                        port == origin.port ? nil : "port \(port.map { "\($0)".asLogged } ?? "none")",
                        prefix == origin.prefix ? nil : "no path \(origin.prefix) in front",
                    ].compactMap(\.self)
                }
            }
        }
        return nil
    }

    private struct Parts {
        var scheme: String
        var host: String
        var port: String?
        var prefix: String

        init(_ origin: PublicOrigin) {
            let parts = origin.text.split(separator: "://", maxSplits: 1).map(String.init)
            scheme = parts[0]
            let rest = parts.count > 1 ? parts[1] : ""
            let authority = rest.prefix { $0 != "/" }
            (host, port) = Self.hostAndPort(String(authority))
            prefix = String(rest.dropFirst(authority.count))
        }

        static func hostAndPort(_ authority: String) -> (host: String, port: String?) {
            guard let colon = authority.lastIndex(of: ":"),
                authority[authority.index(after: colon)...].utf8.allSatisfy({ (0x30...0x39).contains($0) })
            else { return (authority, nil) }
            return (String(authority[..<colon]), String(authority[authority.index(after: colon)...]))
        }
    }
}
