import FoundationEssentials
import TalkpathWire

/// The proxy for outgoing connections, from the environment: `HTTPS_PROXY` for encrypted connections, except to the
/// hosts in `NO_PROXY`. The variables may be in upper or lower case; upper case wins. Unencrypted connections and
/// connections to this machine never use the proxy.
package struct OutboundProxy: Equatable, Sendable {
    package struct Server: Equatable, Sendable {
        package var host: String
        package var port: Int
        /// `user:password`.
        package var credentials: String?

        /// The value of the header `Proxy-Authorization`.
        package var authorization: String? {
            credentials.map { "Basic " + TalkpathCrypto.base64(Array($0.utf8)) }
        }
    }

    private let server: Server?
    private let exceptions: [String]
    /// The name of the variable that does not hold a valid proxy address; `nil` if there is none.
    package let flaw: String?

    /// The settings in this process's environment.
    package static let environment = OutboundProxy(ProcessInfo.processInfo.environment)

    package init(_ environment: [String: String]) {
        func value(_ name: String) -> String? {
            [name, name.lowercased()].compactMap { environment[$0] }.first { !$0.isEmpty }
        }
        let text = value("HTTPS_PROXY")
        server = text.flatMap(Server.init(text:))
        flaw = text != nil && server == nil ? "HTTPS_PROXY" : nil
        exceptions = (value("NO_PROXY") ?? "").split(separator: ",")
            .map { $0.filter { $0 != " " }.lowercased() }.filter { !$0.isEmpty }
    }

    /// The proxy for connections to a host; `nil` means a direct connection.
    package func server(for host: String, port: Int) -> Server? {
        let host = host.lowercased()
        guard let server, !Self.isThisMachine(host), !exceptions.contains(where: { Self.covers($0, host, port) }) else {
            return nil
        }
        return server
    }

    private static func isThisMachine(_ host: String) -> Bool {
        host == "localhost" || host == "::1" || host.hasPrefix("127.") && host.utf8.allSatisfy { $0 < 0x3A }
    }

    /// Matches `*`, a host, or a domain with its subdomains, written with or without a leading dot; each with an
    /// optional port.
    private static func covers(_ exception: String, _ host: String, _ port: Int) -> Bool {
        if exception == "*" { return true }
        var name = Substring(exception)
        if exception.utf8.count(where: { $0 == UInt8(ascii: ":") }) == 1, let colon = exception.firstIndex(of: ":") {
            guard exception[exception.index(after: colon)...] == "\(port)" else { return false }
            name = exception[..<colon]
        }
        if name.hasPrefix("*.") { name = name.dropFirst() }
        let domain = name.hasPrefix(".") ? name.dropFirst() : name
        return host == domain || host.hasSuffix(".\(domain)")
    }
}

extension OutboundProxy.Server {
    /// Parses `http://user:password@host:port`. Scheme, user and port are optional; the port defaults to 80. `nil` for
    /// any other text, because proxies that are themselves reached over TLS are not supported.
    init?(text: String) {
        var rest = Substring(text)
        if let separator = rest.firstRange(of: "://") {
            guard rest[..<separator.lowerBound].lowercased() == "http" else { return nil }
            rest = rest[separator.upperBound...]
        }
        while rest.last == "/" { rest = rest.dropLast() }
        if let at = rest.lastIndex(of: "@") {
            credentials = Self.decoded(rest[..<at])
            guard credentials != nil else { return nil }
            rest = rest[rest.index(after: at)...]
        }
        port = 80
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("]") {
            guard let number = UInt16(rest[rest.index(after: colon)...]), number > 0 else { return nil }
            port = Int(number)
            rest = rest[..<colon]
        }
        host = String(rest.hasPrefix("[") ? rest.dropFirst().dropLast() : rest)
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }) else {
            return nil
        }
    }

    /// Decodes percent escapes; `nil` if they are malformed.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension OutboundProxy.Server: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "proxy \(host):\(port)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["host": host, "port": port]) }
}
