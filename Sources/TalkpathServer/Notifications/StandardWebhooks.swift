import TalkpathWire

/// Signatures of Standard Webhooks 1.0 (standardwebhooks.com): HMAC-SHA256 over identifier, time and body.
struct WebhookSecret: Sendable {
    private let key: [UInt8]

    static let prefix = "whsec_"

    /// - Returns: `nil` unless the text is `whsec_` and base64 of 24 to 64 bytes, as the specification requires.
    init?(_ text: String) {
        guard text.hasPrefix(Self.prefix), let key = Self.decode(String(text.dropFirst(Self.prefix.count))),
            (24...64).contains(key.count)
        else { return nil }
        self.key = key
    }

    /// Makes a new secret of 32 bytes.
    static func make() -> String { prefix + TalkpathCrypto.base64(SecureRandom.bytes(32)) }

    /// - Parameter timestamp: seconds since 1970.
    func headers(id: String, timestamp: Int64, body: [UInt8]) -> [(name: String, value: String)] {
        Self.headers(id: id, timestamp: timestamp, body: body, secrets: [self])
    }

    /// Signs with each of several secrets, so that a receiver needs only one of them. While a secret is being replaced,
    /// the new one comes first.
    static func headers(
        id: String,
        timestamp: Int64,
        body: [UInt8],
        secrets: [WebhookSecret]
    ) -> [(name: String, value: String)] {
        let signed = Array("\(id).\(timestamp).".utf8) + body
        let signatures = secrets.map { secret in
            "v1," + TalkpathCrypto.base64(TalkpathCrypto.hmacSHA256(key: secret.key, message: signed))
        }
        return [
            (name: "webhook-id", value: id), (name: "webhook-timestamp", value: String(timestamp)),
            (name: "webhook-signature", value: signatures.joined(separator: " ")),
        ]
    }

    /// Reads secrets separated by commas or spaces. `nil` if one of them is malformed, or if there is none.
    static func all(in text: String) -> [WebhookSecret]? {
        let parts = text.split { $0 == "," || $0 == " " }
        let secrets = parts.compactMap { WebhookSecret(String($0)) }
        return parts.isEmpty || secrets.count < parts.count ? nil : secrets
    }

    private static func decode(_ text: String) -> [UInt8]? {
        let source = Array(text.utf8)
        var bytes = [UInt8](repeating: 0, count: Base64.decodedCount(of: source.span.bytes))
        var target = bytes.mutableSpan
        guard let count = try? Base64.decode(source.span.bytes, into: &target) else { return nil }
        return Array(bytes.prefix(count))
    }
}
