/// Tells Twilio's requests from everybody else's. Fails closed: what cannot be checked is not valid.
///
/// The URL is put together from the **configured** public origin and the request's path and query as they arrived,
/// never from the request's `Host` or forwarding headers.
public struct TwilioSignatureValidator: Sendable {
    /// What was posted.
    public enum Body: Sendable {
        /// GET: nothing.
        case none
        /// `application/x-www-form-urlencoded`, decoded.
        case form(FormParameters)
        /// Anything else, such as JSON, as it arrived. Such a request's URL carries the digest of its body.
        case raw([UInt8])
    }

    private let authTokens: [String]
    private let sharedKeys: [String: String]

    /// - Parameters:
    ///   - authTokens: of the account; more than one while it changes. An empty one is ignored: with it anybody could
    ///     sign.
    ///   - sharedKeys: secrets by their key's identifier.
    public init(authTokens: [String], sharedKeys: [String: String] = [:]) {
        self.authTokens = authTokens.filter { !$0.isEmpty }
        self.sharedKeys = sharedKeys.filter { !$0.value.isEmpty }
    }

    public init(authToken: String, sharedKeys: [String: String] = [:]) {
        self.init(authTokens: [authToken], sharedKeys: sharedKeys)
    }

    /// Whether a webhook is Twilio's.
    ///
    /// Twilio is not consistent about the port: the URL is tried as it is, without its port, and with the scheme's own
    /// (443 for https and wss, 80 for http and ws).
    ///
    /// - Parameters:
    ///   - signature: the header ``TwilioSignature/header``; nil is invalid.
    ///   - settings: the header ``TwilioSignature/settingsHeader``, where there is one.
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

    /// Whether a WebSocket upgrade is Twilio's, and under which spelling of its address.
    ///
    /// Whether Twilio signs `wss` or `https`, with a slash at the end of the path or without, is not promised: all are
    /// tried.
    ///
    /// - Parameters:
    ///   - origin: the configured public origin, `https://voice.example.com`; its scheme may be wss as well, http and
    ///     ws in a laboratory.
    ///   - target: path and query as they arrived.
    /// - Returns: the URL that was signed, worth a log line once; nil if the request is not Twilio's.
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

/// A URL cut where signatures need it cut, otherwise as it was written.
struct TwilioURL {
    private let text: String
    private let scheme: Substring
    /// User, host and port, as written.
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

    /// As written, without its port, and with the scheme's own port where it names none.
    var portForms: [String] {
        guard !scheme.isEmpty, !authority.isEmpty else { return [text] }
        if let colon = portColon { return [text, "\(scheme)://\(authority[..<colon])\(rest)"] }
        switch scheme.lowercased() {
        case "https", "wss": return [text, "\(scheme)://\(authority):443\(rest)"]
        case "http", "ws": return [text, "\(scheme)://\(authority):80\(rest)"]
        default: return [text]
        }
    }

    /// The value of the query's first `bodySHA256`.
    var bodySHA256: String? {
        guard let mark = rest.firstIndex(of: "?") else { return nil }
        let query = rest[rest.index(after: mark)...].prefix { $0 != "#" }
        return (try? FormParameters(decoding: String(query)))?["bodySHA256"]
    }

    /// The colon before the port: not one of the user's password, nor one within an IPv6 address, whose last is followed
    /// by a bracket sooner or later.
    private var portColon: Substring.Index? {
        let host = authority.lastIndex(of: "@").map { authority.index(after: $0) } ?? authority.startIndex
        guard let colon = authority[host...].lastIndex(of: ":") else { return nil }
        let port = authority[authority.index(after: colon)...].utf8
        return port.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? colon : nil
    }

    /// {wss, https} × {path as it arrived, with the slash at its end added or removed}.
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
