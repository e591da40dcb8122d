#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The address that stands for all addresses of the machine.
enum EveryAddress {
    /// `::` if this machine has IPv6 and an IPv6 socket can also take IPv4; otherwise `0.0.0.0`.
    static let host = takesBothFamilies ? "::" : "0.0.0.0"

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
