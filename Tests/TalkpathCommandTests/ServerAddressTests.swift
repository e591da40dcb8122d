import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// The address checks of the commands that talk to a server.
@Suite(.timeLimit(.minutes(5))) struct ServerAddressTests {
    @Test(arguments: [
        ("127.0.0.1:8080", "must begin with http:// or https://"),
        ("ws://127.0.0.1:8080", "must begin with http:// or https://, not with ws://"), ("http://", "has no host"),
        ("http://127.0.0.1:80800", "has no port from 1 to 65535"),
        ("http://127.0.0.1:8080/api/calls", "without /api/calls"),
        ("http://127.0.0.1:8080?x=1", "must end before ? and #"), ("http://me:secret@127.0.0.1", "neither a user nor"),
        ("http://127.0.0.1:8080//", "an empty part"), ("http://127.0.0.1: 8080", "a character that no address has"),
    ])
    func `an invalid address is explained`(address: String, words: String) throws {
        let outcome = try Executable.run(["calls", "--url", address])
        #expect(outcome.status != 0 && outcome.errors.contains("the server's address"), "\(outcome.errors)")
        #expect(outcome.errors.contains(words), "\(outcome.errors)")
    }

    /// Answers one request with a redirect; returns the request.
    private func redirectOnce(_ body: (_ port: Int) throws -> Void) throws -> String {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                try #require(bind(listener, pointer, size) == 0 && listen(listener, 1) == 0)
                try #require(getsockname(listener, pointer, &size) == 0)
            }
        }
        let asked = DispatchQueue.global()
        let group = DispatchGroup()
        nonisolated(unsafe) var request = ""
        asked.async(group: group) {
            let peer = accept(listener, nil, nil)
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = recv(peer, &bytes, bytes.count, 0)
            request = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
            let answer =
                "HTTP/1.1 301 Moved Permanently\r\nLocation: https://elsewhere.test/api/calls/end\r\n"
                + "Content-Length: 0\r\nConnection: close\r\n\r\n"
            _ = send(peer, answer, answer.utf8.count, 0)
            close(peer)
        }
        try body(Int(UInt16(bigEndian: address.sin_port)))
        group.wait()
        return request
    }

    @Test func `a redirect is reported and not followed`() throws {
        var outcome: Executable.Outcome?
        let request = try redirectOnce { port in
            outcome = try Executable.run(["end", "--all", "--url", "http://127.0.0.1:\(port)"])
        }
        #expect(request.hasPrefix("POST "))
        #expect(outcome?.status != 0 && outcome?.errors.contains("elsewhere, at https://elsewhere.test/") == true)
    }
}
