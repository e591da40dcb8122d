/// The parts of an address that this server is to connect to.
package struct OutboundURL: Hashable, Sendable, CustomStringConvertible {
    package enum Scheme: String, Sendable {
        case http, https, ws, wss

        package var isSecure: Bool { self == .https || self == .wss }
    }

    package let text: String
    package let scheme: Scheme
    /// A name or an address in lower case; IPv6 without brackets.
    package let host: String
    package let port: Int

    package init(_ text: String) throws(OutboundAddressError) {
        guard text.utf8.count <= 2048 else { throw .malformed("is longer than 2048 characters") }
        // Other bytes than printable ASCII could break out of a request line, or imitate another name.
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else {
            throw .malformed("holds a character that no address has")
        }
        guard let separator = text.firstRange(of: "://"),
            let scheme = Scheme(rawValue: text[..<separator.lowerBound].lowercased())
        else { throw .malformed("must begin with https:// or wss://") }
        let rest = text[separator.upperBound...]
        guard !rest.contains("#") else { throw .malformed("must have no fragment") }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard !authority.contains("@") else { throw .malformed("must hold neither a user nor a password") }
        let (host, port) = try Self.parts(authority)
        self.text = text
        self.scheme = scheme
        self.host = host
        self.port = port ?? (scheme.isSecure ? 443 : 80)
    }

    private static func parts(_ authority: Substring) throws(OutboundAddressError) -> (host: String, port: Int?) {
        var host = authority
        var port: Substring?
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { throw .malformed("has an IPv6 address without end") }
            host = authority[authority.index(after: authority.startIndex)..<end]
            let after = authority[authority.index(after: end)...]
            guard after.isEmpty || after.hasPrefix(":") else { throw .malformed("has no port from 1 to 65535") }
            port = after.isEmpty ? nil : after.dropFirst()
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            port = authority[authority.index(after: colon)...]
        }
        guard !host.isEmpty, !host.contains("%") else { throw .malformed("has no host") }
        guard let port else { return (host.lowercased(), nil) }
        guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(port),
            (1...65_535).contains(number)
        else { throw .malformed("has no port from 1 to 65535") }
        return (host.lowercased(), number)
    }

    package var description: String { text }

    /// True if one connection can serve both.
    func hasSameOrigin(as other: OutboundURL) -> Bool {
        scheme == other.scheme && host == other.host && port == other.port
    }
}

/// The reason why this server does not connect to an address.
package struct OutboundAddressError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        case malformed
        /// The connection would not be encrypted.
        case plain
        /// The address is inside a private network, or not routable.
        case notPublic
        case cannotBeResolved
    }

    package var code: Code
    /// Continues a sentence that begins with "the address".
    package var message: String

    static func malformed(_ message: String) -> OutboundAddressError {
        OutboundAddressError(code: .malformed, message: message)
    }

    package var description: String { message }
}
