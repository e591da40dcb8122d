import AsyncHTTPClient
import Foundation
import NIOCore
import Testing

/// `talkpath serve` with two stop signals, while its peers no longer answer.
@Suite struct ForcedEndTests {
    /// Both ends of the telephony leg and the agent leg: a caller that has sent its first messages and reads nothing,
    /// and a model that accepts connections and never answers.
    private final class SilentPeer {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)

        deinit { close(descriptor) }

        /// - Returns: the port.
        func listen() -> Int {
            var address = Self.loopback(0)
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    _ = bind(descriptor, $0, size)
                    _ = Foundation.listen(descriptor, 16)
                    _ = getsockname(descriptor, $0, &size)
                }
            }
            return Int(UInt16(bigEndian: address.sin_port))
        }

        func connect(to port: Int) -> Bool {
            var address = Self.loopback(port)
            return withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
        }

        func send(_ bytes: [UInt8]) { _ = Foundation.send(descriptor, bytes, bytes.count, 0) }

        /// A text message, masked with zeroes.
        func send(message text: String) {
            let payload = Array(text.utf8)
            send([0x81, 0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF), 0, 0, 0, 0] + payload)
        }

        private static func loopback(_ port: Int) -> sockaddr_in {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
            return address
        }
    }

    private static func get(_ url: String) async throws -> String {
        let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(60))
        return String(buffer: try await response.body.collect(upTo: 1 << 20))
    }

    /// Starts a server and waits until it answers.
    private static func serve(_ settings: [String: String]) async throws -> (process: Process, base: String, port: Int)
    {
        let port = SilentPeer().listen()
        let process = Process()
        process.executableURL = Executable.url
        process.arguments = ["serve", "--dev", "--port", "\(port)"]
        process.environment = settings
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        let base = "http://127.0.0.1:\(port)"
        while (try? await get("\(base)/health")) == nil {
            guard process.isRunning else { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        return (process, base, port)
    }

    @Test(.timeLimit(.minutes(2)))
    func `a second signal saves the records of calls whose peers do not answer`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "forced-end-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let model = SilentPeer()
        let settings = [
            "OPENAI_API_KEY": "key", "OPENAI_REALTIME_URL": "ws://127.0.0.1:\(model.listen())",
            "TALKPATH_DATA_FOLDER": folder.path, "TALKPATH_LOG_LEVEL": "critical",
        ]
        let first = try await Self.serve(settings)
        defer { if first.process.isRunning { kill(first.process.processIdentifier, SIGKILL) } }
        let phone = SilentPeer()
        #expect(phone.connect(to: first.port))
        phone.send(
            Array(
                ("GET /twilio/media-stream HTTP/1.1\r\nHost: 127.0.0.1:\(first.port)\r\nUpgrade: websocket\r\n"
                    + "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                    + "Sec-WebSocket-Version: 13\r\n\r\n").utf8
            )
        )
        phone.send(
            message:
                #"{"event":"connected","protocol":"Call","version":"1.0.0","filler":"\#(String(repeating: "x", count: 100))"}"#
        )
        phone.send(
            message: #"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"streamSid":"MZ1","#
                + #""accountSid":"AC1","callSid":"CA1","tracks":["inbound"],"customParameters":{},"mediaFormat":"#
                + #"{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#
        )
        while try await !Self.get("\(first.base)/health").contains(#""active_calls":1"#) {
            try await Task.sleep(for: .milliseconds(50))
        }
        kill(first.process.processIdentifier, SIGTERM)
        while try await !Self.get("\(first.base)/ready").contains("draining") {
            try await Task.sleep(for: .milliseconds(20))
        }
        kill(first.process.processIdentifier, SIGTERM)
        first.process.waitUntilExit()
        #expect(first.process.terminationReason == .exit)

        let second = try await Self.serve(settings)
        defer { if second.process.isRunning { kill(second.process.processIdentifier, SIGKILL) } }
        let calls = try await Self.get("\(second.base)/api/calls?state=ended")
        #expect(calls.contains(#""ended_reason":"shutdown""#), "\(calls)")
        kill(second.process.processIdentifier, SIGTERM)
        second.process.waitUntilExit()
    }
}
