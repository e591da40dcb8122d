import NIOCore
import NIOPosix
import TalkpathNIO
import Testing

@Suite struct WebSocketLoopbackTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.any()

    private func withServer(
        _ consumer: RecordingConsumer,
        limits: WebSocketLimits = .telephony,
        _ body: (WebSocketServer) async throws -> Void
    ) async throws {
        let server = try await WebSocketServer.bind(
            group: MultiThreadedEventLoopGroup.singleton,
            routes: WebSocketRoutes { _ in .accept(limits) { consumer } }
        )
        try await body(server)
        await server.close()
    }

    private func connect(_ server: WebSocketServer, _ consumer: RecordingConsumer) async throws -> WebSocketConnection {
        try await WebSocketClient.connect(
            url: "ws://127.0.0.1:\(server.port)/echo?x=1",
            eventLoop: loop,
            makeConsumer: { consumer }
        )
    }

    @Test func `text and binary messages of every size are echoed unchanged`() async throws {
        let echo = RecordingConsumer(echoes: true)
        var limits = WebSocketLimits.telephony
        limits.maximumMessageBytes = 1 << 20
        limits.budget = nil
        try await withServer(echo, limits: limits) { server in
            let client = RecordingConsumer()
            let connection = try await connect(server, client)
            #expect(await client.next() == .opened)
            for size in [0, 1, 7, 125, 126, 127, 65_535, 65_536, 300_000] {
                let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                try await connection.send(binary: bytes)
                #expect(await client.next() == .binary(bytes))
                let text = String(repeating: "ä", count: size / 2)
                try await connection.send(text: text)
                #expect(await client.next() == .text(text))
            }
            await connection.close(code: 4321, reason: "done")
            #expect(await client.next() == .closed(WebSocketClose(code: 4321, reason: "done", cause: .local)))
            #expect(await echo.close() == WebSocketClose(code: 4321, reason: "done", cause: .peer))
        }
    }
}
