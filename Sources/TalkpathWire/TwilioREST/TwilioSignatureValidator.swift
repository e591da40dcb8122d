/// Checks that requests come from Twilio. Fails closed: a request that cannot be checked is invalid.
///
/// The URL is composed of the **configured** public origin and the request's path and query as received, never of the
/// request's `Host` or forwarding headers.
public struct TwilioSignatureValidator: Sendable {
    /// The body of a request.
    public enum Body: Sendable {
        /// GET: no body.
        case none
        /// `application/x-www-form-urlencoded`, decoded.
        case form(FormParameters)
        /// Any other body, such as JSON, as received. The URL of such a request contains the digest of its body.
        case raw([UInt8])
    }

    private let authTokens: [String]
    private let sharedKeys: [String: String]

    /// - Parameters:
    ///   - authTokens: the account's auth tokens; more than one while the token is being changed. Empty ones are
    ///     ignored, because anyone could sign with them.
    ///   - sharedKeys: the secrets by the IDs of their keys.
    public init(authTokens: [String], sharedKeys: [String: String] = [:]) {
        self.authTokens = authTokens.filter { !$0.isEmpty }
        self.sharedKeys = sharedKeys.filter { !$0.value.isEmpty }
    }

    public init(authToken: String, sharedKeys: [String: String] = [:]) {
        self.init(authTokens: [authToken], sharedKeys: sharedKeys)
    }

    /// True if a webhook comes from Twilio.
    ///
    /// Twilio is not consistent about the port. So this tries the URL as given, without its port, and with the scheme's
    /// default port (443 for https and wss, 80 for http and ws).
    ///
    /// - Parameters:
    ///   - signature: the header ``TwilioSignature/header``; `nil` is invalid.
    ///   - settings: the header ``TwilioSignature/settingsHeader``, if present.
    public func isValid(url: String, body: Body, signature: String?, settings: String? = nil) -> Bool {
        let message: [UInt8]
        switch body {
        case .none:
            message = []
        case .form(let parameters):
            message = TwilioSignature.message(of: parameters)
        case .raw(let bytes):
            guard let digest = TwilioURL(url).bodySHA256,
                TalkpathCrypto.areEqual(digest, TalkpathCrypto.hexadecimal(TalkpathCrypto.sha256(bytes)))
            else { return false }
            message = []
        }
        return matching(TwilioURL(url).portForms, message: message, signature: signature, settings: settings) != nil
    }

    /// Checks that a WebSocket upgrade comes from Twilio, and finds the spelling of its URL.
    ///
    /// Twilio does not promise whether it signs `wss` or `https`, and a path with or without a trailing slash, so this
    /// tries all of them.
    ///
    /// - Parameters:
    ///   - origin: the configured public origin, `https://voice.example.com`. Its scheme may also be wss, or http and
    ///     ws in tests.
    ///   - target: the path and query as received.
    /// - Returns: the URL that was signed, to be logged once; `nil` if the request is not Twilio's.
    public func signedURL(ofUpgrade target: String, origin: String, signature: String?, settings: String? = nil)
        -> String?
    {
        let candidates = TwilioURL.upgradeForms(origin: origin, target: target).flatMap { TwilioURL($0).portForms }
        return matching(candidates, message: [], signature: signature, settings: settings)
    }

    private func matching(_ urls: [String], message: [UInt8], signature: String?, settings: String?) -> String? {
        guard let signature, let settings = TwilioSignatureSettings(header: settings) else { return nil }
        let keys = settings.keyID.map { [sharedKeys[$0]].compactMap(\.self) } ?? authTokens
        for url in urls {
            for key in keys {
                let text = Array(url.utf8) + message
                let expected = TwilioSignature.sign(text, key: key, algorithm: settings.algorithm)
                if TalkpathCrypto.areEqual(expected, signature) { return url }
            }
        }
        return nil
    }
}

extension TwilioSignatureValidator: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        "validator with \(authTokens.count) auth token(s), \(sharedKeys.count) shared key(s)"
    }
    public var debugDescription: String { description }
    public var customMirror: Mirror {
        Mirror(self, children: ["authTokens": authTokens.count, "sharedKeys": sharedKeys.count])
    }
}

/// A URL split into the parts that signatures need, otherwise as written.
struct TwilioURL {
    private let text: String
    private let scheme: Substring
    /// The user, host and port, as written.
    private let authority: Substring
    private let rest: Substring

    init(_ text: String) {
        self.text = text
        let parts = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        scheme = parts.count == 2 ? parts[0] : ""
        let afterScheme = parts[parts.count - 1]
        let end = afterScheme.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? afterScheme.endIndex
        authority = afterScheme[..<end]
        rest = afterScheme[end...]
    }

    /// The URL as written, without its port, and with the scheme's default port if it has none.
    var portForms: [String] {
        guard !scheme.isEmpty, !authority.isEmpty else { return [text] }
        if let colon = portColon { return [text, "\(scheme)://\(authority[..<colon])\(rest)"] }
        switch scheme.lowercased() {
        case "https", "wss": return [text, "\(scheme)://\(authority):443\(rest)"]
        case "http", "ws": return [text, "\(scheme)://\(authority):80\(rest)"]
        default: return [text]
        }
    }

    /// The value of the first `bodySHA256` in the query.
    var bodySHA256: String? {
        guard let mark = rest.firstIndex(of: "?") else { return nil }
        let query = rest[rest.index(after: mark)...].prefix { $0 != "#" }
        return (try? FormParameters(decoding: String(query)))?["bodySHA256"]
    }

    /// The colon before the port. Excludes the colon of a user's password, and those in an IPv6 address, which a
    /// bracket follows.
    private var portColon: Substring.Index? {
        let host = authority.lastIndex(of: "@").map { authority.index(after: $0) } ?? authority.startIndex
        guard let colon = authority[host...].lastIndex(of: ":") else { return nil }
        let port = authority[authority.index(after: colon)...].utf8
        return port.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? colon : nil
    }

    /// The spellings of an upgrade's URL: {wss, https} × {the path as received, with its trailing slash added or
    /// removed}.
    static func upgradeForms(origin: String, target: String) -> [String] {
        let url = TwilioURL(origin)
        let schemes: [String]
        switch url.scheme.lowercased() {
        case "https", "wss": schemes = ["wss", "https"]
        case "http", "ws": schemes = ["ws", "http"]
        default: return []
        }
        let prefix = url.rest.hasSuffix("/") ? url.rest.dropLast() : url.rest
        let mark = target.firstIndex(of: "?") ?? target.endIndex
        let path = target[..<mark]
        let otherPath = path.hasSuffix("/") ? String(path.dropLast()) : path + "/"
        return schemes.flatMap { scheme in
            [String(path), otherPath].map { "\(scheme)://\(url.authority)\(prefix)\($0)\(target[mark...])" }
        }
    }
}
