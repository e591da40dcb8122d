#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The host that a server listens on, as users write it.
package enum ListeningHost {
    /// The address that stands for all addresses of the machine: `::` if it has IPv6 and an IPv6 socket can also take
    /// IPv4; otherwise `0.0.0.0`.
    static let every = takesBothFamilies ? "::" : "0.0.0.0"

    /// - Parameter text: a name, an IPv4 address, an IPv6 address with or without the brackets of a URL, or `*`.
    /// - Returns: the form that a socket is bound with.
    static func read(_ text: String) -> String {
        if text == "*" { return every }
        guard text.hasPrefix("["), text.hasSuffix("]") else { return text }
        let inside = text.dropFirst().dropLast()
        return inside.contains(":") ? String(inside) : text
    }

    /// - Returns: an address at which a program of this machine reaches a server that listens on `host`, in the form of
    ///   a URL.
    package static func reached(from host: String) -> String {
        switch read(host) {
        case every, "::", "0.0.0.0", "": "127.0.0.1"
        case let host where host.contains(":"): "[\(host)]"
        case let host: host
        }
    }

    private static var takesBothFamilies: Bool {
        #if os(Linux)
        let stream = Int32(SOCK_STREAM.rawValue)
        #else
        let stream = SOCK_STREAM
        #endif
        let socket = socket(AF_INET6, stream, 0)
        guard socket >= 0 else { return false }
        defer { close(socket) }
        var isForOneOnly: Int32 = 1
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(socket, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &isForOneOnly, &size) == 0, isForOneOnly == 0 else {
            return false
        }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
            }
        }
    }
}
