import FoundationEssentials
import TalkpathWire

/// The way out through a proxy, as the environment has it: `HTTPS_PROXY` for encrypted connections, except to the hosts of
/// `NO_PROXY`. In capitals or not; capitals count first. What is not encrypted, and this machine itself, goes no such way.
package struct OutboundProxy: Equatable, Sendable {
    package struct Server: Equatable, Sendable {
        package var host: String
        package var port: Int
        /// `user:password`.
        package var credentials: String?

        /// For the header `Proxy-Authorization`.
        package var authorization: String? {
            credentials.map { "Basic " + TalkpathCrypto.base64(Array($0.utf8)) }
        }
    }

    private let server: Server?
    private let exceptions: [String]
    /// The variable that says something else than a proxy; nil if all is well.
    package let flaw: String?

    /// Of this process.
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

    /// By whom a host is reached; nil: directly.
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

    /// `*`, a host, a domain with all below it, with a dot in front or without; each perhaps with a port.
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
    /// `http://user:password@host:port`; the scheme, the user and, for 80, the port may be missing. Nil for anything else:
    /// a proxy that is itself reached by TLS is not spoken to.
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

    /// Without percent signs; nil if they are broken.
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
