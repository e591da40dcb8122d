/// The parts of a `ws://` or `wss://` URL that a client needs. Path and query stay as written.
struct WebSocketURL: Equatable, Sendable {
    var isSecure: Bool
    /// A name or an IP address; IPv6 without its brackets.
    var host: String
    var port: Int
    /// Path and query, at least `/`.
    var target: String

    init(_ text: String) throws(WebSocketClientError) {
        // Other characters than printable ASCII could break out of the request line.
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .invalidURL("the address contains a space, a control character or a letter outside ASCII")
        }
        guard let separator = text.firstRange(of: "://") else { throw .invalidURL("the address has no scheme") }
        switch text[..<separator.lowerBound].lowercased() {
        case "ws": isSecure = false
        case "wss": isSecure = true
        default: throw .invalidURL("the address must begin with ws:// or wss://")
        }
        let rest = text[separator.upperBound...]
        guard !rest.contains("#") else { throw .invalidURL("a WebSocket's address has no fragment") }
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let authority = rest[..<end]
        let remainder = rest[end...]
        target = remainder.hasPrefix("/") ? String(remainder) : "/" + remainder

        guard !authority.contains("@") else { throw .invalidURL("user names in an address are not supported") }
        var portText: Substring?
        if authority.hasPrefix("[") {
            guard let bracket = authority.firstIndex(of: "]") else {
                throw .invalidURL("the IPv6 address has no closing bracket")
            }
            host = String(authority[authority.index(after: authority.startIndex)..<bracket])
            let after = authority[authority.index(after: bracket)...]
            guard after.isEmpty || after.hasPrefix(":") else { throw .invalidURL("the port is not a number") }
            if !after.isEmpty { portText = after.dropFirst() }
        } else {
            let parts = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            host = String(parts[0])
            if parts.count > 1 { portText = parts[1] }
        }
        guard !host.isEmpty else { throw .invalidURL("the address has no host") }
        guard let portText else {
            port = isSecure ? 443 : 80
            return
        }
        guard let port = Int(portText), (1...65535).contains(port) else {
            throw .invalidURL("the port is not a number from 1 to 65535")
        }
        self.port = port
    }

    /// The value of the `Host` header; the port only if it is not the scheme's default.
    var hostHeader: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }
}
