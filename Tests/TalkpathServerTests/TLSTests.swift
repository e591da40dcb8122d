import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import TalkpathAudio
import TalkpathCore
import TalkpathNIO
import TalkpathWire
import Testing

@testable import TalkpathServer

/// TLS at the port, and towards peers.
@Suite struct TLSTests {
    private func makeCertificate(
        _ name: String,
        days: Int = 90,
        in folder: URL
    ) throws -> ServerConfiguration.TLSFiles {
        let key = folder.appending(path: "key.pem").path
        let certificate = folder.appending(path: "certificate.pem").path
        let openssl = Process()
        openssl.executableURL = URL(filePath: "/usr/bin/env")
        openssl.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
            "\(days)", "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:\(name),IP:127.0.0.1", "-keyout", key,
            "-out", certificate,
        ]
        openssl.standardError = FileHandle.nullDevice
        try openssl.run()
        openssl.waitUntilExit()
        try #require(openssl.terminationStatus == 0)
        return .init(certificate: certificate, key: key)
    }

    private func withFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "talkpath-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }

    // MARK: The port

    private func status(
        _ port: Int,
        trusting files: ServerConfiguration.TLSFiles,
        adjust: (inout TLSConfiguration) -> Void = { _ in }
    ) async throws -> Int {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(files.certificate))
        adjust(&tls)
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
        do {
            let request = HTTPClientRequest(url: "https://127.0.0.1:\(port)/health")
            let response = try await client.execute(request, timeout: .seconds(30))
            _ = try await response.body.collect(upTo: 1 << 16)
            try await client.shutdown()
            return Int(response.status.code)
        } catch {
            try await client.shutdown()
            throw error
        }
    }

    @Test func `the port answers in TLS with its certificate`() async throws {
        try await withFolder { folder in
            let files = try makeCertificate("first.test", in: folder)
            try await TestServer.run(configure: { $0.tls = files }) { test async throws in
                #expect(try await status(test.server.port, trusting: files) == 200)
                // A plain request gets no answer.
                await #expect(throws: (any Error).self) { _ = try await test.send(.GET, "/health") }
            }
        }
    }

    @Test func `the port accepts authenticated encryption only`() async throws {
        try await withFolder { folder in
            let files = try makeCertificate("first.test", in: folder)
            try await TestServer.run(configure: { $0.tls = files }) { test async throws in
                let port = test.server.port
                let suites: [(NIOTLSCipher, isTaken: Bool)] = [
                    (.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, true),
                    (.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, true),
                    (.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, false), (.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, false),
                ]
                for (suite, isTaken) in suites {
                    let answer = try? await status(port, trusting: files) {
                        $0.maximumTLSVersion = .tlsv12
                        $0.cipherSuiteValues = [suite]
                    }
                    #expect(answer == (isTaken ? 200 : nil), "\(suite)")
                }
                let old = try? await status(port, trusting: files) { $0.maximumTLSVersion = .tlsv11 }
                #expect(old == nil)
            }
        }
    }

    @Test func `a changed certificate is used and a broken one is not`() async throws {
        try await withFolder { folder in
            let files = try makeCertificate("first.test", in: folder)
            let certificate = try TLSCertificate(files)
            #expect(certificate.reloadIfChanged() == .unchanged)
            let before = certificate.context
            try Data("half a file".utf8).write(to: URL(filePath: files.certificate))
            #expect(certificate.reloadIfChanged() == .failed)
            #expect(certificate.context === before)
            let validity = certificate.validity
            _ = try makeCertificate("second.test", days: 200, in: folder)
            #expect(certificate.reloadIfChanged() == .done)
            #expect(certificate.context !== before && certificate.reloadIfChanged() == .unchanged)
            #expect(certificate.validity.end > validity.end)
        }
    }

    @Test func `without a readable certificate the server does not start`() async throws {
        var configuration = TestServer.configuration()
        configuration.tls = .init(certificate: "/nowhere/certificate.pem", key: "/nowhere/key.pem")
        await #expect(throws: ConfigurationError.self) {
            _ = try await TalkpathServer.start(configuration, logger: TestServer.silent)
        }
    }

    @Test func `a certificate that soon expires gives a warning at the start`() async throws {
        for (days, isWarnedOf) in [(2, true), (90, false)] {
            try await withFolder { folder in
                let files = try makeCertificate("first.test", days: days, in: folder)
                let book = LogBook()
                try await TestServer.run(configure: { $0.tls = files }, logger: book.logger) { _ in }
                let line = book.all.first { $0.message.hasPrefix("The port's certificate") }
                #expect((line != nil) == isWarnedOf)
                if let line {
                    #expect(line.level == .warning && line.text.contains("expires soon"))
                    #expect(line.metadata["valid_until"] != nil)
                }
            }
        }
    }

    @Test func `a certificate's validity is exact to the instant`() {
        let day: Int64 = 86_400_000
        let validity = TLSCertificate.Validity(begin: .init(milliseconds: 0), end: .init(milliseconds: 100 * day))
        func warning(_ milliseconds: Int64) -> String? { validity.warning(at: .init(milliseconds: milliseconds)) }
        #expect(warning(-1)?.contains("not valid yet") == true)
        #expect(warning(0) == nil && warning(86 * day) == nil)
        #expect(warning(86 * day + 1)?.contains("expires soon") == true)
        #expect(warning(100 * day - 1)?.contains("expires soon") == true)
        #expect(warning(100 * day)?.contains("has expired") == true)
    }

    // MARK: Towards others

    @Test func `the environment names the trusted certificates`() throws {
        #expect(OutboundTLS.Roots([:]).flaw() == nil && OutboundTLS.Roots(["SSL_CERT_FILE": ""]).file == nil)
        #expect(OutboundTLS.Roots(["SSL_CERT_FILE": "/nowhere"]).flaw() == "SSL_CERT_FILE")
        #expect(OutboundTLS.Roots(["SSL_CERT_DIR": "/nowhere"]).flaw() == "SSL_CERT_DIR")
        #expect(OutboundTLS.Roots(["SSL_CERT_DIR": "/tmp"]).flaw() == nil)
    }

    @Test func `a certificate in the environment is trusted`() async throws {
        try await withFolder { folder in
            let files = try makeCertificate("peer.test", in: folder)
            try await TestServer.run(configure: { $0.tls = files }) { test async throws in
                let roots = OutboundTLS.Roots(["SSL_CERT_FILE": files.certificate])
                let answer = try await status(test.server.port, trusting: files) { tls in
                    tls = TLSConfiguration.makeClientConfiguration()
                    roots.apply(to: &tls)
                }
                #expect(answer == 200)
            }
        }
    }

    /// The fault of a peer, and the words of its error.
    enum Peer: CaseIterable {
        case old, untrusted, plain

        var words: String {
            switch self {
            case .old: "TLS failed: the other side speaks no version from 1.2 on"
            case .untrusted: "TLS failed: the certificate is not trusted"
            case .plain: "TLS failed: the other side does not speak TLS"
            }
        }
    }

    /// Listens on loopback without TLS, and answers every connection in plain text.
    private func withPeer(_ peer: Peer, _ body: (_ port: Int) async throws -> Void) async throws {
        try await withFolder { folder in
            let files = try makeCertificate("peer.test", in: folder)
            let chain = try NIOSSLCertificate.fromPEMFile(files.certificate)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: files.key, format: .pem))
            )
            if peer == .old {
                configuration.minimumTLSVersion = .tlsv1
                configuration.maximumTLSVersion = .tlsv11
            }
            let context = try NIOSSLContext(configuration: configuration)
            let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let handlers = channel.pipeline.syncOperations
                        if peer == .plain {
                            try handlers.addHandler(PlainAnswer())
                        } else {
                            try handlers.addHandler(NIOSSLServerHandler(context: context))
                        }
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            do {
                try await body(try #require(listener.localAddress?.port))
            } catch {
                try await listener.close()
                throw error
            }
            try await listener.close()
        }
    }

    private final class PlainAnswer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let answer = ByteBuffer(
                string: "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            context.writeAndFlush(Self.wrapOutboundOut(answer), promise: nil)
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: Peer.allCases)
    func `every client names a failure of TLS`(peer: Peer) async throws {
        try await withPeer(peer) { port in
            let url = try OutboundURL("https://127.0.0.1:\(port)/")
            let client = OutboundClient(url, policy: .development)
            do {
                _ = try await client.post([], headers: [], timeout: .seconds(30))
                Issue.record("there was an answer")
            } catch {
                #expect(OutboundHTTP.failureOfTLS(error)?.hasPrefix(peer.words) == true, "\(error)")
            }
            await client.close()

            await #expect {
                _ = try await WebSocketClient.connect(
                    url: "wss://127.0.0.1:\(port)/",
                    eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
                    makeConsumer: { Deaf() }
                )
            } throws: { error in
                let error = error as? WebSocketClientError
                return error?.code == .tls && error?.message.hasPrefix(peer.words) == true
            }

            let carrierClient = HTTPClient(
                eventLoopGroupProvider: .singleton,
                configuration: TwilioCarrier.clientConfiguration
            )
            let account = try TwilioAccount(
                accountSID: "AC1",
                authToken: "secret",
                baseURL: "https://127.0.0.1:\(port)"
            )
            let carrier = TwilioCarrier(account: account, client: carrierClient, allowsPlain: false) { nil }
            await #expect {
                _ = try await carrier.hangUp("CA1")
            } throws: { error in
                let error = error as? CarrierError
                return error?.code == .unavailable && error?.message.contains(peer.words) == true
            }
            try await carrierClient.shutdown()
        }
    }

    private final class Deaf: WebSocketConsumer {
        func opened(_ connection: WebSocketConnection) {}
        func received(_ message: RawSpan, isText: Bool) {}
        func closed(_ close: WebSocketClose) {}
    }
}
