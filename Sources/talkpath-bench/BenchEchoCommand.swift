import ArgumentParser
import NIOCore
import NIOPosix
import TalkpathNIO
import UnixSignals

/// `talkpath-bench echo`: exposes the WebSockets of calls to a suite of conformance tests.
struct BenchEchoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo",
        abstract: "Send every WebSocket message back, as server or as client.",
        discussion: """
            The sockets are those of calls, without their limits of size and pace. As a server it listens on loopback \
            until it is told to stop. As a client it connects once, or once for each of --cases, whose number stands for \
            {case} in the URL, and echoes until the peer ends the connection. Scripts/conformance lets a suite of cases \
            judge both.
            """
    )

    @Option(help: "Be a server on this port of 127.0.0.1; 0 takes a free one.")
    var port: Int?

    @Option(help: "Be a client of the server with this address.")
    var against: String?

    @Option(help: "Connect for each number from 1 to this one.")
    var cases: Int?

    func validate() throws {
        guard (port == nil) != (against == nil) else { throw ValidationError("give either --port or --against") }
        if let port {
            guard (0...65_535).contains(port) else { throw ValidationError("--port must be from 0 to 65535") }
        }
        if let cases {
            guard let against, against.contains("{case}") else {
                throw ValidationError("--cases needs an address in --against that contains {case}")
            }
            guard (1...100_000).contains(cases) else { throw ValidationError("--cases must be from 1 to 100000") }
        }
    }

    func run() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        guard let against else {
            let server = try await WebSocketServer.bind(
                port: port ?? 0,
                group: group,
                routes: WebSocketRoutes { _ in .accept(Self.limits) { EchoConsumer() } }
            )
            print("listening on ws://127.0.0.1:\(server.port)/")
            for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { break }
            return await server.close()
        }
        for number in 1...(cases ?? 1) {
            let url = against.replacing("{case}", with: "\(number)")
            let (ended, end) = AsyncStream.makeStream(of: WebSocketClose.self)
            _ = try await WebSocketClient.connect(url: url, eventLoop: group.next(), limits: Self.limits) {
                EchoConsumer { end.yield($0) }
            }
            for await _ in ended { break }
        }
    }

    /// The suite's largest message has 16 MiB, and as much may wait to be sent.
    private static let limits: WebSocketLimits = {
        var limits = WebSocketLimits(maximumMessageBytes: 32 << 20, maximumBufferedBytes: 64 << 20)
        limits.maximumControlFramesPerSecond = 10_000
        return limits
    }()
}

/// Sends every message back. Used on its socket's event loop.
private final class EchoConsumer: WebSocketConsumer {
    private var connection: WebSocketConnection?
    private let onClose: @Sendable (WebSocketClose) -> Void

    init(onClose: @escaping @Sendable (WebSocketClose) -> Void = { _ in }) {
        self.onClose = onClose
    }

    func opened(_ connection: WebSocketConnection) { self.connection = connection }

    func received(_ message: RawSpan, isText: Bool) { connection?.write(message, binary: !isText) }

    func closed(_ close: WebSocketClose) {
        connection = nil
        onClose(close)
    }
}
