import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import TalkpathNIO

/// `wss`, with a certificate that the test makes.
@Suite struct WebSocketTLSTests {
    private let group = MultiThreadedEventLoopGroup.singleton

    /// A self-signed certificate for `localhost` and 127.0.0.1.
    private func withCertificate(
        _ body: (_ server: NIOSSLContext, _ client: NIOSSLContext) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "talkpath-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let key = folder.appending(path: "key.pem").path
        let certificate = folder.appending(path: "certificate.pem").path
        let openssl = Process()
        openssl.executableURL = URL(filePath: "/usr/bin/env")
        openssl.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out",
            certificate,
        ]
        openssl.standardError = FileHandle.nullDevice
        try openssl.run()
        openssl.waitUntilExit()
        try #require(openssl.terminationStatus == 0)

        let chain = try NIOSSLCertificate.fromPEMFile(certificate)
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
        )
        var clientConfiguration = TLSConfiguration.makeClientConfiguration()
        clientConfiguration.trustRoots = .certificates(chain)
        // TLS's own time-out must not be the cause of a close.
        clientConfiguration.shutdownTimeout = .hours(1)
        try await body(
            try NIOSSLContext(configuration: configuration),
            try NIOSSLContext(configuration: clientConfiguration)
        )
    }

    private func code(
        _ url: String,
        _ tls: NIOSSLContext?,
        consumer: RecordingConsumer = RecordingConsumer()
    ) async -> WebSocketClientError.Code? {
        do throws(WebSocketClientError) {
            let connection = try await WebSocketClient.connect(
                url: url,
                eventLoop: group.next(),
                tls: tls,
                makeConsumer: { consumer }
            )
            await connection.close()
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `messages and the closing handshake go through TLS`() async throws {
        try await withCertificate { server, client in
            let echo = RecordingConsumer(echoes: true, greeting: "welcome")
            let listener = try await WebSocketServer.bind(
                group: group,
                tls: server,
                routes: WebSocketRoutes { _ in .accept { echo } }
            )
            let consumer = RecordingConsumer()
            let connection = try await WebSocketClient.connect(
                url: "wss://localhost:\(listener.port)/",
                eventLoop: group.next(),
                tls: client,
                makeConsumer: { consumer }
            )
            let large = String(repeating: "x", count: 60_000)
            try await connection.send(text: large)
            #expect(await consumer.next() == .opened)
            #expect(await consumer.next() == .text("welcome"))
            #expect(await consumer.next() == .text(large))
            await connection.close(code: 1000, reason: "bye")
            #expect(await consumer.close() == WebSocketClose(code: 1000, reason: "bye", cause: .local))
            #expect(await echo.close() == WebSocketClose(code: 1000, reason: "bye", cause: .peer))
            await listener.close()
        }
    }

    @Test func `an unknown root, a wrong name and a server without TLS fail as TLS errors`() async throws {
        try await withCertificate { server, client in
            let listener = try await WebSocketServer.bind(
                group: group,
                tls: server,
                routes: WebSocketRoutes { _ in .accept { RecordingConsumer() } }
            )
            let plain = try await WebSocketServer.bind(
                group: group,
                routes: WebSocketRoutes { _ in .accept { RecordingConsumer() } }
            )
            #expect(await code("wss://127.0.0.1:\(listener.port)/", client) == nil)
            #expect(
                await code("wss://localhost:\(listener.port)/", try WebSocketTLS.trusting(.certificates([]))) == .tls
            )
            #expect(await code("wss://localhost:\(listener.port)/", nil) == .tls)
            #expect(await code("wss://127.0.0.2:\(listener.port)/", client) != nil)
            #expect(await code("wss://localhost:\(plain.port)/", client) == .tls)
            await listener.close()
            await plain.close()
        }
    }

    @Test(.timeLimit(.minutes(5))) func `a peer that does not read does not delay the close over TLS`() async throws {
        try await withCertificate { server, client in
            // The server's side stops reading, so it sends neither a close frame nor TLS's `close_notify`.
            let deaf = RecordingConsumer()
            var deafLimits = WebSocketLimits.telephony
            deafLimits.pingInterval = nil
            let listener = try await WebSocketServer.bind(
                group: group,
                tls: server,
                routes: WebSocketRoutes { [deafLimits] _ in .accept(deafLimits) { deaf } }
            )
            let consumer = RecordingConsumer()
            var limits = WebSocketLimits.agent
            limits.closeTimeout = .milliseconds(50)
            let connection = try await WebSocketClient.connect(
                url: "wss://localhost:\(listener.port)/",
                eventLoop: group.next(),
                tls: client,
                limits: limits,
                makeConsumer: { consumer }
            )
            #expect(await deaf.next() == .opened)
            let peer = try #require(deaf.connection)
            try await peer.eventLoop.submit { peer.setReading(false) }.get()
            await connection.close()
            #expect(await consumer.close()?.cause == .local)
            await peer.drop()
            await listener.close()
        }
    }
}
