import Foundation
import Synchronization

/// Relays between a client and a server of PostgreSQL, and cuts connections around a COMMIT.
package final class CuttingProxy: Sendable {
    private struct State {
        /// True if the COMMIT to be cut arrives; nil if no COMMIT is to be cut.
        var cutsCommit: Bool?
        var cuts = 0
        var refusesAll = false
        var open: Set<Int32> = []
    }

    package let port: Int
    private let target: Int
    private let listener: Int32
    private let state = Mutex(State())

    package init(to target: Int) throws {
        self.target = target
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, length) == 0 && listen(listener, 16) == 0
                    && getsockname(listener, address, &length) == 0
            }
        }
        guard isBound else { throw TestPostgres.Failure(description: "the proxy has no port") }
        self.listener = listener
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { self.accept() }
    }

    package var cuts: Int { state.withLock { $0.cuts } }

    /// - Parameter afterItArrived: true if the server gets the COMMIT but the client no answer; false if the server
    ///   never gets it.
    package func cutNextCommit(afterItArrived: Bool) { state.withLock { $0.cutsCommit = afterItArrived } }

    /// Cuts every connection, and every new one at once.
    package func refuseAll(_ refuses: Bool) {
        let open = state.withLock { state in
            state.refusesAll = refuses
            return refuses ? state.open : []
        }
        for descriptor in open { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    package func close() {
        refuseAll(true)
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { break }
            if state.withLock({ $0.refusesAll }) {
                Glibc.close(client)
                continue
            }
            let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = Self.loopback(target)
            let isConnected = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            guard isConnected else {
                Glibc.close(client)
                Glibc.close(server)
                continue
            }
            let isRefused = state.withLock { state in
                if !state.refusesAll { state.open.formUnion([client, server]) }
                return state.refusesAll
            }
            guard !isRefused else {
                Glibc.close(client)
                Glibc.close(server)
                continue
            }
            let ends = Mutex(2)
            let finish: @Sendable () -> Void = { [self] in
                for descriptor in [client, server] { shutdown(descriptor, Int32(SHUT_RDWR)) }
                let isLast = ends.withLock { count in
                    count -= 1
                    return count == 0
                }
                guard isLast else { return }
                state.withLock { $0.open.subtract([client, server]) }
                for descriptor in [client, server] { Glibc.close(descriptor) }
            }
            Thread.detachNewThread {
                self.relay(from: client, to: server, watchesCommits: true)
                finish()
            }
            Thread.detachNewThread {
                self.relay(from: server, to: client, watchesCommits: false)
                finish()
            }
        }
        Glibc.close(listener)
    }

    private func relay(from source: Int32, to target: Int32, watchesCommits: Bool) {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(source, &bytes, bytes.count, 0)
            guard count > 0 else { return }
            let chunk = Array(bytes[..<count])
            let isCommit = watchesCommits && Data(chunk).range(of: Data("COMMIT".utf8)) != nil
            let cut = state.withLock { state -> Bool? in
                guard isCommit, let arrives = state.cutsCommit else { return nil }
                state.cutsCommit = nil
                state.cuts += 1
                return arrives
            }
            if cut == false { return }
            if cut == true {
                // The server's answers are dropped from here on.
                shutdown(source, Int32(SHUT_RDWR))
            }
            var sent = 0
            while sent < count {
                let part = chunk[sent...].withUnsafeBytes {
                    send(target, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard part > 0 else { return }
                sent += part
            }
            if cut == true {
                // The server carries it out before this connection ends.
                usleep(50_000)
                return
            }
        }
    }
}
