import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// A server that may open few files, and clients that open many connections.
@Suite struct DescriptorTests {
    /// A plain TCP connection to loopback.
    private final class Connection {
        let descriptor: Int32

        init?(port: UInt16) {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var patience = timeval(tv_sec: 10, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let status = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard status == 0 else {
                close(descriptor)
                return nil
            }
        }

        deinit { close(descriptor) }

        /// The whole answer, up to the connection's end.
        func get(_ path: String) -> String {
            let request = Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
            guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
                return ""
            }
            var answer: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = recv(descriptor, &piece, piece.count, 0)
                guard count > 0 else { return String(decoding: answer, as: UTF8.self) }
                answer += piece[..<count]
            }
        }
    }

    /// The limit for one address comes first; then the descriptors alone, as with connections of many addresses.
    @Test(.timeLimit(.minutes(2)), arguments: ["", "1000"])
    func `idle connections beyond the descriptors neither end the process nor block other clients`(perAddress: String)
        throws
    {
        let process = Process()
        let log = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", #"ulimit -n 64; exec "$0" serve --dev --port 0"#, Executable.url.path]
        var environment = [
            "OPENAI_API_KEY": "any", "TALKPATH_DATA_FOLDER": ":memory:", "TALKPATH_LOG_FORMAT": "json",
            "TALKPATH_CAPTURE": "wire",
            "TALKPATH_RECORDINGS_DIR": FileManager.default.temporaryDirectory.path,
        ]
        if !perAddress.isEmpty { environment["TALKPATH_MAX_CONNECTIONS_PER_ADDRESS"] = perAddress }
        process.environment = environment
        process.standardOutput = FileHandle.nullDevice
        process.standardError = log
        try process.run()
        defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
        let port = try #require(try Self.port(log))

        var idle: [Connection] = []
        for _ in 0..<300 { if let connection = Connection(port: port) { idle.append(connection) } }
        #expect(idle.count == 300, "the system's own queue takes every connection")
        for _ in 0..<20 {
            let answer = try #require(Connection(port: port)).get("/health")
            #expect(answer.hasPrefix("HTTP/1.1 200"), "\(answer)")
        }
        // The server keeps sixteen of 64 descriptors free.
        func count() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.processIdentifier)/fd").count
        }
        // A slow server is still closing some of them.
        let deadline = ContinuousClock.now + .seconds(60)
        while try count() > 64 - 8, .now < deadline { usleep(10_000) }
        #expect(try count() <= 64 - 8)
        let metrics = try #require(Connection(port: port)).get("/metrics")
        let displaced = try #require(metrics.firstMatch(of: /\ntalkpath_connections_displaced_total ([0-9]+)/))
        #expect(Int(displaced.1)! >= 200)
        kill(process.processIdentifier, SIGTERM)
        let rest = String(decoding: try log.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0 && process.terminationReason == .exit, "\(rest)")
        #expect(rest.split(separator: "\n").count { $0.contains("make room") } == 1, "one line a minute: \(rest)")
    }

    /// The port in the log.
    private static func port(_ log: Pipe) throws -> UInt16? {
        var text = ""
        while let more = try log.fileHandleForReading.read(upToCount: 1), !more.isEmpty {
            text += String(decoding: more, as: UTF8.self)
            guard text.hasSuffix("\n") else { continue }
            if let found = text.firstMatch(of: /"port":"?([0-9]+)/) { return UInt16(found.1) }
        }
        return nil
    }
}
