/// The origin at which the carrier reaches this server: scheme, host, an optional port, and an optional path before the
/// server's own.
struct PublicOrigin: Hashable, Sendable {
    /// The text as given, without a slash at its end.
    let text: String

    /// - Parameter allowsPlain: also accepts `http`.
    /// - Returns: `nil` for text that cannot precede a path: with a query, a fragment, a user, an empty part of the
    ///   path, or another scheme.
    init?(_ text: String, allowsPlain: Bool) {
        let scheme: String
        if text.hasPrefix("https://") {
            scheme = "https://"
        } else if allowsPlain, text.hasPrefix("http://") {
            scheme = "http://"
        } else {
            return nil
        }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" }
        let isPrintable = text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        guard isPrintable, !authority.isEmpty, authority.first != ":", text.utf8.count <= 500,
            !rest.contains(where: { "?#@\\\"<>'".contains($0) }), !rest.contains("//")
        else { return nil }
        self.text = text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    /// The path before the server's own, with a slash at its beginning and none at its end; nil if there is none.
    var path: String? {
        let authority = text.firstRange(of: "://")?.upperBound ?? text.startIndex
        return text[authority...].firstIndex(of: "/").map { String(text[$0...]) }
    }

    /// True if both lead to the same place. Ignores capitals in scheme and host, and the scheme's default port.
    func isSamePlace(as other: PublicOrigin) -> Bool { place == other.place }

    private var place: String {
        let end = text.firstRange(of: "://")?.upperBound ?? text.startIndex
        let authority = text[end...].prefix { $0 != "/" }
        var host = authority.lowercased()
        let port = text.hasPrefix("https:") ? ":443" : ":80"
        if host.hasSuffix(port) { host.removeLast(port.count) }
        return text[..<end] + host + text[authority.endIndex...]
    }

    /// The same place for WebSockets: `wss` for `https`.
    var webSocketText: String { "ws" + text.dropFirst("http".count) }
}

/// Recognises this machine in addresses and `Host` headers.
enum Loopback {
    /// - Parameter host: without a port; an IPv6 address with or without its brackets.
    static func isLoopback(host: String) -> Bool {
        switch host.lowercased() {
        case "localhost", "localhost.", "::1", "[::1]": return true
        default: break
        }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// - Parameter authority: host and optional port, as in `Host`.
    static func isLoopback(authority: String) -> Bool {
        if authority.hasPrefix("[") {
            guard let bracket = authority.firstIndex(of: "]") else { return false }
            let rest = authority[authority.index(after: bracket)...]
            return (rest.isEmpty || rest.hasPrefix(":")) && isLoopback(host: String(authority[...bracket]))
        }
        return isLoopback(host: String(authority.prefix { $0 != ":" }))
    }

    /// - Parameter origin: the `Origin` header, in which a browser names the page that sent the request.
    static func isLoopback(origin: String) -> Bool {
        let parts = origin.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        return parts.count == 2 && isLoopback(authority: parts[1].prefix { $0 != "/" }.description)
    }
}
