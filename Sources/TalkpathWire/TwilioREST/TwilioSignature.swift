/// Twilio's signatures of its requests (vendor page "Validating requests are coming from Twilio").
public enum TwilioSignature {
    public static let header = "X-Twilio-Signature"
    /// Names the algorithm and the key if a request is signed with a shared key instead of the account's auth token.
    public static let settingsHeader = "X-Twilio-Webhooks-Signature-Settings"

    public enum Algorithm: String, Sendable {
        case hmacSHA1 = "HMAC_SHA1"
        case hmacSHA256 = "HMAC_SHA256"
    }

    /// The signature of a request, in Base64.
    ///
    /// - Parameters:
    ///   - url: the URL that Twilio calls, byte for byte: scheme, host, port if written, path, query.
    ///   - parameters: the fields of a form body. Each distinct pair of name and value counts once, in the order of the
    ///     UTF-8 bytes. Empty for any other body and for WebSocket upgrades.
    ///   - key: the account's auth token (never the secret of an API key) or the secret of a shared key.
    public static func sign(
        url: String,
        parameters: FormParameters = [:],
        key: String,
        algorithm: Algorithm = .hmacSHA1
    ) -> String {
        sign(Array(url.utf8) + message(of: parameters), key: key, algorithm: algorithm)
    }

    /// The part of the signed text that comes from a form.
    static func message(of parameters: FormParameters) -> [UInt8] {
        let fields = parameters.fields.map { (name: Array($0.name.utf8), value: Array($0.value.utf8)) }
            .sorted { left, right in
                left.name == right.name
                    ? left.value.lexicographicallyPrecedes(right.value)
                    : left.name.lexicographicallyPrecedes(right.name)
            }
        var message: [UInt8] = []
        for (index, field) in fields.enumerated() {
            if index > 0, fields[index - 1] == field { continue }
            message += field.name
            message += field.value
        }
        return message
    }

    static func sign(_ message: [UInt8], key: String, algorithm: Algorithm) -> String {
        let key = Array(key.utf8)
        return switch algorithm {
        case .hmacSHA1: TalkpathCrypto.base64(TalkpathCrypto.hmacSHA1(key: key, message: message))
        case .hmacSHA256: TalkpathCrypto.base64(TalkpathCrypto.hmacSHA256(key: key, message: message))
        }
    }
}

/// The value of ``TwilioSignature/settingsHeader``: `key=…,algorithm=HMAC_SHA256`.
struct TwilioSignatureSettings: Equatable {
    /// The ID of the shared key; `nil` for the account's auth token.
    var keyID: String?
    var algorithm = TwilioSignature.Algorithm.hmacSHA1

    /// - Parameter header: `nil` or empty for a request signed with the auth token and SHA-1.
    /// - Returns: `nil` for an unknown algorithm: such a request cannot be checked and must be refused.
    init?(header: String?) {
        for part in (header ?? "").split(separator: ",") {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = sides.count == 2 ? Self.trimmed(sides[1]) : ""
            guard !value.isEmpty else { continue }
            switch Self.trimmed(sides[0]) {
            case "key":
                keyID = value
            case "algorithm":
                guard let known = TwilioSignature.Algorithm(rawValue: value.uppercased()) else { return nil }
                algorithm = known
            default:
                continue
            }
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        let start = text.drop { $0 == " " || $0 == "\t" }
        return String(start.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
