#if os(Linux)
#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

// Inside the type, these names mean its own methods.
private let systemConnect = connect
private let systemListen = listen

/// The media socket that the fleet calls.
package struct LoadTarget: Equatable, Sendable {
    package var host: String
    package var port: Int
    package var path: String

    /// - Parameter url: such as `ws://127.0.0.1:8080/twilio/media-stream`, whose path is the default.
    /// - Throws: `LoadError` for other schemes, and for host names, which the fleet does not resolve.
    package init(url: String) throws(LoadError) {
        let words = "the address must look like ws://127.0.0.1:8080/twilio/media-stream"
        guard url.hasPrefix("ws://") else { throw LoadError(.invalidAddress, words) }
        let rest = url.dropFirst("ws://".count)
        let authority = rest.prefix { $0 != "/" }
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
        let name = parts.first.map(String.init) ?? ""
        host = name == "localhost" ? "127.0.0.1" : name
        path = rest.count == authority.count ? "/twilio/media-stream" : String(rest.dropFirst(authority.count))
        guard parts.count <= 2, let port = parts.count == 2 ? Int(parts[1]) : 80, (1...65_535).contains(port),
            Self.address(host, port: port) != nil
        else { throw LoadError(.invalidAddress, words) }
        self.port = port
    }

    private static func address(_ host: String, port: Int) -> sockaddr_in? {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        return inet_pton(AF_INET, host, &address.sin_addr) == 1 ? address : nil
    }

    /// - Throws: at once if no server listens there.
    func connect() throws(LoadError) -> LoadSocket {
        guard var address = Self.address(host, port: port) else {
            throw LoadError(.invalidAddress, "\(host) is no IPv4 address")
        }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw LoadError(.system, "the system has no socket left (\(errorText()))") }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                systemConnect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let reason = errorText()
            close(descriptor)
            throw LoadError(.refused, "cannot connect to \(host):\(port): \(reason)")
        }
        return LoadSocket(descriptor, role: .client)
    }

    /// Opens a socket that listens on loopback, and returns its port.
    static func listen(port: Int) throws(LoadError) -> (descriptor: Int32, port: Int) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw LoadError(.system, "the system has no socket left (\(errorText()))") }
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        var address = Self.address("127.0.0.1", port: port) ?? sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && systemListen(descriptor, 512) == 0
                    && getsockname(descriptor, address, &length) == 0
            }
        }
        guard result else {
            let reason = errorText()
            close(descriptor)
            throw LoadError(.system, "the model cannot listen on port \(port): \(reason)")
        }
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }
}
#endif
