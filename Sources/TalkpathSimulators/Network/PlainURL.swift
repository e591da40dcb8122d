/// The parts of a URL as they were written, without normalisation, because signatures cover the exact bytes.
struct PlainURL: Sendable, Equatable {
    var scheme: String
    var host: String
    var port: Int?
    /// Path and query as written; empty if the URL ends with the authority.
    var pathAndQuery: String

    init?(_ text: String) {
        guard let colon = text.range(of: "://") else { return nil }
        scheme = text[..<colon.lowerBound].lowercased()
        let rest = text[colon.upperBound...]
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        let authority = rest[..<end]
        pathAndQuery = String(rest[end...].prefix { $0 != "#" })
        guard !authority.isEmpty, !authority.contains("@") else { return nil }
        if let mark = authority.lastIndex(of: ":"), authority.last != "]" {
            guard let number = Int(authority[authority.index(after: mark)...]), (1...65535).contains(number) else {
                return nil
            }
            host = String(authority[..<mark])
            port = number
        } else {
            host = String(authority)
            port = nil
        }
        guard !host.isEmpty else { return nil }
    }

    /// The target of the request line.
    var requestTarget: String { pathAndQuery.hasPrefix("/") ? pathAndQuery : "/" + pathAndQuery }

    var path: String { String(requestTarget.prefix { $0 != "?" }) }

    var query: String? {
        guard let mark = pathAndQuery.firstIndex(of: "?") else { return nil }
        return String(pathAndQuery[pathAndQuery.index(after: mark)...])
    }

    var isSecure: Bool { scheme == "https" || scheme == "wss" }

    var isLoopback: Bool { host == "localhost" || host == "[::1]" || host.hasPrefix("127.") }

    var effectivePort: Int { port ?? (isSecure ? 443 : 80) }

    /// Host and port, as in a `Host` header.
    var authority: String { port.map { "\(host):\($0)" } ?? host }
}

extension StringProtocol {
    fileprivate func range(of mark: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(mark) { return start..<index(start, offsetBy: mark.count) }
            start = index(after: start)
        }
        return nil
    }
}
