package import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Resolves names with the system's resolver. Blocks a thread of a pool made for that.
package enum SystemResolver {
    struct Failure: Error {}

    @Sendable package static func resolve(_ host: String, _ port: Int) async throws -> [SocketAddress] {
        try await NIOThreadPool.singleton.runIfActive { try lookUp(host, port) }
    }

    private static func lookUp(_ host: String, _ port: Int) throws -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0 else { throw Failure() }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let info = next?.pointee {
            if let address = address(info) { addresses.append(address) }
            next = info.ai_next
        }
        return addresses
    }

    private static func address(_ info: addrinfo) -> SocketAddress? {
        guard let name = info.ai_addr else { return nil }
        // The family tells the type of the address, and getaddrinfo has aligned it accordingly.
        switch info.ai_family {
        case AF_INET:
            return name.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { SocketAddress($0.pointee) }
        case AF_INET6:
            return name.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { SocketAddress($0.pointee) }
        default:
            return nil
        }
    }
}
