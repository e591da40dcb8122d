import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TalkpathAudio
import TalkpathSimulators
import Testing

/// `talkpath serve` with a log that is not read, as with a container's log driver that has stopped.
@Suite struct UnreadLogTests {
    /// A pipe without room for one more byte.
    private static func fullPipe() -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [0, 0]
        pipe(&ends)
        // The child inherits neither end, except the one that becomes its standard error.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        let junk = [UInt8](repeating: UInt8(ascii: "\n"), count: 4096)
        while write(ends[1], junk, junk.count) > 0 {}
        while write(ends[1], junk, 1) > 0 {}
        // The server's writes wait, as they would in a container.
        _ = fcntl(ends[1], F_SETFL, 0)
        return (ends[0], ends[1])
    }

    private static func freePort() -> Int {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(socket, $0, size)
                _ = getsockname(socket, $0, &size)
            }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    private static func send(_ method: HTTPMethod, _ url: String) async throws -> (status: UInt, text: String) {
        var request = HTTPClientRequest(url: url)
        request.method = method
        if method == .POST {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: #"{"all":true}"#))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        return (response.status.code, String(buffer: try await response.body.collect(upTo: 1 << 20)))
    }

    /// The carrier's messages of a minute of a silent caller.
    private static var silentCaller: [MediaStreamDriver.Message] {
        let start =
            #"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{"streamSid":"MZ1","accountSid":"AC1","#
            + #""callSid":"CA1","tracks":["inbound"],"customParameters":{},"mediaFormat":"#
            + #"{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}}}"#
        let payload = Data(repeating: 0xFF, count: 160).base64EncodedString()
        let frames = (0..<3000).map { frame in
            MediaStreamDriver.Message(
                at: .milliseconds(20 * frame),
                text: Array(
                    (#"{"event":"media","sequenceNumber":"\#(frame + 2)","streamSid":"MZ1","media":{"track":"inbound","#
                        + #""chunk":"\#(frame + 1)","timestamp":"\#(20 * frame)","payload":"\#(payload)"}}"#).utf8
                )
            )
        }
        return [
            .init(at: .zero, text: Array(#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#.utf8)),
            .init(at: .zero, text: Array(start.utf8)),
        ] + frames
    }

    /// True if the server has sent that many frames to callers.
    private static func hasHeard(frames: Int, _ base: String) async throws -> Bool {
        let lines = try await send(.GET, "\(base)/metrics").text.split(separator: "\n")
        let line = lines.first { $0.hasPrefix(#"talkpath_frames_total{direction="downlink"}"#) }
        return (line?.split(separator: " ").last.flatMap { Int($0) } ?? 0) >= frames
    }

    @Test(.timeLimit(.minutes(2)))
    func `calls go on and end and the server stops although its log is not read`() async throws {
        let words = (0..<48_000).map { Int16(8000 * sin(Double($0) / 20)) }
        let model = try await FakeOpenAIRealtime.start(
            FakeAgentConfiguration(
                apiKey: "key",
                script: AgentScript(turns: [.init(.connect, audio: words)]),
                faults: [],
                timeline: SimulatorTimeline()
            )
        )
        let (reader, writer) = Self.fullPipe()
        let port = Self.freePort()
        let process = Process()
        process.executableURL = Executable.url
        process.arguments = ["serve", "--dev", "--port", "\(port)"]
        process.environment = [
            "OPENAI_API_KEY": "key", "OPENAI_REALTIME_URL": model.url, "TALKPATH_DATA_FOLDER": ":memory:",
            "TALKPATH_AGENT_FIRST_MESSAGE": "Greet the caller.", "TALKPATH_LOG_LEVEL": "trace",
        ]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle(fileDescriptor: writer)
        try process.run()
        close(writer)
        defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
        let base = "http://127.0.0.1:\(port)"
        // The server logs on the full pipe that it listens, and goes on.
        for _ in 0..<300 {
            if let answer = try? await Self.send(.GET, "\(base)/health"), answer.status == 200 { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        async let heard = MediaStreamDriver.play(
            Self.silentCaller,
            streamSID: "MZ1",
            to: "ws://127.0.0.1:\(port)/twilio/media-stream"
        )
        // Two seconds of the model's audio are a hundred frames.
        while try await !Self.hasHeard(frames: 90, base) { try await Task.sleep(for: .milliseconds(50)) }
        // The end of a call logs a line on the thread that carries all calls.
        let end = try await Self.send(.POST, "\(base)/api/calls/end")
        #expect(end.status == 200)
        let outcome = try await heard
        #expect(outcome.mediaMessages >= 90 && outcome.closeCode != nil, "\(outcome.mediaMessages) frames")
        #expect(try await Self.send(.GET, "\(base)/metrics").text.contains("talkpath_log_lines_dropped_total 0"))
        kill(process.processIdentifier, SIGTERM)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0 && process.terminationReason == .exit)
        close(reader)
        await model.shutdown()
    }
}
